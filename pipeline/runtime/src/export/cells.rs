//! Rows of cells, and those of CSV: RFC 4180, LF, fixed decimals, nothing that a spreadsheet would run.

use crate::ledger::write_fixed;
use csv::{ByteRecord, QuoteStyle, Terminator, Writer, WriterBuilder};
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::fmt::Display;
use std::fmt::Write as _;
use std::io;
use tollgate_wire::Time;

/// Bytes written to the file at once.
const BUFFER: usize = 256 << 10;
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

/// A row of CSV before quoting: what its cells say.
pub(super) struct Row {
    /// The cells from left to right.
    pub(super) cells: ByteRecord,
    /// Where one is put together.
    text: String,
    decimals: u32,
}

/// What CSV is written with.
pub(super) fn writer<W: io::Write>(out: W) -> Writer<W> {
    let style = (Terminator::Any(b'\n'), QuoteStyle::Necessary);
    WriterBuilder::new().terminator(style.0).quote_style(style.1).buffer_capacity(BUFFER).from_writer(out)
}

/// The only error of writing a record of bytes is that of the writer below.
pub(super) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

impl Row {
    /// Amounts are written with so many decimals.
    pub(super) fn new(decimals: u32) -> Self {
        Self { cells: ByteRecord::new(), text: String::new(), decimals }
    }

    /// A number or time of our own making: never escaped, so that -1 stays a number.
    fn plain(&mut self, value: Option<impl Display>) {
        self.text.clear();
        if let Some(value) = value {
            let _ = write!(self.text, "{value}");
        }
        self.cells.push_field(self.text.as_bytes());
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
        let mut digits = itoa::Buffer::new();
        self.cells.push_field(value.map_or("", |value| digits.format(value)).as_bytes());
    }

    fn decimal(&mut self, value: Option<Decimal>, decimals: u32) {
        self.text.clear();
        if let Some(value) = value {
            write_fixed(&mut self.text, value, decimals);
        }
        self.cells.push_field(self.text.as_bytes());
    }

    fn amount(&mut self, amount: Option<Decimal>) {
        self.decimal(amount, self.decimals);
    }

    fn time(&mut self, time: Time) {
        self.plain(Some(time));
    }

    fn second(&mut self, second: i64) {
        self.plain(Timestamp::from_second(second).ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::behind::csv_rows;
    use crate::export::write::ExportError;

    #[test]
    fn only_text_is_escaped_and_quoting_follows_rfc_4180() {
        let mut out = Vec::new();
        let fill = &mut |row: &mut dyn Cells| {
            for text in ["=1+1", "+55", "-2", "@x", "\tx", "\rx", "\nx", "plain", "a,\"b\"", "a=b"] {
                row.text(text);
            }
            row.maybe(None);
            row.integer(Some(-3));
            row.amount("-0.0068".parse().ok());
            row.amount(None);
            row.fx_rate("5.1".parse().ok());
        };
        csv_rows(&mut out, 6, "memory", |rows| rows.write(fill).map_err(|e| ExportError::writing("memory", e)))
            .expect("into memory");
        let expected =
            "'=1+1,'+55,'-2,'@x,'\tx,\"'\rx\",\"'\nx\",plain,\"a,\"\"b\"\"\",a=b,,-3,-0.006800,,5.1000000000\n";
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
    }
}
