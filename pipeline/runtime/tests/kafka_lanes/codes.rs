//! Requests whose acknowledgement is timed.

use crate::load::number;
use rdkafka::ClientContext;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::KafkaConfig;

/// A producer that remembers when each person's request was acknowledged.
pub struct Timed {
    producer: ThreadedProducer<Acknowledged>,
    config: KafkaConfig,
}

#[derive(Default)]
struct Acknowledged(Mutex<Vec<(usize, Instant)>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, person: usize) {
        assert!(result.is_ok(), "not acknowledged");
        self.0.lock().unwrap().push((person, Instant::now()));
    }
}

impl Timed {
    pub fn new(config: &KafkaConfig) -> Self {
        let mut client = config.producer("timed");
        client.set("linger.ms", "0");
        Self { producer: client.create_with_context(Acknowledged::default()).unwrap(), config: config.clone() }
    }

    /// A one-time code on the priority lane.
    pub fn code(&self, account: &str, person: usize) {
        self.send(Topic::RequestsPriority, account, person);
    }

    /// The same message on the bulk lane.
    pub fn bulk(&self, account: &str, person: usize) {
        self.send(Topic::Requests, account, person);
    }

    fn send(&self, topic: Topic, account: &str, person: usize) {
        let to = number(person);
        let value = format!(
            r#"{{"id":"code-{person}","account":"{account}","sender":"codes-{account}","to":"{to}","purpose":"authentication","content":[{{"template":{{"name":"code","language":["en_US"],"components":{{"body":["481516"]}}}}}}],"expires_at":"2027-11-27T21:00:00-03:00"}}"#
        );
        let topic = self.config.topic(topic);
        let record = BaseRecord::with_opaque_to(&topic, person).partition(0).key(account).payload(&value);
        assert!(self.producer.send(record).is_ok(), "the queue is full");
    }

    /// Everything sent so far, with the moments of acknowledgement.
    pub fn acknowledged(&self) -> Vec<(usize, Instant)> {
        self.producer.flush(Duration::from_secs(60)).unwrap();
        self.producer.context().0.lock().unwrap().clone()
    }
}
