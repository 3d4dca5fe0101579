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
    by_sender: HashMap<String, (usize, Option<(Instant, Instant)>)>,
    /// By number, without plus.
    at: HashMap<u64, Instant>,
}

#[derive(serde::Deserialize)]
struct Order<'a> {
    sender: &'a str,
    to: &'a str,
}

impl Seen {
    /// Orders of a sender.
    pub fn count(&self, sender: &str) -> usize {
        self.by_sender.get(sender).map_or(0, |s| s.0)
    }

    /// From a sender's first order to its last, and when that came.
    pub fn span(&self, sender: &str) -> (Duration, Instant) {
        let (first, last) = self.by_sender[sender].1.unwrap();
        (last - first, last)
    }

    /// When the order for a person came.
    pub fn at(&self, number: &str) -> Option<Instant> {
        self.at.get(&digits(number)).copied()
    }

    fn add(&mut self, payload: &[u8]) {
        let order: Order<'_> = serde_json::from_slice(payload).unwrap();
        let now = Instant::now();
        let sender = match self.by_sender.get_mut(order.sender) {
            Some(sender) => sender,
            None => self.by_sender.entry(order.sender.to_owned()).or_default(),
        };
        sender.0 += 1;
        sender.1 = Some((sender.1.map_or(now, |s| s.0), now));
        assert_eq!(self.at.insert(digits(order.to), now), None, "two orders for one person");
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
                seen.lock().unwrap().add(message.payload().unwrap());
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
