//! A platform on loopback, orders in memory, and what was seen.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::watch;
use tollgate_metrics::{Limits, Metrics};
use tollgate_wire::event::{AttemptResult, Events, PlatformEvent};

use crate::clock::{self, Clock};
use crate::dispatcher::{Dispatcher, DispatcherConfig, DispatcherParts, Orders};
use crate::graph::{GraphClient, GraphConfig};
use crate::inbox::BoxFuture;
use crate::inbox::fake::FakeInbox;
use crate::lag::Lags;
use crate::log::{LogError, ReadLimit, Record, Topic};
use crate::registry::{Registry, SharedRegistry};

/// One call as the platform saw it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) uid: u64,
    pub(super) to: String,
    pub(super) at: Instant,
    /// Whether the order was durably taken when the call came in.
    pub(super) taken: bool,
    /// Other calls to the same person under way.
    pub(super) beside: usize,
}

/// Orders in memory; an order's offset is its message uid.
pub(super) struct FakeOrders {
    pub(super) records: Mutex<Vec<Record>>,
    pub(super) taken: Mutex<HashSet<u64>>,
    newest: watch::Sender<u64>,
}

impl Orders for FakeOrders {
    fn pending(&self, from: u64, limit: ReadLimit) -> BoxFuture<'_, Result<Vec<Record>, LogError>> {
        let taken = self.taken.lock().unwrap();
        let records = self.records.lock().unwrap();
        let wanted = records.iter().filter(|r| r.offset >= from && !taken.contains(&r.offset));
        let found = wanted.take(limit.records).cloned().collect();
        Box::pin(async { Ok(found) })
    }

    fn take(&self, offsets: Vec<u64>) -> BoxFuture<'_, Result<Vec<u64>, LogError>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(3)).await;
            let mut taken = self.taken.lock().unwrap();
            Ok(offsets.into_iter().filter(|offset| taken.insert(*offset)).collect())
        })
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

pub(super) struct World {
    pub(super) orders: Arc<FakeOrders>,
    pub(super) inbox: Arc<FakeInbox>,
    pub(super) registry: SharedRegistry,
    pub(super) calls: Arc<Mutex<Vec<Call>>>,
    address: String,
}

struct Platform {
    orders: Arc<FakeOrders>,
    calls: Arc<Mutex<Vec<Call>>>,
    under_way: Mutex<HashMap<String, usize>>,
    takes: Duration,
}

async fn messages(State(platform): State<Arc<Platform>>, body: Bytes) -> impl IntoResponse {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let callback = body["biz_opaque_callback_data"].as_str().unwrap();
    let uid: u64 = callback.split('.').nth(1).unwrap().parse().unwrap();
    let to = body["to"].as_str().unwrap().to_owned();
    let beside = {
        let mut under_way = platform.under_way.lock().unwrap();
        let count = under_way.entry(to.clone()).or_default();
        *count += 1;
        *count - 1
    };
    let taken = platform.orders.taken.lock().unwrap().contains(&uid);
    let call = Call { uid, to: to.clone(), at: clock::monotonic(), taken, beside };
    platform.calls.lock().unwrap().push(call);
    tokio::time::sleep(platform.takes).await;
    *platform.under_way.lock().unwrap().get_mut(&to).unwrap() -= 1;
    axum::Json(json!({ "messages": [{ "id": format!("wamid.{uid}") }] }))
}

impl World {
    /// A platform whose answers take `takes`, and senders `s1`, `s2` of account `acme` at `per_second`.
    pub(super) async fn new(takes: Duration, per_second: u32) -> Self {
        let orders =
            Arc::new(FakeOrders { records: Mutex::default(), taken: Mutex::default(), newest: watch::Sender::new(0) });
        let calls = Arc::new(Mutex::new(Vec::new()));
        let platform = Arc::new(Platform {
            orders: Arc::clone(&orders),
            calls: Arc::clone(&calls),
            under_way: Mutex::default(),
            takes,
        });
        let router = axum::Router::new().route("/v26.0/{sender}/messages", post(messages)).with_state(platform);
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(async move { axum_serve(socket, router).await });
        let senders: Vec<Value> = ["s1", "s2"].iter().map(|id| json!({ "id": id, "throughput": per_second })).collect();
        let spec = json!({ "account": "acme", "limit": "unlimited", "wabas": [
            { "id": "w1", "currency": "USD", "time_zone": "UTC", "senders": senders }] });
        let registry = Registry::build([serde_json::from_value(spec).unwrap()]).unwrap();
        let registry = SharedRegistry::new(registry);
        Self { orders, inbox: Arc::default(), registry, calls, address }
    }

    /// Declares a sender of an account of its own.
    pub(super) fn declare(&self, sender: &str) {
        let spec = json!({ "account": format!("of-{sender}"), "limit": "unlimited", "wabas": [
            { "id": format!("w-{sender}"), "currency": "USD", "time_zone": "UTC", "senders": [{ "id": sender }] }] });
        self.registry.apply(serde_json::from_value(spec).unwrap()).unwrap();
    }

    pub(super) fn config(concurrent_max: usize) -> DispatcherConfig {
        DispatcherConfig {
            concurrent_max,
            access_tokens: HashMap::from([("default".to_owned(), "token".to_owned())]),
            ..DispatcherConfig::default()
        }
    }

    pub(super) fn parts(&self) -> DispatcherParts {
        let config = GraphConfig { base_url: self.address.clone(), ..GraphConfig::default() };
        DispatcherParts {
            orders: Arc::clone(&self.orders) as Arc<dyn Orders>,
            inbox: Arc::clone(&self.inbox) as _,
            graph: GraphClient::new(config).unwrap(),
            registry: self.registry.clone(),
            clock: Clock::system(),
            metrics: Arc::new(Metrics::new("test", Limits::default()).unwrap()),
            lags: Arc::new(Lags::new(Clock::system())),
            traces: crate::traces::Traces::off(),
        }
    }

    pub(super) fn start(&self, concurrent_max: usize) -> Dispatcher {
        Dispatcher::start(Self::config(concurrent_max), self.parts())
    }

    /// Adds an order that may leave within `leave_in_ms` (negative: it is late already).
    pub(super) fn order(&self, uid: u64, sender: &str, to: &str, priority: bool, leave_in_ms: i64) {
        let value = order_json(uid, sender, to, priority, leave_in_ms);
        let mut records = self.orders.records.lock().unwrap();
        let record = Record {
            offset: uid,
            key: Bytes::from(sender.to_owned()),
            value: value.into(),
            time_ms: 0,
            headers: Vec::new(),
        };
        records.push(record);
        self.orders.newest.send_replace(uid + 1);
    }

    /// Damages the order at that offset.
    pub(super) fn break_order(&self, offset: u64) {
        let mut records = self.orders.records.lock().unwrap();
        records.iter_mut().find(|record| record.offset == offset).unwrap().value = Bytes::from_static(b"{");
    }

    /// Results reported so far, by message uid.
    pub(super) fn results(&self) -> Vec<(u64, AttemptResult<'static>)> {
        let mut results = Vec::new();
        for (account, value) in self.inbox.of(Topic::Events) {
            assert_eq!(account, "acme");
            let events: Events<'_> = serde_json::from_str(&value).unwrap();
            for event in events.events {
                let PlatformEvent::Result(result) = event else { panic!("only results are reported: {event:?}") };
                let owned = serde_json::to_value(&result.result).unwrap().to_string();
                let owned: AttemptResult<'static> = serde_json::from_str(Box::leak(owned.into_boxed_str())).unwrap();
                results.push((result.callback.message_uid, owned));
            }
        }
        results
    }

    /// Waits until that many results are durable.
    pub(super) async fn wait_for(&self, results: usize) -> Vec<(u64, AttemptResult<'static>)> {
        for _ in 0..1_000 {
            let have = self.results();
            if have.len() >= results {
                return have;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{} results instead of {results}", self.results().len());
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

pub(super) fn order_json(uid: u64, sender: &str, to: &str, priority: bool, leave_in_ms: i64) -> Vec<u8> {
    let leave_by = tollgate_wire::Time(clock::now().0.checked_add_signed(leave_in_ms).unwrap());
    json!({ "message_uid": uid, "attempt": 1, "account": "acme", "sender": sender, "to": to, "priority": priority,
        "leave_by": leave_by.to_string(), "content": { "template": { "name": "t", "language": "en_US", "body": ["x"] } } })
    .to_string()
    .into_bytes()
}

/// A small server: the product's own listener is not what is tested here.
pub(super) async fn axum_serve(socket: tokio::net::TcpListener, router: axum::Router) {
    loop {
        let (stream, _) = socket.accept().await.unwrap();
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        });
    }
}
