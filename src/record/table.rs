//! Tables in CSV: the only door to the format, for output, traces, metric files and drawings.
//!
//! A writer keeps its first error and ignores what follows, so a recorder, which cannot fail, can own one. A reader
//! names line and column of what it cannot read.

use super::cell::{CellError, Cells};
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};
use std::fmt;
use std::io::{self, Read, Write};
use std::marker::PhantomData;

pub use super::cell::{columns_of, number};

/// Bytes between two writes to a file.
const BUFFER_BYTES: usize = 1 << 16;

/// Writes a table, row by row.
pub struct TableWriter<W: Write> {
    rows: csv::Writer<W>,
    text: String,
    failed: Option<io::Error>,
}

impl<W: Write> TableWriter<W> {
    /// A table of rows of this type: its field names become the header at once, so a table without rows has one too.
    pub fn for_rows<'de, T: Deserialize<'de>>(sink: W) -> Self {
        Self::with_header(sink, columns_of::<T>())
    }

    /// A table with these columns.
    pub fn with_header<S: AsRef<str>>(sink: W, header: &[S]) -> Self {
        let rows = csv::WriterBuilder::new().has_headers(false).buffer_capacity(BUFFER_BYTES).from_writer(sink);
        let mut writer = Self { rows, text: String::new(), failed: None };
        let result = writer.rows.write_record(header.iter().map(|name| name.as_ref()));
        writer.keep(result.map_err(io_error));
        writer
    }

    /// Writes a row: a struct, a tuple or a list of cells, as many as there are columns.
    pub fn row(&mut self, row: &(impl Serialize + ?Sized)) {
        if self.failed.is_none() {
            let result = self.try_row(row);
            self.keep(result);
        }
    }

    fn try_row(&mut self, row: &(impl Serialize + ?Sized)) -> io::Result<()> {
        let mut failed = None;
        let rows = &mut self.rows;
        let put = |cell: &str| {
            rows.write_field(cell).map_err(|error| {
                let told = serde::ser::Error::custom(&error);
                failed = Some(io_error(error));
                told
            })
        };
        let result: Result<(), CellError> = row.serialize(&mut Cells { text: &mut self.text, put });
        if let Some(error) = failed {
            return Err(error);
        }
        result.map_err(io::Error::other)?;
        self.rows.write_record(None::<&[u8]>).map_err(io_error)
    }

    fn keep(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
    }

    /// Writes out what is buffered and gives the sink back.
    ///
    /// # Errors
    /// The first error since the beginning.
    pub fn finish(self) -> io::Result<W> {
        match self.failed {
            Some(error) => Err(error),
            None => self.rows.into_inner().map_err(csv::IntoInnerError::into_error),
        }
    }
}

/// The sink's own error where there is one: it knows its kind.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            io::Error::other(format!("{len} cells under {expected_len} columns"))
        }
        _ => io::Error::other("a row that is none"),
    }
}

/// What is wrong with a table, and where.
#[derive(Debug)]
pub struct TableError {
    /// Line, from 1.
    pub line: Option<u64>,
    /// Column by its header.
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column `{column}`: {}", self.message),
            (Some(line), None) => write!(f, "line {line}: {}", self.message),
            (None, Some(column)) => write!(f, "column `{column}`: {}", self.message),
            (None, None) => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for TableError {}

/// Reads a table with a header. Blanks around cells do not count.
pub struct TableReader<R: Read> {
    records: csv::Reader<R>,
    header: csv::StringRecord,
    record: csv::StringRecord,
    /// 1 if lines end in CR LF: the csv crate ends a record at CR and counts the LF with the next one.
    uncounted_lines: u64,
}

impl<R: Read> TableReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// The source cannot be read, or its first line is no text.
    pub fn new(source: R) -> Result<Self, TableError> {
        let mut records =
            csv::ReaderBuilder::new().trim(csv::Trim::All).buffer_capacity(BUFFER_BYTES).from_reader(source);
        let header = match records.headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(broken(&error, &csv::StringRecord::new(), 0)),
        };
        let uncounted_lines = u64::from(records.position().line() == 1);
        Ok(Self { records, header, record: csv::StringRecord::new(), uncounted_lines })
    }

    /// The header, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.header.iter()
    }

    /// The next row and its line, from 1; `None` at the end.
    ///
    /// # Errors
    /// A line with too few or too many cells, or a cell that is no value of its column's type.
    pub fn next_row<T: DeserializeOwned>(&mut self) -> Result<Option<(u64, T)>, TableError> {
        match self.records.read_record(&mut self.record) {
            Ok(false) => return Ok(None),
            Ok(true) => {}
            Err(error) => return Err(broken(&error, &self.header, self.uncounted_lines)),
        }
        let line = self.line();
        match self.record.deserialize(Some(&self.header)) {
            Ok(row) => Ok(Some((line, row))),
            Err(error) => Err(self.unreadable(line, &error)),
        }
    }

    /// All rows with their lines. After an error there is nothing more.
    pub fn rows<T: DeserializeOwned>(self) -> Rows<R, T> {
        Rows { table: Some(self), row: PhantomData }
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line) + self.uncounted_lines
    }

    fn unreadable(&self, line: u64, error: &csv::Error) -> TableError {
        let csv::ErrorKind::Deserialize { err, .. } = error.kind() else {
            return broken(error, &self.header, self.uncounted_lines);
        };
        let field = err.field().and_then(|field| usize::try_from(field).ok());
        let cell = field.and_then(|field| self.record.get(field));
        TableError {
            line: Some(line),
            column: field.and_then(|field| self.header.get(field)).map(str::to_owned),
            message: match cell {
                Some(cell) => format!("`{cell}`: {}", err.kind()),
                None => err.kind().to_string(),
            },
        }
    }
}

/// Rows of a table.
pub struct Rows<R: Read, T> {
    table: Option<TableReader<R>>,
    row: PhantomData<T>,
}

impl<R: Read, T: DeserializeOwned> Iterator for Rows<R, T> {
    type Item = Result<(u64, T), TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.table.as_mut()?.next_row();
        if !matches!(next, Ok(Some(_))) {
            self.table = None;
        }
        next.transpose()
    }
}

/// What the csv crate says, in words with a place.
fn broken(error: &csv::Error, header: &csv::StringRecord, uncounted_lines: u64) -> TableError {
    let line = error.position().map(|place| place.line() + uncounted_lines);
    let (column, message) = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            (None, format!("{len} cells under {expected_len} columns"))
        }
        csv::ErrorKind::Utf8 { err, .. } => (header.get(err.field()).map(str::to_owned), "not UTF-8".to_owned()),
        csv::ErrorKind::Io(error) => (None, error.to_string()),
        _ => (None, error.to_string()),
    };
    TableError { line, column, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{DecisionRow, EventRow};

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Sample {
        time_s: f64,
        pool: String,
        count: u64,
        ratio: Option<f64>,
    }

    fn sample(time_s: f64, pool: &str, count: u64, ratio: Option<f64>) -> Sample {
        Sample { time_s, pool: pool.to_owned(), count, ratio }
    }

    fn written(rows: &[Sample]) -> String {
        let mut table = TableWriter::for_rows::<Sample>(Vec::new());
        for row in rows {
            table.row(row);
        }
        String::from_utf8(table.finish().expect("memory takes all")).expect("text in, text out")
    }

    fn read(text: &str) -> Vec<Result<(u64, Sample), String>> {
        match TableReader::new(text.as_bytes()) {
            Ok(table) => table.rows().map(|row| row.map_err(|error| error.to_string())).collect(),
            Err(error) => vec![Err(error.to_string())],
        }
    }

    #[test]
    fn cells_are_short_and_quoted_only_where_needed() {
        let text = written(&[sample(5.0, "chat", 3, None), sample(7.5, "a,\"b\"", 0, Some(0.1))]);
        assert_eq!(text, "time_s,pool,count,ratio\n5,chat,3,\n7.5,\"a,\"\"b\"\"\",0,0.1\n");
    }

    #[test]
    fn what_is_written_reads_back() {
        let rows = [sample(1.0 / 3.0, "two\nlines", u64::MAX, Some(1e-300)), sample(0.0, "", 0, None)];
        let back: Vec<_> = read(&written(&rows)).into_iter().map(|row| row.expect("own output").1).collect();
        assert_eq!(back, rows);
    }

    #[test]
    fn a_table_without_rows_has_its_header() {
        let table = TableWriter::for_rows::<EventRow>(Vec::new());
        assert_eq!(table.finish().expect("memory takes all"), b"time_s,object,kind,type,reason,message\n");
    }

    #[test]
    fn columns_may_be_known_only_at_run_time() {
        let mut table = TableWriter::with_header(Vec::new(), &["point".to_owned(), "hpa.cpu".to_owned()]);
        table.row(&["1", "40%"]);
        table.row(&(2_u32, 0.5));
        assert_eq!(table.finish().expect("memory takes all"), b"point,hpa.cpu\n1,40%\n2,0.5\n");
    }

    #[test]
    fn a_row_of_the_wrong_length_is_an_error() {
        let mut table = TableWriter::with_header(Vec::new(), &["a", "b"]);
        table.row(&["1"]);
        table.row(&["1", "2"]);
        assert!(table.finish().is_err());
    }

    #[test]
    fn errors_name_line_and_column() {
        let text = "time_s,pool,count,ratio\n1,chat,2,\n2,chat,many,\n3,chat,4,\n";
        let rows = read(text);
        assert_eq!(rows[0], Ok((2, sample(1.0, "chat", 2, None))));
        let error = rows[1].as_ref().expect_err("`many` is no count");
        assert!(error.starts_with("line 3, column `count`: `many`: "), "{error}");
        assert_eq!(rows.len(), 2, "nothing after an error");
        assert_eq!(read("time_s,pool,count,ratio\n1,chat\n"), [Err("line 2: 2 cells under 4 columns".to_owned())]);
        let missing = read("time_s,pool,ratio\n1,chat,\n");
        assert_eq!(missing, [Err("line 2: missing field `count`".to_owned())]);
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        for text in [
            "time_s,pool,count,ratio\r\n1,chat,2,\r\n2,\"a\nb\",2,\r\n3,chat,4,\r\n",
            "time_s,pool,count,ratio\n1,chat,2,\n2,\"a\nb\",2,\n3,chat,4,\n",
        ] {
            let lines: Vec<u64> = read(text).into_iter().map(|row| row.expect("good rows").0).collect();
            assert_eq!(lines, [2, 3, 5], "{text:?}");
        }
    }

    #[test]
    fn blanks_order_of_columns_and_a_byte_order_mark_do_not_matter() {
        let rows = read("\u{feff}pool, ratio, time_s, count\n chat, 0.5, 1, 2\n");
        assert_eq!(rows, [Ok((2, sample(1.0, "chat", 2, Some(0.5))))]);
    }

    #[test]
    fn a_decision_row_has_the_columns_of_the_format() {
        assert_eq!(
            columns_of::<DecisionRow>().join(","),
            "decision,time_s,object,scaler,metric,seen,target,seen_at_s,truth,replicas_now,raw,after_tolerance,\
             after_window,after_policies,after_bounds,decided,truth_needed,why,detail"
        );
    }

    /// Takes some bytes, then none.
    struct Full {
        room: usize,
        refused: u32,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.room {
                self.refused += 1;
                return Err(io::Error::new(io::ErrorKind::StorageFull, format!("full, refusal {}", self.refused)));
            }
            self.room -= bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_first_error_is_kept_until_the_end() {
        let mut table = TableWriter::for_rows::<Sample>(Full { room: 100_000, refused: 0 });
        for count in 0..20_000 {
            table.row(&sample(1.0, "chat", count, None));
        }
        let error = table.finish().err().expect("the sink is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), "full, refusal 1");
    }
}
