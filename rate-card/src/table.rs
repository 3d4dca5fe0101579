//! The form that all data files share: comment lines at the top (the first may declare
//! `key=value` pairs before its first semicolon), one row of column names, one record a line.

use std::collections::BTreeMap;

use csv::StringRecord;
use jiff::civil::Date;

use crate::{DataError, Source, Validity};

/// Rows of a data file at most, its column names among them: a row takes hundreds of bytes of memory even when it is
/// one letter. The market map and the numbering files hold fewer together.
const ROWS_MAX: usize = 10_000;

/// Cells of a row at most; a market map has one a period. `csv` keeps for each row as much as the widest before it took.
const CELLS_MAX: usize = 100;

/// A data file, read but not yet understood.
pub(crate) struct Table<'a> {
    pub file: &'a str,
    declared: BTreeMap<&'a str, &'a str>,
    columns: StringRecord,
    columns_line: u64,
    records: Vec<StringRecord>,
}

impl<'a> Table<'a> {
    /// Reads the form; no blank line, no comment after the column names, no line break in a cell,
    /// so that a record's line is known.
    pub fn read(source: &'a Source) -> Result<Self, DataError> {
        let file: &str = &source.name;
        let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
        let comments = text.lines().take_while(|l| l.starts_with('#')).count();
        for (index, line) in text.lines().enumerate().skip(comments) {
            if line.trim().is_empty() || line.starts_with('#') {
                return Err(DataError::new(
                    file,
                    index as u64 + 1,
                    "a blank or comment line among the records",
                    "remove it, comments stand at the top",
                ));
            }
        }
        let body_start = text.split_inclusive('\n').take(comments).map(str::len).sum::<usize>();
        let columns_line = comments as u64 + 1;
        let mut records = Vec::new();
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&text.as_bytes()[body_start..]);
        for record in reader.records() {
            let line = columns_line + records.len() as u64;
            let record =
                record.map_err(|error| DataError::new(file, line, error.to_string(), "write UTF-8 text as CSV"))?;
            if record.iter().any(|cell| cell.contains(['\n', '\r'])) {
                return Err(DataError::new(
                    file,
                    line,
                    "a cell contains a line break",
                    "close the quotes on the same line",
                ));
            }
            if record.len() > CELLS_MAX {
                return Err(DataError::new(
                    file,
                    line,
                    format!("{} cells, at most {CELLS_MAX} are taken", record.len()),
                    "see whether it is the right file",
                ));
            }
            if records.len() == ROWS_MAX {
                return Err(DataError::new(
                    file,
                    line,
                    format!("there are more than {ROWS_MAX} rows"),
                    "remove those that are there twice, or see whether it is the right file",
                ));
            }
            records.push(record);
        }
        if records.is_empty() {
            return Err(DataError::new(
                file,
                columns_line,
                "there is no row of column names",
                "write the column names after the comments",
            ));
        }
        let columns = records.remove(0);
        let table = Self { file, declared: declarations(text), columns, columns_line, records };
        for row in table.rows() {
            if row.record.len() != table.columns.len() {
                return Err(row.error(
                    format!("{} cells where there are {} columns", row.record.len(), table.columns.len()),
                    "write one cell a column and quote cells that contain a comma",
                ));
            }
        }
        Ok(table)
    }

    /// Reads a file whose columns are fixed.
    pub fn read_columns(source: &'a Source, columns: &[&str]) -> Result<Self, DataError> {
        let table = Self::read(source)?;
        if table.columns.iter().ne(columns.iter().copied()) {
            return Err(table.columns_error(&columns.join(",")));
        }
        Ok(table)
    }

    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter()
    }

    pub fn columns_error(&self, expected: &str) -> DataError {
        let found: Vec<&str> = self.columns().collect();
        DataError::new(
            self.file,
            self.columns_line,
            format!("the columns are `{}`", found.join(",")),
            format!("write `{expected}`"),
        )
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().enumerate().map(|(index, record)| Row {
            file: self.file,
            line: self.columns_line + 1 + index as u64,
            columns: &self.columns,
            record,
        })
    }

    /// A `key=value` pair of the first line, understood by `read`.
    pub fn declared<T>(&self, key: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, DataError> {
        let Some(value) = self.declared.get(key) else {
            return Err(DataError::new(
                self.file,
                1,
                format!("the first line does not declare `{key}`"),
                format!("add `{key}=` and {expected}"),
            ));
        };
        read(value)
            .ok_or_else(|| DataError::new(self.file, 1, format!("{key} is `{value}`"), format!("write {expected}")))
    }

    /// True if the first line declares `key` as `value`.
    pub fn declares(&self, key: &str, value: &str) -> bool {
        self.declared.get(key) == Some(&value)
    }

    /// True if the first line declares `key`.
    pub fn declares_key(&self, key: &str) -> bool {
        self.declared.contains_key(key)
    }

    /// `valid_from` and `valid_to` of the first line.
    pub fn declared_validity(&self) -> Result<Validity, DataError> {
        let from = self.declared("valid_from", DATE, date)?;
        let to = self.declared("valid_to", DATE_OR_OPEN, date_or_open)?;
        Validity::new(from, to).ok_or_else(|| {
            DataError::new(self.file, 1, "valid_to is before valid_from", "write the last day on which it holds")
        })
    }
}

fn declarations(text: &str) -> BTreeMap<&str, &str> {
    let first = text.lines().next().unwrap_or_default();
    let Some(comment) = first.strip_prefix('#') else {
        return BTreeMap::new();
    };
    comment.split(';').next().unwrap_or_default().split_whitespace().filter_map(|word| word.split_once('=')).collect()
}

/// One record.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub file: &'a str,
    pub line: u64,
    columns: &'a StringRecord,
    record: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// The cell of the column at `index`.
    pub fn text(&self, index: usize) -> &'a str {
        self.record.get(index).unwrap_or_default()
    }

    /// The cell, or `None` if it is empty.
    pub fn optional(&self, index: usize) -> Option<&'a str> {
        Some(self.text(index)).filter(|cell| !cell.is_empty())
    }

    /// The cell, understood by `read`.
    pub fn read<T>(
        &self,
        index: usize,
        expected: &str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, DataError> {
        read(self.text(index)).ok_or_else(|| self.bad(index, expected))
    }

    /// `valid_from` at `index`, `valid_to` after it.
    pub fn validity(&self, index: usize) -> Result<Validity, DataError> {
        let from = self.read(index, DATE, date)?;
        let to = self.read(index + 1, DATE_OR_OPEN, date_or_open)?;
        Validity::new(from, to).ok_or_else(|| self.bad(index + 1, "a day that is not before valid_from"))
    }

    /// The cell's value is not what the column holds.
    pub fn bad(&self, index: usize, expected: &str) -> DataError {
        let column = self.columns.get(index).unwrap_or_default();
        self.error(format!("{column} is `{}`", self.text(index)), format!("write {expected}"))
    }

    pub fn error(&self, problem: impl Into<String>, remedy: impl Into<String>) -> DataError {
        DataError::new(self.file, self.line, problem, remedy)
    }
}

pub(crate) const DATE: &str = "a day as YYYY-MM-DD";
pub(crate) const DATE_OR_OPEN: &str = "a day as YYYY-MM-DD, or open";

/// A day, strictly `YYYY-MM-DD`.
pub(crate) fn date(text: &str) -> Option<Date> {
    let strict = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    strict.then(|| text.parse().ok()).flatten()
}

/// A day, or the word `open`.
pub(crate) fn date_or_open(text: &str) -> Option<Option<Date>> {
    match text {
        "open" => Some(None),
        _ => date(text).map(Some),
    }
}

/// A whole number of digits only.
pub(crate) fn whole(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

pub(crate) fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}
