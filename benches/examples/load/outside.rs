//! The world outside the service, as a process of its own: the sandbox, whoever asks for messages, and a relay between
//! the sandbox's webhooks and the service that times the answers.

use std::convert::Infallible;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tollgate_sandbox::{
    AppSecret, DelayConfig, LimitConfig, MessagingLimit, PortfolioConfig, RateConfig, Sandbox, SandboxConfig,
    SandboxHandle, SenderConfig, WebhookConfig,
};

use super::Failure;
use super::figures::Latencies;

/// Secrets of servers that only these two processes can reach.
pub const APP: &str = "load";
pub const APP_SECRET: &str = "load-app-secret";
pub const ACCESS_TOKEN: &str = "load-access-token";

/// People who are written to in turn, each every 20 s at the most: none so often that the pair rate binds.
const PEOPLE: u64 = 80_000;
/// Requests are asked for so often.
const EVERY: Duration = Duration::from_millis(100);
/// By how much a number may be above its limit in any second as the sandbox counts it: the service keeps the limit where it
/// sends, and what a busy machine holds up for some milliseconds arrives together. Accounts have a headroom for it, which
/// here would hide whether the full rate is reached.
const SLACK_PERCENT: u32 = 10;
/// How long what was asked for may take after the last request.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Case {
    /// One number at 1,000 a second.
    One,
    /// 50 numbers at 80 a second.
    Fifty,
}

impl Case {
    /// Numbers.
    pub fn numbers(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Fifty => 50,
        }
    }

    /// What the platform allows each a second.
    fn throughput(self) -> u64 {
        match self {
            Self::One => 1_000,
            Self::Fifty => 80,
        }
    }

    /// Messages a second, all together.
    pub fn rate(self) -> u64 {
        self.numbers() * self.throughput()
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "one" => Ok(Self::One),
            "fifty" => Ok(Self::Fifty),
            _ => Err(format!("--case {text}: use one, fifty or all")),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "one",
            Self::Fifty => "fifty",
        })
    }
}

/// What this process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outside {
    pub case: Case,
    pub seconds: u64,
    pub service: SocketAddr,
    pub platform: SocketAddr,
    pub relay: SocketAddr,
}

type Http = Client<HttpConnector, Full<Bytes>>;

/// Plays it and prints what was seen.
pub fn run(task: &Outside) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(play(task))
}

async fn play(task: &Outside) -> Result<(), Failure> {
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let webhooks = Arc::new(Mutex::new(Latencies::default()));
    let listener = TcpListener::bind(task.relay).await?;
    let target = format!("http://{}/webhooks/whatsapp/{APP}", task.service);
    tokio::spawn(relay(listener, http.clone(), target, Arc::clone(&webhooks)));
    let sandbox = Sandbox::start(sandbox_config(task)).await?;
    prepare(task, &http).await?;

    let (started, mut asked, mut api) = (Instant::now(), 0_u64, Latencies::default());
    let (mut every, mut tenths) = (tokio::time::interval(EVERY), Vec::new());
    while started.elapsed() < Duration::from_secs(task.seconds) {
        every.tick().await;
        let due = task.case.rate() * started.elapsed().as_millis() as u64 / 1_000;
        // A batch has bounds; after a long stall it takes some of them.
        let upto = due.min(asked + 5_000);
        if upto == asked {
            continue;
        }
        let body: String = (asked..upto).map(|n| request(task.case, n)).collect();
        let before = Instant::now();
        let url = format!("http://{}/v1/messages:batch", task.service);
        call(&http, Method::POST, &url, "application/x-ndjson", body).await?;
        api.0.push(micros(before));
        asked = upto;
        if started.elapsed().as_millis() as u64 * 10 >= task.seconds * 1_000 * (tenths.len() as u64 + 1) {
            tenths.push((started.elapsed().as_secs_f64(), sandbox.stats().accepted));
        }
    }
    let (fed, taken_while_fed) = (started.elapsed().as_secs_f64(), sandbox.stats().accepted);
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && !is_quiet(&sandbox, asked) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let quiet_after = started.elapsed().as_secs_f64() - fed;
    let stats = sandbox.shutdown().await;
    let webhooks = webhooks.lock().unwrap_or_else(PoisonError::into_inner);
    println!("asked for                 {asked}, {:.0}/s, in answers of the API {api}", asked as f64 / fed);
    println!(
        "taken by the platform     {taken_while_fed} while asked, {:.0}/s; all {quiet_after:.1} s after",
        taken_while_fed as f64 / fed
    );
    // What a number may send is what is offered, so that what came late at first is never caught up with.
    let mut by_tenth = String::new();
    let mut last = (0.0, 0);
    for tenth in tenths {
        let _ = write!(by_tenth, " {:.0}", (tenth.1 - last.1) as f64 / (tenth.0 - last.0));
        last = tenth;
    }
    println!("… by tenths of that time   {by_tenth} /s");
    let updates = stats.updates_delivered;
    println!(
        "statuses told             {updates}, {:.0}/s, in webhooks {webhooks}",
        updates as f64 / (fed + quiet_after)
    );
    let peak = stats.throughput_peak.values().max().copied().unwrap_or_default();
    println!("most in any second        {peak} of {} through a number", task.case.throughput());
    println!("refused by the platform   {:?}; posts retried {}", stats.refused, stats.posts_retried);
    if stats.accepted != asked || !stats.violations_total.is_empty() || stats.posts_abandoned != 0 {
        return Err(format!(
            "asked {asked}, taken {}, violations {:?}, webhooks given up {}",
            stats.accepted, stats.violations_total, stats.posts_abandoned
        )
        .into());
    }
    Ok(())
}

/// Everything was taken, and everything that it led to was told.
fn is_quiet(sandbox: &SandboxHandle, asked: u64) -> bool {
    let stats = sandbox.stats();
    stats.accepted >= asked && stats.updates_queued == 0 && stats.timers == 0
}

/// The account, and everybody's yes.
async fn prepare(task: &Outside, http: &Http) -> Result<(), Failure> {
    let base = format!("http://{}", task.service);
    let senders: Vec<_> = (0..task.case.numbers())
        .map(|n| json!({"id": number(n), "display": format!("+1555{n:07}"), "throughput": task.case.throughput(), "quality": "GREEN"}))
        .collect();
    let account = json!({"account": "load", "limit": "UNLIMITED", "app": APP,
        "policy": {"throughput_headroom_percent": 0},
        "wabas": [{"id": "load-waba", "currency": "USD", "time_zone": "UTC", "senders": senders,
            "templates": [{"name": "order_shipped", "language": "en_US", "category": "utility", "body": ["1", "2"]}]}]});
    let url = format!("{base}/v1/accounts/load");
    call(http, Method::PUT, &url, "application/json", account.to_string()).await?;
    let until = Instant::now() + Duration::from_secs(30);
    while call(http, Method::GET, &url, "application/json", String::new()).await.is_err() {
        if Instant::now() > until {
            return Err("the account is not known after 30 s".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let people: Vec<u64> = (0..PEOPLE).collect();
    for batch in people.chunks(5_000) {
        let said = |n: &u64| {
            let consent = json!({"account": "load", "to": person(*n), "category": "utility", "state": "opt_in", "source": "load"});
            format!("{consent}\n")
        };
        let body: String = batch.iter().map(said).collect();
        call(http, Method::POST, &format!("{base}/v1/consents:batch"), "application/x-ndjson", body).await?;
    }
    let last = format!("{base}/v1/contacts/load/%2B{}/consents", &person(PEOPLE - 1)[1..]);
    while !call(http, Method::GET, &last, "application/json", String::new()).await.is_ok_and(|b| b.contains("opt_in")) {
        if Instant::now() > until {
            return Err("the consents are not in force after 30 s".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn number(n: u64) -> String {
    format!("1065403522{n:05}")
}

/// Numbers of the sandbox with this end are ordinary people.
fn person(n: u64) -> String {
    format!("+55119{n:05}500")
}

fn request(case: Case, n: u64) -> String {
    let request = json!({"id": format!("load-{n}"), "account": "load", "to": person(n % PEOPLE), "purpose": "utility",
        "sender": number(n % case.numbers()), "content": [{"template": {"name": "order_shipped", "language": ["en_US"],
            "components": {"body": ["Ana Maria", "42"]}}}], "metadata": {"crm": "881-2"}});
    format!("{request}\n")
}

fn micros(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX)
}

async fn call(http: &Http, method: Method, url: &str, kind: &str, body: String) -> Result<String, Failure> {
    let request =
        Request::builder().method(method).uri(url).header("content-type", kind).body(Full::new(Bytes::from(body)))?;
    let response = http.request(request).await?;
    let status = response.status();
    let body = String::from_utf8_lossy(&response.into_body().collect().await?.to_bytes()).into_owned();
    if status.is_success() { Ok(body) } else { Err(format!("{url}: {status} {body}").into()) }
}

/// Passes the sandbox's webhooks on and keeps how long each answer took.
async fn relay(listener: TcpListener, http: Http, target: String, latencies: Arc<Mutex<Latencies>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (http, target, latencies) = (http.clone(), target.clone(), Arc::clone(&latencies));
        let service = service_fn(move |request: Request<Incoming>| {
            let (http, target, latencies) = (http.clone(), target.clone(), Arc::clone(&latencies));
            async move {
                let status = pass(request, &http, &target, &latencies).await.unwrap_or(StatusCode::BAD_GATEWAY);
                let mut answer = Response::new(Full::new(Bytes::new()));
                *answer.status_mut() = status;
                Ok::<_, Infallible>(answer)
            }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn pass(
    request: Request<Incoming>,
    http: &Http,
    target: &str,
    latencies: &Mutex<Latencies>,
) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut onward = Request::builder().method(parts.method).uri(target).body(Full::new(body))?;
    for name in ["x-hub-signature-256", "content-type"] {
        if let Some(value) = parts.headers.get(name) {
            onward.headers_mut().insert(name, value.clone());
        }
    }
    let before = Instant::now();
    let response = http.request(onward).await?;
    let status = response.status();
    response.into_body().collect().await?;
    latencies.lock().unwrap_or_else(PoisonError::into_inner).0.push(micros(before));
    Ok(status)
}

/// Everybody gets and reads everything, soon: three statuses of each message.
fn sandbox_config(task: &Outside) -> SandboxConfig {
    let senders = (0..task.case.numbers())
        .map(|n| SenderConfig {
            phone_number_id: number(n),
            display_phone_number: format!("1555{n:07}"),
            throughput_mps: task.case.throughput() as u32,
            quality_rating: tollgate_sandbox::Rating::default(),
        })
        .collect();
    let example = SandboxConfig::example().accounts.into_iter().flat_map(|account| account.templates);
    let templates = example.filter(|template| template.name == "order_shipped").collect();
    SandboxConfig {
        listen: task.platform,
        bearer_tokens: vec![ACCESS_TOKEN.to_owned()],
        accounts: vec![PortfolioConfig {
            id: "load".to_owned(),
            waba: "load-waba".to_owned(),
            time_zone: "UTC".to_owned(),
            messaging_limit: MessagingLimit::Unlimited,
            limit_scope: tollgate_sandbox::LimitScope::Portfolio,
            authentication_international_prefixes: Vec::new(),
            senders,
            templates,
            marketing_call_only: false,
        }],
        webhooks: WebhookConfig {
            url: Some(format!("http://{}/", task.relay)),
            app_secret: AppSecret(APP_SECRET.to_owned()),
            ..WebhookConfig::default()
        },
        delays: DelayConfig { delay_scale: 0.2, ..DelayConfig::default() },
        rates: RateConfig::quiet(),
        limits: LimitConfig { throughput_slack_percent: SLACK_PERCENT, ..LimitConfig::default() },
        ..SandboxConfig::default()
    }
}
