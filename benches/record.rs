//! Record to record on one core: JSON bytes in, parse, decide, apply, JSON bytes out, and a commit every 5,000.

#[path = "world/mod.rs"]
mod world;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use world::{BATCH, Count, CpuTime, Discard, NoStore, commit, deliver, engine, load_people};

const PEOPLE: u64 = 1_000_000;

fn records(criterion: &mut Criterion) {
    let mut e = engine("UNLIMITED");
    load_people(&mut e, PEOPLE, |_| 0);
    let mut store = Discard::default();
    commit(&mut e, &mut store);
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(5));

    // What reading the request alone costs: the yardstick for the machine.
    let raw: Vec<Vec<u8>> = (0..1_000).map(|i| world::request(i, PEOPLE)).collect();
    group.bench_function("parse", |b| {
        b.iter_custom(|n| {
            let started = CpuTime::start();
            for i in 0..n as usize {
                let _ = black_box(tollgate_wire::request::parse(&raw[i % raw.len()]));
            }
            started.elapsed()
        });
    });

    // A request becomes an order and an outcome.
    let mut next = 0;
    let mut uid = e.state().next_uid();
    group.bench_function("request", |b| {
        b.iter_custom(|n| {
            let mut took = Duration::ZERO;
            let mut left = n as usize;
            while left > 0 {
                let batch = left.min(BATCH) as u64;
                let raw: Vec<Vec<u8>> = (0..batch).map(|i| world::request(next + i, PEOPLE)).collect();
                let mut sink = Count { json: true, ..Count::default() };
                let started = CpuTime::start();
                for raw in &raw {
                    let _ = black_box(e.request(raw, false, &NoStore, &mut sink));
                }
                commit(&mut e, &mut store);
                took += started.elapsed();
                assert_eq!(sink.orders, batch, "every gate passed");
                deliver(&mut e, uid, uid + batch);
                e.clock(e.now_ms() + 7_000);
                commit(&mut e, &mut store);
                uid += batch;
                next += batch;
                left -= batch as usize;
            }
            took
        });
    });

    // A delivery becomes an outcome and a charge.
    group.bench_function("delivered", |b| {
        b.iter_custom(|n| {
            let mut took = Duration::ZERO;
            let mut left = n as usize;
            while left > 0 {
                let batch = left.min(BATCH) as u64;
                let mut sink = Count { json: true, ..Count::default() };
                for i in 0..batch {
                    let _ = e.request(&world::request(next + i, PEOPLE), false, &NoStore, &mut sink);
                }
                let events: Vec<Vec<u8>> = (uid..uid + batch).map(|uid| delivered(&e, uid)).collect();
                commit(&mut e, &mut store);
                let started = CpuTime::start();
                for event in &events {
                    let _ = black_box(e.events(event, &NoStore, &mut sink));
                }
                commit(&mut e, &mut store);
                took += started.elapsed();
                e.clock(e.now_ms() + 7_000);
                uid += batch;
                next += batch;
                left -= batch as usize;
            }
            took
        });
    });
    group.finish();
}

/// One record of `events` with one status, as the webhook gateway writes it.
fn delivered(e: &tollgate_core::Engine, uid: u64) -> Vec<u8> {
    let digits = e.state().message(uid).and_then(|m| m.user.digits()).expect("a message that is open");
    format!(
        r#"{{"account":"acme","events":[{{"event":"status","sender":"106540352242922","wamid":"wamid.HBgNNTUxMTk4NzY1NDMyMRUCABEYEjdE{uid:012}","to":"+{digits}","status":"delivered","at_s":{},"callback":{{"message_uid":{uid},"attempt":1}},"pricing":{{"model":"PMP","category":"marketing","pricing_type":"regular"}}}}]}}"#,
        e.now_ms() / 1000
    )
    .into_bytes()
}

criterion_group!(benches, records);
criterion_main!(benches);
