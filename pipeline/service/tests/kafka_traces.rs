//! A message's spans over Kafka: the caller's header beside the record, and one tree from processes that know nothing of each
//! other, one of which has the partition from another.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../runtime/tests/broker/mod.rs"]
mod broker;
mod otlp;
mod process;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use broker::Broker;
use otlp::{CALLER, Receiver, Tree, says, trace};
use process::{Process, Topics, wait_for, write_config};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::{Value, json};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka;
use tollgate_sandbox::{Sandbox, SandboxConfig};
use tollgate_wire::Time;

const ACCOUNT: &str = "acme";
const SENDER: &str = "106540352242922";
const TO: &str = "+5511950900100";

fn platform() -> SandboxConfig {
    let text = format!(
        "listen = \"127.0.0.1:0\"\nseed = 5\n[webhooks]\nurl = \"http://127.0.0.1:9/none\"\n[[accounts]]\nid = \"{ACCOUNT}\"\n\
         waba = \"1\"\nmessaging_limit = 1000\n[[accounts.senders]]\nphone_number_id = \"{SENDER}\"\n\
         display_phone_number = \"15550783881\"\nthroughput_mps = 80\n[[accounts.templates]]\nname = \"order\"\n\
         language = \"en_US\"\ncategory = \"UTILITY\"\nbody = 1\n"
    );
    SandboxConfig::from_toml(&text).unwrap()
}

fn commands() -> [Value; 2] {
    let account = json!({"command": "apply_account", "spec": {"account": ACCOUNT, "limit": 1_000,
        "wabas": [{"id": "1", "currency": "USD", "time_zone": "UTC",
            "senders": [{"id": SENDER, "throughput": 80, "quality": "GREEN"}],
            "templates": [{"name": "order", "language": "en_US", "category": "utility", "body": ["1"]}]}]}});
    let consent = json!({"command": "set_consent", "account": ACCOUNT,
        "consent": {"to": TO, "category": "utility", "state": "opt_in", "source": "test"}});
    [account, consent]
}

fn in_seconds(seconds: u64) -> Time {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Time((now + Duration::from_secs(seconds)).as_millis() as u64)
}

#[test]
fn one_tree_comes_from_whoever_has_the_partition() {
    let config = Broker::shared().config();
    kafka::create(&config, 1, 1).unwrap();
    let topics = Topics::new(&config, 1);
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(directory.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(platform())).unwrap();
    let more = format!(
        "[graph]\nbase_url = \"{}\"\nversion = \"v24.0\"\n[traces]\nendpoint = \"http://{}\"\n",
        sandbox.url().trim_end_matches('/'),
        receiver.address
    );
    let file = write_config(&config, directory.path(), &more);
    let start = |name: &str, roles: &str| {
        let secrets = [
            ("TOLLGATE__APPS__DEFAULT__APP_SECRET", "sandbox-secret"),
            ("TOLLGATE__APPS__DEFAULT__VERIFY_TOKEN", "verify"),
            ("TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN", "sandbox-token"),
        ];
        Process::serve(&file, directory.path(), name, &["--roles", roles], &secrets)
    };
    let mut first = start("first", "shards");
    let mut dispatch = start("dispatch", "dispatch");
    commands().iter().for_each(|command| topics.send(Topic::Commands, ACCOUNT, command));
    topics.flush();
    topics.wait_until_read(Topic::Commands);

    let request = json!({"id": "later", "account": ACCOUNT, "to": TO, "purpose": "utility", "send_after": in_seconds(12),
        "content": [{"template": {"name": "order", "language": "en_US", "components": {"body": ["x"]}}}]});
    let producer: BaseProducer = config.producer("caller").create().unwrap();
    let traceparent = format!("00-{}-{CALLER}-01", trace(1));
    let headers = OwnedHeaders::new().insert(Header { key: "traceparent", value: Some(&traceparent) });
    let (topic, body) = (config.topic(Topic::Requests), request.to_string());
    producer.send(BaseRecord::to(&topic).partition(0).key(ACCOUNT).payload(&body).headers(headers)).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    wait_for("it is parked", &mut || Tree::of(&receiver.spans(), 1).has("parked"));
    // Another disk and another name: nothing is left of the first but what lies in Kafka.
    first.signal("KILL");
    first.ended(Duration::from_secs(30));
    let mut second = start("second", "shards");
    wait_for("it is called", &mut || !Tree::of(&receiver.spans(), 1).calls().is_empty());
    wait_for("it is decided", &mut || Tree::of(&receiver.spans(), 1).has("admitted"));
    assert!(second.is_running() && dispatch.is_running());

    let tree = Tree::of(&receiver.spans(), 1);
    assert_eq!(tree.0.len(), 3, "{:#?}", tree.0);
    let (parked, again, call) = (tree.decision(), tree.one("decide parked"), tree.calls()[0]);
    assert_eq!(parked.parent, CALLER);
    says(
        parked,
        &json!({"messaging.system": "kafka", "messaging.destination.name": "requests",
            "messaging.destination.partition.id": "0", "messaging.message.id": "later"}),
    );
    assert_eq!([&again.parent, &call.parent], [&parked.span; 2]);
    let by = [parked, again, call].map(|span| span.resource["service.instance.id"].as_str().unwrap());
    assert_eq!(by, ["first", "second", "dispatch"]);
    says(call, &json!({"http.response.status_code": 200, "tollgate.attempt": 1}));
    let order = &topics.values(Topic::Dispatch, false)[0];
    assert_eq!(order["traceparent"], format!("00-{}-{}-01", trace(1), parked.span));
    assert!(!receiver.lines().contains(&TO[4..]));
    runtime.block_on(sandbox.shutdown());
}
