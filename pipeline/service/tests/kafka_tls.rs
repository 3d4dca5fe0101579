//! TLS and SASL on a real broker: everything goes through `kafka.properties_file`, what is refused is told with its
//! remedy, and no password is shown anywhere.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../../runtime/tests/broker/mod.rs"]
mod broker;
#[path = "process/mod.rs"]
mod process;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use broker::Broker;
use process::{Process, Topics, wait_for, write_config};
use serde_json::json;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{self, KafkaConfig};

const PARTITIONS: u32 = 2;
const PASSWORD: &str = "pa55word-of-alice";
const WRONG: &str = "another-pa55word";
const STORE_PASSWORD: &str = "pa55word-of-the-key";

/// A certificate of 127.0.0.1 that vouches for itself, and its key.
fn certificate(directory: &Path, name: &str) -> PathBuf {
    let (certificate, key) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    certificate
}

/// A key store of the certificate for the broker.
fn key_store(directory: &Path, name: &str) -> PathBuf {
    let store = directory.join(format!("{name}.p12"));
    let made = Command::new("openssl")
        .args(["pkcs12", "-export", "-passout", &format!("pass:{STORE_PASSWORD}"), "-name", name, "-in"])
        .arg(directory.join(format!("{name}.pem")))
        .arg("-inkey")
        .arg(directory.join(format!("{name}.key")))
        .arg("-out")
        .arg(&store)
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    store
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A broker with a listener for TLS and passwords, and its address.
fn secured() -> (Broker, String, PathBuf) {
    let secure = free_port();
    let prepare = move |directory: &Path| {
        certificate(directory, "broker");
        certificate(directory, "stranger");
        let store = key_store(directory, "broker");
        // The listeners name every port, so that they are chosen here.
        let (plain, controller) = (free_port(), free_port());
        std::fs::write(directory.join("identity"), format!("{plain} {controller} dG9sbGdhdGUtdGVzdC0wMQ\n")).unwrap();
        let login = "org.apache.kafka.common.security";
        vec![
            format!(
                "listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},SASL_SSL://127.0.0.1:{secure}"
            ),
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL".to_owned(),
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512".to_owned(),
            format!(
                "listener.name.sasl_ssl.plain.sasl.jaas.config={login}.plain.PlainLoginModule required user_alice=\"{PASSWORD}\";"
            ),
            format!("listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}.scram.ScramLoginModule required;"),
            "ssl.keystore.type=PKCS12".to_owned(),
            format!("ssl.keystore.location={}", store.display()),
            format!("ssl.keystore.password={STORE_PASSWORD}"),
            format!("ssl.key.password={STORE_PASSWORD}"),
        ]
    };
    let directory = std::sync::Mutex::new(PathBuf::new());
    let broker = Broker::start_with(&|path| {
        *directory.lock().unwrap() = path.to_owned();
        prepare(path)
    });
    add_scram_user(broker.bootstrap());
    (broker, format!("127.0.0.1:{secure}"), directory.into_inner().unwrap())
}

/// Users of SCRAM are in the cluster's own records.
fn add_scram_user(bootstrap: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/kafka");
    let told = Command::new(script)
        .args(["topic-tool", "kafka.admin.ConfigCommand", "--bootstrap-server", bootstrap, "--alter"])
        .args(["--add-config", &format!("SCRAM-SHA-512=[iterations=4096,password={PASSWORD}]")])
        .args(["--entity-type", "users", "--entity-name", "alice"])
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}

/// The lines of a properties file.
fn properties(certificate: &Path, mechanism: &str, password: &str) -> BTreeMap<String, String> {
    [
        ("security.protocol", "SASL_SSL"),
        ("ssl.ca.location", certificate.to_str().unwrap()),
        ("sasl.mechanism", mechanism),
        ("sasl.username", "alice"),
        ("sasl.password", password),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// A configuration file whose properties are in a file beside it.
fn written(config: &KafkaConfig, directory: &Path) -> PathBuf {
    let file = directory.join("kafka.properties");
    let lines = config.properties.iter().map(|(name, value)| format!("{name}={value}\n"));
    std::fs::write(&file, format!("# TLS and a password\n{}", lines.collect::<String>())).unwrap();
    write_config(config, directory, &format!("properties_file = \"{}\"\nroles = \"shards\"\n", file.display()))
}

/// Runs a command to its end: exit code and everything it wrote.
fn run(config: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let started = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["--config", config.to_str().unwrap()])
        .args(arguments)
        .env("TOLLGATE__DATA_DIR", config.with_file_name("data"))
        .output()
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(60), "{arguments:?} took {:?}", started.elapsed());
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    for secret in [PASSWORD, WRONG, STORE_PASSWORD] {
        assert!(!text.contains(secret), "a password is shown: {arguments:?}");
    }
    (output.status.code(), text)
}

#[test]
fn a_deployment_runs_over_tls_with_passwords() {
    let (broker, brokers, directory) = secured();
    let certificate = directory.join("broker.pem");
    for mechanism in ["PLAIN", "SCRAM-SHA-512"] {
        let config = KafkaConfig {
            brokers: brokers.clone(),
            properties: properties(&certificate, mechanism, PASSWORD),
            ..broker.config()
        };
        assert!(!format!("{config:?}").contains(PASSWORD));
        let temporary = tempfile::tempdir().unwrap();
        let file = written(&config, temporary.path());
        let (code, told) = run(&file, &["topics", "check"]);
        assert_eq!(code, Some(3), "{told}");
        assert!(told.contains("is missing; run `tollgate topics create`"), "{told}");
        let partitions = PARTITIONS.to_string();
        let (code, told) = run(&file, &["topics", "create", "--partitions", &partitions, "--replication", "1"]);
        assert_eq!(code, Some(0), "{told}");
        let (code, told) = run(&file, &["topics", "check"]);
        assert_eq!(code, Some(0), "{told}");

        // A round: a request in, its outcome out.
        let topics = Topics::new(&config, PARTITIONS);
        topics.send(
            Topic::Commands,
            "acme",
            &json!({"command": "apply_account", "spec": {"account": "acme",
            "limit": "UNLIMITED", "wabas": [{"id": "w1", "currency": "USD", "time_zone": "UTC", "senders": []}]}}),
        );
        topics.send(
            Topic::Requests,
            "acme",
            &json!({"id": "r1", "account": "acme", "to": "+5511900000000",
            "purpose": "utility", "content": [{"text": "Oi"}]}),
        );
        topics.flush();
        let mut shards = Process::serve(&file, temporary.path(), "0", &[], &[]);
        wait_for("an outcome", &mut || {
            assert!(shards.is_running(), "{}", shards.log());
            assert!(topics.records(Topic::DeadLetters, false).is_empty());
            topics.values(Topic::Outcomes, false).len() == 1
        });
        shards.signal("TERM");
        assert!(shards.ended(Duration::from_secs(40)).success());
        assert!(!shards.log().contains(PASSWORD));
    }
}

#[test]
fn what_the_broker_or_tls_refuses_is_told_without_the_password() {
    let (broker, brokers, directory) = secured();
    let good = directory.join("broker.pem");
    let with = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
        let mut properties = properties(&good, "PLAIN", PASSWORD);
        change(&mut properties);
        KafkaConfig { brokers: brokers.clone(), properties, ..broker.config() }
    };
    let set = |name: &'static str, value: &str| {
        let value = value.to_owned();
        with(&move |properties| drop(properties.insert(name.to_owned(), value.clone())))
    };
    let stranger = directory.join("stranger.pem");
    let cases = [
        ("a wrong password", set("sasl.password", WRONG), "refuses the connection", "sasl.*"),
        ("an unknown user", set("sasl.username", "mallory"), "refuses the connection", "sasl.*"),
        (
            "SCRAM, wrong password",
            {
                let mut config = set("sasl.password", WRONG);
                config.properties.insert("sasl.mechanism".to_owned(), "SCRAM-SHA-512".to_owned());
                config
            },
            "refuses the connection",
            "sasl.*",
        ),
        ("a mechanism that is not offered", set("sasl.mechanism", "SCRAM-SHA-256"), "refuses the connection", "sasl.*"),
        (
            "a certificate nobody vouches for",
            set("ssl.ca.location", stranger.to_str().unwrap()),
            "certificate verify failed",
            "ssl.*",
        ),
        ("no TLS where there is some", set("security.protocol", "SASL_PLAINTEXT"), "Kafka", "security.protocol"),
        ("no password at all", set("security.protocol", "SSL"), "Kafka", "security.protocol"),
        (
            "a mistyped name",
            {
                let mut config = set("sasl.mechanism", "PLAIN");
                config.properties.insert("sasl.pasword".to_owned(), WRONG.to_owned());
                config
            },
            "sasl.pasword",
            "correct or remove it",
        ),
        ("a password in the wrong place", set("sasl.mechanism", WRONG), "", ""),
        (
            "a certificate file that is not there",
            set("ssl.ca.location", "/nonexistent/ca.pem"),
            "ssl.ca.location",
            "correct or remove it",
        ),
    ];
    // Side by side: each waits for its time to be over.
    std::thread::scope(|scope| {
        for (what, config, wrong, remedy) in cases {
            scope.spawn(move || refused(what, &config, wrong, remedy));
        }
    });
}

/// Every start says so, without a password.
fn refused(what: &str, config: &KafkaConfig, wrong: &str, remedy: &str) {
    let temporary = tempfile::tempdir().unwrap();
    let file = written(config, temporary.path());
    for arguments in [&["topics", "check"][..], &["serve"]] {
        let (code, told) = run(&file, arguments);
        assert_eq!(code, Some(1), "{what}: {told}");
        let last = told.lines().last().unwrap();
        assert!(last.starts_with("tollgate: ") && last.contains(wrong) && last.contains(remedy), "{what}: {told}");
        println!("{what}: {last}");
    }
    assert!(matches!(kafka::check(config), Err(error) if !format!("{error:?}").contains(WRONG)), "{what}");
}
