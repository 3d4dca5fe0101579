//! Aligned columns for people.

use std::io;

use tollgate_wire::Time;

/// Rows of cells; numbers are set to the right.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a header row.
    pub fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(ToString::to_string).collect()] }
    }

    /// Adds a row with as many cells as the header.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether there is nothing below the header.
    pub fn is_empty(&self) -> bool {
        self.rows.len() <= 1
    }

    /// Writes it to stdout, with the time that it holds for.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn print_as_of(&self, as_of: Option<Time>) -> io::Result<()> {
        self.print()?;
        as_of.map_or(Ok(()), |as_of| super::line(format_args!("as of {as_of}")))
    }

    /// Writes it to stdout.
    ///
    /// # Errors
    /// Stdout cannot be written.
    pub fn print(&self) -> io::Result<()> {
        self.lines().into_iter().try_for_each(super::line)
    }

    fn lines(&self) -> Vec<String> {
        let columns = self.rows[0].len();
        let column = |i: usize| self.rows.iter().filter_map(move |row| row.get(i));
        let widths: Vec<usize> =
            (0..columns).map(|i| column(i).map(|cell| cell.chars().count()).max().unwrap_or(0)).collect();
        let right: Vec<bool> = (0..columns).map(|i| column(i).skip(1).all(|cell| is_number(cell))).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(i, cell)| {
                let padding = " ".repeat(widths[i] - cell.chars().count());
                if right[i] { format!("{padding}{cell}") } else { format!("{cell}{padding}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

fn is_number(cell: &str) -> bool {
    !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'%' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right() {
        let mut table = Table::new(&["name", "used", "state"]);
        table.row(["é".to_owned(), "7".to_owned(), "on".to_owned()]);
        table.row(["long name".to_owned(), "1200".to_owned(), "off".to_owned()]);
        assert_eq!(table.lines(), ["name       used  state", "é             7  on", "long name  1200  off"]);
    }
}
