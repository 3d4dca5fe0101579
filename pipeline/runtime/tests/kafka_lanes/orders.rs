//! Orders as a reader of committed records sees them, with the moment each came.

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::KafkaConfig;

/// Follows the topic until dropped.
pub struct Orders {
    seen: Arc<Mutex<Seen>>,
    next: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What came so far.
#[derive(Default)]
pub struct Seen {
    by_sender: HashMap<String, Vec<Seat>>,
    /// By number, without plus.
    at: HashMap<u64, Seat>,
}

/// Where an order lies in its topic, and when it was seen.
#[derive(Clone, Copy)]
pub struct Seat {
    pub offset: u64,
    pub seen: Instant,
}

#[derive(serde::Deserialize)]
struct Order<'a> {
    sender: &'a str,
    to: &'a str,
}

impl Seen {
    /// Orders of a sender.
    pub fn count(&self, sender: &str) -> usize {
        self.of(sender).len()
    }

    /// A sender's orders, as they lie in the topic.
    pub fn of(&self, sender: &str) -> &[Seat] {
        self.by_sender.get(sender).map_or(&[], Vec::as_slice)
    }

    /// From a sender's first order to its last, and when that came.
    pub fn span(&self, sender: &str) -> (Duration, Instant) {
        let orders = self.of(sender);
        let last = orders[orders.len() - 1].seen;
        (last - orders[0].seen, last)
    }

    /// The order for a person.
    pub fn at(&self, number: &str) -> Option<Seat> {
        self.at.get(&digits(number)).copied()
    }

    fn add(&mut self, offset: u64, payload: &[u8]) {
        let order: Order<'_> = serde_json::from_slice(payload).unwrap();
        let seat = Seat { offset, seen: Instant::now() };
        match self.by_sender.get_mut(order.sender) {
            Some(sender) => sender.push(seat),
            None => drop(self.by_sender.insert(order.sender.to_owned(), vec![seat])),
        }
        assert!(self.at.insert(digits(order.to), seat).is_none(), "two orders for one person");
    }
}

fn digits(number: &str) -> u64 {
    number.trim_start_matches('+').parse().unwrap()
}

impl Orders {
    /// From the beginning of the one partition on.
    pub fn follow(config: &KafkaConfig) -> Self {
        let (seen, next, stop) = (Arc::default(), Arc::default(), Arc::default());
        let consumer: BaseConsumer = config.consumer("orders", "orders").create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&config.topic(Topic::Dispatch), 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let shared: (Arc<Mutex<Seen>>, Arc<AtomicU64>, Arc<AtomicBool>) =
            (Arc::clone(&seen), Arc::clone(&next), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let (seen, next, stop) = shared;
            while !stop.load(Ordering::Acquire) {
                let Some(message) = consumer.poll(Duration::from_millis(50)) else {
                    // Behind the last order only the marker of its transaction is left.
                    if let Ok(position) = consumer.position()
                        && let Some(Offset::Offset(at)) = position
                            .elements()
                            .first()
                            .map(rdkafka::topic_partition_list::TopicPartitionListElem::offset)
                    {
                        next.store(at as u64, Ordering::Release);
                    }
                    continue;
                };
                let message = message.unwrap();
                seen.lock().unwrap().add(message.offset() as u64, message.payload().unwrap());
            }
        });
        Self { seen, next, stop, thread: Some(thread) }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits for a condition.
    pub fn wait_for(&self, what: &str, most: Duration, condition: impl Fn(&Seen) -> bool) {
        let started = Instant::now();
        while !condition(&self.seen()) {
            assert!(!self.thread.as_ref().unwrap().is_finished(), "the reader of orders ended");
            assert!(started.elapsed() < most, "{what}: not within {most:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until everything before an end is read but, perhaps, a marker.
    pub fn catch_up(&self, end: u64, most: Duration) {
        self.wait_for("the end of the orders", most, |_| self.next.load(Ordering::Acquire) + 1 >= end);
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
