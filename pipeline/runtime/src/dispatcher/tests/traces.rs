//! Spans of calls.

use super::world::World;
use crate::dispatcher::{Dispatcher, DispatcherParts};
use crate::traces::Traces;
use bytes::Bytes;
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Value, json};
use std::time::Duration;

const DECISION: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_call_is_a_span_below_its_decision() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    let (traces, mut ended) = Traces::to_queue(0);
    // Traced, not traced, and too late to be called.
    for (uid, leave_in_ms) in [(0, 5_000), (1, 5_000), (2, -1)] {
        world.order(uid, "s1", &uid.to_string(), false, leave_in_ms);
    }
    for order in world.orders.records.lock().unwrap().iter_mut().filter(|order| order.offset != 1) {
        let mut value: Value = serde_json::from_slice(&order.value).unwrap();
        value["traceparent"] = json!(DECISION);
        order.value = Bytes::from(value.to_string());
    }
    let dispatcher = Dispatcher::start(World::config(16), DispatcherParts { traces, ..world.parts() });
    world.wait_for(3).await;
    dispatcher.stop(Duration::from_secs(5)).await.unwrap();
    let spans: Vec<SpanData> = std::iter::from_fn(|| ended.try_recv().ok()).collect();
    assert_eq!(spans.len(), 1, "{spans:#?}");
    assert_eq!(
        (spans[0].parent_span_id, &spans[0].span_kind),
        (SpanId::from(0x00f0_67aa_0ba9_02b7), &SpanKind::Client)
    );
    let uid = spans[0].attributes.iter().find(|has| has.key.as_str() == "tollgate.message_uid");
    assert_eq!(uid.unwrap().value.to_string(), "0");
}
