//! The real service with traces, and a receiver that decodes them with the OpenTelemetry Collector's own types: the tree of
//! a message's spans, across a crash too, what they say and what they must not, and that nobody waits for a dead collector.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod http;
mod process;
mod world;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tollgate_tests::logs;
use tollgate_wire::Time;

use self::world::{ACCOUNT, SENDER, World, people, person, request, wait};

/// What the collector asks for.
const AUTHORIZATION: &str = "Bearer otlp-s3cret";

/// A span as the receiver prints it.
#[derive(Clone, Debug, Deserialize)]
struct Span {
    trace: String,
    span: String,
    parent: String,
    name: String,
    kind: String,
    status: String,
    start_ns: i64,
    end_ns: i64,
    attributes: Map<String, Value>,
    links: Vec<Link>,
    resource: Map<String, Value>,
    scope: String,
    authorization: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Link {
    trace: String,
    span: String,
}

/// Somebody else's receiver of OTLP.
struct Receiver {
    child: Child,
    printed: PathBuf,
    address: String,
}

impl Receiver {
    /// One that answers 503 at first. It must be there: without it nothing is proved.
    fn start(folder: &Path) -> Self {
        let printed = folder.join("spans.jsonl");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/otlp");
        let built = Command::new(&script).arg("prepare").status().unwrap();
        assert!(built.success(), "the receiver of traces cannot be built; see `scripts/otlp help`");
        let file = std::fs::File::create(&printed).unwrap();
        // It becomes the receiver itself, so that its number is the one that is killed.
        let child = Command::new(&script).args(["run", "-refuse", "1"]).stdout(file).spawn().unwrap();
        let mut receiver = Self { child, printed, address: String::new() };
        let whole = |text: &String| text.contains('\n');
        let told = wait("the receiver listens", || std::fs::read_to_string(&receiver.printed).unwrap(), whole);
        receiver.address = told.lines().next().unwrap().to_owned();
        receiver
    }

    /// Whole lines so far, without that of the address.
    fn lines(&self) -> String {
        let text = std::fs::read_to_string(&self.printed).unwrap();
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        whole.split_once('\n').map_or("", |(_, lines)| lines).to_owned()
    }

    fn spans(&self) -> Vec<Span> {
        self.lines().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        logs::keep(&self.printed);
    }
}

/// A caller's trace, by a digit.
fn trace(n: u8) -> String {
    format!("{n}bf92f3577b34da6a3ce929d0e0e473{n}")
}

const CALLER: &str = "00f067aa0ba902b7";

/// Posts a request as one whose trace has these flags.
fn post(world: &World, n: u8, flags: &str, body: &Value) {
    let header = format!("traceparent: 00-{}-{CALLER}-{flags}\r\n", trace(n));
    let told = http::http_with(world.api, &header, "POST", "/v1/messages", &body.to_string());
    assert!(matches!(told, Some((202, _))), "{told:?}");
}

/// A person with one of the sandbox's endings.
fn ending(last: u16) -> String {
    format!("+5511950900{last:03}")
}

fn in_seconds(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Time((now + Duration::from_secs(seconds)).as_millis() as u64).to_string()
}

/// The spans of one trace.
#[derive(Debug)]
struct Tree(Vec<Span>);

impl Tree {
    fn of(spans: &[Span], n: u8) -> Self {
        Self(spans.iter().filter(|span| span.trace == trace(n)).cloned().collect())
    }

    fn all(&self, name: &str) -> Vec<&Span> {
        self.0.iter().filter(|span| span.name.starts_with(name)).collect()
    }

    fn one(&self, name: &str) -> &Span {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} of {:#?}", self.0);
        all[0]
    }

    fn has(&self, outcome: &str) -> bool {
        self.0.iter().any(|span| span.attributes.get("tollgate.outcome") == Some(&outcome.into()))
    }

    fn decision(&self) -> &Span {
        self.one("decide requests")
    }

    fn calls(&self) -> Vec<&Span> {
        self.all("POST /{version}/{sender}/messages")
    }
}

fn says(span: &Span, what: &Value) {
    for (key, value) in what.as_object().unwrap() {
        assert_eq!(span.attributes.get(key), Some(value), "{key} of {span:#?}");
    }
}

#[test]
fn a_message_is_one_tree_in_its_callers_trace() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(folder.path());
    let secret = folder.path().join("headers");
    std::fs::write(&secret, format!("authorization: {AUTHORIZATION}\n")).unwrap();
    let more = format!(
        "[traces]\nendpoint = \"http://{}\"\nheaders_file = \"{}\"\nservice_name = \"gate\"\n",
        receiver.address,
        secret.display()
    );
    let mut world = World::with(&more, None);
    let plain: Vec<String> = (0..5).map(|n| person(1, n)).collect();
    // Of them the platform tells all there is: also twice, or after a failure.
    let odd = [5, 9, 11, 3].map(ending);
    world.consent(&[&plain[..4], &odd[..]].concat(), "opt_in");

    // Waits for its hour, and for a service that has been killed meanwhile.
    let mut later = request("later", &plain[0], "utility", "order");
    later["send_after"] = json!(in_seconds(8));
    post(&world, 1, "01", &later);
    wait("it is parked", || Tree::of(&receiver.spans(), 1), |tree| tree.has("parked"));
    world.crash();

    // Its id is the number that it goes to.
    post(&world, 2, "03", &request(&odd[3], &odd[3], "utility", "order"));
    post(&world, 3, "01", &request("undeliverable", &odd[0], "utility", "order"));
    post(&world, 4, "01", &request("answered-500", &odd[1], "utility", "order"));
    post(&world, 5, "01", &request("too-fast", &odd[2], "utility", "order"));
    post(&world, 6, "01", &request("nobody-asked", &plain[4], "marketing", "news"));
    // Nobody traces these two.
    post(&world, 7, "00", &request("unsampled", &plain[2], "utility", "order"));
    world.accepted("POST", "/v1/messages", &request("untraced", &plain[3], "utility", "order").to_string());

    for (n, last) in [(1, "delivered"), (2, "read"), (3, "failed"), (4, "read"), (5, "read")] {
        wait(last, || Tree::of(&receiver.spans(), n), |tree| tree.has(last));
    }
    for id in ["unsampled", "untraced"] {
        let delivered = |o: &Value| o["id"] == id && o["outcome"] == "delivered";
        wait("it is delivered", || world.outcomes(), |all| all.iter().any(delivered));
    }
    // Again, by another caller; the stop leaves nothing of it behind.
    post(&world, 8, "01", &request("later", &plain[0], "utility", "order"));
    wait("it is decided", || world.outcomes(), |all| all.iter().any(|o| o["outcome"] == "duplicate"));
    let metrics = http::http(world.metrics, "GET", "/metrics", "").unwrap().1;
    assert!(metrics.contains("tollgate_spans_dropped_total{reason=\"not_taken\"} 0\n"), "{metrics}");
    assert!(world.stop() < Duration::from_secs(10));

    let spans = receiver.spans();
    let traces: BTreeSet<&str> = spans.iter().map(|span| span.trace.as_str()).collect();
    assert_eq!(traces, [1, 2, 3, 4, 5, 6, 8].map(trace).iter().map(String::as_str).collect(), "no other traces");
    for span in &spans {
        assert_eq!((span.authorization.as_str(), span.scope.as_str()), (AUTHORIZATION, "tollgate"));
        assert_eq!(span.resource["service.name"], "gate");
        assert!(span.end_ns >= span.start_ns, "{span:#?}");
        assert_eq!(span.status == "Error", span.attributes.contains_key("error.type"), "{span:#?}");
    }

    // The request, below its caller; what was decided; the call; what the platform reported.
    let tree = Tree::of(&spans, 2);
    let (served, decided) = (tree.one("POST /v1/messages"), tree.decision());
    assert_eq!((served.parent.as_str(), served.kind.as_str()), (CALLER, "Server"));
    says(served, &json!({"http.request.method": "POST", "http.route": "/v1/messages", "http.response.status_code": 202}));
    assert_eq!((&decided.parent, decided.kind.as_str()), (&served.span, "Consumer"));
    says(
        decided,
        &json!({"messaging.system": "tollgate", "messaging.operation.type": "process", "tollgate.outcome": "admitted",
            "messaging.message.id": "(holds the recipient's number)", "tollgate.account": ACCOUNT, "tollgate.attempt": 1,
            "tollgate.lane": "bulk"}),
    );
    assert!(decided.start_ns >= served.start_ns);
    let calls = tree.calls();
    assert_eq!((calls.len(), &calls[0].parent, calls[0].kind.as_str()), (1, &decided.span, "Client"));
    says(
        calls[0],
        &json!({"http.request.method": "POST", "http.response.status_code": 200, "tollgate.attempt": 1,
            "tollgate.result": "accepted", "server.address": "127.0.0.1",
            "tollgate.message_uid": decided.attributes["tollgate.message_uid"]}),
    );
    assert!(calls[0].attributes["url.full"].as_str().unwrap().ends_with(&format!("/v24.0/{SENDER}/messages")));
    for moved in ["sent", "delivered", "read"] {
        let span = tree.one(&format!("message {moved}"));
        assert_eq!((&span.parent, &span.attributes["tollgate.outcome"]), (&decided.span, &moved.into()));
        assert!(span.attributes["tollgate.at"].is_string());
    }
    assert_eq!(tree.0.len(), 6, "{:#?}", tree.0);

    // Parked, and decided again by the process after the one that was killed.
    let tree = Tree::of(&spans, 1);
    let (first, again) = (tree.decision(), tree.one("decide parked"));
    says(first, &json!({"tollgate.outcome": "parked", "tollgate.reason": "scheduled", "messaging.message.id": "later"}));
    says(again, &json!({"tollgate.outcome": "admitted"}));
    assert_eq!([&again.parent, &tree.calls()[0].parent], [&first.span; 2]);
    // What came again is in the other caller's trace and names the first decision.
    let tree = Tree::of(&spans, 8);
    says(tree.decision(), &json!({"tollgate.outcome": "duplicate"}));
    assert_eq!(tree.decision().parent, tree.one("POST /v1/messages").span);
    assert_eq!(tree.decision().links, [Link { trace: trace(1), span: first.span.clone() }]);
    assert_eq!(tree.0.len(), 2);

    // What went wrong, and where.
    let tree = Tree::of(&spans, 3);
    says(tree.one("message failed"), &json!({"error.type": "platform_131026"}));
    let tree = Tree::of(&spans, 4);
    says(tree.calls()[0], &json!({"http.response.status_code": 500, "error.type": "500", "tollgate.result": "in_doubt"}));
    says(tree.one("message in_doubt"), &json!({"error.type": "no_result"}));
    let tree = Tree::of(&spans, 5);
    let calls = tree.calls();
    let attempts: Vec<_> = calls.iter().map(|call| &call.attributes["tollgate.attempt"]).collect();
    assert_eq!(attempts, [1, 2], "sent again below the same decision");
    assert!(calls.iter().all(|call| call.parent == tree.decision().span));
    says(calls[0], &json!({"tollgate.platform_code": 130_429, "tollgate.result": "failed"}));
    let tree = Tree::of(&spans, 6);
    says(tree.decision(), &json!({"tollgate.outcome": "refused", "tollgate.reason": "not_opted_in"}));
    assert_eq!((tree.decision().status.as_str(), tree.0.len()), ("Unset", 2), "a refusal is an answer, not an error");

    let printed = receiver.lines();
    for to in plain.iter().chain(&odd) {
        assert!(!printed.contains(&to[4..]), "a phone number in a span: {printed}");
    }
    assert!(!printed.contains("wamid") && !world.log().contains("otlp-s3cret"));
}

#[test]
fn without_a_collector_messages_go_and_the_stop_is_in_time() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Every request is recorded, whoever sends it.
    let more = format!("[traces]\nendpoint = \"http://{dead}\"\nsample_per_million = 1000000\n");
    let mut world = World::with(&more, None);
    let people = people(2, 50);
    world.consent(&people, "opt_in");
    let requests = people.iter().enumerate().map(|(n, to)| request(&format!("r-{n}"), to, "utility", "order"));
    world.enqueue(&requests.collect::<Vec<_>>());
    let counted = |series: &str| -> f64 {
        let text = http::http(world.metrics, "GET", "/metrics", "").unwrap().1;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.split(' ').nth(1)?.parse().ok());
        value.unwrap_or_default()
    };
    let charged = || counted("tollgate_charges_total{category=\"utility\",pricing_type=\"regular\"");
    wait("all are delivered", charged, |charged| *charged == 50.0);
    let lost = || counted("tollgate_spans_dropped_total{reason=\"not_taken\"");
    wait("lost spans are counted", lost, |lost| *lost > 50.0);
    let took = world.stop();
    assert!(took < Duration::from_secs(6), "the stop took {took:?}");
    let told = world.log().matches("the collector does not take spans").count();
    assert_eq!(told, 1, "once a minute: {}", world.log());
}
