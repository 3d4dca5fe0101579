//! One row of CSV at a time: RFC 4180, LF, fixed decimals, nothing that a spreadsheet would run.

use crate::ledger::fixed;
use csv::{ByteRecord, QuoteStyle, Terminator, Writer, WriterBuilder};
use rust_decimal::Decimal;
use std::fmt::Display;
use std::fmt::Write as _;
use std::io;

/// Decimals of an exchange rate, in every export.
const FX_DECIMALS: u32 = 10;

/// Builds a row from cells and writes it.
pub(super) struct Rows<W: io::Write> {
    out: Writer<W>,
    row: Row,
}

/// The cells of the row being built.
pub(super) struct Row {
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

    /// Writes one row whose cells `fill` gives from left to right.
    pub(super) fn write(&mut self, fill: impl FnOnce(&mut Row)) -> io::Result<()> {
        self.row.cells.clear();
        fill(&mut self.row);
        self.out.write_byte_record(&self.row.cells).map_err(io_error)
    }

    /// Writes what is buffered.
    pub(super) fn finish(mut self) -> io::Result<()> {
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
    /// Text from people or the platform. A first character that makes a spreadsheet run the cell as a formula
    /// gets an apostrophe before it.
    pub(super) fn text(&mut self, text: &str) {
        if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
            self.text.clear();
            self.text.push('\'');
            self.text.push_str(text);
            self.cells.push_field(self.text.as_bytes());
        } else {
            self.cells.push_field(text.as_bytes());
        }
    }

    /// Text, or an empty cell.
    pub(super) fn maybe(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or_default());
    }

    /// A number or time of our own making: never escaped, so that -1 stays a number.
    pub(super) fn plain(&mut self, value: impl Display) {
        self.text.clear();
        let _ = write!(self.text, "{value}");
        self.cells.push_field(self.text.as_bytes());
    }

    /// Such a number, or an empty cell.
    pub(super) fn maybe_plain(&mut self, value: Option<impl Display>) {
        match value {
            Some(value) => self.plain(value),
            None => self.cells.push_field(b""),
        }
    }

    /// An amount with the file's decimals, or an empty cell.
    pub(super) fn amount(&mut self, amount: Option<Decimal>) {
        let decimals = self.decimals;
        self.maybe_plain(amount.map(|a| fixed(a, decimals)));
    }

    /// An exchange rate, or an empty cell.
    pub(super) fn fx_rate(&mut self, rate: Option<Decimal>) {
        self.maybe_plain(rate.map(|r| fixed(r, FX_DECIMALS)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_escaped_and_quoting_follows_rfc_4180() {
        let mut out = Vec::new();
        let mut rows = Rows::new(&mut out, 6);
        rows.write(|row| {
            for text in ["=1+1", "+55", "-2", "@x", "\tx", "\rx", "\nx", "plain", "a,\"b\"", "a=b"] {
                row.text(text);
            }
            row.maybe(None);
            row.plain(-3);
            row.amount("-0.0068".parse().ok());
            row.amount(None);
            row.fx_rate("5.1".parse().ok());
        })
        .expect("into memory");
        rows.finish().expect("into memory");
        let expected =
            "'=1+1,'+55,'-2,'@x,'\tx,\"'\rx\",\"'\nx\",plain,\"a,\"\"b\"\"\",a=b,,-3,-0.006800,,5.1000000000\n";
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
    }
}
