//! Durable requests a second through the embedded log: append (one fsync a group), decide with all gates, commit
//! offsets, order, outcome and state (one fsync a batch). No HTTP, no platform, no views.
//!
//! `cargo run --release -p tollgate-benches --example end_to_end -- [REQUESTS] [DIRECTORY] [COLLECTOR] [PERCENT]`
//! With the address of a collector (`scripts/otlp run` is one) spans go there, of so many in a hundred requests.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tollgate_core::EngineConfig;
use tollgate_core::hashing::HashKey;
use tollgate_core::life::Times;
use tollgate_metrics::{Limits, Metrics};
use tollgate_rate_card::RateCards;
use tollgate_runtime::clock::Clock;
use tollgate_runtime::lag::Lags;
use tollgate_runtime::log::embedded::{EmbeddedLog, EmbeddedOptions};
use tollgate_runtime::log::{NewRecord, Topic};
use tollgate_runtime::shard::{ShardOptions, ShardParts, Shards, Status};
use tollgate_runtime::traces::{Instance, Traces, TracesConfig};

const BATCH: usize = 2_000;

/// The service's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let requests: usize = args.next().map_or(Ok(200_000), |n| n.parse())?;
    let dir = args
        .next()
        .map_or_else(|| std::env::temp_dir().join(format!("tollgate-bench-{}", std::process::id())), PathBuf::from);
    let collector = args.next();
    let traced: usize = args.next().map_or(Ok(100), |n| n.parse())?;
    let clock = Clock::system();
    let log = EmbeddedLog::open(&dir, &EmbeddedOptions::default())?;
    let status = Arc::new(Status::default());
    let config = EngineConfig {
        rates: Arc::new(RateCards::embedded()?),
        hash_key: HashKey([3; 16]),
        times: Times::default(),
        recent_most: 200_000,
        partition: tollgate_wire::partition::Partition::ONLY,
    };
    let metrics = Arc::new(Metrics::new("bench", Limits::default())?);
    let options = ShardOptions::default();
    let lags = Arc::new(Lags::new(clock.clone()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (traces, export) = match &collector {
        None => (Traces::off(), None),
        Some(endpoint) => {
            let (endpoint, service_name) = (endpoint.clone(), "bench".to_owned());
            let set = TracesConfig { endpoint, headers: String::new(), service_name, sample_per_million: 0 };
            let instance = Instance { system: "tollgate", id: None };
            let (traces, export) =
                runtime.block_on(async { Traces::start(&set, instance, clock.clone(), &metrics) })?;
            (traces, Some(export))
        }
    };
    let traced = if collector.is_some() { traced } else { 0 };
    let counted = Arc::clone(&metrics);
    let parts = ShardParts { engine: config, options, clock: clock.clone(), registry: None, metrics, lags, traces };
    let shard = Shards::open(log.clone(), parts, Arc::clone(&status))?;
    let thread = std::thread::spawn(move || shard.run());

    let account = r#"{"command":"apply_account","spec":{"account":"acme","limit":"UNLIMITED","policy":{"in_flight":4000000000},
        "wabas":[{"id":"w1","currency":"USD","time_zone":"UTC","senders":[{"id":"s1","throughput":4000000000,"quality":"GREEN"}],
        "templates":[{"name":"news","language":"en_US","category":"marketing","body":["1","2"]}]}]}}"#;
    let now = clock.now().0;
    log.append_blocking(Topic::Commands, vec![NewRecord::new("acme", account.to_owned(), now)])?;
    let to = |i: usize| format!("+5511{:09}", 900_000_000 + i);
    for chunk in (0..requests).collect::<Vec<_>>().chunks(BATCH) {
        let records = chunk
            .iter()
            .map(|i| {
                let v = format!(
                    r#"{{"command":"set_consent","account":"acme","consent":{{"to":"{}","category":"marketing","state":"opt_in","source":"bench"}}}}"#,
                    to(*i)
                );
                NewRecord::new("acme", v, now)
            })
            .collect();
        log.append_blocking(Topic::Commands, records)?;
    }
    wait_for(&log, Topic::Commands)?;

    let started = Instant::now();
    let cpu = cpu_seconds();
    let producers: Vec<_> = (0..2)
        .map(|p| {
            let (log, clock) = (log.clone(), clock.clone());
            std::thread::spawn(move || -> Result<(), tollgate_runtime::log::LogError> {
                let mine: Vec<usize> = (0..requests).filter(|i| i / BATCH % 2 == p).collect();
                for chunk in mine.chunks(BATCH) {
                    let now = clock.now().0;
                    let records = chunk
                        .iter()
                        .map(|i| {
                            let v = format!(
                                r#"{{"id":"01JD3Y7Q{i:012}","account":"acme","to":"{}","campaign":"black-friday-2026","purpose":"marketing","content":[{{"template":{{"name":"news","language":["en_US","pt_BR"],"components":{{"body":["Ana Maria","42"]}}}}}}],"expires_at":"2027-11-27T21:00:00-03:00","metadata":{{"crm":"881-2","batch":"{p}"}}}}"#,
                                to(*i)
                            );
                            let mut record = NewRecord::new("acme", v, now);
                            if i % 100 < traced {
                                let caller = format!("00-{:032x}-00f067aa0ba902b7-01", i + 1);
                                record.headers.push(("traceparent".to_owned(), caller.into()));
                            }
                            record
                        })
                        .collect();
                    log.append_blocking(Topic::Requests, records)?;
                }
                Ok(())
            })
        })
        .collect();
    for p in producers {
        p.join().map_err(|_| "a producer panicked")??;
    }
    let appended = started.elapsed();
    wait_for(&log, Topic::Requests)?;
    let decided = started.elapsed();
    let cpu = cpu_seconds() - cpu;
    let orders = log.ends(Topic::Dispatch).1;
    println!("requests {requests}, orders {orders}");
    println!("appended durably in {:.2} s: {:.0}/s", appended.as_secs_f64(), requests as f64 / appended.as_secs_f64());
    println!(
        "decided and committed in {:.2} s: {:.0}/s",
        decided.as_secs_f64(),
        requests as f64 / decided.as_secs_f64()
    );
    println!("CPU {:.2} s: {:.1} µs a request", cpu, cpu * 1e6 / requests as f64);
    println!("atomic batches written {}", log.groups_written());
    if let Some(export) = export {
        runtime.block_on(export.stop(Duration::from_secs(5)));
        let text = String::from_utf8(counted.encode()?)?;
        text.lines().filter(|line| line.starts_with("tollgate_spans_")).for_each(|line| println!("{line}"));
    }
    status.stop.store(true, Ordering::Release);
    thread.join().map_err(|_| "the shard panicked")??;
    drop(log);
    std::fs::remove_dir_all(&dir)?;
    if orders as usize != requests {
        return Err(format!("{orders} orders for {requests} requests").into());
    }
    Ok(())
}

/// Waits until the shard has committed everything of a topic.
fn wait_for(log: &EmbeddedLog, topic: Topic) -> Result<(), Box<dyn std::error::Error>> {
    loop {
        let (_, end) = log.ends(topic);
        let committed = log.positions().into_iter().find(|(t, _)| *t == topic).map_or(0, |(_, o)| o);
        if committed >= end {
            return Ok(());
        }
        if let Some(e) = log.stopped() {
            return Err(e.into());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// User and system time of this process so far.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
