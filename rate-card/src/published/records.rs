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

/// Splits CSV; `Err` is the line of the quotes that never close.
pub(super) fn split(text: &str) -> Result<Vec<Record>, u64> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut records, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut start, mut quoted_since) = (1, 1, None);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\n' {
            line += 1;
        }
        match (c, quoted_since) {
            // Quotes within quotes are doubled.
            ('"', Some(_)) if chars.next_if_eq(&'"').is_some() => cell.push('"'),
            ('"', Some(_)) => quoted_since = None,
            (c, Some(_)) => cell.push(c),
            ('"', None) if cell.trim().is_empty() => {
                cell.clear();
                quoted_since = Some(line);
            }
            (',', None) => cells.push(std::mem::take(&mut cell)),
            ('\n', None) => {
                cells.push(std::mem::take(&mut cell));
                records.push(Record { line: start, cells: std::mem::take(&mut cells) });
                start = line;
            }
            (c, None) => cell.push(c),
        }
    }
    if let Some(line) = quoted_since {
        return Err(line);
    }
    if !cell.is_empty() || !cells.is_empty() {
        cells.push(cell);
        records.push(Record { line: start, cells });
    }
    Ok(records)
}
