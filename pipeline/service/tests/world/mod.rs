//! The service as a process, a sandbox of the platform, and an account with all that is sent.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tollgate_sandbox::{Sandbox, SandboxConfig, SandboxHandle};

use crate::http::http_as;
use crate::process::Process;

/// Long enough for a busy machine; every wait is for a condition.
const BOUND: Duration = Duration::from_secs(90);

/// Every test uses a part of this; naming the rest keeps it from counting as dead.
const _: fn() -> World = World::start;
const _: fn(&str, Option<&'static str>, &str) -> World = World::at;
const _: fn(&World, &Value) = World::apply;
const _: fn(&World, &str, &Value) = World::platform;
const _: fn(&World, &str, &Value) = World::webhook;
const _: fn(&World) -> Vec<Value> = World::outcomes;
const _: fn(&World) -> PathBuf = World::ledger;
const _: fn(&mut World) -> Duration = World::stop;
const _: fn(&mut World) = World::crash;
const _: fn(u64, u64) -> String = person;
const _: &str = OTHER;
const _: fn(&World) -> SocketAddr = |world| world.metrics;

pub const ACCOUNT: &str = "acme";
/// The number that sends, and one whose quality changes.
pub const SENDER: &str = "106540352242922";
pub const OTHER: &str = "106540352242923";
const WABA: &str = "102290129340398";
/// Names the service's disk and its log in the folder.
const SLOT: &str = "service";
/// Of the app, the sandbox's default.
const SECRET: &str = "sandbox-secret";
const SECRETS: [(&str, &str); 3] = [
    ("TOLLGATE__APPS__DEFAULT__APP_SECRET", SECRET),
    ("TOLLGATE__APPS__DEFAULT__VERIFY_TOKEN", "verify"),
    ("TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN", "sandbox-token"),
];

pub struct World {
    // Ends first: before the sandbox, and before its folder goes.
    service: Process,
    pub sandbox: SandboxHandle,
    pub api: SocketAddr,
    pub metrics: SocketAddr,
    webhooks: SocketAddr,
    /// The token of the API, if it asks for one.
    token: Option<&'static str>,
    pub folder: tempfile::TempDir,
    // The sandbox lives in it.
    _runtime: tokio::runtime::Runtime,
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn sandbox_config(webhooks: SocketAddr, account: &str) -> SandboxConfig {
    let templates: String = [("news", "MARKETING"), ("order", "UTILITY"), ("code", "AUTHENTICATION")]
        .iter()
        .map(|(name, category)| {
            let button = if *name == "code" { "buttons = [{ type = \"OTP\" }]\n" } else { "" };
            format!(
                "[[accounts.templates]]\nname = \"{name}\"\nlanguage = \"en_US\"\ncategory = \"{category}\"\n\
                 body = 1\n{button}"
            )
        })
        .collect();
    // Every recipient is delivered to, whatever the dice say, but for those with a special ending.
    let text = format!(
        r#"
listen = "127.0.0.1:0"
seed = 5
[webhooks]
url = "http://{webhooks}/webhooks/whatsapp/default"
retry_first_ms = 50
retry_max_ms = 500
[delays]
delay_scale = 0.05
[rates]
silence = 0.0
undeliverable = 0.0
marketing_cap = 0.0
experiment = 0.0
unknown_error = 0.0
reply = 0.0
stop_reply = 0.0
[[accounts]]
id = "{ACCOUNT}"
waba = "{WABA}"
messaging_limit = 2000
{account}
[[accounts.senders]]
phone_number_id = "{SENDER}"
display_phone_number = "15550783881"
throughput_mps = 80
[[accounts.senders]]
phone_number_id = "{OTHER}"
display_phone_number = "15550783882"
throughput_mps = 80
quality_rating = "YELLOW"
{templates}"#
    );
    SandboxConfig::from_toml(&text).unwrap()
}

impl World {
    /// A service with the account declared.
    pub fn start() -> Self {
        Self::with("", None)
    }

    /// As [`World::start`], with more in the configuration, and with the token that it then asks for.
    pub fn with(more: &str, token: Option<&'static str>) -> Self {
        Self::at(more, token, "")
    }

    /// As [`World::with`], with more that the platform holds of the account.
    pub fn at(more: &str, token: Option<&'static str>, account: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (api, webhooks, metrics) = (free(), free(), free());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(sandbox_config(webhooks, account))).unwrap();
        let config = folder.path().join("tollgate.toml");
        let text = format!(
            "[gateway]\napi = \"{api}\"\nwebhooks = \"{webhooks}\"\nmetrics = \"{metrics}\"\n\
             [graph]\nbase_url = \"{}\"\nversion = \"v24.0\"\n{more}",
            sandbox.url().trim_end_matches('/')
        );
        std::fs::write(&config, text).unwrap();
        let service = Process::serve(&config, folder.path(), SLOT, &[], &SECRETS);
        let world = Self { folder, sandbox, api, metrics, webhooks, token, service, _runtime: runtime };
        wait("the service answers", || world.call("GET", "/v1/accounts/nobody", ""), Option::is_some);
        world.put_account();
        world
    }

    fn put_account(&self) {
        self.apply(&json!({}));
    }

    /// Declares the account with this policy.
    pub fn apply(&self, policy: &Value) {
        let template = |name, category, buttons: u8| json!({"name": name, "language": "en_US", "category": category, "body": ["1"], "buttons": buttons});
        let spec = json!({
            "account": ACCOUNT, "limit": 2000, "policy": policy,
            "wabas": [{"id": WABA, "currency": "USD", "time_zone": "UTC",
                "senders": [
                    {"id": SENDER, "display": "15550783881", "throughput": 80, "quality": "GREEN"},
                    {"id": OTHER, "display": "15550783882", "throughput": 80, "quality": "YELLOW"}],
                "templates": [
                    template("news", "marketing", 0),
                    template("order", "utility", 0),
                    template("code", "authentication", 1)]}]
        });
        self.accepted("PUT", &format!("/v1/accounts/{ACCOUNT}"), &spec.to_string());
        let path = format!("/v1/accounts/{ACCOUNT}");
        wait("the account is known", || self.call("GET", &path, ""), |a| matches!(a, Some((200, _))));
    }

    /// A call of the API.
    pub fn call(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        http_as(self.api, self.token, method, path, body)
    }

    /// A call of the API that has to succeed.
    pub fn accepted(&self, method: &str, path: &str, body: &str) {
        let told = self.call(method, path, body);
        assert!(matches!(told, Some((200..300, _))), "{method} {path}: {told:?}\n{}", self.log());
    }

    /// A control of the sandbox, such as an outage.
    pub fn platform(&self, path: &str, order: &Value) {
        let told = http_as(self.sandbox.address(), None, "POST", &format!("/sandbox/{path}"), &order.to_string());
        assert!(matches!(told, Some((200, _))), "{path}: {told:?}");
    }

    /// A webhook about the WABA that the sandbox does not send, signed as the platform does.
    pub fn webhook(&self, field: &str, value: &Value) {
        let change = json!({"field": field, "value": value});
        let entry = json!({"id": WABA, "time": 1_795_262_400, "changes": [change]});
        let body = json!({"object": "whatsapp_business_account", "entry": [entry]}).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = format!("X-Hub-Signature-256: sha256={}", hex::encode(mac.finalize().into_bytes()));
        let path = format!("http://{}/webhooks/whatsapp/default", self.webhooks);
        let told =
            Command::new("curl").args(["-sSf", "-H", &signature, "--data-binary", &body, &path]).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    }

    pub fn consent(&self, people: &[String], state: &str) {
        let line = |to: &String| json!({"account": ACCOUNT, "to": to, "state": state, "source": "test"}).to_string();
        let lines: Vec<String> = people.iter().map(line).collect();
        self.accepted("POST", "/v1/consents:batch", &lines.join("\n"));
    }

    pub fn enqueue(&self, requests: &[Value]) {
        let lines: Vec<String> = requests.iter().map(Value::to_string).collect();
        self.accepted("POST", "/v1/messages:batch", &lines.join("\n"));
    }

    /// Everything that the feed of outcomes has.
    pub fn outcomes(&self) -> Vec<Value> {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["outcomes", ACCOUNT, "--json"])
            .env("TOLLGATE_URL", format!("http://{}", self.api))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Stops the service as an operator does, and says how long that took.
    pub fn stop(&mut self) -> Duration {
        let began = Instant::now();
        self.service.signal("TERM");
        let status = self.service.ended(BOUND);
        assert!(status.success(), "{status}: {}", self.log());
        began.elapsed()
    }

    /// Kills the service and starts it again.
    pub fn crash(&mut self) {
        self.service.signal("KILL");
        self.service.ended(BOUND);
        let config = self.folder.path().join("tollgate.toml");
        self.service = Process::serve(&config, self.folder.path(), SLOT, &[], &SECRETS);
        wait("the service answers again", || self.call("GET", "/v1/accounts/nobody", ""), Option::is_some);
    }

    /// What the service said.
    pub fn log(&self) -> String {
        self.service.log()
    }

    pub fn ledger(&self) -> PathBuf {
        self.folder.path().join(SLOT).join("ledger.db")
    }
}

/// Waits until `done`; tells what `state` was when it does not come.
pub fn wait<T: std::fmt::Debug>(what: &str, mut state: impl FnMut() -> T, done: impl Fn(&T) -> bool) -> T {
    let started = Instant::now();
    loop {
        let now = state();
        if done(&now) {
            return now;
        }
        assert!(started.elapsed() < BOUND, "{what}: {now:?}");
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// A Brazilian mobile number; `last` (three digits) decides how the sandbox makes the person behave, from 100 on plainly.
pub fn person(group: u64, n: u64) -> String {
    format!("+55119{:05}{:03}", 50_000 + group * 100 + n / 900, 100 + n % 900)
}

/// People of a group.
pub fn people(group: u64, count: u64) -> Vec<String> {
    (0..count).map(|n| person(group, n)).collect()
}

/// A request of one template from the sending number.
pub fn request(id: &str, to: &str, purpose: &str, template: &str) -> Value {
    let mut components = json!({"body": ["x"]});
    if template == "code" {
        let text = json!([{"type": "text", "text": "x"}]);
        components["buttons"] = json!([{"type": "button", "sub_type": "url", "index": "0", "parameters": text}]);
    }
    let mut made = json!({
        "id": id, "account": ACCOUNT, "sender": SENDER, "to": to, "purpose": purpose,
        "content": [{"template": {"name": template, "language": "en_US", "components": components}}]
    });
    if purpose == "marketing" {
        made["campaign"] = json!("autumn");
    }
    made
}
