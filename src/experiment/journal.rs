//! The journal of a sweep: one line per finished run, so that no interruption loses one.
//!
//! A line is appended, whole, the moment its run ends: from then on it outlives the process. A thread beside the runs
//! syncs what has been appended to the disk, again and again while there is something, so runs never wait for it and a
//! loss of power costs at most the last moments. Every line carries its CRC-32 (IEEE 802.3), so damage is known from a
//! line that was being written: only a last line without its end is dropped. Order and timing of lines mean nothing;
//! when a sweep is complete its journal is written once more in grid order, and is then the same however it was made.

use super::figures::FigureValue;
use crate::record::table::number;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// The file's name in a sweep's folder.
pub const JOURNAL: &str = "journal.txt";

const FORMAT: &str = "autosim sweep journal 1";

/// What a journal belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Of the program.
    pub version: String,
    /// Fingerprint of the sweep.
    pub sweep: String,
    /// Fingerprint of the sweep's text beside the journal.
    pub text: String,
    /// Which share: K of N; 1 of 1 is all.
    pub shard: (u32, u32),
}

/// A finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Number of its point, from 0.
    pub point: usize,
    /// Its seed.
    pub seed: u64,
    /// Its figures.
    pub figures: Vec<FigureValue>,
}

/// What a journal holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// What it belongs to.
    pub header: Header,
    /// Its runs, as they ended.
    pub entries: Vec<Entry>,
    /// Was a last line dropped that had not been written to its end?
    pub torn: bool,
}

impl Header {
    fn line(&self) -> String {
        let Self { version, sweep, text, shard: (share, of) } = self;
        sealed(&format!("{FORMAT}\tversion={version}\tsweep={sweep}\ttext={text}\tshard={share}/{of}"))
    }

    fn parse(body: &str) -> Option<Self> {
        let mut fields = body.split('\t');
        if fields.next()? != FORMAT {
            return None;
        }
        let mut field = |key: &str| fields.next()?.strip_prefix(key)?.strip_prefix('=').map(str::to_owned);
        let (version, sweep, text, shard) = (field("version")?, field("sweep")?, field("text")?, field("shard")?);
        let (share, of) = shard.split_once('/')?;
        Some(Self { version, sweep, text, shard: (share.parse().ok()?, of.parse().ok()?) })
    }
}

impl Entry {
    fn line(&self) -> String {
        let mut body = format!("{}\t{}", self.point + 1, self.seed);
        for (name, value) in &self.figures {
            body.push_str(&format!("\t{name}={}", value.map_or_else(String::new, number)));
        }
        sealed(&body)
    }

    fn parse(body: &str) -> Option<Self> {
        let mut fields = body.split('\t');
        let point = fields.next()?.parse::<usize>().ok()?.checked_sub(1)?;
        let seed = fields.next()?.parse().ok()?;
        let figure = |field: &str| {
            let (name, value) = field.split_once('=')?;
            let value = if value.is_empty() { None } else { Some(value.parse::<f64>().ok()?) };
            Some((name.to_owned(), value))
        };
        Some(Self { point, seed, figures: fields.map(figure).collect::<Option<_>>()? })
    }
}

/// A line with its checksum.
fn sealed(body: &str) -> String {
    format!("{:08x}\t{body}\n", crc32(body.as_bytes()))
}

/// The body of a line whose checksum is right.
fn opened(line: &str) -> Option<&str> {
    let (sum, body) = line.split_once('\t')?;
    (sum.len() == 8 && u32::from_str_radix(sum, 16).ok()? == crc32(body.as_bytes())).then_some(body)
}

/// CRC-32 of IEEE 802.3, as in zip and PNG, bit by bit: a line is short.
fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
        }
    }
    !crc
}

/// Reads the text of a journal; `Ok(None)` if not even its first line was written to its end.
///
/// # Errors
/// The number of a damaged line, from 1.
pub fn read(bytes: &[u8]) -> Result<Option<Contents>, usize> {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let torn = whole < bytes.len();
    let mut lines = bytes[..whole].split_inclusive(|&byte| byte == b'\n').enumerate();
    let body = |(number, line): (usize, &'_ [u8])| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        std::str::from_utf8(line).ok().and_then(opened).map(str::to_owned).ok_or(number + 1)
    };
    let Some(first) = lines.next() else { return Ok(None) };
    let header = Header::parse(&body(first)?).ok_or(1_usize)?;
    let mut entries = Vec::new();
    for line in lines {
        let number = line.0 + 1;
        entries.push(Entry::parse(&body(line)?).ok_or(number)?);
    }
    Ok(Some(Contents { header, entries, torn }))
}

/// Writes a whole journal.
///
/// # Errors
/// The sink takes no more.
pub fn write(header: &Header, entries: impl Iterator<Item = Entry>, mut sink: impl Write) -> io::Result<()> {
    sink.write_all(header.line().as_bytes())?;
    for entry in entries {
        sink.write_all(entry.line().as_bytes())?;
    }
    sink.flush()
}

/// What the syncing thread is told.
#[derive(Default)]
struct Demand {
    appended: u64,
    over: bool,
}

/// A journal that is being written.
pub struct Journal {
    file: Mutex<File>,
    demand: Arc<(Mutex<Demand>, Condvar)>,
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl Journal {
    /// Goes on with the file at this path, to whose end lines are appended.
    ///
    /// # Errors
    /// It cannot be opened or synced.
    pub fn append_to(path: &Path) -> io::Result<Self> {
        let file = File::options().append(true).open(path)?;
        file.sync_all()?;
        let (own, demand) = (file.try_clone()?, Arc::new((Mutex::new(Demand::default()), Condvar::new())));
        let shared = Arc::clone(&demand);
        let syncing = std::thread::Builder::new().name("journal".to_owned()).spawn(move || sync(&own, &shared))?;
        Ok(Self { file: Mutex::new(file), demand, syncing: Some(syncing) })
    }

    /// Adds a run: when this returns, the line has left the process.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&self, entry: &Entry) -> io::Result<()> {
        let line = entry.line();
        self.file.lock().expect("nobody panics while writing").write_all(line.as_bytes())?;
        let (demand, told) = &*self.demand;
        demand.lock().expect("nobody panics while counting").appended += 1;
        told.notify_one();
        Ok(())
    }

    /// Everything is on the disk.
    ///
    /// # Errors
    /// Some of it could not be synced.
    pub fn finish(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(syncing) = self.syncing.take() else { return Ok(()) };
        let (demand, told) = &*self.demand;
        demand.lock().expect("nobody panics while counting").over = true;
        told.notify_one();
        syncing.join().expect("syncing does not panic")
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Whoever cares for the error has called `finish`.
        let _ = self.end();
    }
}

/// Syncs whatever was appended since the last time, until it is over.
fn sync(file: &File, shared: &(Mutex<Demand>, Condvar)) -> io::Result<()> {
    let (demand, told) = shared;
    let mut synced = 0;
    loop {
        let (appended, over) = {
            let mut now = demand.lock().expect("nobody panics while counting");
            while now.appended == synced && !now.over {
                now = told.wait(now).expect("nobody panics while counting");
            }
            (now.appended, now.over)
        };
        if appended > synced {
            file.sync_data()?;
            synced = appended;
        }
        if over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header { version: "0.1.0".to_owned(), sweep: "ab".to_owned(), text: "cd".to_owned(), shard: (2, 3) }
    }

    fn entries() -> Vec<Entry> {
        (0..3)
            .map(|number| Entry {
                point: number,
                seed: 40 + number as u64,
                figures: vec![
                    ("p95".to_owned(), Some(1.0 / 3.0 + number as f64)),
                    ("chat.errors".to_owned(), None),
                    ("recovery".to_owned(), Some(f64::INFINITY)),
                ],
            })
            .collect()
    }

    fn text() -> String {
        let mut bytes = Vec::new();
        write(&header(), entries().into_iter(), &mut bytes).expect("memory takes all");
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn the_checksum_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn what_is_written_reads_back_exactly() {
        let text = text();
        let contents = Contents { header: header(), entries: entries(), torn: false };
        assert_eq!(read(text.as_bytes()), Ok(Some(contents)));
    }

    #[test]
    fn a_cut_anywhere_loses_the_line_it_cuts_and_nothing_else() {
        let text = text();
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        for cut in 0..text.len() {
            let seen = read(&text.as_bytes()[..cut]).expect("a cut is no damage");
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            match seen {
                None => assert_eq!(whole, 0, "cut at {cut}"),
                Some(seen) => {
                    assert_eq!(seen.entries.len() + 1, whole, "cut at {cut}");
                    assert_eq!(seen.torn, !ends.contains(&cut), "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn a_changed_byte_is_damage_and_is_named() {
        let text = text();
        let mut line = 1;
        for at in 0..text.len() - 1 {
            let mut bytes = text.clone().into_bytes();
            if bytes[at] == b'\n' {
                line += 1;
                continue;
            }
            bytes[at] ^= 1;
            assert_eq!(read(&bytes), Err(line), "byte {at}");
        }
        assert_eq!(read(b"something else\n"), Err(1));
    }

    #[test]
    fn lines_are_appended_whole() {
        let path = std::env::temp_dir().join(format!("autosim-journal-{}", std::process::id()));
        std::fs::write(&path, header().line()).expect("a temporary file");
        let journal = Journal::append_to(&path).expect("it can be opened");
        entries().iter().for_each(|entry| journal.append(entry).expect("it can be written"));
        let before = read(&std::fs::read(&path).expect("a file")).expect("no damage").expect("a header");
        assert_eq!(before.entries, entries());
        journal.finish().expect("it can be synced");
        let _ = std::fs::remove_file(&path);
    }
}
