//! A file of JSON lines, each a whole request. What is missing and known is filled in; nothing else is touched, so
//! that the service judges, and keeps, the very bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::value::RawValue;
use tollgate_wire::request::MAX_BYTES;

use super::ids::Ids;
use crate::upload::{BadRow, Item, Mark, Row};

/// A line of the largest request, and some white space around it.
const LINE_BYTES_MAX: u64 = MAX_BYTES as u64 + 1_024;

/// The lines.
pub(super) struct JsonLines {
    reader: BufReader<File>,
    name: String,
    account: Option<String>,
    campaign: Option<String>,
    line: u64,
    bytes: u64,
    rows: u64,
    ended: bool,
    pub(super) ids: Ids,
}

impl JsonLines {
    pub(super) fn open(
        path: &Path,
        ids: Ids,
        account: Option<String>,
        campaign: Option<String>,
    ) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
        Ok(Self {
            reader: BufReader::new(file),
            name,
            account,
            campaign,
            line: 0,
            bytes: 0,
            rows: 0,
            ended: false,
            ids,
        })
    }

    /// The next line that is not empty; the flag says that it is too long and was cut.
    fn read(&mut self) -> std::io::Result<Option<(Vec<u8>, bool)>> {
        loop {
            let mut line = Vec::new();
            let read = self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            self.bytes += read as u64;
            let long = read as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n");
            if long {
                self.bytes += self.reader.skip_until(b'\n')? as u64;
            }
            // Some editors put a byte order mark before the first line.
            let line = match self.line {
                1 => line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line),
                _ => &line,
            };
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Ok(Some((line.to_vec(), long)));
            }
        }
    }

    /// The line with what is missing; as it was if it is no object, for the service to say so.
    fn filled(&mut self, line: Vec<u8>) -> Vec<u8> {
        let Ok(mut fields) = serde_json::from_slice::<BTreeMap<String, Box<RawValue>>>(&line) else { return line };
        let before = fields.len();
        let mut fill = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|_| !fields.contains_key(name)) {
                let value = serde_json::value::to_raw_value(value).expect("a string is JSON");
                fields.insert(name.to_owned(), value);
            }
        };
        fill("account", self.account.as_deref());
        fill("campaign", self.campaign.as_deref());
        match fields.get("id").map(|id| serde_json::from_str::<String>(id.get())) {
            Some(Ok(id)) => self.ids.given(&id),
            Some(Err(_)) => {}
            None => {
                let id = serde_json::value::to_raw_value(&self.ids.of_row(&line)).expect("a string is JSON");
                fields.insert("id".to_owned(), id);
            }
        }
        if fields.len() == before {
            return line;
        }
        serde_json::to_vec(&fields).expect("an object with string keys")
    }
}

impl Iterator for JsonLines {
    type Item = anyhow::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, long) = match self.read() {
            Ok(Some(read)) => read,
            // As with a CSV file; once, since the reader may ask again.
            Ok(None) if self.rows == 0 && !self.ended => {
                self.ended = true;
                return Some(Err(anyhow!("{}: the file is empty; write one request a line", self.name)));
            }
            Ok(None) => return None,
            Err(error) => return Some(Err(anyhow::Error::new(error).context(format!("{} cannot be read", self.name)))),
        };
        self.rows += 1;
        let mark = Mark { rows: self.rows, fingerprint: self.ids.read(&line), bytes: self.bytes };
        if long {
            let problem = format!("the line has more than {MAX_BYTES} bytes; shorten the request");
            return Some(Ok(Item::Bad(BadRow { line: self.line, problem }, mark)));
        }
        let (line, json) = (self.line, self.filled(line));
        Some(Ok(Item::Row(Row { line, json, mark })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("requests.jsonl");
        let read = |text: &str| -> Vec<String> {
            std::fs::write(&file, text).expect("written");
            let lines = JsonLines::open(&file, Ids::new("job"), None, None).expect("opened");
            let row = |item: anyhow::Result<Item>| match item.expect("readable") {
                Item::Row(row) => String::from_utf8(row.json).expect("text"),
                Item::Bad(bad, _) => bad.problem,
            };
            lines.map(row).collect()
        };
        let lines = ["{\"id\":\"1\"}", "{\"id\":\"2\"}"];
        assert_eq!(read("\u{feff}{\"id\":\"1\"}\r\n{\"id\":\"2\"}\n"), lines);
        assert_eq!(read("\u{feff}\n{\"id\":\"1\"}\n{\"id\":\"2\"}"), lines);
        assert_eq!(
            read("{\"id\":\"1\"}\n\u{feff}x").last().map(String::as_str),
            Some("\u{feff}x"),
            "nor is another one"
        );
    }
}
