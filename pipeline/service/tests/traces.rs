//! The real service with traces, and a receiver that decodes them with the OpenTelemetry Collector's own types: the tree of
//! a message's spans, across a crash too, what they say and what they must not, and that nobody waits for a dead collector.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod http;
mod otlp;
mod process;
mod world;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tollgate_wire::Time;

use self::otlp::{CALLER, Link, Receiver, Tree, says, trace};
use self::world::{ACCOUNT, SENDER, World, people, person, request, wait};

/// What the collector asks for.
const AUTHORIZATION: &str = "Bearer otlp-s3cret";

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
    says(
        served,
        &json!({"http.request.method": "POST", "http.route": "/v1/messages", "http.response.status_code": 202}),
    );
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
    says(
        first,
        &json!({"tollgate.outcome": "parked", "tollgate.reason": "scheduled", "messaging.message.id": "later"}),
    );
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
    says(
        tree.calls()[0],
        &json!({"http.response.status_code": 500, "error.type": "500", "tollgate.result": "in_doubt"}),
    );
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
