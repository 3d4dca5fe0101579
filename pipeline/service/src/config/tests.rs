//! What is known, what is not, and what an error says.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use tollgate_runtime::dispatcher::DispatcherConfig;
use tollgate_runtime::gateway::GatewayConfig;
use tollgate_runtime::graph::GraphConfig;
use tollgate_runtime::log::embedded::EmbeddedOptions;
use tollgate_runtime::node::LogConfig;

use super::settings::Settings;
use super::*;

/// Loads `toml` under the variables, `NAME=value` separated by blanks.
fn load_text(toml: &str, variables: &str) -> Result<Config, Faults> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("t.toml");
    std::fs::write(&file, toml).unwrap();
    let pairs: Vec<(String, String)> = variables
        .split_whitespace()
        .map(|pair| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap())
        .collect();
    load(Some(&file), pairs.into_iter())
}

#[test]
fn every_key_of_the_embedded_file_is_read_and_nothing_else() {
    let mut settings = Settings::defaults();
    sections::build(&mut settings);
    assert_eq!(settings.faults, []);
    assert_eq!(settings.unread(), Vec::<&str>::new(), "keys that nothing reads");
}

#[test]
fn the_embedded_file_has_the_runtimes_defaults() {
    let config = load(None, std::iter::empty()).unwrap();
    let same = |ours: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
        assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    };
    same(&config.gateway, &GatewayConfig::default());
    same(&config.graph, &GraphConfig::default());
    same(&config.dispatcher, &DispatcherConfig::default());
    let LogConfig::Embedded(log) = &config.log else { panic!("embedded is the default") };
    same(log, &EmbeddedOptions::default());
    same(&config.shard, &tollgate_runtime::shard::ShardOptions::default());
    same(&config.metrics, &tollgate_metrics::Limits::default());
    assert_eq!(config.data_dir, PathBuf::from("./data"));
}

/// `file (lines separated by |) → what the first fault says`.
const FAULTS: &str = r#"
    [gateway]|apy = "127.0.0.1:1"             → t.toml:2: gateway.apy is not a known key; did you mean gateway.api?
    [gatway]|api = "127.0.0.1:1"              → t.toml:1: gatway is not a known key; did you mean gateway?
    data_dri = "x"                            → t.toml:1: data_dri is not a known key; did you mean data_dir?
    [log]|api = "127.0.0.1:1"                 → t.toml:2: log.api is not a known key; did you mean
    [apps.brand2]|acess_token_file = "x"      → did you mean apps.brand2.access_token_file?
    data_dir = 7                              → t.toml:1: data_dir has a value of the wrong type; write text in quotes
    [metrics]|budgets = "yes"                 → write true or false
    [metrics]|accounts_max = 1.5              → metrics.accounts_max has a value of the wrong type
    [gateway]|api = "localhost"               → gateway.api = "localhost" cannot be used; write IP:port
    [gateway]|connections_max = 0             → t.toml:2: gateway.connections_max = 0 cannot be used; write 1 to
    [gateway]|api = "0.0.0.0:8080"            → is reachable from the network and no token is configured
    [kafka]|roles = "shards,views"            → t.toml:2: roles "shards,views": gateway, ledger and views share one SQLite file and must be one process; give it all three or none, or keep ledger and views in PostgreSQL: ledger.kind = "postgres"; see `tollgate config default`
    [ledger]|kind = "postgres"                → t.toml:2: ledger.kind = "postgres" and ledger.postgres_url is empty; write postgres_url = "postgres://USER@HOST:5432/DATABASE"
    [ledger]|kind = "postgres"|postgres_url = "postgres://a:s3cret@db/x" → t.toml:3: ledger.postgres_url holds a password; put it into a file
    [ledger]|kind = "postgres"|postgres_url = "postgres://a@db/x"|postgres_schema = "X" → t.toml:4: ledger.postgres_schema is "X"
    [ledger]|postgres_password = "s3cret"     → ledger.postgres_password would be a secret in this file
    [log]|kind = "kafak"                      → log.kind = "kafak" cannot be used; write "embedded" or "kafka"
    [views]|keep_moves_days = 39              → t.toml:2: views.keep_moves_days = 39 cannot be used; write 40 to 3650
    [graph]|base_url = "graph"                → t.toml:2: graph/v26.0
    [logging]|level = "loud"                  → logging.level = "loud" cannot be used
    [rates]|directory = "/no/such/place"      → the rate cards cannot be used: rates.directory = "/no/such/place" cannot be read
    [stop]|bound_seconds = 5                  → make it greater than gateway.shutdown_seconds
    [apps.default]|app_secret = "s3cret"      → apps.default.app_secret would be a secret in this file
    [apps.default]|app_secret_file = "/none"  → apps.default.app_secret_file = "/none" cannot be read
    [[gateway.tokens]]|name = "a"             → t.toml:1: gateway.tokens: sha256 is missing
    [[gateway.tokens]]|nam = "a"              → nam is not a known key; did you mean name?
    [[gateway.tokens]]|name = "a"|sha256 = "tg_secret"|role = "admin" → sha256 of a is not 64 hexadecimal digits
    [traces]|endpoint = "127.0.0.1:4318"      → t.toml:2: traces.endpoint: "127.0.0.1:4318" is not the address of a collector; write one such as http://127.0.0.1:4318
    [traces]|sample_per_million = 10          → t.toml:2: traces.sample_per_million is set and traces.endpoint is empty; name a collector
    [traces]|sample_per_million = 1000001     → t.toml:2: traces.sample_per_million = 1000001 cannot be used; write 0 to 1000000
    [traces]|service_name = ""                → t.toml:2: traces.service_name is empty
    [traces]|headers = "a: s3cret"            → traces.headers would be a secret in this file
    [traces]|headers_file = "/none"           → traces.headers_file = "/none" cannot be read
    data_dir = "unclosed                      → t.toml:1: not TOML
    data_dir = ""                             → data_dir is empty; name a directory
"#;

#[test]
fn fault_table() {
    for row in FAULTS.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (file, expected) = row.split_once('→').unwrap();
        let error = load_text(&file.trim().replace('|', "\n"), "").unwrap_err().to_string();
        assert!(error.contains(expected.trim()), "{row}\n  says: {error}");
        assert!(!error.contains('\n') && !error.contains("s3cret") && !error.contains("tg_secret"), "{error}");
    }
}

#[test]
fn every_fault_is_reported_not_only_the_first() {
    let faults = load_text("data_dir = \"\"\n[gateway]\napi = \"x\"\nfoo = 1\n", "").unwrap_err();
    assert_eq!(faults.0.len(), 3);
    assert!(faults.to_string().ends_with("(and 2 more: `tollgate check-config` lists them)"));
}

#[test]
fn the_environment_wins() {
    let variables = "TOLLGATE__GATEWAY__API=127.0.0.1:9 TOLLGATE__DATA_DIR=/d TOLLGATE__METRICS__BUDGETS=true \
                     TOLLGATE__SHARD__TICKS_MAX=7 OTHER=x";
    let config = load_text("data_dir = \"/file\"\n[gateway]\napi = \"127.0.0.1:1\"", variables).unwrap();
    assert_eq!(config.gateway.api.port(), 9);
    assert_eq!(config.data_dir, PathBuf::from("/d"));
    assert!(config.metrics.budgets);
    assert_eq!(config.shard.ticks_max, 7);
}

#[test]
fn wrong_variables_are_named() {
    let error = |variables: &str| load_text("", variables).unwrap_err().to_string();
    let unknown = error("TOLLGATE__GATEWAY__APY=x");
    assert_eq!(unknown, "TOLLGATE__GATEWAY__APY: gateway.apy is not a known key; did you mean gateway.api?");
    assert!(error("TOLLGATE__SHARD__TICKS_MAX=many").starts_with("TOLLGATE__SHARD__TICKS_MAX: shard.ticks_max has"));
    assert!(error("TOLLGATE__GATEWAY__TOKENS=x").contains("set it in the configuration file"));
}

#[test]
fn secrets_come_from_files_and_the_environment_and_are_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "from-file\n").unwrap();
    let toml =
        format!("[apps.default]\napp_secret_file = {0:?}\nverify_token_file = {0:?}", secret.display().to_string());
    let missing = load_text(&toml, "").unwrap_err().to_string();
    assert!(
        missing.contains(
            "no apps.default.access_token; set apps.default.access_token_file, or TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN"
        ),
        "{missing}"
    );
    let config =
        load_text(&toml, "TOLLGATE__APPS__DEFAULT__ACCESS_TOKEN=from-env TOLLGATE__APPS__DEFAULT__VERIFY_TOKEN=v")
            .unwrap();
    let app = &config.gateway.apps[0];
    assert_eq!(
        (app.app_secret.as_str(), app.verify_token.as_str(), app.access_token.as_str()),
        ("from-file", "v", "from-env")
    );
    assert_eq!(config.dispatcher.access_tokens["default"], "from-env");
    let shown = format!("{config:?}");
    assert!(!shown.contains("from-"), "{shown}");
}

#[test]
fn traces_are_off_until_a_collector_is_named() {
    assert_eq!(load(None, std::iter::empty()).unwrap().traces, None);
    let variables = "TOLLGATE__TRACES__ENDPOINT=http://127.0.0.1:4318 TOLLGATE__TRACES__HEADERS=authorization:s3cret \
                     TOLLGATE__TRACES__SAMPLE_PER_MILLION=10000";
    let config = load_text("", variables).unwrap();
    assert!(!format!("{config:?}").contains("s3cret"));
    let traces = config.traces.unwrap();
    assert_eq!((traces.endpoint.as_str(), traces.service_name.as_str()), ("http://127.0.0.1:4318", "tollgate"));
    assert_eq!((traces.headers.as_str(), traces.sample_per_million), ("authorization:s3cret", 10_000));
    let wrong = "TOLLGATE__TRACES__ENDPOINT=http://a TOLLGATE__TRACES__HEADERS=s3cret";
    let error = load_text("", wrong).unwrap_err().to_string();
    assert!(
        error.contains("traces.headers_file: line 1 of the headers is not") && !error.contains("s3cret"),
        "{error}"
    );
}

#[test]
fn a_token_entry_is_taken() {
    let hash = tollgate_runtime::gateway::hash_token("t");
    let entry =
        format!("[[gateway.tokens]]\nname = \"crm\"\nsha256 = \"{hash}\"\nrole = \"enqueue\"\naccounts = [\"acme\"]\n");
    let config = load_text(&entry, "TOLLGATE__GATEWAY__API=0.0.0.0:8080").unwrap();
    assert_eq!(config.gateway.tokens[0].accounts, ["acme"]);
    let twice = load_text(&format!("{entry}{entry}"), "").unwrap_err().to_string();
    assert!(twice.contains("two tokens are named \"crm\""), "{twice}");
}

#[test]
fn own_rate_cards_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let card = directory.path().join("pmp_usd_2026-10-01.csv");
    std::fs::write(&card, "# id=x\nmarket\n").unwrap();
    let toml = format!("[rates]\ndirectory = {:?}", directory.path().display().to_string());
    let error = load_text(&toml, "").unwrap_err().to_string();
    assert!(error.contains("pmp_usd_2026-10-01.csv:"), "{error}");
}

#[test]
fn the_compose_file_sets_known_keys() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/compose.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let ours =
        text.lines().filter_map(|line| line.trim().split_once(": ")).filter(|(name, _)| name.starts_with("TOLLGATE__"));
    let pairs: Vec<(String, String)> =
        ours.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect();
    assert!(pairs.len() > 3, "the file has lost its settings");
    let config = load(None, pairs.into_iter()).unwrap();
    assert!(matches!(config.log, LogConfig::Kafka(_)));
    let kafka = "KAFKA_ADVERTISED_LISTENERS: PLAINTEXT://";
    assert!(text.contains(&format!("{kafka}{}\n", config.kafka.kafka.brokers)), "the broker is found where it says");
}
