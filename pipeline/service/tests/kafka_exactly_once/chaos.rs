//! What happens to workers and broker while requests come in, chosen by a seed.

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::BaseProducer;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::KafkaConfig;

use crate::broker::Broker;
use crate::inputs::Inputs;
use crate::topics::flush;
use crate::worker::{SLOTS, Workers, ends_within, signal};
use crate::{Dice, PARTITIONS};

/// Named points of a batch, its commit and a restore.
const POINTS: [&str; 8] = [
    "ahead",
    "after_produce",
    "after_flush",
    "before_commit",
    "after_commit",
    "before_store",
    "after_store",
    "restoring",
];
/// Steps of a round; requests come in with each.
const STEPS: usize = 24;

/// Sends all requests in portions and does something between them. Returns what was done.
pub fn run(
    dice: &mut Dice,
    broker: &Broker,
    workers: &mut Workers,
    inputs: &Inputs,
    producer: &BaseProducer,
    config: &KafkaConfig,
) -> String {
    let mut done: BTreeMap<&str, usize> = BTreeMap::new();
    let broker_dies_at =
        if std::env::var_os("KAFKA_BOOTSTRAP").is_some() { STEPS } else { dice.below(STEPS as u64) as usize };
    let count = inputs.requests.len();
    // A request does not wait for a command that comes at the same moment in another topic.
    wait_for_commands(config);
    for step in 0..STEPS {
        for i in step * count / STEPS..(step + 1) * count / STEPS {
            inputs.send(i, producer, config);
            // The same id again, near it or far behind it.
            let back = dice.below(500) as usize;
            if i >= back && inputs.requests[i - back].twice {
                inputs.send(i - back, producer, config);
            }
        }
        workers.reap();
        let slot = dice.below(SLOTS as u64) as usize;
        let what = if step == broker_dies_at { "broker killed" } else { act(dice, workers, slot) };
        if step == broker_dies_at {
            broker.kill();
            std::thread::sleep(Duration::from_millis(dice.below(2_000)));
            broker.start_again();
        }
        *done.entry(what).or_default() += 1;
        std::thread::sleep(Duration::from_millis(100 + dice.below(900)));
    }
    flush(producer);
    done.iter().fold(String::new(), |mut told, (what, n)| {
        let _ = write!(told, "{}{n} {what}", if told.is_empty() { "" } else { ", " });
        told
    })
}

fn act(dice: &mut Dice, workers: &mut Workers, slot: usize) -> &'static str {
    match dice.below(12) {
        0..3 => {
            workers.kill(slot);
            workers.up(slot, None);
            "killed"
        }
        3 => {
            workers.kill(slot);
            let _ = std::fs::remove_dir_all(workers.disk(slot));
            workers.up(slot, None);
            "killed, disk lost"
        }
        4..7 => {
            workers.kill(slot);
            let point = POINTS[dice.below(POINTS.len() as u64) as usize];
            let times = 1 + dice.below(if point == "restoring" { 3 } else { 12 });
            workers.up(slot, Some(&format!("{point}:{times}")));
            "to end at a named point"
        }
        7 => {
            // Others join and leave.
            workers.kill(slot);
            std::thread::sleep(Duration::from_millis(3_200 + dice.below(1_000)));
            workers.up(slot, None);
            "away beyond its session"
        }
        8 | 9 => {
            let Some(child) = &workers.running[slot] else {
                workers.up(slot, None);
                return "started";
            };
            signal(child, "STOP");
            std::thread::sleep(Duration::from_millis(dice.below(6_000)));
            signal(child, "CONT");
            "frozen"
        }
        10 => {
            // A successor of the same slot while the old one is frozen: the zombie must end.
            let Some(mut zombie) = workers.running[slot].take() else {
                workers.up(slot, None);
                return "started";
            };
            signal(&zombie, "STOP");
            std::thread::sleep(Duration::from_millis(dice.below(1_000)));
            let mut successor = workers.spawn(slot, &workers.disk(slot + SLOTS), None);
            std::thread::sleep(Duration::from_secs(6));
            signal(&zombie, "CONT");
            // One frozen before it had begun to write takes the slot from its successor instead.
            let ended = ends_within(&mut zombie, Duration::from_secs(40)) || successor.try_wait().unwrap().is_some();
            let _ = zombie.kill();
            let _ = zombie.wait();
            workers.running[slot] = Some(successor);
            assert!(ended, "zombie and successor of slot {slot} live on side by side:\n{}", workers.log());
            // Its successor moves back to the slot's own disk, which is behind by now.
            workers.kill(slot);
            workers.up(slot, None);
            "replaced while frozen"
        }
        _ => {
            if let Some(mut child) = workers.running[slot].take() {
                signal(&child, "TERM");
                assert!(ends_within(&mut child, Duration::from_secs(60)), "a worker does not stop");
            }
            workers.up(slot, None);
            "stopped and started"
        }
    }
}

/// Waits until the group has read every command.
fn wait_for_commands(config: &KafkaConfig) {
    let consumer: BaseConsumer = config.consumer("lag", &config.app).create().unwrap();
    let topic = config.topic(Topic::Commands);
    let started = Instant::now();
    for partition in 0..PARTITIONS as i32 {
        let mut list = TopicPartitionList::new();
        list.add_partition(&topic, partition);
        loop {
            let (_, end) = consumer.fetch_watermarks(&topic, partition, Duration::from_secs(10)).unwrap();
            let committed = consumer.committed_offsets(list.clone(), Duration::from_secs(10)).unwrap();
            if committed.elements()[0].offset() == Offset::Offset(end) {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "commands are not read");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
