//! The platform: takes every order that becomes visible, and reports it delivered, now and then twice.

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::KafkaConfig;

use crate::PARTITIONS;
use crate::topics::{flush, producer, send};

pub struct Platform {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Platform {
    pub fn start(config: &KafkaConfig) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (config, stopped) = (config.clone(), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let consumer: BaseConsumer = config.consumer("platform", "platform").create().unwrap();
            let mut list = TopicPartitionList::new();
            for p in 0..PARTITIONS as i32 {
                list.add_partition_offset(&config.topic(Topic::Dispatch), p, Offset::Beginning).unwrap();
            }
            consumer.assign(&list).unwrap();
            let producer = producer(&config);
            while !stopped.load(Ordering::Acquire) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
                let order: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
                let account = order["account"].as_str().unwrap();
                let record = delivered(&order);
                send(&producer, &config, Topic::Events, account, &record);
                if order["message_uid"].as_u64().unwrap().is_multiple_of(10) {
                    send(&producer, &config, Topic::Events, account, &record);
                }
            }
            flush(&producer);
        });
        Self { stop, thread }
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap();
    }
}

fn delivered(order: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let callback = json!({"message_uid": order["message_uid"], "attempt": order["attempt"]});
    let wamid = format!("wamid.{}.{}", order["account"].as_str().unwrap(), order["message_uid"]);
    let at = tollgate_wire::Time(now.as_millis() as u64).to_string();
    json!({"account": order["account"], "events": [
        {"event": "result", "callback": callback, "at": at, "result": {"accepted": {"wamid": wamid}}},
        {"event": "status", "sender": order["sender"], "wamid": wamid, "to": format!("+{}", order["to"].as_str().unwrap()), "status": "delivered",
            "at_s": now.as_secs(), "callback": callback,
            "pricing": {"model": "PMP", "category": "marketing", "pricing_type": "regular"}}]})
    .to_string()
}
