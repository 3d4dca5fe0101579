//! Which orders of one Kafka partition are taken, small enough for the metadata of a committed offset. Pure.
//!
//! Orders are taken in any order, so a position alone does not tell which. A commit carries the low mark (the lowest
//! offset that may still be taken) as its position and, as text, everything done at or above it. *Done* is an order
//! that was taken or an offset that is no order (a transaction's marker, an aborted record): what the reader was
//! given shows which, because offsets ascend. So holes neither hold up the low mark nor cost room.
//!
//! The text is empty when nothing is done above the low mark; else a version, a form and base64 of the shorter of
//! - `b` a bitmap: bit i of byte i / 8 is the offset low mark + i;
//! - `r` runs: lengths as LEB128, in turn not done and done, from the low mark on.
//!
//! An order [`WINDOW`] or more above the low mark is not offered until the mark moves, so that the bitmap always fits
//! the broker's bound (`offset.metadata.max.bytes`, 4,096 by default). The low mark waits for one order at most until
//! its `leave_by`, since a late order is taken too.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Offsets above the low mark that may be offered: 3,000 bytes of bitmap, 4,002 characters.
pub(super) const WINDOW: u64 = 24_000;

const VERSION: char = '1';
const BITMAP: char = 'b';
const RUNS: char = 'r';

/// A commit's text that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its taken marks are not readable ({0})")]
pub(super) struct BadMarks(&'static str);

/// What to do with a record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// It may be offered.
    Open,
    /// It is taken already.
    Done,
    /// Outside the window: deliver it again, before any later one, when the low mark has moved.
    Beyond,
}

/// The marks of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct TakenMarks {
    /// Orders delivered and not taken.
    open: BTreeSet<u64>,
    /// The offset after the last one delivered: everything below that is not open is done.
    next: u64,
    /// Done according to the commit, at or after `next`; ascending.
    restored: VecDeque<Range<u64>>,
}

impl TakenMarks {
    /// The marks as committed: position and text.
    pub(super) fn restore(position: u64, text: &str) -> Result<Self, BadMarks> {
        Ok(Self { open: BTreeSet::new(), next: position, restored: decode(position, text)? })
    }

    /// The records below `offset` are no longer kept.
    pub(super) fn skip_to(&mut self, offset: u64) {
        self.open = self.open.split_off(&offset);
        self.advance(offset);
    }

    /// The lowest offset that may still be taken; the position to commit.
    pub(super) fn low(&self) -> u64 {
        let after = || match self.restored.front() {
            Some(done) if done.contains(&self.next) => done.end,
            _ => self.next,
        };
        self.open.first().copied().unwrap_or_else(after)
    }

    /// Whether half of the window is free.
    pub(super) fn has_room(&self) -> bool {
        self.next.saturating_sub(self.low()) <= WINDOW / 2
    }

    /// Tells of a record that was read, in ascending order.
    pub(super) fn deliver(&mut self, offset: u64) -> Delivered {
        if offset < self.next {
            return Delivered::Done;
        }
        if self.open.first().is_some_and(|low| offset - low >= WINDOW) {
            return Delivered::Beyond;
        }
        let done = self.restored.iter().any(|done| done.contains(&offset));
        self.advance(offset + 1);
        if done {
            return Delivered::Done;
        }
        self.open.insert(offset);
        Delivered::Open
    }

    /// Marks an order; false when it was taken before or never delivered.
    pub(super) fn take(&mut self, offset: u64) -> bool {
        self.open.remove(&offset)
    }

    /// Takes a mark back that did not become durable.
    pub(super) fn put_back(&mut self, offset: u64) {
        self.open.insert(offset);
    }

    /// Position and text to commit.
    pub(super) fn encode(&self) -> (u64, String) {
        let low = self.low();
        (low, encode(&self.done(low)))
    }

    /// What is done above `low`, relative to it; ascending, disjoint, none empty.
    fn done(&self, low: u64) -> Vec<Range<u64>> {
        let mut done: Vec<Range<u64>> = Vec::new();
        let mut add = |range: Range<u64>| {
            let range = range.start.max(low) - low..range.end.max(low) - low;
            match done.last_mut() {
                _ if range.is_empty() => {}
                Some(last) if last.end == range.start => last.end = range.end,
                _ => done.push(range),
            }
        };
        let mut after = low;
        for &open in &self.open {
            add(after..open);
            after = open + 1;
        }
        add(after..self.next);
        for range in &self.restored {
            add(range.start.max(self.next)..range.end);
        }
        done
    }

    fn advance(&mut self, next: u64) {
        self.next = self.next.max(next);
        while self.restored.front().is_some_and(|done| done.end <= self.next) {
            self.restored.pop_front();
        }
    }
}

fn encode(done: &[Range<u64>]) -> String {
    let Some(last) = done.last() else { return String::new() };
    let mut runs = Vec::new();
    let mut at = 0;
    for range in done {
        leb128(range.start - at, &mut runs);
        leb128(range.end - range.start, &mut runs);
        at = range.end;
    }
    let bitmap_bytes = last.end.div_ceil(8) as usize;
    let (form, bytes) = if runs.len() <= bitmap_bytes { (RUNS, runs) } else { (BITMAP, bitmap(done, bitmap_bytes)) };
    let mut text = String::with_capacity(2 + bytes.len().div_ceil(3) * 4);
    text.extend([VERSION, form]);
    STANDARD_NO_PAD.encode_string(bytes, &mut text);
    text
}

fn bitmap(done: &[Range<u64>], bytes: usize) -> Vec<u8> {
    let mut bitmap = vec![0; bytes];
    for bit in done.iter().cloned().flatten() {
        bitmap[(bit / 8) as usize] |= 1 << (bit % 8);
    }
    bitmap
}

fn decode(low: u64, text: &str) -> Result<VecDeque<Range<u64>>, BadMarks> {
    let mut letters = text.chars();
    let Some(version) = letters.next() else { return Ok(VecDeque::new()) };
    if version != VERSION {
        return Err(BadMarks("unknown version"));
    }
    let form = letters.next();
    let bytes = STANDARD_NO_PAD.decode(letters.as_str()).map_err(|_| BadMarks("not base64"))?;
    match form {
        Some(BITMAP) => Ok(ranges_of_bitmap(low, &bytes)),
        Some(RUNS) => ranges_of_runs(low, &bytes),
        _ => Err(BadMarks("unknown form")),
    }
}

fn ranges_of_bitmap(low: u64, bitmap: &[u8]) -> VecDeque<Range<u64>> {
    let mut ranges: VecDeque<Range<u64>> = VecDeque::new();
    for bit in (0..bitmap.len() * 8).filter(|bit| bitmap[bit / 8] & (1 << (bit % 8)) != 0) {
        let offset = low + bit as u64;
        match ranges.back_mut() {
            Some(last) if last.end == offset => last.end += 1,
            _ => ranges.push_back(offset..offset + 1),
        }
    }
    ranges
}

fn ranges_of_runs(low: u64, mut bytes: &[u8]) -> Result<VecDeque<Range<u64>>, BadMarks> {
    let mut ranges = VecDeque::new();
    let mut at = low;
    while !bytes.is_empty() {
        let start = at.checked_add(read_leb128(&mut bytes)?).ok_or(BadMarks("a run without end"))?;
        at = start.checked_add(read_leb128(&mut bytes)?).ok_or(BadMarks("a run without end"))?;
        ranges.push_back(start..at);
    }
    Ok(ranges)
}

fn leb128(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_leb128(bytes: &mut &[u8]) -> Result<u64, BadMarks> {
    let mut number = 0;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(BadMarks("cut off"))?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(BadMarks("a run too long"))
}
