//! Up to where everything is acknowledged, although requests end out of order.

use std::collections::BTreeMap;

use super::Mark;

/// Requests by their number.
#[derive(Default)]
pub(super) struct Acknowledged {
    started: u64,
    next: u64,
    /// Marks behind a gap, with the bad rows of their request.
    ahead: BTreeMap<u64, (Mark, u64)>,
    bad: u64,
}

impl Acknowledged {
    /// The number of the next request.
    pub(super) fn start(&mut self) -> u64 {
        self.started += 1;
        self.started - 1
    }

    /// A request has ended well; answers the new mark and the bad rows up to it, if it moved.
    pub(super) fn finish(&mut self, number: u64, mark: Mark, bad: u64) -> Option<(Mark, u64)> {
        self.ahead.insert(number, (mark, bad));
        let mut moved = None;
        while let Some((mark, bad)) = self.ahead.remove(&self.next) {
            self.next += 1;
            self.bad += bad;
            moved = Some(mark);
        }
        moved.map(|mark| (mark, self.bad))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_waits_for_the_gap() {
        let mark = |rows| Mark { rows, ..Mark::default() };
        let mut done = Acknowledged::default();
        let (a, b, c) = (done.start(), done.start(), done.start());
        assert_eq!(done.finish(b, mark(20), 1), None);
        assert_eq!(done.finish(a, mark(10), 2), Some((mark(20), 3)));
        assert_eq!(done.finish(c, mark(30), 0), Some((mark(30), 3)), "those before count on");
    }
}
