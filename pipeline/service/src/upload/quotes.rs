//! Watches the quotes of a CSV file while it is read: a quote that is never closed takes every row after it into one cell,
//! and who reads the rows sees one good row where there were thousands.

use std::io::{self, BufReader, Read};

use tollgate_runtime::csv_lines::Lines;

/// Longest row, in bytes, quoted line ends included: a request has 64 KiB, and columns that nobody maps may lie beside it.
const ROW_BYTES_MAX: u64 = 1 << 20;
/// What some spreadsheets put before the first name.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A file that is read by `csv::Reader`, with the states of RFC 4180 beside it.
pub struct Quotes<R> {
    inner: Lines<R>,
    delimiter: u8,
    state: State,
    read: u64,
    line: u64,
    /// Line and bytes of the row at hand.
    row: (u64, u64),
    /// Where the quote that is open was opened.
    opened: u64,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    CellStart,
    Cell,
    Quoted,
    /// After a quote within quotes: the cell's end, or one that is meant.
    QuoteInQuotes,
}

impl<R: Read> Quotes<R> {
    /// With the cells divided by this byte.
    pub fn new(inner: R, delimiter: u8) -> Self {
        let inner = Lines::new(inner);
        Self { inner, delimiter, state: State::CellStart, read: 0, line: 1, row: (1, 0), opened: 0, ended: false }
    }

    /// See [`Lines::of_row`].
    pub fn line_of(&mut self, position: &csv::Position) -> u64 {
        self.inner.of_row(position)
    }

    /// The problem of the row that the file has ended in, if a quote is open there. It is the last row that is read.
    pub fn unclosed(&self) -> Option<String> {
        (self.ended && self.state == State::Quoted).then(|| {
            format!(
                "the quote that opens in line {} is never closed, so that all after it is one cell; close it, or write \
                 \"\" for a quote within a quoted cell",
                self.opened
            )
        })
    }

    fn take(&mut self, byte: u8) -> io::Result<()> {
        // A byte order mark is no part of the first cell.
        let at = self.read;
        self.read += 1;
        if at < MARK.len() as u64 && byte == MARK[at as usize] {
            return Ok(());
        }
        self.state = match (self.state, byte) {
            (State::CellStart, b'"') => {
                self.opened = self.line;
                State::Quoted
            }
            (State::QuoteInQuotes, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::QuoteInQuotes,
            (State::Quoted, _) => State::Quoted,
            (_, b'\r' | b'\n') => State::CellStart,
            (_, byte) if byte == self.delimiter => State::CellStart,
            _ => State::Cell,
        };
        self.row.1 += 1;
        self.line += u64::from(byte == b'\n');
        if matches!(byte, b'\r' | b'\n') && self.state == State::CellStart {
            self.row = (self.line, 0);
        }
        if self.row.1 > ROW_BYTES_MAX {
            let open = match self.state {
                State::Quoted => format!("; is the quote that opens in line {} closed?", self.opened),
                _ => String::new(),
            };
            let problem = format!("the row of line {} has more than {ROW_BYTES_MAX} bytes{open}", self.row.0);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(())
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.ended |= read == 0 && !buffer.is_empty();
        for byte in &buffer[..read] {
            self.take(*byte)?;
        }
        Ok(read)
    }
}

/// What a CSV reader of a file reads from.
pub type CsvFile = BufReader<Quotes<std::fs::File>>;

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as the `csv` crate reads them, and what is said of the last one.
    fn read(text: &str, delimiter: u8) -> (usize, Option<String>, Vec<bool>) {
        let source = BufReader::with_capacity(7, Quotes::new(text.as_bytes(), delimiter));
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(source);
        let (mut record, mut open) = (csv::ByteRecord::new(), Vec::new());
        while reader.read_byte_record(&mut record).expect("readable") {
            open.push(reader.get_ref().get_ref().unclosed().is_some());
        }
        (open.len(), reader.get_ref().get_ref().unclosed(), open)
    }

    #[test]
    fn an_open_quote_is_told_with_its_line_and_of_the_last_row_alone() {
        let (rows, said, open) = read("a,b\n1,2\n3,\"4\n5,6\n7,8\n", b',');
        assert_eq!((rows, open), (3, vec![false, false, true]));
        assert!(said.is_some_and(|said| said.contains("opens in line 3 ")));
        assert!(read("a\n\"", b',').1.is_some_and(|said| said.contains("line 2 ")));
        assert!(read("a;\"b,c", b';').1.is_some());
    }

    #[test]
    fn quotes_that_are_closed_or_no_quotes_are_nobodys_business() {
        let good = [
            "",
            "a\n",
            "\"a\"",
            "\"a\"\n",
            "\u{feff}\"a\",\"b\"\n",
            "a,\"b \"\"c\"\"\"\r\n",
            "a,\"b\nc\"\n",
            "5\" pipe,b\n",
            "a \"b,c\n",
            "\"a\"b\"\n",
            "a,\"\"\n",
        ];
        for text in good {
            let (_, said, open) = read(text, b',');
            assert_eq!((said, open.iter().any(|open| *open)), (None, false), "{text:?}");
        }
        assert_eq!(read("a,\"b\n", b';').1, None, "another delimiter, another cell");
    }

    #[test]
    fn a_row_has_an_end() {
        let long = |cell: &str| {
            let text = format!("a\n{cell}\nb\n");
            io::copy(&mut Quotes::new(text.as_bytes(), b','), &mut io::sink()).map_err(|error| error.to_string())
        };
        let cell = "x".repeat(ROW_BYTES_MAX as usize - 1);
        assert!(long(&cell).is_ok());
        assert_eq!(long(&format!("{cell}yz")), Err("the row of line 2 has more than 1048576 bytes".to_owned()));
        let open = format!("\"{}", "x\n".repeat(ROW_BYTES_MAX as usize));
        assert!(long(&open).is_err_and(|error| error.ends_with("is the quote that opens in line 2 closed?")));
    }
}
