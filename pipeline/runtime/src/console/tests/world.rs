//! A console over canned views, two accounts, and a browser without a screen.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use serde_json::json;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tower::ServiceExt as _;

use crate::clock::Clock;
use crate::console::router;
use crate::gateway::{
    BillingQuery, DeadLetterRead, FeedPage, GatewayConfig, ReadError, Reads, Role, TokenSpec, ViewJson, hash_token,
};
use crate::log::Record;
use crate::registry::{Registry, SharedRegistry};
use crate::views::{AccountBill, Bill, BillLine, FlowView, LiveView, OutcomeCount};

pub(super) const NOW: Time = Time(1_795_000_000_000);
/// What somebody would write into every field that takes free text.
pub(super) const HOSTILE: &str = "\"><img src=x onerror=alert(1)>'&<script>alert(2)</script>";
/// A business number as people write it.
pub(super) const DISPLAY: &str = "+55 11 98765-4321";

/// Accounts `acme` and `other` with everything that a page can show.
#[derive(Default)]
pub(super) struct Canned {
    pub(super) fails: AtomicBool,
    pub(super) age_ms: AtomicU64,
    /// Questions for the bill's download.
    pub(super) exported: Mutex<Vec<BillingQuery>>,
}

impl Canned {
    fn check(&self) -> Result<(), ReadError> {
        match self.fails.load(Ordering::Relaxed) {
            true => Err(ReadError::Failed("the disk of host db-7 is full".to_owned())),
            false => Ok(()),
        }
    }
}

fn not_asked<T>() -> Result<T, ReadError> {
    Err(ReadError::Failed("no page asks for this".to_owned()))
}

impl Reads for Canned {
    fn live(&self, account: &str) -> Result<Option<LiveView>, ReadError> {
        self.check()?;
        if account == "empty" {
            return Ok(None);
        }
        let as_of = Time(NOW.0 - self.age_ms.load(Ordering::Relaxed));
        let view = json!({
            "as_of": as_of, "account": account, "name": HOSTILE, "disabled": false, "limit": 2_000,
            "limit_scope": "portfolio", "quota_used": 1_500, "quota_next_return": Time(NOW.0 + 60_000),
            "parked_messages": 41, "parked_bytes": 12_345, "senders": 1, "campaigns": 1,
        });
        let sender = json!({
            "id": "106540352242922", "display": DISPLAY, "waba": "1", "quality": "YELLOW", "throughput": 80,
            "throughput_now": 20, "in_flight": 3, "in_flight_limit": 100, "blocked": false,
            "next_pacing_token": Time(NOW.0 + 5_000),
        });
        let campaign = json!({
            "as_of": as_of, "spec": {"name": HOSTILE, "budget": "100.00"}, "state": "running", "currency": "USD",
            "reserved": "5.00", "spent": "20.5", "counts": {"requested": 100, "parked": 41, "delivered": 30, "read": 29},
        });
        let lot = json!({
            "lot": "l1", "reason": "template_paused", "resource": HOSTILE, "language": HOSTILE, "priority": false,
            "class": "marketing", "campaign": HOSTILE, "sender": "106540352242922", "messages": 41,
            "opens_at": Time(NOW.0 + 3_600_000), "done_by": Time(NOW.0 + 7_200_000),
        });
        let wait = json!({"lot": lot, "account": view, "campaign": campaign, "sender": sender});
        Ok(Some(LiveView {
            account: serde_json::from_value(view).unwrap(),
            senders: vec![serde_json::from_value(sender).unwrap()],
            campaigns: vec![serde_json::from_value(campaign).unwrap()],
            waits: vec![serde_json::from_value(wait).unwrap()],
        }))
    }

    fn flow(&self, accounts: &[String], since: Time) -> Result<FlowView, ReadError> {
        self.check()?;
        let of = |outcome: &str, reason: Option<&str>, messages: u64| OutcomeCount {
            outcome: outcome.to_owned(),
            reason: reason.map(str::to_owned),
            messages: messages * accounts.len() as u64,
        };
        let now = vec![
            of("delivered", None, 30),
            of("duplicate", None, 7),
            of("parked", Some("quota"), 41),
            of("read", None, 29),
            of("refused", Some(HOSTILE), 1_000),
        ];
        Ok(FlowView {
            as_of: NOW,
            now,
            since,
            requests: 5,
            moves: [("delivered".to_owned(), 12)].into(),
            complete: false,
        })
    }

    fn bill(&self, _: &str, month: YearMonth) -> Result<Bill, ReadError> {
        self.check()?;
        let line = |country: &str, cost: &str| BillLine {
            country: country.to_owned(),
            category: "marketing".to_owned(),
            messages: 10,
            free: 1,
            cost: cost.parse().unwrap(),
            cost_currency: "USD".to_owned(),
            price_ex_tax: "3.5".parse().unwrap(),
            price_currency: "BRL".to_owned(),
            ..BillLine::default()
        };
        Ok(Bill { as_of: NOW, billing_period: month.to_string(), lines: vec![line("BR", "0.625"), line("", "0.0001")] })
    }

    fn bills(&self, _: YearMonth, wanted: &dyn Fn(&str) -> bool) -> Result<(Time, Vec<AccountBill>), ReadError> {
        self.check()?;
        let bill = |account: &str| AccountBill {
            account: account.to_owned(),
            messages: -2,
            free: 0,
            unpriced: 0,
            cost: "1.25".parse().unwrap(),
            cost_currency: "USD".to_owned(),
            price_ex_tax: "7".parse().unwrap(),
            price_currency: "BRL".to_owned(),
        };
        Ok((NOW, ["acme", "other"].into_iter().filter(|account| wanted(account)).map(bill).collect()))
    }

    fn story(&self, account: &str, id: &str) -> Result<Option<String>, ReadError> {
        self.check()?;
        let story =
            format!("Message m1 of account {account}\n  to  +5511987654321\n  detail {HOSTILE}\n\nMoves\n  none\n");
        Ok((id == "m1").then_some(story))
    }

    fn billing(&self, query: &BillingQuery, out: &mut (dyn io::Write + Send)) -> Result<String, ReadError> {
        self.check()?;
        self.exported.lock().unwrap().push(query.clone());
        out.write_all(b"a,b\n1,2\n").map_err(|error| ReadError::Failed(error.to_string()))?;
        Ok("{}".to_owned())
    }

    fn test_recipients(&self, _: &str, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn unanswered(
        &self,
        _: &str,
        _: Time,
        _: std::time::Duration,
        _: (usize, bool),
    ) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn campaign_report(&self, _: &str, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn templates(&self, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn levels(&self, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn suppressions(&self, _: &str, _: &str, _: usize) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn person(&self, _: &str, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn message(&self, _: &str, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn entry(&self, _: &str, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn account(&self, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn campaigns(&self, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn campaign(&self, _: &str, name: &str) -> Result<Option<ViewJson>, ReadError> {
        let counts = serde_json::json!({ "requested": 7, "refused": 7 });
        let past = serde_json::json!({ "spec": { "name": name }, "state": "past", "currency": "", "reserved": "0",
            "spent": "0", "counts": counts });
        Ok((name == "long-ago").then(|| past.to_string().into_bytes()))
    }
    fn senders(&self, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn lots(&self, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn consents(&self, _: &str, _: &str) -> Result<Option<ViewJson>, ReadError> {
        not_asked()
    }
    fn outcomes(&self, _: &str, _: Option<u64>, _: usize) -> Result<FeedPage, ReadError> {
        not_asked()
    }
    fn waiting(&self, _: &str) -> Result<Option<(u64, u64)>, ReadError> {
        not_asked()
    }
    fn dead_letters(&self, _: Option<u64>, _: usize) -> Result<ViewJson, ReadError> {
        not_asked()
    }
    fn dead_letter(&self, _: u64) -> Result<Option<DeadLetterRead>, ReadError> {
        not_asked()
    }
    fn dead_letter_records(&self, _: u64) -> Result<Vec<Record>, ReadError> {
        not_asked()
    }
}

/// The console, and a browser's cookie.
pub(super) struct World {
    pub(super) reads: Arc<Canned>,
    router: Router,
    pub(super) cookie: Option<String>,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

const HOST: &str = "127.0.0.1:8080";

impl World {
    /// Tokens are named as their roles; `finance of acme` and so on are for that account alone.
    pub(super) fn new() -> Self {
        let token = |name: &str, role: &str, accounts: &[&str]| TokenSpec {
            name: name.to_owned(),
            sha256: hash_token(name),
            role: Role::from_name(role).unwrap(),
            accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
        };
        let roles = ["enqueue", "finance", "operate", "admin"];
        let of_all = roles.map(|role| token(role, role, &[]));
        let of_one = roles.map(|role| token(&format!("{role} of acme"), role, &["acme"]));
        Self::with([of_all, of_one].concat())
    }

    pub(super) fn with(tokens: Vec<TokenSpec>) -> Self {
        let spec = |name: &str, waba: &str, sender: &str| {
            let spec = json!({ "account": name, "limit": 2_000, "wabas": [{ "id": waba, "currency": "USD",
                "time_zone": "UTC", "senders": [{ "id": sender, "display": "" }] }] });
            serde_json::from_value(spec).unwrap()
        };
        let specs = [spec("acme", "100", "200"), spec("empty", "102", "202"), spec("other", "101", "201")];
        let registry = SharedRegistry::new(Registry::build(specs).unwrap());
        let reads: Arc<Canned> = Arc::default();
        let config = GatewayConfig { tokens, ..GatewayConfig::default() };
        let router = router(&config, Arc::clone(&reads) as _, &registry, &Clock::manual(NOW)).unwrap();
        Self { reads, router, cookie: None }
    }

    /// A console where somebody has signed in.
    pub(super) async fn of(token: &str) -> Self {
        let mut world = Self::new();
        let answer = world.sign_in(token).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{token}: {}", answer.text);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        world.cookie = Some(cookie);
        world
    }

    pub(super) async fn sign_in(&self, token: &str) -> Answer {
        let origin = format!("http://{HOST}");
        self.post("/console/login", &[("origin", &origin)], &format!("token={}&next=%2F", token.replace(' ', "+")))
            .await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], String::new()).await
    }

    pub(super) async fn post(&self, path: &str, headers: &[(&'static str, &str)], form: &str) -> Answer {
        self.ask(Method::POST, path, headers, form.to_owned()).await
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", HOST);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request.headers_mut().unwrap().insert(*name, value.parse().unwrap());
        }
        let answer = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, text }
    }
}
