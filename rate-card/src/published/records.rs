//! The records of a published file. Its headers contain line breaks, and a download that was cut ends inside quotes:
//! a record knows its line, and quotes that never close are an error.

/// One record and the line on which it starts.
pub(super) struct Record {
    pub line: u64,
    cells: Vec<String>,
}

impl Record {
    /// The cell at `index` without blanks around it; empty if there is none.
    pub fn cell(&self, index: usize) -> &str {
        self.cells.get(index).map_or("", |cell| cell.trim())
    }

    /// All cells, trimmed.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().map(|cell| cell.trim())
    }

    pub fn is_empty(&self) -> bool {
        self.cells().all(str::is_empty)
    }
}

/// Splits CSV; `Err` is the line of the quotes that never close, or of what is no CSV.
pub(super) fn split(text: &str) -> Result<Vec<Record>, u64> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = Vec::new();
    let (mut last, mut line) = (0, 1);
    for record in reader.records() {
        let record = record.map_err(|error| error.position().map_or(1, csv::Position::line))?;
        // The reader says where it went on: after `\r\n` that is before the `\n`, and blank lines come before the record too.
        let from = record.position().map_or(0, |at| at.byte() as usize);
        let begins = from + text[from..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        line += text[last..begins].matches('\n').count() as u64;
        last = begins;
        records.push(Record { line, cells: record.iter().map(str::to_owned).collect() });
    }
    // The reader takes the end of the text for the end of quotes. Then the last quotes of the last record are those.
    let tail = &text[last..];
    if tail.matches('"').count() % 2 == 1 {
        let opened = last + tail.rfind('"').unwrap_or_default();
        return Err(text[..opened].matches('\n').count() as u64 + 1);
    }
    Ok(records)
}
