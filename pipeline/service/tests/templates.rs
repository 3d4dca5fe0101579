//! The built program beside the sandbox: templates and numbers are read from the platform at the start and by hand, what a lost
//! webhook left behind is found, and what a template does not take is refused before it leaves.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "http/mod.rs"]
mod http;

use http::http;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tollgate_sandbox::{Sandbox, SandboxConfig};

const WABA: &str = "102290129340398";
const NUMBER: &str = "106540352242922";
const TOKEN: &str = "sandbox-token";

fn tollgate(config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TOLLGATE_")) {
        command.env_remove(name);
    }
    command
        .args(["--config", config.to_str().unwrap()])
        .env("TOLLGATE__APPS__DEFAULT__APP_SECRET", "sandbox-secret")
        .env("TOLLGATE__APPS__DEFAULT__VERIFY_TOKEN", "verify")
        .env("TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN", TOKEN);
    command
}

struct Service {
    child: Child,
    config: PathBuf,
    api: SocketAddr,
}

impl Service {
    fn start(config: PathBuf, api: SocketAddr) -> Self {
        let child = tollgate(&config).arg("serve").stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
        let service = Self { child, config, api };
        wait("the service", || http(api, "GET", "/v1/accounts/nobody", "").is_some());
        service
    }

    /// Exit code and stdout of a command of it.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = tollgate(&self.config).args(arguments).args(["--url", &format!("http://{}", self.api)]).output();
        let output = output.unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(!told.contains(TOKEN), "{told}");
        (output.status.code(), format!("{told}{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Nothing while the views do not know the account.
    fn get(&self, path: &str) -> Value {
        let (status, body) = http(self.api, "GET", path, "").unwrap();
        assert!(matches!(status, 200 | 404), "{path}: {body}");
        if status == 200 { serde_json::from_str(&body).unwrap() } else { Value::Null }
    }

    /// A template as the service knows it.
    fn template(&self, name: &str) -> Value {
        let list = self.get("/v1/templates/acme");
        let mut items = list["items"].as_array().into_iter().flatten();
        items.find(|item| item["template"]["name"] == name).map_or(Value::Null, |item| item["template"].clone())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// No webhooks: whatever is known comes from asking.
fn sandbox() -> SandboxConfig {
    SandboxConfig::from_toml(&format!(
        "listen = \"127.0.0.1:0\"\n[[accounts]]\nid = \"acme\"\nwaba = \"{WABA}\"\nmessaging_limit = 2000\n\
         [[accounts.senders]]\nphone_number_id = \"{NUMBER}\"\ndisplay_phone_number = \"15550783881\"\n\
         throughput_mps = 1000\nquality_rating = \"YELLOW\"\n\
         [[accounts.templates]]\nname = \"order\"\nlanguage = \"en_US\"\ncategory = \"UTILITY\"\n\
         body = [\"first_name\", \"order\"]\n\
         [[accounts.templates]]\nname = \"promo\"\nlanguage = \"en_US\"\ncategory = \"MARKETING\"\nbody = 1\n\
         header = \"IMAGE\"\nbuttons = [{{ type = \"URL\", dynamic = true }}, {{ type = \"QUICK_REPLY\" }}]\n"
    ))
    .unwrap()
}

#[test]
fn templates_and_numbers_are_read_from_the_platform() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let (api, webhooks, metrics) = (free_port(), free_port(), free_port());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let platform = runtime.block_on(Sandbox::start(sandbox())).unwrap();
    let config = here.join("tollgate.toml");
    let text = format!(
        "data_dir = \"{}\"\n[gateway]\napi = \"{api}\"\nwebhooks = \"{webhooks}\"\nmetrics = \"{metrics}\"\n\
         [graph]\nbase_url = \"{}\"\nversion = \"v24.0\"\n",
        here.join("data").display(),
        platform.url()
    );
    std::fs::write(&config, text).unwrap();
    let service = Service::start(config, api);
    let order = |path: &str, body: &Value| {
        let (status, answer) =
            http(platform.address(), "POST", &format!("/sandbox/{path}"), &body.to_string()).unwrap();
        assert_eq!(status, 200, "{answer}");
    };
    // One template is declared, and wrongly; of the other nothing is said.
    let spec = json!({"account": "acme", "limit": 250, "wabas": [{"id": WABA, "currency": "USD", "time_zone": "UTC",
        "senders": [{"id": NUMBER, "quality": "GREEN"}],
        "templates": [{"name": "order", "language": "en_US", "category": "marketing"}]}]});
    let (status, body) = http(api, "PUT", "/v1/accounts/acme", &spec.to_string()).unwrap();
    assert!((200..300).contains(&status), "{body}");

    wait("both templates", || {
        service.template("promo")["status"] == "approved" && service.template("order")["category"] == "utility"
    });
    assert_eq!(service.template("order")["body"], json!(["first_name", "order"]));
    let promo = service.template("promo");
    assert_eq!((&promo["header"], &promo["buttons"], &promo["body"]), (&json!("image"), &json!(1), &json!(["1"])));
    wait("the number", || {
        let sender = service.get("/v1/senders/acme")["items"][0].clone();
        sender["quality"] == "YELLOW" && sender["throughput"] == 1000
    });
    let (code, told) = service.run(&["templates", "list", "acme"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("image header, 1 in body, 1 in buttons") && told.contains("first_name order"), "{told}");
    let (code, told) = service.run(&["senders", "acme"]);
    assert!(code == Some(0) && told.contains("marketing 50% spread") && told.contains("YELLOW"), "{told}");
    let (code, told) = service.run(&["senders", "acme", "--history"]);
    for line in ["quality     GREEN  YELLOW", "throughput  80     1000", "limit       250    2000"] {
        assert!(code == Some(0) && told.contains(line), "{line} in {told}");
    }

    // What a lost webhook leaves behind is found by hand.
    order(
        "templates/status",
        &json!({"account": "acme", "name": "promo", "language": "en_US", "event": "PAUSED", "quiet": true}),
    );
    std::thread::sleep(Duration::from_secs(10));
    let (code, told) = service.run(&["templates", "sync", "acme"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("2 templates and 1 numbers read, 1 changes") && told.contains("promo en_US: approved → paused"),
        "{told}"
    );
    wait("the pause", || service.template("promo")["status"] == "paused");
    let (code, told) = service.run(&["templates", "sync", "acme"]);
    assert!(code == Some(0) && told.contains("was asked about within the past 10 s"), "{told}");

    // What does not fit is refused with its reason, and never reaches the platform.
    let template =
        json!({"name": "order", "language": "en_US", "components": {"body": {"first_name": "Ana", "ordre": "42"}}});
    let request = json!({"id": "m1", "account": "acme", "to": "+14165551234", "purpose": "utility",
        "content": [{"template": template}]});
    let consent =
        json!({"account": "acme", "to": "+14165551234", "category": "utility", "state": "opt_in", "source": "t"});
    for (path, body) in [("/v1/consents:batch", consent), ("/v1/messages", request)] {
        let (status, body) = http(api, "POST", path, &body.to_string()).unwrap();
        assert!((200..300).contains(&status), "{body}");
    }
    wait("the refusal", || {
        let (status, body) = http(api, "GET", "/v1/messages/acme/m1", "").unwrap();
        status == 200 && body.contains("content[0]: bad_parameters: body: the parameter order is missing")
    });
    assert_eq!(platform.stats().accepted, 0);

    // A platform that refuses changes nothing.
    order("errors", &json!({"code": 190, "way": "question", "seconds": 60}));
    std::thread::sleep(Duration::from_secs(10));
    let (code, told) = service.run(&["templates", "sync", "acme"]);
    assert!(code == Some(1) && told.contains("failed, nothing is changed") && told.contains("code 190"), "{told}");
    assert_eq!(service.template("order")["status"], "approved");
    let (_, told) = service.run(&["templates", "list"]);
    assert!(told.contains(&format!("WABA {WABA} could not be read at ")), "{told}");
    let (code, told) = service.run(&["campaigns", "report", "acme", "none", "--format", "csv"]);
    assert!(code == Some(1) && told.contains("none"), "{told}");
}
