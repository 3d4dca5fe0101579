//! A gateway on loopback with an inbox in memory and canned views, and a small client.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tollgate_metrics::{Limits, Metrics};
use tollgate_rate_card::{RateCards, YearMonth};
use tollgate_wire::Time;

use crate::clock::Clock;
use crate::gateway::{
    Addresses, Allowed, AppSecrets, BillingQuery, BookError, Books, CreditOf, DeadLetterRead, FeedPage, Gateway,
    GatewayConfig, GatewayParts, HttpLimits, InvoiceOf, MonthOf, ReadError, Reads, Role, Stage, SyncError, Syncs,
    TokenSpec, ViewJson, hash_token,
};
use crate::inbox::BoxFuture;
use crate::inbox::fake::FakeInbox;
use crate::log::Record;
use crate::registry::{Registry, SharedRegistry};
use crate::views::{AccountBill, Bill, FlowView, LiveView, SyncReport, SyncResult};

pub(super) const NOW: Time = Time(1_795_000_000_000);

/// Views with one of everything for account `acme`.
#[derive(Default)]
pub(super) struct FakeReads {
    pub(super) outcomes: Mutex<Vec<(u64, String)>>,
    pub(super) waiting: Mutex<Option<(u64, u64)>>,
    pub(super) snapshot_age_ms: AtomicU64,
    pub(super) left_out: AtomicU64,
    pub(super) dead_letters: Mutex<Vec<Record>>,
}

fn view(known: bool, what: &str) -> Result<Option<ViewJson>, ReadError> {
    Ok(known.then(|| json!({ "as_of": NOW, "what": what }).to_string().into_bytes()))
}

impl Reads for FakeReads {
    fn message(&self, account: &str, id: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme" && id == "m1", "message")
    }
    fn entry(&self, account: &str, entry: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme" && entry == "e1", "entry")
    }
    fn account(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme" || account == "other", "account")
    }
    fn campaigns(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        let campaign = |name: &str, state: &str| json!({ "spec": { "name": name }, "state": state });
        let items = [campaign("spring", "running"), campaign("orders", "paused"), campaign("over", "cancelled")];
        let as_of = Time(NOW.0 - self.snapshot_age_ms.load(Ordering::Relaxed));
        let left_out = self.left_out.load(Ordering::Relaxed);
        let view = json!({ "as_of": as_of, "what": "campaigns", "items": items, "left_out": left_out });
        Ok((account == "acme").then(|| view.to_string().into_bytes()))
    }
    fn campaign(&self, account: &str, campaign: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme" && campaign == "spring", "campaign")
    }
    fn test_recipients(&self, account: &str, campaign: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme" && campaign == "spring", "test recipients")
    }
    fn unanswered(
        &self,
        account: &str,
        _: Time,
        within: std::time::Duration,
        (max, in_full): (usize, bool),
    ) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme", &format!("unanswered {} {max} {in_full}", within.as_secs()))
    }
    fn campaign_report(&self, account: &str, campaign: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme" && campaign == "spring", "report")
    }
    fn senders(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme", "senders")
    }
    fn lots(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme", "lots")
    }
    fn templates(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme", "templates")
    }
    fn levels(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme", "levels")
    }
    fn consents(&self, account: &str, to: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme" && to == "+5511987654321", "consents")
    }
    fn suppressions(&self, account: &str, after: &str, max: usize) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme", &format!("suppressions after {after:?}, {max}"))
    }
    fn person(&self, account: &str, to: &str) -> Result<Option<ViewJson>, ReadError> {
        view(account == "acme" && to == "+5511987654321", "person")
    }
    fn outcomes(&self, account: &str, after: Option<u64>, max: usize) -> Result<FeedPage, ReadError> {
        assert_eq!(account, "acme");
        let outcomes = self.outcomes.lock().unwrap();
        let later = outcomes.iter().filter(|(cursor, _)| after.is_none_or(|after| *cursor > after));
        let items: Vec<(u64, Box<RawValue>)> =
            later.take(max).map(|(cursor, json)| (*cursor, RawValue::from_string(json.clone()).unwrap())).collect();
        let next = items.last().map_or(after.unwrap_or(0), |(cursor, _)| *cursor);
        Ok(FeedPage { as_of: NOW, next, items })
    }
    fn waiting(&self, _: &str) -> Result<Option<(u64, u64)>, ReadError> {
        Ok(*self.waiting.lock().unwrap())
    }
    fn billing(&self, query: &BillingQuery, out: &mut (dyn std::io::Write + Send)) -> Result<String, ReadError> {
        if query.month == "1999-01" {
            return Err(ReadError::BadQuery { field: "month", value: query.month.clone(), remedy: "it has no bills" });
        }
        let row = format!("{},{},{:?},{:?}\n", query.month, query.format, query.view, query.account);
        (0..10_000)
            .try_for_each(|_| out.write_all(row.as_bytes()))
            .map_err(|error| ReadError::Failed(error.to_string()))?;
        Ok(json!({ "file": query.file }).to_string())
    }

    fn live(&self, _: &str) -> Result<Option<LiveView>, ReadError> {
        Ok(None)
    }
    fn flow(&self, _: &[String], _: Time) -> Result<FlowView, ReadError> {
        Err(ReadError::Failed("not of this test".to_owned()))
    }
    fn bill(&self, _: &str, _: YearMonth) -> Result<Bill, ReadError> {
        Err(ReadError::Failed("not of this test".to_owned()))
    }
    fn bills(&self, _: YearMonth, _: &dyn Fn(&str) -> bool) -> Result<(Time, Vec<AccountBill>), ReadError> {
        Err(ReadError::Failed("not of this test".to_owned()))
    }
    fn story(&self, _: &str, _: &str) -> Result<Option<String>, ReadError> {
        Ok(None)
    }

    fn dead_letters(&self, _: Option<u64>, _: usize) -> Result<ViewJson, ReadError> {
        Ok(br#"{"next":0,"items":[]}"#.to_vec())
    }
    fn dead_letter(&self, offset: u64) -> Result<Option<DeadLetterRead>, ReadError> {
        let view = json!({ "offset": offset, "bytes": 3 }).to_string().into_bytes();
        Ok((offset == 7).then(|| DeadLetterRead { view, bytes: Bytes::from_static(b"{x\0") }))
    }
    fn dead_letter_records(&self, from: u64) -> Result<Vec<Record>, ReadError> {
        let letters = self.dead_letters.lock().unwrap();
        // Pages of two.
        Ok(letters.iter().filter(|letter| letter.offset >= from).take(2).cloned().collect())
    }
}

/// Books in which a month ends a moment after it was asked to.
#[derive(Default)]
pub(super) struct FakeBooks {
    /// How often it was looked whether the month has ended.
    pub(super) looked: AtomicU64,
    pub(super) closed: AtomicBool,
    /// Milliseconds that settling takes.
    pub(super) slow_ms: AtomicU64,
    pub(super) settled: AtomicU64,
}

impl Books for FakeBooks {
    fn stage(&self, of: &MonthOf) -> Result<(Stage, ViewJson), BookError> {
        let looked = self.looked.fetch_add(1, Ordering::Relaxed);
        let stage = match (self.closed.load(Ordering::Relaxed), looked) {
            (true, _) => Stage::Closed,
            (false, 0..3) => Stage::Open,
            (false, _) => Stage::Ended,
        };
        Ok((stage, json!({ "account": of.account, "state": format!("{stage:?}") }).to_string().into_bytes()))
    }

    fn settle(&self, of: &MonthOf) -> Result<ViewJson, BookError> {
        std::thread::sleep(Duration::from_millis(self.slow_ms.load(Ordering::Relaxed)));
        self.settled.fetch_add(1, Ordering::Relaxed);
        Ok(json!({ "settled": of.month.to_string() }).to_string().into_bytes())
    }

    fn correct(&self, of: &MonthOf) -> Result<ViewJson, BookError> {
        Ok(json!({ "corrected": of.month.to_string() }).to_string().into_bytes())
    }

    fn may_end(&self, of: &MonthOf, allowed: Allowed, forced: bool, now: Time) -> Result<(), BookError> {
        assert_eq!(now, NOW);
        if of.month.to_string() == "2026-11" && !forced {
            return Err(BookError::Refused { code: "too_early", detail: "wait".to_owned() });
        }
        if !allowed.unverified {
            return Err(BookError::Refused { code: "not_complete", detail: "7 unverified".to_owned() });
        }
        Ok(())
    }

    fn settle_days(&self) -> u8 {
        8
    }

    fn close(&self, of: &MonthOf, _: Allowed) -> Result<ViewJson, BookError> {
        self.closed.store(true, Ordering::Relaxed);
        Ok(json!({ "state": "closed", "month": of.month.to_string() }).to_string().into_bytes())
    }

    fn attach_invoice(&self, of: &MonthOf, asked: &InvoiceOf) -> Result<ViewJson, BookError> {
        if !asked.replace && asked.invoice == "R-8" {
            return Err(BookError::Refused { code: "invoice_attached", detail: "R-7 is".to_owned() });
        }
        let view = json!({ "month": of.month.to_string(), "invoice": asked.invoice, "tax_code": asked.tax_code });
        Ok(view.to_string().into_bytes())
    }

    fn credit(&self, of: &MonthOf, asked: &CreditOf, now: Time) -> Result<Option<ViewJson>, BookError> {
        assert_eq!(now, NOW);
        if asked.id == "taken" {
            return Err(BookError::Refused { code: "credit_id_taken", detail: "it is another's".to_owned() });
        }
        // It is there at the third look.
        let there = self.looked.fetch_add(1, Ordering::Relaxed) >= 2;
        let view = json!({ "month": of.month.to_string(), "id": asked.id, "price": asked.price, "by": asked.by });
        Ok(there.then(|| view.to_string().into_bytes()))
    }
}

/// Answers at once, with one WABA that is as it was.
struct FakeSyncs;

impl Syncs for FakeSyncs {
    fn sync(&self, account: &str) -> BoxFuture<'static, Result<Vec<SyncReport>, SyncError>> {
        let report = SyncReport {
            waba: format!("of {account}"),
            at: NOW,
            result: SyncResult::Done,
            detail: String::new(),
            templates: 3,
            numbers: 1,
            changes: Vec::new(),
            changed: 0,
            not_listed: Vec::new(),
            silent_since: None,
        };
        Box::pin(async move { Ok(vec![report]) })
    }
}

pub(super) struct World {
    pub(super) at: Addresses,
    pub(super) inbox: Arc<FakeInbox>,
    pub(super) reads: Arc<FakeReads>,
    pub(super) books: Arc<FakeBooks>,
    pub(super) registry: SharedRegistry,
    pub(super) clock: Clock,
    pub(super) ready: Arc<AtomicBool>,
    pub(super) stop: watch::Sender<bool>,
    pub(super) serving: JoinHandle<()>,
    parts: GatewayParts,
    client: Client<HttpConnector, Full<Bytes>>,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.status, self.text))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Tokens `enqueue`, `finance`, `operate`, `admin` for account `acme`, `enqueue of all` and so on for all accounts, and
/// `everything`, an admin's for all.
pub(super) fn tokens() -> Vec<TokenSpec> {
    let token = |name: &str, role, accounts: &[&str]| TokenSpec {
        name: name.to_owned(),
        sha256: hash_token(name),
        role,
        accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
    };
    let mut tokens = Vec::new();
    for name in ["enqueue", "finance", "operate", "admin"] {
        let role = Role::from_name(name).unwrap();
        tokens.push(token(name, role, &["acme"]));
        tokens.push(token(&format!("{name} of all"), role, &[]));
    }
    tokens.push(token("everything", Role::Admin, &[]));
    tokens
}

pub(super) fn app(name: &str) -> AppSecrets {
    AppSecrets {
        name: name.to_owned(),
        app_secret: format!("secret of {name}"),
        verify_token: format!("verify {name}"),
        access_token: "access".to_owned(),
    }
}

pub(super) fn config() -> GatewayConfig {
    let any = "127.0.0.1:0".parse().unwrap();
    GatewayConfig {
        api: any,
        console: false,
        webhooks: any,
        metrics: any,
        tokens: tokens(),
        apps: vec![app("default"), app("shop")],
        limits: HttpLimits { shutdown: Duration::from_millis(600), ..HttpLimits::default() },
    }
}

pub(super) fn account(name: &str, app: &str, waba: &str, sender: &str) -> Value {
    json!({ "account": name, "limit": "unlimited", "app": app, "wabas": [{ "id": waba, "currency": "USD",
        "time_zone": "America/Sao_Paulo", "senders": [{ "id": sender, "display": "+1 555 078-3881" }] }] })
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(config()).await
    }

    /// Accounts `acme` (app `default`, WABA 100, sender 200) and `other` (app `shop`, WABA 101, sender 201).
    pub(super) async fn with(config: GatewayConfig) -> Self {
        let specs = [account("acme", "default", "100", "200"), account("other", "shop", "101", "201")];
        let specs = specs.map(|spec| serde_json::from_value(spec).unwrap());
        let registry = SharedRegistry::new(Registry::build(specs).unwrap());
        let inbox: Arc<FakeInbox> = Arc::default();
        let reads: Arc<FakeReads> = Arc::default();
        let books: Arc<FakeBooks> = Arc::default();
        let ready = Arc::new(AtomicBool::new(true));
        let is_ready = Arc::clone(&ready);
        let clock = Clock::manual(NOW);
        let parts = GatewayParts {
            inbox: Arc::clone(&inbox) as _,
            reads: Arc::clone(&reads) as _,
            books: Arc::clone(&books) as _,
            syncs: Arc::new(FakeSyncs),
            registry: registry.clone(),
            rates: Arc::new(RateCards::embedded().unwrap()),
            clock: clock.clone(),
            metrics: Arc::new(Metrics::new("test", Limits::default()).unwrap()),
            traces: crate::traces::Traces::off(),
            beside_api: Router::new().route("/console", axum::routing::get(|| async { "console" })),
        };
        let readiness = Arc::new(move || match is_ready.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err("restoring".to_owned()),
        });
        let (stop, stopping) = watch::channel(false);
        let mut gateway = Gateway::start(&config, Arc::clone(&parts.metrics), readiness, stopping).await.unwrap();
        gateway.bind(config, parts.clone()).await.unwrap();
        let at = gateway.addresses();
        let serving = tokio::spawn(gateway.serve());
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { at, inbox, reads, books, registry, clock, ready, stop, serving, parts, client }
    }

    /// Another gateway, with metrics and health alone so far; stops with this one.
    pub(super) async fn second(&self, config: &GatewayConfig) -> Gateway {
        let metrics = Arc::clone(&self.parts.metrics);
        Gateway::start(config, metrics, Arc::new(|| Err("restoring".to_owned())), self.stop.subscribe()).await.unwrap()
    }

    /// What the gateway was given.
    pub(super) fn parts(&self) -> GatewayParts {
        self.parts.clone()
    }

    /// Calls the API with a token.
    pub(super) async fn api(&self, token: &str, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
        let authorization = format!("Bearer {token}");
        self.call(&format!("http://{}{path}", self.at.api), method, &[("authorization", &authorization)], body).await
    }

    /// Any call; the content type is JSON unless given.
    pub(super) async fn call(
        &self,
        url: &str,
        method: Method,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(url).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request.headers_mut().unwrap().insert(*name, value.parse().unwrap());
        }
        let response = self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

/// A request of account `acme` as JSON.
pub(super) fn request(id: &str, purpose: &str) -> Value {
    json!({ "id": id, "account": "acme", "to": "+5511987654321", "purpose": purpose,
        "content": [{ "template": { "name": "t", "language": "pt_BR" } }] })
}
