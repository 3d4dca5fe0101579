//! Who is to blame for a panic, and batches of several parts.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::*;
use crate::store::StoreOptions;
use tollgate_core::codec;
use tollgate_core::ids::AccountIx;
use tollgate_core::life::Times;
use tollgate_rate_card::RateCards;
use tollgate_wire::partition::Partition;

/// 2026-11-21, 12:00:00 UTC.
pub(in crate::shard) const NOON_MS: u64 = 1_795_262_400_000;
pub(in crate::shard) const ACCOUNT: &str = r#"{"command":"apply_account","spec":{"account":"acme","limit":"TIER_1K","wabas":[{"id":"1",
    "currency":"USD","time_zone":"UTC","senders":[{"id":"2","quality":"GREEN"}],
    "templates":[{"name":"news","language":"pt_BR","category":"marketing","body":[]}]}]}}"#;

pub(in crate::shard) fn parts(clock: &Clock) -> ShardParts {
    let metrics = Arc::new(Metrics::new("test", tollgate_metrics::Limits::default()).unwrap());
    ShardParts {
        engine: EngineConfig {
            rates: Arc::new(RateCards::embedded().unwrap()),
            hash_key: tollgate_core::hashing::HashKey([1; 16]),
            times: Times::default(),
            recent_most: 10,
            partition: Partition::ONLY,
        },
        options: ShardOptions { snapshot_every: Duration::ZERO, ..ShardOptions::default() },
        clock: clock.clone(),
        registry: None,
        metrics,
        lags: Arc::new(Lags::new(clock.clone())),
        traces: Traces::default(),
    }
}

pub(in crate::shard) fn open(store: &Store, parts: &ShardParts) -> Shard {
    let next = Topic::INPUTS.map(|topic| (topic, 0)).to_vec();
    Shard::open(0, next, store.clone(), monotonic(), parts, &Arc::new(Status::default())).unwrap()
}

pub(in crate::shard) fn record(offset: u64, value: &str) -> Record {
    let (key, value) = (Bytes::from_static(b"acme"), Bytes::copy_from_slice(value.as_bytes()));
    Record { offset, key, value, time_ms: NOON_MS, headers: Vec::new() }
}

pub(in crate::shard) fn request(offset: u64, extra: &str) -> (Topic, Record) {
    let body = format!(
        r#"{{"id":"r{offset}","account":"acme","to":"+5511987654321","purpose":"marketing"{extra},
        "content":[{{"template":{{"name":"news","language":"pt_BR"}}}}]}}"#
    );
    (Topic::Requests, record(offset, &body))
}

pub(in crate::shard) fn decide(shard: &mut Shard, store: &Store, inputs: &[(Topic, Record)]) {
    assert!(shard.decide(inputs, 100).unwrap());
    let commit = shard.close().unwrap().unwrap();
    store.write_unsynced(&commit.state).unwrap();
    shard.committed(Duration::ZERO);
}

/// A store with one message, of an account that is not there: whoever looks at it panics.
pub(in crate::shard) fn damaged(store: &Store, clock: &Clock, space: Space, extra: &str) {
    let mut shard = open(store, &parts(clock));
    decide(&mut shard, store, &[(Topic::Commands, record(0, ACCOUNT))]);
    let opt_in = r#"{"command":"set_consent","account":"acme","consent":{"to":"+5511987654321","category":"marketing",
        "state":"opt_in","source":"web"}}"#;
    if space == Space::Messages {
        decide(&mut shard, store, &[(Topic::Commands, record(1, opt_in))]);
    }
    decide(&mut shard, store, &[request(0, extra)]);
    let (key, value) = store.scan_prefix(space, &[]).next().unwrap().unwrap();
    let mut message = codec::message(&value).unwrap();
    message.account = AccountIx(999);
    let mut bytes = Vec::new();
    codec::put_message(&message, &mut bytes);
    let mut batch = StateBatch::default();
    batch.put(space, &key, &bytes);
    store.write_unsynced(&batch).unwrap();
}

#[test]
fn a_panic_of_timers_or_of_a_sweep_sets_no_record_aside() {
    let cases = [
        (Space::Closed, "", Phase::Sweep, "forgot what has ended"),
        (Space::Messages, r#","send_after":"2026-11-21T13:00:00Z""#, Phase::Tick, "timers and queues"),
    ];
    for (space, extra, phase, words) in cases {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
        let clock = Clock::manual(Time(NOON_MS));
        damaged(&store, &clock, space, extra);
        clock.set(Time(NOON_MS + 40 * 86_400_000));
        // Alone, one to a batch, or many: nothing is anybody's fault.
        for records in [0, 1, 3] {
            let mut shard = open(&store, &parts(&clock));
            let inputs: Vec<_> = (1..=records).map(|n| request(n, "")).collect();
            let error = shard.decide(&inputs, 100).and_then(|_| shard.close()).err().unwrap();
            assert!(matches!(error, DecideError::Panicked { partition: 0, phase: p } if p == phase), "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.to_string().contains("no record is set aside"), "{error}");
            assert!(shard.out.records.is_empty());
        }
    }
}

#[test]
fn a_record_that_makes_the_engine_panic_is_found_and_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let clock = Clock::manual(Time(NOON_MS));
    damaged(&store, &clock, Space::Closed, "");
    // Its id is known: the message is looked at while the record is decided.
    let mut shard = open(&store, &parts(&clock));
    let inputs = [request(1, ""), (Topic::Requests, Record { offset: 2, ..request(0, "").1 })];
    assert!(!shard.decide(&inputs, 100).unwrap());
    assert_eq!(shard.records_max(), 1);
    assert!(shard.decide(&inputs[..1], 100).unwrap());
    let first = shard.close().unwrap().unwrap();
    assert!(first.outputs.iter().all(|(topic, _)| *topic != Topic::DeadLetters));
    store.write_unsynced(&first.state).unwrap();
    shard.committed(Duration::ZERO);
    assert!(shard.decide(&inputs[1..], 100).unwrap());
    let second = shard.close().unwrap().unwrap();
    assert_eq!(topics(&second.outputs), [Topic::DeadLetters]);
}

/// Of what is not said with each batch.
fn topics(outputs: &[(Topic, NewRecord)]) -> Vec<Topic> {
    outputs.iter().map(|(topic, _)| *topic).filter(|topic| *topic != Topic::Snapshots).collect()
}

/// What was decided before it in the same batch may lie at the brokers already, and is to be undone there.
#[test]
fn a_record_that_makes_the_engine_panic_in_a_later_part_takes_the_whole_batch_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let clock = Clock::manual(Time(NOON_MS));
    damaged(&store, &clock, Space::Closed, "");
    let mut shard = open(&store, &parts(&clock));
    let inputs = [request(1, ""), (Topic::Requests, Record { offset: 2, ..request(0, "").1 })];
    assert!(shard.decide(&inputs[..1], 100).unwrap());
    assert!(!shard.so_far().unwrap().0.is_empty());
    assert_eq!(shard.next_of(Topic::Requests), 2);
    // Alone in its part, but not in its batch.
    assert!(!shard.decide(&inputs[1..], 100).unwrap());
    assert!(shard.so_far().is_none());
    assert!(shard.close().unwrap().is_none());
    assert_eq!((shard.next_of(Topic::Requests), shard.records_max()), (0, 1));
    decide(&mut shard, &store, &inputs[..1]);
    assert!(shard.decide(&inputs[1..], 100).unwrap());
    let letters = shard.close().unwrap().unwrap().outputs;
    assert_eq!(topics(&letters), [Topic::DeadLetters]);
    shard.committed(Duration::ZERO);
    assert_eq!(shard.next_of(Topic::Requests), 3);
}

/// What was handed to the log ahead is at the beginning of what is committed.
#[test]
fn a_batch_of_parts_holds_what_it_held_before() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let clock = Clock::manual(Time(NOON_MS));
    let mut shard = open(&store, &parts(&clock));
    decide(&mut shard, &store, &[(Topic::Commands, record(0, ACCOUNT))]);
    let values = |outputs: &[(Topic, NewRecord)]| outputs.iter().map(|(_, r)| r.value.clone()).collect::<Vec<_>>();
    let changes = |state: &StateBatch| {
        let owned =
            |(space, key, value): (Space, &[u8], Option<&[u8]>)| (space, key.to_vec(), value.map(<[u8]>::to_vec));
        state.iter().map(owned).collect::<Vec<_>>()
    };
    let (mut told, mut changed) = (Vec::new(), Vec::new());
    for part in 0..3 {
        assert!(shard.decide(&[request(2 * part, ""), request(2 * part + 1, "")], 100).unwrap());
        let (outputs, state) = shard.so_far().unwrap();
        assert!(values(outputs).starts_with(&told) && outputs.len() > told.len());
        assert!(changes(state).starts_with(&changed) && state.len() > changed.len());
        (told, changed) = (values(outputs), changes(state));
    }
    let commit = shard.close().unwrap().unwrap();
    assert!(values(&commit.outputs).starts_with(&told));
    assert!(changes(&commit.state).starts_with(&changed));
    assert!(commit.next_offsets.contains(&(Topic::Requests, 6)));
    store.write_unsynced(&commit.state).unwrap();
    shard.committed(Duration::ZERO);
    // All of it undone by one abort: the same again comes to the same.
    let decided = |shard: &mut Shard| {
        for part in 3..5 {
            assert!(shard.decide(&[request(2 * part, ""), request(2 * part + 1, "")], 100).unwrap());
        }
        values(&shard.close().unwrap().unwrap().outputs)
    };
    let first = decided(&mut shard);
    shard.aborted().unwrap();
    assert_eq!(shard.next_of(Topic::Requests), 6);
    assert_eq!(decided(&mut shard), first);
}
