//! Environment variables: `TOLLGATE__SECTION__KEY` overrides `section.key`.

use super::Fault;
use super::settings::{Settings, Value};

/// What our variables begin with.
pub(super) const PREFIX: &str = "TOLLGATE__";

/// Keys that hold a secret itself: only the environment may.
const SECRETS: [&str; 2] = ["ledger.postgres_password", "traces.headers"];
/// The same of an app.
const SECRET_KEYS: [&str; 3] = ["app_secret", "verify_token", "access_token"];

/// Lays the variables over what is there.
pub(super) fn read(variables: impl Iterator<Item = (String, String)>, settings: &mut Settings) {
    let mut variables: Vec<(String, String)> = variables.collect();
    variables.sort();
    for (name, text) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let key = rest.to_ascii_lowercase().replace("__", ".");
        if is_secret_key(&key) {
            settings.declare_secret(&key, text);
            continue;
        }
        let value = match settings.default_of(&key) {
            None => {
                settings.unknown(&key, name);
                continue;
            }
            Some(Value::Text(_)) => Some(Value::Text(text.clone())),
            Some(Value::Integer(_)) => text.trim().parse().ok().map(Value::Integer),
            Some(Value::Boolean(_)) => text.trim().parse().ok().map(Value::Boolean),
            Some(Value::List(_)) => {
                settings.faults.push(Fault {
                    place: name,
                    problem: format!("{key} is a list"),
                    remedy: "set it in the configuration file".to_owned(),
                });
                continue;
            }
        };
        match value {
            Some(value) => settings.set(&key, value, name),
            None => {
                settings.wrong_type(
                    &key,
                    name,
                    "write a whole number, or true or false where that is asked".to_owned(),
                );
            }
        }
    }
}

/// Whether the key would hold a secret itself.
pub(super) fn is_secret_key(key: &str) -> bool {
    let app = key.strip_prefix("apps.").and_then(|rest| rest.rsplit_once('.'));
    SECRETS.contains(&key) || app.is_some_and(|(_, name)| SECRET_KEYS.contains(&name))
}

/// The variable that overrides a key.
pub(super) fn name(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}
