//! Plain text tables: columns aligned, numbers to the right.

/// A table being filled.
pub(super) struct Table {
    heads: Vec<&'static str>,
    /// Whether a column is set to the right.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Columns by their heads; a head that begins with `>` sets its column to the right.
    pub(super) fn new(heads: &[&'static str]) -> Self {
        let right = heads.iter().map(|head| head.starts_with('>')).collect();
        let heads = heads.iter().map(|head| head.trim_start_matches('>')).collect();
        Self { heads, right, rows: Vec::new() }
    }

    /// Adds a row with a cell for each column.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.heads.len());
        self.rows.push(cells.into());
    }

    /// The text, indented by two.
    pub(super) fn text(&self) -> String {
        let length = |cell: &str| cell.chars().count();
        let widths: Vec<usize> = (0..self.heads.len())
            .map(|i| {
                let cells = self.rows.iter().map(|row| length(&row[i]));
                cells.chain([length(self.heads[i])]).max().unwrap_or_default()
            })
            .collect();
        let mut text = String::new();
        let heads = self.heads.iter().map(|head| (*head).to_owned()).collect();
        for row in std::iter::once(&heads).chain(&self.rows) {
            let mut line = String::from(" ");
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.right) {
                let space = " ".repeat(width - length(cell));
                match right {
                    true => line.push_str(&format!(" {space}{cell}")),
                    false => line.push_str(&format!(" {cell}{space}")),
                }
                line.push(' ');
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A count with thousands separated.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Table, count};

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["outcome", ">messages"]);
        table.row(["délivré".to_owned(), count(1_234_567)]);
        table.row(["read".to_owned(), count(9)]);
        assert_eq!(table.text(), "  outcome   messages\n  délivré  1,234,567\n  read             9\n");
        assert_eq!([0, 999, 1_000].map(count), ["0", "999", "1,000"]);
    }
}
