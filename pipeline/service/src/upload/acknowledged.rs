//! Up to where everything is acknowledged, although requests end out of order.

use std::collections::BTreeMap;

use super::Mark;

/// Requests by their number.
#[derive(Default)]
pub(super) struct Acknowledged {
    started: u64,
    next: u64,
    ahead: BTreeMap<u64, Mark>,
}

impl Acknowledged {
    /// The number of the next request.
    pub(super) fn start(&mut self) -> u64 {
        self.started += 1;
        self.started - 1
    }

    /// A request has ended well; answers the new mark, if it moved.
    pub(super) fn finish(&mut self, number: u64, mark: Mark) -> Option<Mark> {
        self.ahead.insert(number, mark);
        let mut moved = None;
        while let Some(mark) = self.ahead.remove(&self.next) {
            self.next += 1;
            moved = Some(mark);
        }
        moved
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
        assert_eq!(done.finish(b, mark(20)), None);
        assert_eq!(done.finish(a, mark(10)), Some(mark(20)));
        assert_eq!(done.finish(c, mark(30)), Some(mark(30)));
    }
}
