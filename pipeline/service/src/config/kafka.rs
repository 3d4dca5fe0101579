//! The section `[kafka]`.

use std::collections::BTreeMap;

use tollgate_runtime::log::kafka::{CHANGELOG_FORMAT, CHANGELOG_FORMAT_BEFORE, Deployment, KafkaConfig};
use tollgate_runtime::node::{KafkaOptions, Roles};
use tollgate_runtime::store::StoreOptions;

use super::settings::Settings;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

pub(super) fn build(s: &mut Settings) -> KafkaOptions {
    let mut text = |key: &str, what: &str| {
        let value = s.text(key);
        if value.is_empty() {
            s.fault(key, format!("{key} is empty"), what);
        }
        value
    };
    let brokers = text("kafka.brokers", "write host:port, several with commas");
    let app = text("kafka.app", "write a name such as \"tollgate\"");
    let slot = text("kafka.slot", "write a name such as \"0\", another in each process");
    let prefix = s.text("kafka.prefix");
    let legal = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    for (key, value) in [("kafka.prefix", &prefix), ("kafka.app", &app), ("kafka.slot", &slot)] {
        if value.len() > 100 || !value.chars().all(legal) {
            s.fault(
                key,
                format!("{key} = {value:?} cannot be a name in Kafka"),
                "use letters, digits, . - _, at most 100",
            );
        }
    }
    let roles = s.text("kafka.roles");
    let roles = roles.parse().unwrap_or_else(|e: tollgate_runtime::node::RolesError| {
        s.fault("kafka.roles", e.to_string(), "see `tollgate config default`");
        Roles::all()
    });
    let kafka = KafkaConfig {
        brokers,
        prefix,
        app,
        slot,
        session_timeout: s.seconds("kafka.session_timeout_seconds", 1..=300),
        transaction_timeout: s.seconds("kafka.transaction_timeout_seconds", 2..=900),
        properties: properties(s),
        deployment: Deployment::new(
            [0; 8],
            0,
            s.number("kafka.changelog_format", CHANGELOG_FORMAT_BEFORE.into()..=CHANGELOG_FORMAT.into()) as u8,
        ),
        ..KafkaConfig::default()
    };
    if let Some(name) = kafka.forbidden() {
        let problem = format!("kafka.properties_file sets {name}, which the program sets itself");
        s.fault("kafka.properties_file", problem, "leave it out");
    }
    let hash_key = s.text("kafka.hash_key_file");
    KafkaOptions {
        kafka,
        roles,
        store: StoreOptions {
            cache_bytes: s.number("kafka.store_cache_bytes", MIB..=64 * GIB),
            write_buffer_bytes: s.number("kafka.store_write_buffer_bytes", MIB..=GIB),
            ..StoreOptions::default()
        },
        hash_key: (!hash_key.is_empty()).then(|| hash_key.into()),
    }
}

/// `name=value` lines; `#` begins a comment line. Values are never shown.
fn properties(s: &mut Settings) -> BTreeMap<String, String> {
    const KEY: &str = "kafka.properties_file";
    let file = s.text(KEY);
    let mut properties = BTreeMap::new();
    if file.is_empty() {
        return properties;
    }
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(e) => {
            s.fault(KEY, format!("{file}: {e}"), "name a file with a `name=value` on each line");
            return properties;
        }
    };
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                properties.insert(name.trim().to_owned(), value.trim().to_owned());
            }
            _ => s.fault(KEY, format!("{file}:{}: not `name=value`", number + 1), "write a property on each line"),
        }
    }
    properties
}
