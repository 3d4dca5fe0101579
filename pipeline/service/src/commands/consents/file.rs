//! A CSV file of people: one consent a row, or one place on the suppression list.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::{Map, Value, json};
use tollgate_wire::command;

use crate::commands::enqueue::other_delimiter;
use crate::config::nearest;
use crate::upload::{BadRow, CsvFile, Item, Mark, Quotes, Row};

/// What a row records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Consent,
    Suppression,
}

impl Kind {
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Consent => {
                &["to", "category", "state", "source", "at", "text_version", "expires", "confirmed", "brand"]
            }
            Self::Suppression => &["to", "source", "at"],
        }
    }

    fn needed(self) -> &'static [&'static str] {
        match self {
            Self::Consent => &["to", "state"],
            Self::Suppression => &["to"],
        }
    }

    /// The command that a row becomes, to see that it is a good one.
    fn command(self, account: &str, fields: &Map<String, Value>) -> Value {
        match self {
            Self::Consent => json!({ "command": "set_consent", "account": account, "consent": fields }),
            Self::Suppression => {
                let mut suppression = fields.clone();
                suppression.insert("listed".to_owned(), true.into());
                json!({ "command": "set_suppression", "account": account, "suppression": suppression })
            }
        }
    }
}

/// The rows of the file as lines of the service.
pub(super) struct People {
    kind: Kind,
    name: String,
    reader: csv::Reader<CsvFile>,
    header: csv::StringRecord,
    account: String,
    rows: u64,
}

impl People {
    pub(super) fn open(kind: Kind, path: &Path, account: &str) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
        let file = BufReader::new(Quotes::new(file, b','));
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let header = reader.headers().map_err(|error| match error.is_io_error() {
            true => anyhow!("{name} cannot be read: {error}"),
            false => anyhow!("{name}:1: {error}; write a header row"),
        });
        let mut header = header?.clone();
        if let Some(first) = header.get(0).and_then(|first| first.strip_prefix('\u{feff}')) {
            let first = first.to_owned();
            header = std::iter::once(first.as_str()).chain(header.iter().skip(1)).collect();
        }
        if let Some(sign) = other_delimiter(&header) {
            return Err(anyhow!("{name}:1: the header is one cell, divided by {sign:?}; divide the cells by commas"));
        }
        for column in &header {
            let columns = kind.columns();
            if !columns.contains(&column) {
                let meant = nearest(column, columns.iter().copied())
                    .map_or_else(|| columns.join(", "), |meant| format!("did you mean {meant}?"));
                return Err(anyhow!("{name}:1: column {column:?} is not known; {meant}"));
            }
        }
        for needed in kind.needed() {
            if !header.iter().any(|column| column == *needed) {
                return Err(anyhow!("{name}:1: there is no column {needed}; add it"));
            }
        }
        Ok(Self { kind, name, reader, header, account: account.to_owned(), rows: 0 })
    }

    /// The row as a line of the service, once it would be a good command.
    fn json(&self, record: &csv::StringRecord) -> Result<Vec<u8>, String> {
        let cells = self.header.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
        let mut fields: Map<_, _> = cells.map(|(column, cell)| (column.to_owned(), cell.into())).collect();
        if let Some(said) = fields.get_mut("confirmed")
            && let Some(confirmed) = said.as_str().and_then(|said| said.parse::<bool>().ok())
        {
            *said = confirmed.into();
        }
        let command = self.kind.command(&self.account, &fields);
        command::parse(command.to_string().as_bytes()).map_err(|error| {
            let field = error.field.split_once('.').map_or(error.field.as_str(), |(_, field)| field);
            let value = fields.get(field).and_then(Value::as_str);
            match (field, value) {
                ("", _) => format!("{}; {}", error.problem, error.remedy),
                // What may stand there says everything.
                ("state" | "category", Some(value)) => format!("{field} = {value:?}: {}", error.remedy),
                ("source" | "at" | "text_version" | "expires" | "confirmed" | "brand", Some(value)) => {
                    format!("{field} = {value:?}: {}; {}", error.problem, error.remedy)
                }
                // A phone number is not repeated.
                _ => format!("{field}: {}; {}", error.problem, error.remedy),
            }
        })?;
        if self.kind == Kind::Suppression {
            fields.insert("state".to_owned(), "suppressed".into());
        }
        fields.insert("account".to_owned(), self.account.clone().into());
        Ok(Value::from(fields).to_string().into_bytes())
    }
}

impl Iterator for People {
    type Item = anyhow::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = csv::StringRecord::new();
        let read = self.reader.read_record(&mut record);
        if matches!(read, Ok(false)) {
            return None;
        }
        self.rows += 1;
        let mark = Mark { rows: self.rows, fingerprint: 0, bytes: self.reader.position().byte() };
        let at = read.as_ref().map_or_else(csv::Error::position, |_| record.position());
        let at = at.unwrap_or_else(|| self.reader.position()).clone();
        let line = self.reader.get_mut().get_mut().line_of(&at);
        if let Some(problem) = self.reader.get_ref().get_ref().unclosed() {
            return Some(Ok(Item::Bad(BadRow { line, problem }, mark)));
        }
        Some(match read {
            Ok(_) => Ok(match self.json(&record) {
                Ok(json) => Item::Row(Row { line, json, mark }),
                Err(problem) => Item::Bad(BadRow { line, problem }, mark),
            }),
            Err(error) if error.is_io_error() => Err(anyhow!("{} cannot be read: {error}", self.name)),
            Err(error) => Ok(Item::Bad(BadRow { line, problem: csv_fault(&error) }, mark)),
        })
    }
}

/// What is wrong with a CSV row, and what would help.
fn csv_fault(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} cells where the header has {expected_len}; quote cells that hold commas")
        }
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8; save the file as UTF-8".to_owned(),
        _ => format!("the row cannot be read: {error}; correct it"),
    }
}
