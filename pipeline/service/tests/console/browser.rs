//! A Chromium without a screen, driven by the WebDriver protocol (W3C) over HTTP: as much of it as is needed.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::http;

/// What is missing, and how to get it.
const MISSING: &str = "the console's test needs Chromium and chromedriver; as root on Debian `scripts/chromium fetch` \
                       installs them (packages chromium and chromium-driver)";
/// The name under which the protocol hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Keys as the protocol writes them.
pub const TAB: &str = "\u{E004}";
pub const ENTER: &str = "\u{E007}";
/// How long an element or a page is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A light or a dark page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A browser with a profile of its own; gone when dropped.
pub struct Browser {
    driver: Child,
    at: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one; what it downloads comes into `downloads`.
    pub fn start(downloads: &Path) -> Self {
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = driver.unwrap_or_else(|error| panic!("chromedriver: {error}; {MISSING}"));
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port =
            lines.find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("chromedriver did not start; {MISSING}"));
        // What it goes on saying is read, or it would wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless=new",
            // Root, and no other page than ours.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1200,800",
            "--lang=en",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let options = json!({"args": arguments, "prefs": {"download.default_directory": downloads}});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "timeouts": {"implicit": PATIENCE.as_millis()}}}});
        let mut browser = Self { driver, at, session: String::new(), _profile: profile };
        let told = http(at, "POST", "/session", &wanted.to_string());
        let made: Value = told.as_ref().map(|(_, body)| serde_json::from_str(body).unwrap()).unwrap_or_default();
        let session = made["value"]["sessionId"].as_str();
        session
            .unwrap_or_else(|| panic!("Chromium did not start: {told:?}; {MISSING}"))
            .clone_into(&mut browser.session);
        browser
    }

    fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if method == "GET" || method == "DELETE" { String::new() } else { body.to_string() };
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        let address = format!("/session/{}{path}", self.session);
        let (status, answer) = http(self.at, method, &address, &body).ok_or("the driver does not answer")?;
        let mut answer: Value = serde_json::from_str(&answer).map_err(|e| format!("{e}: {answer}"))?;
        if status == 200 { Ok(answer["value"].take()) } else { Err(answer["value"].to_string()) }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let told = self.try_call(method, path, body);
        told.unwrap_or_else(|why| {
            let at = self.try_call("GET", "url", &Value::Null);
            let text =
                self.try_call("POST", "execute/sync", &json!({"script": "return document.body.innerText", "args": []}));
            panic!(
                "{method} {path} {body}: {why}\nat {at:?}:\n{}",
                text.unwrap_or_default().as_str().unwrap_or_default()
            )
        })
    }

    fn element(&self, using: &str, value: &str) -> String {
        let found = self.call("POST", "element", &json!({"using": using, "value": value}));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    pub fn open(&self, address: &str) {
        self.call("POST", "url", &json!({"url": address}));
    }

    pub fn address(&self) -> String {
        self.call("GET", "url", &Value::Null).as_str().unwrap().to_owned()
    }

    fn click(&self, using: &str, value: &str) {
        let element = self.element(using, value);
        self.call("POST", &format!("element/{element}/click"), &json!({}));
    }

    /// Does what leads to another page, and waits for it: the driver may answer a click before the browser has begun to
    /// leave, and what is asked then is answered by the page before.
    pub fn leave(&self, act: impl FnOnce()) {
        self.run("document.documentElement.dataset.left = true");
        act();
        let arrived = json!({"args": [],
            "script": "return !document.documentElement.dataset.left && document.readyState === 'complete'"});
        let begun = Instant::now();
        // Between two pages nobody answers: that is asked again as well.
        while self.try_call("POST", "execute/sync", &arrived).as_ref() != Ok(&Value::Bool(true)) {
            assert!(begun.elapsed() < PATIENCE, "no other page came; still at {}", self.address());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses the button that a CSS selector finds; another page comes.
    pub fn submit(&self, css: &str) {
        self.leave(|| self.click("css selector", css));
    }

    /// Follows the link with this text; another page comes.
    pub fn follow(&self, text: &str) {
        self.leave(|| self.click("link text", text));
    }

    /// Follows the link with this text to a file; the page stays.
    pub fn download(&self, text: &str) {
        self.click("link text", text);
    }

    /// Replaces what stands in a field.
    pub fn fill(&self, css: &str, text: &str) {
        let element = self.element("css selector", css);
        self.call("POST", &format!("element/{element}/clear"), &json!({}));
        self.call("POST", &format!("element/{element}/value"), &json!({"text": text}));
    }

    /// Presses keys, wherever the focus is.
    pub fn press(&self, keys: &str) {
        let each = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()})));
        let each: Vec<Value> = each.collect();
        self.call("POST", "actions", &json!({"actions": [{"type": "key", "id": "keyboard", "actions": each}]}));
    }

    /// The visible text of what a CSS selector finds.
    pub fn text(&self, css: &str) -> String {
        let element = self.element("css selector", css);
        self.call("GET", &format!("element/{element}/text"), &Value::Null).as_str().unwrap().to_owned()
    }

    pub fn heading(&self) -> String {
        self.text("h1")
    }

    /// Runs the body of a function in the page and answers what it returns. Pages have no script; their policy does not
    /// bind the driver.
    pub fn run(&self, script: &str) -> Value {
        self.call("POST", "execute/sync", &json!({"script": script, "args": []}))
    }

    /// The texts of everything that a CSS selector finds now.
    pub fn texts(&self, css: &str) -> Vec<String> {
        let css = serde_json::to_string(css).unwrap();
        let found = self.run(&format!("return [...document.querySelectorAll({css})].map(e => e.textContent.trim())"));
        found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// The browser's own view of its cookies.
    pub fn cookies(&self) -> Vec<Value> {
        self.call("GET", "cookie", &Value::Null).as_array().unwrap().clone()
    }

    /// What the person prefers.
    pub fn prefer(&self, scheme: Scheme) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme.as_str()}]);
        let order = json!({"cmd": "Emulation.setEmulatedMedia", "params": {"features": features}});
        self.call("POST", "goog/cdp/execute", &order);
    }

    /// A picture of the window, PNG.
    pub fn picture(&self) -> Vec<u8> {
        STANDARD.decode(self.call("GET", "screenshot", &Value::Null).as_str().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser with the session.
        let _ = self.try_call("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
