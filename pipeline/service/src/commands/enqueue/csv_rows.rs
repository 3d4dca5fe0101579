//! A CSV file (RFC 4180) as requests. A row that cannot be one is reported and does not stop the others.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use csv::{ByteRecord, StringRecord};

use super::CsvArgs;
use super::ids::Ids;
use super::mapping::{Columns, Mapping};
use crate::upload::{BadRow, CsvFile, Item, Mark, Quotes, Row};

/// The rows.
pub(super) struct CsvRows {
    reader: csv::Reader<CsvFile>,
    name: String,
    mapping: Mapping,
    columns: Columns,
    cells: usize,
    rows: u64,
    pub(super) ids: Ids,
}

impl CsvRows {
    pub(super) fn open(path: &Path, mapping: Mapping, ids: Ids, args: &CsvArgs) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
        let delimiter = args.delimiter.unwrap_or(b',');
        // Rows of any length are taken here, so that a wrong one is reported and the reading goes on.
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(BufReader::new(Quotes::new(file, delimiter)));
        let header = reader.headers().map_err(|error| match error.is_io_error() {
            true => anyhow!("{name} cannot be read: {error}"),
            false => anyhow!("{name}:1: {error}; save the file as UTF-8 with a header row"),
        })?;
        if header.is_empty() {
            return Err(anyhow!("{name}: the file is empty; write a header row"));
        }
        // Spreadsheets put a byte order mark before the first name.
        let header: StringRecord = header.iter().map(|column| column.trim_start_matches('\u{feff}').trim()).collect();
        let columns = mapping.columns(&header).map_err(|problem| match other_delimiter(&header) {
            Some(sign) => anyhow!(
                "{name}:1: the header is one cell, {:?}; give --delimiter '{}' if that is what divides it",
                &header[0],
                sign.escape_default()
            ),
            None => anyhow!("{name}:1: {problem}"),
        })?;
        Ok(Self { cells: header.len(), reader, name, mapping, columns, rows: 0, ids })
    }

    fn row(&mut self, record: ByteRecord, content: &[u8]) -> Result<Vec<u8>, String> {
        if let Some(problem) = self.reader.get_ref().get_ref().unclosed() {
            return Err(problem);
        }
        let cells = record.len();
        if cells != self.cells {
            return Err(format!(
                "the row has {cells} cells where the header has {}; quote cells that hold the delimiter",
                self.cells
            ));
        }
        let row = StringRecord::from_byte_record(record)
            .map_err(|_| "the row is not UTF-8; save the file as UTF-8".to_owned())?;
        let id = match self.mapping.id(&self.columns, &row)? {
            Some(id) => {
                self.ids.given(id);
                id.to_owned()
            }
            None => self.ids.of_row(content),
        };
        self.mapping.request(&self.columns, &row, &id)
    }
}

/// What probably divides a header that was read as one cell.
pub(in crate::commands) fn other_delimiter(header: &StringRecord) -> Option<char> {
    let only = header.get(0).filter(|_| header.len() == 1)?;
    [';', '\t', '|', ','].into_iter().find(|sign| only.contains(*sign))
}

impl Iterator for CsvRows {
    type Item = anyhow::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = ByteRecord::new();
        match self.reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(anyhow!("{} cannot be read: {error}", self.name))),
        }
        self.rows += 1;
        let lines = self.reader.get_mut().get_mut();
        let line = record.position().map_or(0, |at| lines.line_of(at));
        // Cells with their lengths: the same text split otherwise is another row.
        let content: Vec<u8> = record
            .iter()
            .flat_map(|cell| (cell.len() as u32).to_be_bytes().into_iter().chain(cell.iter().copied()))
            .collect();
        let fingerprint = self.ids.read(&content);
        let mark = Mark { rows: self.rows, fingerprint, bytes: self.reader.position().byte() };
        Some(Ok(match self.row(record, &content) {
            Ok(json) => Item::Row(Row { line, json, mark }),
            Err(problem) => Item::Bad(BadRow { line, problem }, mark),
        }))
    }
}
