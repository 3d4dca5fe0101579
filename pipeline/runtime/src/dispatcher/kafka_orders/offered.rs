//! Orders of the assigned partitions that may be taken, under local numbers. Pure.
//!
//! An order gets its number when it may be offered: numbers ascend in the order of offering, over all partitions, and
//! are never used again. Whatever takes an order away (its take, the loss of its partition) removes the number; an
//! order that is offered again has a new one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use crate::dispatcher::taken_marks::{Delivered, TakenMarks};
use crate::log::{ReadLimit, Record};

/// Bytes of orders held, at most; one batch of the reader more.
pub(super) const BYTES_MAX: usize = 64 << 20;
/// Bookkeeping of an order beside its bytes.
const ORDER_OVERHEAD: usize = 256;

/// One order as read.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) partition: i32,
    pub(super) offset: u64,
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    pub(super) time_ms: u64,
}

impl Order {
    fn bytes(&self) -> usize {
        self.key.len() + self.value.len() + ORDER_OVERHEAD
    }

    fn record(&self, number: u64) -> Record {
        let text = |number: String| Bytes::from(number);
        Record {
            offset: number,
            key: self.key.clone(),
            value: self.value.clone(),
            time_ms: self.time_ms,
            headers: vec![
                ("partition".to_owned(), text(self.partition.to_string())),
                ("offset".to_owned(), text(self.offset.to_string())),
            ],
        }
    }
}

#[derive(Debug)]
struct Partition {
    marks: TakenMarks,
    /// Read, but outside the window.
    beyond: VecDeque<Order>,
    paused: bool,
}

/// What is offered, and where its marks are.
#[derive(Debug, Default)]
pub(super) struct Offered {
    partitions: BTreeMap<i32, Partition>,
    orders: BTreeMap<u64, Order>,
    /// The next number.
    next: u64,
    bytes: usize,
}

impl Offered {
    /// The number after the newest offered order.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Starts with a partition, with the marks as committed.
    pub(super) fn assign(&mut self, partition: i32, marks: TakenMarks) {
        self.partitions.insert(partition, Partition { marks, beyond: VecDeque::new(), paused: false });
    }

    /// Every partition is lost: nothing is offered any more, no take finds anything.
    pub(super) fn revoke(&mut self) {
        self.partitions.clear();
        self.orders.clear();
        self.bytes = 0;
    }

    /// Holds an order that was read; the next ones of a partition come in ascending order.
    pub(super) fn deliver(&mut self, order: Order) {
        let Some(partition) = self.partitions.get_mut(&order.partition) else { return };
        let verdict = match partition.beyond.is_empty() {
            true => partition.marks.deliver(order.offset),
            false => Delivered::Beyond,
        };
        match verdict {
            Delivered::Done => {}
            Delivered::Open => {
                self.bytes += order.bytes();
                self.offer(order);
            }
            Delivered::Beyond => {
                self.bytes += order.bytes();
                partition.beyond.push_back(order);
            }
        }
    }

    /// Partitions from which nothing more is to be read for now, each told once.
    pub(super) fn pausing(&mut self) -> Vec<i32> {
        let full = self.bytes >= BYTES_MAX;
        let found = self.partitions.iter_mut().filter(|(_, p)| !p.paused && (full || !p.beyond.is_empty()));
        found.map(|(&number, partition)| (number, partition.paused = true).0).collect()
    }

    /// Paused partitions that have room again, each told once. Only when half of the room is free: what the client
    /// has read ahead is thrown away by each pause.
    pub(super) fn resuming(&mut self) -> Vec<i32> {
        if self.bytes > BYTES_MAX / 2 {
            return Vec::new();
        }
        let found = self.partitions.iter_mut().filter(|(_, p)| p.paused && p.beyond.is_empty() && p.marks.has_room());
        found.map(|(&number, partition)| (number, partition.paused = false).0).collect()
    }

    /// Orders at or after a number.
    pub(super) fn pending(&self, from: u64, limit: ReadLimit) -> Vec<Record> {
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        for (&number, order) in self.orders.range(from..).take(limit.records) {
            bytes += order.key.len() + order.value.len();
            if bytes > limit.bytes && !records.is_empty() {
                break;
            }
            records.push(order.record(number));
        }
        records
    }

    /// Marks orders for the next commit; returns those that were not marked before. Each is to be followed by
    /// [`Offered::settle`] or [`Offered::put_back`].
    pub(super) fn mark(&mut self, mut numbers: Vec<u64>) -> Vec<u64> {
        numbers.retain(|number| {
            let order = self.orders.get(number);
            order.is_some_and(|order| marks(&mut self.partitions, order).is_some_and(|marks| marks.take(order.offset)))
        });
        numbers
    }

    /// Position and text to commit for every partition in which one of these orders lies.
    pub(super) fn commits<'a>(&self, numbers: impl Iterator<Item = &'a u64>) -> Vec<(i32, u64, String)> {
        let touched: BTreeSet<i32> = numbers.filter_map(|n| self.orders.get(n)).map(|order| order.partition).collect();
        let found = touched.into_iter().filter_map(|number| Some((number, self.partitions.get(&number)?)));
        let encode = |(number, partition): (i32, &Partition)| {
            let (position, text) = partition.marks.encode();
            (number, position, text)
        };
        found.map(encode).collect()
    }

    /// The marks of these orders are durable.
    pub(super) fn settle<'a>(&mut self, numbers: impl Iterator<Item = &'a u64>) {
        for number in numbers {
            if let Some(order) = self.orders.remove(number) {
                self.bytes -= order.bytes();
            }
        }
        self.offer_beyond();
    }

    /// The marks of these orders are not durable: they are offered again, under new numbers.
    pub(super) fn put_back<'a>(&mut self, numbers: impl Iterator<Item = &'a u64>) {
        for number in numbers {
            let Some(order) = self.orders.remove(number) else { continue };
            if let Some(marks) = marks(&mut self.partitions, &order) {
                marks.put_back(order.offset);
            }
            self.offer(order);
        }
    }

    /// Offers what was outside the window and is inside now.
    fn offer_beyond(&mut self) {
        let mut inside = Vec::new();
        for partition in self.partitions.values_mut() {
            while let Some(order) = partition.beyond.pop_front() {
                match partition.marks.deliver(order.offset) {
                    Delivered::Open => inside.push(order),
                    Delivered::Done => self.bytes -= order.bytes(),
                    Delivered::Beyond => {
                        partition.beyond.push_front(order);
                        break;
                    }
                }
            }
        }
        for order in inside {
            self.offer(order);
        }
    }

    /// Leaves one number out, so that whoever waits for the next one looks.
    pub(super) fn skip_number(&mut self) {
        self.next += 1;
    }

    fn offer(&mut self, order: Order) {
        self.orders.insert(self.next, order);
        self.next += 1;
    }
}

fn marks<'a>(partitions: &'a mut BTreeMap<i32, Partition>, order: &Order) -> Option<&'a mut TakenMarks> {
    partitions.get_mut(&order.partition).map(|partition| &mut partition.marks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatcher::taken_marks::WINDOW;

    const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

    fn order(partition: i32, offset: u64, bytes: usize) -> Order {
        Order { partition, offset, key: Bytes::new(), value: vec![0; bytes].into(), time_ms: 0 }
    }

    fn with_partitions(partitions: i32) -> Offered {
        let mut offered = Offered::default();
        for partition in 0..partitions {
            offered.assign(partition, TakenMarks::default());
        }
        offered
    }

    fn pending(offered: &Offered, from: u64) -> Vec<u64> {
        offered.pending(from, ALL).iter().map(|record| record.offset).collect()
    }

    #[test]
    fn numbers_ascend_over_partitions_and_lead_back() {
        let mut offered = with_partitions(2);
        for (partition, offset) in [(0, 5), (1, 3), (0, 9)] {
            offered.deliver(order(partition, offset, 1));
        }
        assert_eq!((pending(&offered, 0), pending(&offered, 2), offered.next()), (vec![0, 1, 2], vec![2], 3));
        let taken = offered.mark(vec![2, 1, 1, 7]);
        assert_eq!(taken, [2, 1]);
        // 6 to 8 are no orders: with 9 they are one run of four from 5 on, which still waits.
        let commits = offered.commits(taken.iter());
        assert_eq!(commits, [(0, 5, "1bHg".to_owned()), (1, 4, String::new())]);
        offered.settle(taken.iter());
        assert_eq!(pending(&offered, 0), [0]);
    }

    #[test]
    fn what_was_not_durable_is_offered_again_under_a_new_number() {
        let mut offered = with_partitions(1);
        offered.deliver(order(0, 0, 1));
        let taken = offered.mark(vec![0]);
        offered.put_back(taken.iter());
        assert_eq!(pending(&offered, 0), [1]);
        assert!(offered.mark(vec![0]).is_empty(), "the old number is gone");
        assert_eq!(offered.mark(vec![1]), [1]);
    }

    #[test]
    fn a_lost_partition_leaves_nothing_to_take() {
        let mut offered = with_partitions(1);
        offered.deliver(order(0, 0, 1));
        offered.revoke();
        offered.deliver(order(0, 1, 1));
        assert!(offered.mark(vec![0]).is_empty() && pending(&offered, 0).is_empty());
        offered.assign(0, TakenMarks::default());
        offered.deliver(order(0, 0, 1));
        assert_eq!(pending(&offered, 0), [1]);
    }

    #[test]
    fn outside_the_window_a_partition_pauses_until_the_low_mark_moves() {
        let mut offered = with_partitions(2);
        for (partition, offset) in [(0, 0), (0, WINDOW - 1), (1, 0), (0, WINDOW), (0, WINDOW + 1)] {
            offered.deliver(order(partition, offset, 1));
        }
        assert_eq!((offered.pausing(), offered.pausing()), (vec![0], vec![]));
        assert_eq!((pending(&offered, 0), offered.resuming()), (vec![0, 1, 2], vec![]));
        let taken = offered.mark(vec![0]);
        offered.settle(taken.iter());
        assert_eq!((pending(&offered, 0), offered.resuming()), (vec![1, 2, 3, 4], vec![0]));
        assert!(offered.resuming().is_empty());
    }

    #[test]
    fn full_pauses_everything_and_half_full_resumes() {
        let mut offered = with_partitions(2);
        for offset in 0..4 {
            offered.deliver(order(0, offset, BYTES_MAX / 4));
        }
        assert_eq!(offered.pausing(), [0, 1]);
        let taken = offered.mark(vec![0, 1]);
        offered.settle(taken.iter());
        assert!(offered.resuming().is_empty());
        let taken = offered.mark(vec![2]);
        offered.settle(taken.iter());
        assert_eq!(offered.resuming(), [0, 1]);
    }

    #[test]
    fn limits_of_a_read() {
        let mut offered = with_partitions(1);
        for offset in 0..3 {
            offered.deliver(order(0, offset, 10));
        }
        let count = |records, bytes| offered.pending(0, ReadLimit { records, bytes }).len();
        assert_eq!((count(2, 100), count(9, 20), count(9, 5)), (2, 2, 1));
    }
}
