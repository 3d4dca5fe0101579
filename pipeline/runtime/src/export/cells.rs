//! Rows of cells, and one row of CSV at a time: RFC 4180, LF, fixed decimals, nothing that a spreadsheet would run.

use crate::ledger::fixed;
use csv::{ByteRecord, QuoteStyle, Terminator, Writer, WriterBuilder};
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::fmt::Display;
use std::fmt::Write as _;
use std::io;
use tollgate_wire::Time;

/// Decimals of an exchange rate, in every export.
const FX_DECIMALS: u32 = 10;

/// What a row is filled with, from left to right. A column is filled by the same method in every row.
pub(super) trait Cells {
    /// Text from people or the platform; empty text is an empty cell.
    fn text(&mut self, text: &str);

    /// A number or an empty cell.
    fn integer(&mut self, value: Option<i64>);

    /// A number with so many decimals, or an empty cell.
    fn decimal(&mut self, value: Option<Decimal>, decimals: u32);

    /// An amount with the file's decimals, or an empty cell.
    fn amount(&mut self, amount: Option<Decimal>);

    /// An instant.
    fn time(&mut self, time: Time);

    /// An instant in whole seconds since the Unix epoch.
    fn second(&mut self, second: i64);

    /// Text, or an empty cell.
    fn maybe(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or_default());
    }

    /// An exchange rate, or an empty cell.
    fn fx_rate(&mut self, rate: Option<Decimal>) {
        self.decimal(rate, FX_DECIMALS);
    }
}

/// Fills a row.
pub(super) type Fill<'f> = &'f mut dyn FnMut(&mut dyn Cells);

/// A file of rows.
pub(super) trait Table {
    /// Begins it: the columns' names, and a row of any values that tells of what kind each column is.
    fn begin(&mut self, names: &[&str], kinds: Fill<'_>) -> io::Result<()>;

    /// Writes a row.
    fn write(&mut self, fill: Fill<'_>) -> io::Result<()>;

    /// Writes what is buffered.
    fn finish(&mut self) -> io::Result<()>;
}

/// CSV.
pub(super) struct Rows<W: io::Write> {
    out: Writer<W>,
    row: Row,
}

/// The cells of the row being built.
struct Row {
    cells: ByteRecord,
    text: String,
    decimals: u32,
}

impl<W: io::Write> Rows<W> {
    /// Amounts are written with so many decimals.
    pub(super) fn new(out: W, decimals: u32) -> Self {
        Self {
            out: WriterBuilder::new()
                .terminator(Terminator::Any(b'\n'))
                .quote_style(QuoteStyle::Necessary)
                .from_writer(out),
            row: Row { cells: ByteRecord::new(), text: String::new(), decimals },
        }
    }
}

impl<W: io::Write> Table for Rows<W> {
    fn begin(&mut self, names: &[&str], _: Fill<'_>) -> io::Result<()> {
        self.write(&mut |row| names.iter().for_each(|name| row.text(name)))
    }

    fn write(&mut self, fill: Fill<'_>) -> io::Result<()> {
        self.row.cells.clear();
        fill(&mut self.row);
        self.out.write_byte_record(&self.row.cells).map_err(io_error)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The only error of writing a record of bytes is that of the writer below.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

impl Row {
    /// A number or time of our own making: never escaped, so that -1 stays a number.
    fn plain(&mut self, value: impl Display) {
        self.text.clear();
        let _ = write!(self.text, "{value}");
        self.cells.push_field(self.text.as_bytes());
    }

    fn maybe_plain(&mut self, value: Option<impl Display>) {
        match value {
            Some(value) => self.plain(value),
            None => self.cells.push_field(b""),
        }
    }
}

impl Cells for Row {
    /// A first character that makes a spreadsheet run the cell as a formula gets an apostrophe before it.
    fn text(&mut self, text: &str) {
        if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
            self.text.clear();
            self.text.push('\'');
            self.text.push_str(text);
            self.cells.push_field(self.text.as_bytes());
        } else {
            self.cells.push_field(text.as_bytes());
        }
    }

    fn integer(&mut self, value: Option<i64>) {
        self.maybe_plain(value);
    }

    fn decimal(&mut self, value: Option<Decimal>, decimals: u32) {
        self.maybe_plain(value.map(|v| fixed(v, decimals)));
    }

    fn amount(&mut self, amount: Option<Decimal>) {
        self.decimal(amount, self.decimals);
    }

    fn time(&mut self, time: Time) {
        self.plain(time);
    }

    fn second(&mut self, second: i64) {
        self.maybe_plain(Timestamp::from_second(second).ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_escaped_and_quoting_follows_rfc_4180() {
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out, 6);
        rows.write(&mut |row| {
            for text in ["=1+1", "+55", "-2", "@x", "\tx", "\rx", "\nx", "plain", "a,\"b\"", "a=b"] {
                row.text(text);
            }
            row.maybe(None);
            row.integer(Some(-3));
            row.amount("-0.0068".parse().ok());
            row.amount(None);
            row.fx_rate("5.1".parse().ok());
        })
        .expect("into memory");
        rows.finish().expect("into memory");
        drop(rows);
        let expected =
            "'=1+1,'+55,'-2,'@x,'\tx,\"'\rx\",\"'\nx\",plain,\"a,\"\"b\"\"\",a=b,,-3,-0.006800,,5.1000000000\n";
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
    }
}
