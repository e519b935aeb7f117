//! Tables of the user's own, read row by row as they stand: traces, signals, recorded metrics.

use csv::{ByteRecord, Reader, ReaderBuilder};
use std::io::Read;

/// A CSV table with a header, streamed.
pub struct RawTable<R> {
    reader: Reader<R>,
    header: Vec<String>,
    row: ByteRecord,
}

/// What is wrong with a table, and in which line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    /// Line from 1; 0 where it concerns the file as a whole.
    pub line: u64,
    /// One sentence.
    pub message: String,
}

impl<R: Read> RawTable<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// No header, or it cannot be read.
    pub fn new(source: R) -> Result<Self, TableError> {
        let mut reader = ReaderBuilder::new().has_headers(true).trim(csv::Trim::All).comment(Some(b'#')).from_reader(source);
        let header: Vec<String> = match reader.byte_headers() {
            Ok(header) => header.iter().map(|field| String::from_utf8_lossy(field).trim_start_matches('\u{feff}').to_owned()).collect(),
            Err(error) => return Err(table_error(&error)),
        };
        if header.is_empty() || header.iter().all(String::is_empty) {
            return Err(TableError { line: 0, message: "the file is empty: a header line is wanted".to_owned() });
        }
        Ok(Self { reader, header, row: ByteRecord::new() })
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
        self.reader.read_byte_record(&mut self.row).map_err(|error| table_error(&error))
    }

    /// Line of the row that was read last.
    pub fn line(&self) -> u64 {
        self.row.position().map_or(0, csv::Position::line)
    }

    /// A field of the row that was read last, as text.
    ///
    /// # Errors
    /// It is not UTF-8.
    pub fn field(&self, column: usize) -> Result<&str, TableError> {
        let bytes = self.row.get(column).unwrap_or(b"");
        std::str::from_utf8(bytes).map_err(|_| TableError { line: self.line(), message: "not UTF-8 text".to_owned() })
    }

    /// A field as a finite number.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&self, column: usize) -> Result<f64, TableError> {
        let text = self.field(column)?;
        text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(|| TableError {
            line: self.line(),
            message: format!("`{text}` in column `{}` is not a finite number", self.header[column]),
        })
    }
}

fn table_error(error: &csv::Error) -> TableError {
    let line = error.position().map_or(0, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the header has {expected_len}")
        }
        csv::ErrorKind::Io(source) => format!("cannot read: {source}"),
        _ => error.to_string(),
    };
    TableError { line, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_know_their_line_and_short_ones_are_refused() {
        let mut table = RawTable::new("t,value\n0,1.5\n1,x\n2\n".as_bytes()).expect("a header");
        assert_eq!(table.column("value"), Some(1));
        assert_eq!(table.next_row(), Ok(true));
        assert_eq!((table.line(), table.number(1)), (2, Ok(1.5)));
        assert_eq!(table.next_row(), Ok(true));
        assert_eq!(table.number(1).expect_err("x is no number").line, 3);
        assert_eq!(table.next_row().expect_err("a short row").line, 4);
    }
}
