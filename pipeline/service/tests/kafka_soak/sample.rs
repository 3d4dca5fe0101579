//! What is looked at every few seconds, and what it may not do.

use crate::PARTITIONS;
use crate::worker::Workers;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use std::fmt;
use std::time::{Duration, Instant};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::KafkaConfig;

/// One look.
pub struct Sample {
    at: u64,
    /// Resident MB of worker 0, which is never killed, and of worker 1.
    resident: [Option<u64>; 2],
    /// Open file handles of worker 0.
    handles: usize,
    /// Requests not decided; none while the broker does not answer.
    lag: Option<u64>,
}

impl Sample {
    pub fn take(at: u64, workers: &Workers, lag: Option<u64>) -> Self {
        let pid = |slot: usize| workers.running[slot].as_ref().map(std::process::Child::id);
        let handles =
            pid(0).and_then(|pid| std::fs::read_dir(format!("/proc/{pid}/fd")).ok()).map_or(0, Iterator::count);
        Self { at, resident: [pid(0), pid(1)].map(|pid| resident(pid?)), handles, lag }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let [first, second] = self.resident.map(shown);
        write!(f, "{:7}  {first:>9} {second:>9}  {:7}  {:>6}", self.at, self.handles, shown(self.lag))
    }
}

fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1_000)
}

/// Compares the last quarter with the one before.
pub fn assert_steady(samples: &[Sample]) {
    let quarter = samples.len() / 4;
    assert!(quarter >= 3, "too few samples: run longer");
    let last = &samples[samples.len() - quarter..];
    let before = &samples[samples.len() - 2 * quarter..samples.len() - quarter];
    let most = |of: &dyn Fn(&Sample) -> u64, samples: &[Sample]| samples.iter().map(of).max().unwrap_or(0);
    let memory = |s: &Sample| s.resident[0].unwrap_or(0);
    let (then, now) = (most(&memory, before), most(&memory, last));
    assert!(now <= then + then / 20 + 8, "memory still grows: {then} MB, then {now} MB");
    let handles = |s: &Sample| s.handles as u64;
    let (then, now) = (most(&handles, before), most(&handles, last));
    assert!(now <= then + then / 4 + 16, "file handles still grow: {then}, then {now}");
}

/// Asks how far the group is behind.
pub struct Lag(BaseConsumer);

impl Lag {
    pub fn new(config: &KafkaConfig) -> Self {
        let mut client = config.consumer("lag", &config.app);
        client.set("isolation.level", "read_uncommitted");
        Self(client.create().unwrap())
    }

    /// None while the broker does not answer.
    pub fn now(&self, config: &KafkaConfig, topic: Topic) -> Option<u64> {
        const ASK: Duration = Duration::from_secs(2);
        let name = config.topic(topic);
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS as i32 {
            list.add_partition(&name, partition);
        }
        let committed = self.0.committed_offsets(list, ASK).ok()?;
        let mut lag = 0;
        for element in committed.elements() {
            let (_, end) = self.0.fetch_watermarks(&name, element.partition(), ASK).ok()?;
            let done = if let Offset::Offset(done) = element.offset() { done } else { 0 };
            lag += (end - done).max(0) as u64;
        }
        Some(lag)
    }

    /// Waits until nothing is left.
    pub fn wait_for(&self, config: &KafkaConfig, topic: Topic, most: Duration, mut meanwhile: impl FnMut()) {
        let started = Instant::now();
        while self.now(config, topic) != Some(0) {
            assert!(started.elapsed() < most, "{} is not read to its end within {most:?}", config.topic(topic));
            meanwhile();
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
