//! Rows of cells, and those of CSV: RFC 4180, LF, fixed decimals, nothing that a spreadsheet would run.

use crate::ledger::write_fixed;
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

    /// A name of ours, which has nothing that would be escaped or quoted; empty text is an empty cell.
    fn name(&mut self, name: &'static str) {
        self.text(name);
    }

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

/// Rows of CSV as they will lie in the file.
pub(super) struct Row {
    /// What is written so far. A comma ends every cell of the row that is being filled.
    pub(super) out: String,
    decimals: u32,
}

impl Row {
    /// Amounts are written with so many decimals.
    pub(super) fn new(decimals: u32) -> Self {
        Self { out: String::new(), decimals }
    }

    /// Ends the row that began there.
    pub(super) fn end(&mut self, begun: usize) {
        self.out.pop();
        if self.out.len() == begun {
            // A row of one empty cell, which would else be an empty line.
            self.out.push_str("\"\"");
        }
        self.out.push('\n');
    }

    /// A number or time of our own making: never escaped, so that -1 stays a number, and never quoted.
    fn plain(&mut self, value: Option<impl Display>) {
        if let Some(value) = value {
            // Into a string nothing fails.
            let _ = write!(self.out, "{value}");
        }
        self.out.push(',');
    }
}

/// Whether a cell has what ends cells or rows, or a quote. All of them come before `-`, and little else does: most cells
/// are told by their least byte alone.
fn needs_quotes(text: &str) -> bool {
    let least = text.bytes().fold(u8::MAX, u8::min);
    least < b'-' && text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'))
}

impl Cells for Row {
    /// A first character that makes a spreadsheet run the cell as a formula gets an apostrophe before it.
    fn text(&mut self, text: &str) {
        let apostrophe = match text.as_bytes().first() {
            Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n') => "'",
            _ => "",
        };
        if needs_quotes(text) {
            self.out.extend(["\"", apostrophe, &text.replace('"', "\"\""), "\","]);
        } else {
            self.out.push_str(apostrophe);
            self.out.push_str(text);
            self.out.push(',');
        }
    }

    fn name(&mut self, name: &'static str) {
        self.out.push_str(name);
        self.out.push(',');
    }

    fn integer(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.out.push_str(itoa::Buffer::new().format(value));
        }
        self.out.push(',');
    }

    fn decimal(&mut self, value: Option<Decimal>, decimals: u32) {
        if let Some(value) = value {
            write_fixed(&mut self.out, value, decimals);
        }
        self.out.push(',');
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

    /// The text before quoting: with an apostrophe where a spreadsheet would run it.
    fn harmless(text: &str) -> String {
        let runs = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        format!("{}{text}", if runs { "'" } else { "" })
    }

    proptest::proptest! {
        #[test]
        fn rows_are_those_of_the_csv_crate(
            rows in proptest::collection::vec(proptest::collection::vec("[a-c=+@é \t\r\n\",'-]{0,4}", 1..4), 0..4)
        ) {
            let mut out = Vec::new();
            csv_rows(&mut out, 6, "memory", |table| {
                for row in &rows {
                    let fill = &mut |cells: &mut dyn Cells| row.iter().for_each(|text| cells.text(text));
                    table.write(fill).map_err(|e| ExportError::writing("memory", e))?;
                }
                Ok(())
            })
            .expect("into memory");
            let style = (csv::Terminator::Any(b'\n'), csv::QuoteStyle::Necessary);
            let mut builder = csv::WriterBuilder::new();
            let mut writer = builder.terminator(style.0).quote_style(style.1).flexible(true).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row.iter().map(|text| harmless(text))).expect("into memory");
            }
            let expected = writer.into_inner().expect("into memory");
            proptest::prop_assert_eq!(String::from_utf8(out), String::from_utf8(expected));
        }
    }
}
