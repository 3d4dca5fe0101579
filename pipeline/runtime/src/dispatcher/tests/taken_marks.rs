//! Marks survive the round trip through a commit, fit the broker's bound, and holes cost nothing.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::dispatcher::taken_marks::{Delivered, TakenMarks, WINDOW};

/// `offset.metadata.max.bytes` of a broker by default.
const METADATA_BYTES_MAX: usize = 4_096;

fn delivered(position: u64, records: impl IntoIterator<Item = u64>) -> TakenMarks {
    let mut marks = TakenMarks::restore(position, "").unwrap();
    for offset in records {
        assert_eq!(marks.deliver(offset), Delivered::Open);
    }
    marks
}

/// The offsets of `records` that a reader who starts from the commit would be offered.
fn open_after_restart(marks: &TakenMarks, records: &BTreeSet<u64>) -> BTreeSet<u64> {
    let (position, text) = marks.encode();
    let mut restored = TakenMarks::restore(position, &text).unwrap();
    let offered = records.range(position..).copied();
    offered.filter(|&offset| restored.deliver(offset) != Delivered::Done).collect()
}

#[test]
fn nothing_taken_is_an_empty_text() {
    assert_eq!(delivered(7, [7, 8, 9]).encode(), (7, String::new()));
}

#[test]
fn the_low_mark_moves_over_taken_orders_and_holes() {
    let mut marks = delivered(0, [0, 1, 4, 9]);
    assert!(marks.take(1) && marks.take(4));
    assert_eq!(marks.low(), 0);
    assert!(marks.take(0));
    assert_eq!(marks.low(), 9, "2, 3 and 5 to 8 are no orders");
    assert!(marks.take(9));
    assert_eq!((marks.low(), marks.encode().1.as_str()), (10, ""));
}

#[test]
fn an_order_is_taken_once_and_only_if_delivered() {
    let mut marks = delivered(0, [0, 2]);
    assert!(marks.take(2) && !marks.take(2) && !marks.take(1) && !marks.take(3));
    marks.put_back(2);
    assert!(marks.take(2));
    assert_eq!(marks.deliver(2), Delivered::Done, "read a second time");
}

#[test]
fn a_hole_before_the_first_record_does_not_hold_up_the_window() {
    let mut marks = TakenMarks::restore(5, "").unwrap();
    assert_eq!(marks.deliver(5 + 10 * WINDOW), Delivered::Open);
    assert_eq!(marks.low(), 5 + 10 * WINDOW);
}

#[test]
fn beyond_the_window_nothing_is_offered_until_the_low_mark_moves() {
    let mut marks = delivered(0, [0, 1, WINDOW - 1]);
    assert_eq!(marks.deliver(WINDOW), Delivered::Beyond);
    assert!(marks.take(1));
    assert_eq!(marks.deliver(WINDOW), Delivered::Beyond);
    assert!(marks.take(0));
    assert_eq!(marks.deliver(WINDOW), Delivered::Open);
}

#[test]
fn the_worst_pattern_fits_the_broker() {
    // Every second order taken: runs are longest and the bitmap is full length.
    let mut marks = delivered(0, 0..WINDOW);
    for offset in (1..WINDOW).step_by(2) {
        assert!(marks.take(offset));
    }
    let (position, text) = marks.encode();
    assert_eq!((position, text.len()), (0, 4_002));
    assert!(text.len() <= METADATA_BYTES_MAX);
    assert_eq!(open_after_restart(&marks, &(0..WINDOW).collect()).len() as u64, WINDOW / 2);
}

#[test]
fn a_few_gaps_are_a_few_characters() {
    let mut marks = delivered(0, (0..WINDOW).step_by(2));
    for offset in (2..WINDOW).step_by(2) {
        marks.take(offset);
    }
    assert_eq!(marks.encode().1.len(), 8, "one run, although every second offset is a hole");
}

#[test]
fn trimmed_records_are_done() {
    let mut marks = TakenMarks::restore(10, "").unwrap();
    marks.skip_to(500);
    assert_eq!((marks.low(), marks.encode()), (500, (500, String::new())));
}

#[test]
fn foreign_texts_are_refused() {
    for (text, why) in [
        ("2bAA", "unknown version"),
        ("1", "unknown form"),
        ("1xAA", "unknown form"),
        ("1b%%", "not base64"),
        ("1rAQ", "cut off"),
        ("1r/////////////w", "a run too long"),
    ] {
        let error = TakenMarks::restore(0, text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Readers that start over from the last commit, again and again, in any order of takes and with any holes:
    /// each order is offered until it is taken and never after.
    #[test]
    fn offered_until_taken_and_never_after(
        gaps in prop::collection::vec(prop_oneof![8 => 1u64..4, 1 => 1u64..3_000], 1..400),
        takes in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..300),
        first in 0u64..1_000,
    ) {
        let records: BTreeSet<u64> = gaps.iter().scan(first, |at, gap| { *at += gap; Some(*at) }).collect();
        let mut marks = TakenMarks::restore(first, "").unwrap();
        let mut taken = BTreeSet::new();
        let mut open: Vec<u64> = Vec::new();
        for (choice, restart) in takes {
            if restart {
                let (position, text) = marks.encode();
                prop_assert!(text.len() <= METADATA_BYTES_MAX);
                prop_assert!(records.range(..position).all(|offset| taken.contains(offset)));
                marks = TakenMarks::restore(position, &text).unwrap();
                open.clear();
            }
            for &offset in &records {
                match marks.deliver(offset) {
                    Delivered::Open => open.push(offset),
                    Delivered::Done => {}
                    Delivered::Beyond => break,
                }
            }
            prop_assert!(open.iter().all(|offset| !taken.contains(offset)));
            if open.is_empty() {
                prop_assert_eq!(&taken, &records);
                break;
            }
            let offset = open.swap_remove(choice.index(open.len()));
            prop_assert!(offset - marks.low() < WINDOW);
            prop_assert!(marks.take(offset));
            prop_assert!(taken.insert(offset));
            let left: BTreeSet<u64> = records.difference(&taken).copied().collect();
            prop_assert_eq!(open_after_restart(&marks, &records), left);
        }
    }
}
