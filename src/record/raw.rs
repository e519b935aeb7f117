//! Tables of the user's own, read row by row as they stand: traces, signals, recorded metrics.

use super::table::TableError;
use csv::{ByteRecord, Reader, ReaderBuilder};
use std::io::Read;

/// A CSV table with a header, streamed.
pub struct RawTable<R> {
    reader: Reader<R>,
    header: Vec<String>,
    row: ByteRecord,
    /// 1 if lines end in CR LF: the csv crate ends a record at CR and counts the LF with the next one.
    uncounted_lines: u64,
}

impl<R: Read> RawTable<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// No header, or it cannot be read.
    pub fn new(source: R) -> Result<Self, TableError> {
        let mut reader =
            ReaderBuilder::new().has_headers(true).trim(csv::Trim::All).comment(Some(b'#')).from_reader(source);
        let header: Vec<String> = match reader.byte_headers() {
            Ok(header) => header
                .iter()
                .map(|field| String::from_utf8_lossy(field).trim_start_matches('\u{feff}').to_owned())
                .collect(),
            Err(error) => return Err(table_error(&error, 0)),
        };
        if header.is_empty() || header.iter().all(String::is_empty) {
            return Err(TableError {
                line: None,
                column: None,
                message: "the file is empty: a header line is wanted".to_owned(),
            });
        }
        let uncounted_lines = u64::from(reader.position().line() == 1);
        Ok(Self { reader, header, row: ByteRecord::new(), uncounted_lines })
    }

    /// Gives back what it reads from.
    pub fn into_source(self) -> R {
        self.reader.into_inner()
    }

    /// Names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// Reads the next row; false at the end.
    ///
    /// # Errors
    /// A row with more or fewer fields than the header, or a failed read.
    pub fn next_row(&mut self) -> Result<bool, TableError> {
        self.reader.read_byte_record(&mut self.row).map_err(|error| table_error(&error, self.uncounted_lines))
    }

    /// Line of the row that was read last.
    pub fn line(&self) -> u64 {
        self.row.position().map_or(0, csv::Position::line) + self.uncounted_lines
    }

    /// A field of the row that was read last, as text.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn field(&self, column: usize) -> Result<&str, TableError> {
        let bytes = self.row.get(column).unwrap_or(b"");
        std::str::from_utf8(bytes).map_err(|_| self.wrong(column, "not UTF-8 text".to_owned()))
    }

    /// A field as a finite number.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&self, column: usize) -> Result<f64, TableError> {
        let text = self.field(column)?;
        text.parse::<f64>()
            .ok()
            .filter(|value| value.is_finite())
            .ok_or_else(|| self.wrong(column, format!("`{text}` is not a finite number")))
    }

    /// What is wrong with a field of the row that was read last.
    pub fn wrong(&self, column: usize, message: String) -> TableError {
        TableError { line: Some(self.line()), column: self.header.get(column).cloned(), message }
    }
}

fn table_error(error: &csv::Error, uncounted_lines: u64) -> TableError {
    let line = error.position().map(|position| position.line() + uncounted_lines);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the header has {expected_len}")
        }
        csv::ErrorKind::Io(source) => format!("cannot read: {source}"),
        _ => error.to_string(),
    };
    TableError { line, column: None, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_know_their_line_and_short_ones_are_refused() {
        let mut table = RawTable::new("t,value\n0,1.5\n1,x\n2\n".as_bytes()).expect("a header");
        assert_eq!(table.column("value"), Some(1));
        assert!(table.next_row().expect("a row"));
        assert_eq!((table.line(), table.number(1).expect("a number")), (2, 1.5));
        assert!(table.next_row().expect("a row"));
        assert_eq!(table.number(1).expect_err("x is no number").line, Some(3));
        assert_eq!(table.next_row().expect_err("a short row").line, Some(4));
        let mut windows = RawTable::new("t\r\n0\r\nx\r\n".as_bytes()).expect("a header");
        assert!(windows.next_row().expect("a row") && windows.next_row().expect("a row"));
        assert_eq!(windows.line(), 3);
    }
}
