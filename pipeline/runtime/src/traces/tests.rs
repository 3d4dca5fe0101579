//! What is recorded, and that nobody waits for a collector.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use tollgate_metrics::Limits;
use tollgate_wire::Time;

const SAMPLED: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const UNSAMPLED: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn metrics() -> Arc<Metrics> {
    Arc::new(Metrics::new("test", Limits::default()).unwrap())
}

fn started(endpoint: &str, sample_per_million: u32, metrics: &Arc<Metrics>) -> (Traces, Export) {
    let config = TracesConfig {
        endpoint: endpoint.to_owned(),
        headers: String::new(),
        service_name: "tollgate".to_owned(),
        sample_per_million,
    };
    let instance = Instance { system: "tollgate", id: None };
    Traces::start(&config, instance, Clock::manual(Time(1_795_262_400_000)), metrics).unwrap()
}

fn counted(metrics: &Metrics, line: &str) -> u64 {
    let text = String::from_utf8(metrics.encode().unwrap()).unwrap();
    text.lines().find_map(|l| l.strip_prefix(line)).unwrap().trim().parse().unwrap()
}

/// An address where nobody listens.
fn dead() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

#[test]
fn off_begins_nothing() {
    let off = Traces::off();
    assert_eq!((off.is_on(), off.begin(Some(SAMPLED)), off.refused()), (false, None, None));
    assert_eq!(off.child(SpanRef { trace: 1, span: 2 }), None);
}

#[tokio::test]
async fn the_caller_decides_and_without_one_the_configured_part_is_recorded() {
    let metrics = metrics();
    for (per_million, least, most) in [(0, 0, 0), (1_000_000, 1_000, 1_000), (250_000, 180, 320)] {
        let (traces, _export) = started(&dead(), per_million, &metrics);
        let begun = traces.begin(Some(SAMPLED)).unwrap();
        assert_eq!(begun.span.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(begun.parent.map(|parent| parent.span), Some(0x00f0_67aa_0ba9_02b7));
        assert_ne!(begun.span.span, 0x00f0_67aa_0ba9_02b7);
        assert_eq!(traces.begin(Some(UNSAMPLED)), None);
        let roots = (0..1_000).filter(|_| traces.begin(None).is_some()).count();
        assert!((least..=most).contains(&roots), "{roots} of 1000 at {per_million} per million");
        // Where a part is recorded, the next one is told that this request is not in it.
        let refused = traces.refused();
        assert_eq!(refused.is_some(), per_million > 0);
        assert!(refused.iter().all(|header| traces.begin(Some(header)).is_none()));
    }
}

#[tokio::test]
async fn a_full_queue_loses_spans_and_never_waits() {
    let metrics = metrics();
    let (traces, export) = started(&dead(), 0, &metrics);
    let parent = SpanRef { trace: 1, span: 2 };
    // Nothing empties the queue meanwhile: this test has one thread.
    for _ in 0..10_000 {
        traces.end(traces.child(parent).unwrap(), Ended::default());
    }
    assert_eq!(counted(&metrics, "tollgate_spans_dropped_total{reason=\"queue_full\"}"), 10_000 - 8_192);
    let began = Instant::now();
    export.stop(Duration::from_millis(1_500)).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(counted(&metrics, "tollgate_spans_exported_total"), 0);
    assert!(counted(&metrics, "tollgate_spans_dropped_total{reason=\"not_taken\"}") > 0);
}

#[tokio::test]
async fn a_collector_that_takes_the_connection_and_says_nothing_does_not_hold_the_stop() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = metrics();
    let (traces, export) = started(&format!("http://{}", silent.local_addr().unwrap()), 0, &metrics);
    traces.end(traces.child(SpanRef { trace: 1, span: 2 }).unwrap(), Ended::default());
    tokio::time::sleep(Duration::from_millis(800)).await;
    let began = Instant::now();
    export.stop(Duration::from_millis(300)).await;
    assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
}
