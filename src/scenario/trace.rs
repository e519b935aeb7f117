//! Trace files: checked once from beginning to end, streamed again by each run. A file may be larger than memory.

use crate::record::TableError;
use crate::record::raw::RawTable;
use crate::units::Span;
use crate::workload::{Row, RowSource, TraceError, TraceSpec};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::PathBuf;

/// The requests of one bin are in memory together.
const MOST_IN_A_BIN: f64 = 10_000_000.0;

/// What a check learnt of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceFacts {
    /// Rows.
    pub rows: u64,
    /// Requests: rows, or the sum of the counts.
    pub requests: u64,
    /// A column `count` is there.
    pub binned: bool,
    /// Time of the first row.
    pub first: Span,
    /// Time of the last row.
    pub last: Span,
    /// Rows that share their time with the row before.
    pub shared_instants: u64,
    /// Of the whole file, in hexadecimal.
    pub sha256: String,
    columns: Columns,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    time: usize,
    count: Option<usize>,
    demand: Option<usize>,
}

/// A trace that is being read.
pub struct TraceFile {
    path: PathBuf,
    columns: Columns,
    table: RawTable<BufReader<Hashing>>,
    last: Span,
}

/// A file whose bytes are hashed on the way, if that is asked for.
struct Hashing {
    file: File,
    hash: Option<Sha256>,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..read]);
        }
        Ok(read)
    }
}

impl TraceFile {
    /// Reads a whole trace and learns its facts.
    ///
    /// # Errors
    /// The first row that does not fit, by its line.
    pub fn check(spec: &TraceSpec) -> Result<TraceFacts, TraceError> {
        let mut trace = Self::begin(spec, true)?;
        let (mut rows, mut requests, mut shared, mut first, mut last) = (0_u64, 0_u64, 0_u64, None, None);
        while let Some(row) = trace.next_row()? {
            shared += u64::from(last == Some(row.t));
            first.get_or_insert(row.t);
            last = Some(row.t);
            rows += 1;
            requests = requests.saturating_add(row.count);
        }
        let (Some(first), Some(last)) = (first, last) else {
            return Err(trace.error(0, "no rows below the header"));
        };
        if trace.columns.count.is_some() && rows < 2 && spec.bin.is_none() {
            return Err(trace.error(0, "a binned trace of one row does not say how wide a bin is; set `bin`"));
        }
        let columns = trace.columns;
        let hash = trace.table.into_source().into_inner().hash.expect("a check hashes").finalize();
        let sha256 = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(TraceFacts {
            rows,
            requests,
            binned: columns.count.is_some(),
            first,
            last,
            shared_instants: shared,
            sha256,
            columns,
        })
    }

    /// Opens a checked trace for a run.
    ///
    /// # Errors
    /// The file is gone, or its header has changed.
    pub fn open(spec: &TraceSpec, facts: &TraceFacts) -> Result<Self, TraceError> {
        let trace = Self::begin(spec, false)?;
        if trace.columns != facts.columns {
            return Err(trace.error(1, "the header has changed since the file was checked"));
        }
        Ok(trace)
    }

    fn begin(spec: &TraceSpec, hashing: bool) -> Result<Self, TraceError> {
        let path = spec.file.clone();
        let fail =
            |line: u64, message: String| TraceError { path: path.clone(), line: (line > 0).then_some(line), message };
        let file = File::open(&path).map_err(|error| fail(0, format!("cannot open: {error}")))?;
        let source = BufReader::with_capacity(1 << 16, Hashing { file, hash: hashing.then(Sha256::new) });
        let table = RawTable::new(source).map_err(|error| fail(error.line.unwrap_or(0), error.message))?;
        let time = ["t", "timestamp_s"].into_iter().find_map(|name| table.column(name)).ok_or_else(|| {
            fail(1, format!("no column `t` or `timestamp_s`; the columns are {}", table.header().join(", ")))
        })?;
        let count = table.column("count");
        let demand = match &spec.demand_column {
            None => None,
            Some(name) => Some(table.column(name).ok_or_else(|| {
                let known = table.header().iter().map(String::as_str);
                let hint = match crate::diagnostics::closest(name, known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("the columns are {}", table.header().join(", ")),
                };
                fail(1, format!("no column `{name}` for `demand_column`; {hint}"))
            })?),
        };
        Ok(Self { path, columns: Columns { time, count, demand }, table, last: Span::ZERO })
    }

    fn error(&self, line: u64, message: impl Into<String>) -> TraceError {
        TraceError { path: self.path.clone(), line: (line > 0).then_some(line), message: message.into() }
    }

    fn wrap<T>(&self, result: Result<T, TableError>) -> Result<T, TraceError> {
        result.map_err(|error| self.error(error.line.unwrap_or(0), error.message))
    }

    fn count(&self, column: usize, line: u64) -> Result<u64, TraceError> {
        let text = self.wrap(self.table.field(column))?;
        match text.parse::<f64>() {
            Ok(value) if value > MOST_IN_A_BIN => Err(self.error(
                line,
                format!("`{text}` in column `count` is more than 10,000,000 requests in one bin; write narrower bins"),
            )),
            Ok(value) if value >= 0.0 && value.fract() == 0.0 => Ok(value as u64),
            _ => Err(self.error(line, format!("`{text}` in column `count` is not a whole number of 0 or more"))),
        }
    }
}

impl RowSource for TraceFile {
    fn next_row(&mut self) -> Result<Option<Row>, TraceError> {
        let more = self.table.next_row();
        if !self.wrap(more)? {
            return Ok(None);
        }
        let line = self.table.line();
        let text = self.wrap(self.table.field(self.columns.time))?;
        let Some(t) = seconds(text) else {
            let column = &self.table.header()[self.columns.time];
            return Err(
                self.error(line, format!("`{text}` in column `{column}` is no time of 0 s or more, nor a date"))
            );
        };
        if t < self.last {
            return Err(self.error(line, "earlier than the row before; sort the file by time"));
        }
        self.last = t;
        let count = match self.columns.count {
            Some(column) => self.count(column, line)?,
            None => 1,
        };
        let demand = match self.columns.demand {
            Some(column) => {
                let text = self.wrap(self.table.field(column))?;
                match seconds(text) {
                    Some(demand) => Some(demand),
                    None => {
                        return Err(self.error(line, format!("`{text}` is no number of seconds of work of 0 or more")));
                    }
                }
            }
            None => None,
        };
        Ok(Some(Row { t, count, demand, line }))
    }

    fn rewind(&mut self) -> Result<(), TraceError> {
        let file = File::open(&self.path).map_err(|error| self.error(0, format!("cannot open again: {error}")))?;
        let source = BufReader::with_capacity(1 << 16, Hashing { file, hash: None });
        let table = RawTable::new(source);
        self.table = self.wrap(table)?;
        self.last = Span::ZERO;
        Ok(())
    }

    fn is_binned(&self) -> bool {
        self.columns.count.is_some()
    }
}

/// Seconds as text, exact to the nanosecond, or a date with time (RFC 3339, or with a blank in place of the T, as UTC).
pub(super) fn seconds(text: &str) -> Option<Span> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !text.is_empty()
        && digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && whole.len() <= 10
    {
        let mut nanos: u64 = 0;
        for place in 0..9 {
            let digit = fraction.as_bytes().get(place).map_or(0, |byte| u64::from(byte - b'0'));
            nanos = nanos * 10 + digit;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        return whole.checked_mul(1_000_000_000)?.checked_add(nanos).map(Span::from_nanos);
    }
    if let Ok(value) = text.parse::<f64>() {
        return Span::from_secs_f64(value).ok();
    }
    let zoned = text.parse::<jiff::Timestamp>().or_else(|_| {
        let civil: jiff::civil::DateTime = text.replacen(' ', "T", 1).parse()?;
        jiff::tz::TimeZone::UTC.to_timestamp(civil)
    });
    u64::try_from(zoned.ok()?.as_nanosecond()).ok().map(Span::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_to_the_nanosecond() {
        assert_eq!(seconds("4.3146"), Some(Span::from_nanos(4_314_600_000)));
        assert_eq!(seconds("0.0000"), Some(Span::ZERO));
        assert_eq!(seconds("1700000000.000000001"), Some(Span::from_nanos(1_700_000_000_000_000_001)));
        assert_eq!(seconds("1e3"), Some(Span::from_secs(1_000)));
        assert_eq!(seconds("1970-01-01T00:01:00Z"), Some(Span::from_secs(60)));
        assert_eq!(seconds("1970-01-01 00:01:00.5"), Some(Span::from_millis(60_500)));
        for wrong in ["", "-1", "NaN", "inf", "x", "."] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
