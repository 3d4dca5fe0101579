//! A shard for benches: one account without limits, contacts opted in, requests by the thousand.
#![allow(dead_code, reason = "shared by several benches; each uses a part")]

use std::sync::Arc;
use std::time::Duration;

use tollgate_core::engine::{Engine, EngineConfig, Sink, Source, Table, Writes};
use tollgate_core::hashing::HashKey;
use tollgate_core::ids::{AccountIx, ContactKey, PairKey, SenderIx, User};
use tollgate_core::life::Times;
use tollgate_core::record::{Contact, Pair};
use tollgate_core::state::State;
use tollgate_core::{Effect, codec};
use tollgate_quality::{Burst, Counted};
use tollgate_rate_card::{Category, RateCards};
use tollgate_wire::Time;
use tollgate_wire::event::{AttemptResult, DispatchResult, Events, PlatformEvent, Pricing, Status, StatusKind};
use tollgate_wire::order::Callback;
use tollgate_wire::request::Recipient;

/// The service's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A Saturday in November 2026, 12:00:00 UTC.
pub const NOON_MS: u64 = 1_795_262_400_000;
/// Records of one commit.
pub const BATCH: usize = 5_000;
/// Digits of the first person.
const FIRST: u64 = 5_511_900_000_000;

/// CPU time of this thread: on a machine that does other things too, the wall clock would measure those.
pub struct CpuTime(Duration);

impl CpuTime {
    /// Now.
    pub fn start() -> Self {
        Self(cpu_time())
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        cpu_time() - self.0
    }
}

fn cpu_time() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(t.tv_sec.unsigned_abs(), t.tv_nsec.unsigned_abs() as u32)
}

/// Nothing is stored, so nothing is found.
pub struct NoStore;

impl Source for NoStore {
    fn get(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

/// Takes records as a store would and forgets them.
#[derive(Default)]
pub struct Discard {
    /// Bytes written so far.
    pub bytes: u64,
}

impl Writes for Discard {
    fn write(&mut self, _: Table, key: &[u8], value: Option<&[u8]>) {
        self.bytes += (key.len() + value.map_or(0, <[u8]>::len)) as u64;
    }
}

/// Counts what leaves.
#[derive(Default)]
pub struct Count {
    /// Orders.
    pub orders: u64,
    /// Bytes of JSON.
    pub bytes: u64,
    /// Whether effects are to be written as JSON.
    pub json: bool,
}

impl Sink for Count {
    fn wants_json(&self) -> bool {
        self.json
    }

    fn effect(&mut self, _: &State, effect: &Effect, key: &str, json: &[u8]) {
        self.orders += u64::from(matches!(effect, Effect::Order { .. }));
        self.bytes += (key.len() + json.len()) as u64;
    }
}

/// The `n`th person.
pub fn person(n: u64) -> u64 {
    FIRST + n
}

/// An engine with one account, one fast number, and `limit` as its messaging limit.
pub fn engine(limit: &str) -> Engine {
    let mut e = Engine::new(EngineConfig {
        rates: Arc::new(RateCards::embedded().expect("the embedded data is sound")),
        hash_key: HashKey([7; 16]),
        times: Times::default(),
        recent_most: 50_000,
        partition: tollgate_wire::partition::Partition::ONLY,
    });
    e.clock(NOON_MS);
    let account = format!(
        r#"{{"command":"apply_account","spec":{{"account":"acme","limit":"{limit}",
        "policy":{{"in_flight":4000000000,"throughput_headroom_percent":0}},
        "wabas":[{{"id":"waba-1","currency":"USD","time_zone":"America/Sao_Paulo",
        "senders":[{{"id":"106540352242922","throughput":1000000000,"quality":"GREEN"}}],
        "templates":[{{"name":"news","language":"pt_BR","category":"marketing","body":["1","2"]}}]}}]}}}}"#
    );
    let done = e.command(account.as_bytes(), &mut Count::default());
    assert!(matches!(done, Ok(Ok(()))), "{done:?}");
    e
}

/// Loads `n` people who opted in, each with a pair, as a store would at start. `counted_s` is when each was counted last.
pub fn load_people(e: &mut Engine, n: u64, counted_s: impl Fn(u64) -> u32) {
    let mut bytes = Vec::new();
    for i in 0..n {
        let user = User::from_digits(person(i)).expect("a number");
        let mut contact =
            Contact { counted: Counted { confirmed_at_s: counted_s(i), ..Counted::default() }, ..Contact::default() };
        contact.opt_in(Some(Category::Marketing), 1, 0);
        bytes.clear();
        codec::put_contact(&contact, &mut bytes);
        let key = ContactKey::new(AccountIx(0), user).0;
        e.load(Table::Contacts, &key.to_be_bytes(), &bytes).expect("a sound record");
        let pair = Pair { burst: Burst { began_ms: 1_795_000_000_000, late_ms: 5_500, sent: 1 }, ..Pair::default() };
        bytes.clear();
        codec::put_pair(&pair, &mut bytes);
        let key = PairKey::new(SenderIx(0), user).0;
        e.load(Table::Pairs, &key.to_be_bytes(), &bytes).expect("a sound record");
    }
    e.loaded();
}

/// A stride through the people that visits each once and is no friend of caches.
pub fn scattered(i: u64, people: u64) -> u64 {
    i.wrapping_mul(0x9E37_79B9) % people
}

/// A request of 340 bytes, as campaign systems send them.
pub fn request(i: u64, people: u64) -> Vec<u8> {
    format!(
        r#"{{"id":"01JD3Y7Q{i:012}","account":"acme","to":"+{}","campaign":"black-friday-2026","purpose":"marketing","content":[{{"template":{{"name":"news","language":["pt_BR","pt_PT","en_US"],"components":{{"body":["Ana Maria","42"]}}}}}}],"expires_at":"2026-11-27T21:00:00-03:00","metadata":{{"crm":"881-2","batch":"7"}}}}"#,
        person(scattered(i, people))
    )
    .into_bytes()
}

/// The platform takes and delivers the messages `from..to`, so that nothing piles up.
pub fn deliver(e: &mut Engine, from: u64, to: u64) {
    let mut sink = Count::default();
    for uid in from..to {
        let wamid = format!("wamid.HBgNNTUxMTk4NzY1NDMyMRUCABEYEjdE{uid:012}");
        let callback = Callback { message_uid: uid, attempt: 1 };
        let digits = e.state().message(uid).and_then(|m| m.user.digits()).expect("a message that is open");
        let result = DispatchResult {
            callback,
            at: Time(e.now_ms()),
            result: AttemptResult::Accepted { wamid: wamid.as_str().into(), held: false },
        };
        let status = Status {
            sender: "106540352242922".into(),
            wamid: wamid.as_str().into(),
            to: Recipient::Number(format!("+{digits}").into()),
            status: StatusKind::Delivered,
            at_s: (e.now_ms() / 1000) as u32,
            callback: Some(callback),
            pricing: Some(Pricing {
                model: Some(tollgate_rate_card::PricingModel::Pmp),
                category: Some(Category::Marketing),
                category_text: None,
                pricing_type: Some(tollgate_rate_card::PricingType::Regular),
                conversation: None,
            }),
            code: None,
        };
        let events = Events {
            account: "acme".into(),
            events: vec![PlatformEvent::Result(result), PlatformEvent::Status(status)],
        };
        let done = e.events_parsed(&events, &NoStore, &mut sink);
        assert!(matches!(done, Ok(Ok(()))), "{done:?}");
    }
}

/// Ends a batch as the shard loop does.
pub fn commit(e: &mut Engine, to: &mut Discard) {
    e.commit(to);
    e.committed();
}
