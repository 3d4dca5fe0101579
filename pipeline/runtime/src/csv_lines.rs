//! On which line a row of a CSV file begins. The `csv` crate tells where it went on reading instead: after `\r\n` that is
//! before the `\n`, a line too early, and blank lines come before the row too.

use std::collections::VecDeque;
use std::io::{self, Read};

/// A text on its way into a `csv::Reader`, with the lines of what was read and not yet asked for.
pub struct Lines<R> {
    inner: R,
    read: u64,
    line: u64,
    /// Whether nothing but line ends was read of the line at hand.
    blank: bool,
    /// Lines that have something in them: their first byte, and their number.
    begun: VecDeque<(u64, u64)>,
}

impl<R> Lines<R> {
    /// The text from its first byte on.
    pub const fn new(inner: R) -> Self {
        Self { inner, read: 0, line: 1, blank: true, begun: VecDeque::new() }
    }

    /// The line of the row that was read from `position` on; to be asked for every row, in their order.
    pub fn of_row(&mut self, position: &csv::Position) -> u64 {
        while let Some(&(byte, line)) = self.begun.front() {
            if byte >= position.byte() {
                return line;
            }
            self.begun.pop_front();
        }
        // Lines that end in `\r` alone are one line to all who count `\n`.
        position.line()
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        for byte in &buffer[..read] {
            match byte {
                b'\n' => (self.line, self.blank) = (self.line + 1, true),
                b'\r' => {}
                _ if self.blank => {
                    self.blank = false;
                    self.begun.push_back((self.read, self.line));
                }
                _ => {}
            }
            self.read += 1;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<u64> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(7)
            .from_reader(Lines::new(text.as_bytes()));
        let (mut record, mut lines) = (csv::StringRecord::new(), Vec::new());
        while reader.read_record(&mut record).expect("text") {
            let position = record.position().expect("it was read").clone();
            lines.push(reader.get_mut().of_row(&position));
            assert!(reader.get_ref().begun.len() < 9, "what was asked for is forgotten");
        }
        lines
    }

    #[test]
    fn rows_know_their_line() {
        assert_eq!(lines("a,b\nc,d\n"), [1, 2]);
        assert_eq!(lines("a,b\r\nc,d\r\n\"e\r\nf\",g\r\nh,i"), [1, 2, 3, 5]);
        assert_eq!(lines("\u{feff}a,b\r\n\r\n\r\nc,d"), [1, 4]);
        assert_eq!(lines("\n\n\"\na\",b\n\nc"), [3, 6]);
    }

    proptest! {
        /// Every row has the number of its line in its first cell.
        #[test]
        fn any_text(rows in prop::collection::vec((0_u64..3, any::<bool>(), any::<bool>()), 1..40)) {
            let (mut text, mut line, mut expected) = (String::new(), 1, Vec::new());
            for (blank, windows, quoted) in rows {
                let end = if windows { "\r\n" } else { "\n" };
                text.push_str(&end.repeat(blank as usize));
                line += blank;
                expected.push(line);
                text.push_str(if quoted { "\"x\n\r\ny\",z" } else { "x,y" });
                line += if quoted { 3 } else { 1 };
                text.push_str(end);
            }
            prop_assert_eq!(lines(&text), expected);
        }
    }
}
