//! Every key with its value and where it came from. The embedded file is the schema: what it does not have is not
//! known, and a value has the type that it has there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::{DEFAULT_TOML, Fault, bounded, environment, file, nearest};

/// The app of the embedded file, whose keys every app has.
pub(super) const SCHEMA_APP: &str = "default";

/// A value as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// Tables of a list, each with its place.
    List(Vec<(String, BTreeMap<String, Item>)>),
}

/// A value inside a list's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Text(String),
    Texts(Vec<String>),
}

impl Value {
    fn expected(&self) -> &'static str {
        match self {
            Self::Text(_) => "text in quotes",
            Self::Integer(_) => "a whole number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list of tables",
        }
    }

    /// The value for a message.
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => bounded(&format!("{text:?}")),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(yes) => yes.to_string(),
            Self::List(_) => "the list".to_owned(),
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    place: String,
}

/// A file that holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile {
    /// The key that names it.
    pub key: String,
    /// Where that key is set: `file:line`, or the environment variable.
    pub place: String,
    /// The file.
    pub path: PathBuf,
}

/// All keys.
#[derive(Default)]
pub(super) struct Settings {
    entries: BTreeMap<String, Entry>,
    defaults: BTreeMap<String, Value>,
    /// Secrets that the environment holds itself.
    secrets: BTreeMap<String, String>,
    /// Files that hold secrets and are in use.
    secret_files: Vec<SecretFile>,
    read: BTreeSet<String>,
    pub(super) faults: Vec<Fault>,
}

impl Settings {
    /// Those of the embedded file.
    pub(super) fn defaults() -> Self {
        let mut settings = Self::default();
        file::read_defaults(DEFAULT_TOML, &mut settings);
        settings
    }

    /// A key of the embedded file itself.
    pub(super) fn declare(&mut self, key: String, value: Value) {
        self.defaults.insert(key.clone(), value.clone());
        self.entries.insert(key, Entry { value, place: "config.default.toml".to_owned() });
    }

    /// A secret from the environment, under its key.
    pub(super) fn declare_secret(&mut self, key: &str, secret: String) {
        self.secrets.insert(key.to_owned(), secret);
    }

    /// The secret of the environment, if it has one.
    pub(super) fn secret(&self, key: &str) -> Option<String> {
        self.secrets.get(key).filter(|secret| !secret.trim().is_empty()).map(|secret| secret.trim().to_owned())
    }

    /// Takes a value of a later layer, if its key is known and its type fits.
    pub(super) fn set(&mut self, key: &str, value: Value, place: String) {
        let Some(default) = self.default_of(key) else {
            return self.unknown(key, place);
        };
        if std::mem::discriminant(default) == std::mem::discriminant(&value) {
            self.entries.insert(key.to_owned(), Entry { value, place });
        } else {
            let remedy = format!("write {}", default.expected());
            self.wrong_type(key, place, remedy);
        }
    }

    /// A value of no type that any key has.
    pub(super) fn wrong_type(&mut self, key: &str, place: String, remedy: String) {
        self.faults.push(Fault { place, problem: format!("{} has a value of the wrong type", bounded(key)), remedy });
    }

    /// A key that nobody reads.
    pub(super) fn unknown(&mut self, key: &str, place: String) {
        let name = key.rsplit('.').next().unwrap_or(key);
        let shown = bounded(key);
        if environment::is_secret_key(key) {
            let variable = bounded(&environment::name(key));
            let remedy = format!("write the secret into a file and name it in {shown}_file, or set {variable}");
            self.faults.push(Fault { place, problem: format!("{shown} would be a secret in this file"), remedy });
            return;
        }
        let schema = schema_key(key);
        let same_name = self.defaults.keys().find(|known| known.rsplit('.').next() == Some(name)).map(String::as_str);
        let sections = self.defaults.keys().filter_map(|known| known.split_once('.')).map(|(section, _)| section);
        let meant = if schema.contains('.') {
            nearest(&schema, self.defaults.keys().map(String::as_str)).or(same_name)
        } else {
            let top = self.defaults.keys().map(String::as_str).filter(|known| !known.contains('.'));
            nearest(&schema, top.chain(sections)).or(same_name)
        };
        let remedy = meant.map_or_else(
            || "`tollgate config default` prints every key".to_owned(),
            |known| format!("did you mean {}?", bounded(&restore_app(known, key))),
        );
        self.faults.push(Fault { place, problem: format!("{shown} is not a known key"), remedy });
    }

    /// The default that gives a key its type; `None` if it is not known.
    pub(super) fn default_of(&self, key: &str) -> Option<&Value> {
        self.defaults.get(&schema_key(key))
    }

    /// Whether the key is a section that has keys.
    pub(super) fn is_section(&self, key: &str) -> bool {
        let section = format!("{}.", schema_key(key));
        key == "apps" || self.defaults.keys().any(|known| known.starts_with(&section))
    }

    /// Names of the apps that have a section, or a secret in the environment.
    pub(super) fn app_names(&self) -> BTreeSet<String> {
        let app = |key: &String| Some(key.strip_prefix("apps.")?.rsplit_once('.')?.0.to_owned());
        self.entries.keys().chain(self.secrets.keys()).filter_map(app).collect()
    }

    fn entry(&mut self, key: &str) -> Option<Entry> {
        self.read.insert(schema_key(key));
        self.entries.get(key).cloned()
    }

    /// Where a key's value stands.
    pub(super) fn place(&self, key: &str) -> String {
        self.entries.get(key).map_or_else(|| "config.default.toml".to_owned(), |entry| entry.place.clone())
    }

    /// Notes a file, named by `key`, that holds a secret.
    pub(super) fn holds_secret(&mut self, key: &str, path: PathBuf) {
        self.secret_files.push(SecretFile { key: key.to_owned(), place: self.place(key), path });
    }

    /// The files that hold secrets.
    pub(super) fn take_secret_files(&mut self) -> Vec<SecretFile> {
        std::mem::take(&mut self.secret_files)
    }

    /// A fault of a key's value.
    pub(super) fn fault(&mut self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        let place = self.place(key);
        self.faults.push(Fault { place, problem: bounded(&problem.into()), remedy: bounded(&remedy.into()) });
    }

    /// Records that `key = value` cannot be used.
    fn refuse(&mut self, key: &str, value: &Value, remedy: impl Into<String>) {
        self.fault(key, format!("{key} = {} cannot be used", value.shown()), remedy);
    }

    /// A text; empty when there is none.
    pub(super) fn text(&mut self, key: &str) -> String {
        match self.entry(key) {
            Some(Entry { value: Value::Text(text), .. }) => text,
            _ => String::new(),
        }
    }

    /// Yes or no.
    pub(super) fn boolean(&mut self, key: &str) -> bool {
        matches!(self.entry(key), Some(Entry { value: Value::Boolean(true), .. }))
    }

    /// The tables of a list.
    pub(super) fn list(&mut self, key: &str) -> Vec<(String, BTreeMap<String, Item>)> {
        match self.entry(key) {
            Some(Entry { value: Value::List(items), .. }) => items,
            _ => Vec::new(),
        }
    }

    /// A number within bounds; the lower bound if it is not.
    pub(super) fn number(&mut self, key: &str, bounds: RangeInclusive<u64>) -> u64 {
        let Some(Entry { value, .. }) = self.entry(key) else { return *bounds.start() };
        match &value {
            Value::Integer(number) if u64::try_from(*number).is_ok_and(|n| bounds.contains(&n)) => *number as u64,
            _ => {
                self.refuse(key, &value, format!("write {} to {}", bounds.start(), bounds.end()));
                *bounds.start()
            }
        }
    }

    /// A count or a size.
    pub(super) fn size(&mut self, key: &str, bounds: RangeInclusive<u64>) -> usize {
        self.number(key, bounds) as usize
    }

    /// A time in seconds.
    pub(super) fn seconds(&mut self, key: &str, bounds: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(key, bounds))
    }

    /// An IP address with a port.
    pub(super) fn address(&mut self, key: &str) -> SocketAddr {
        let text = self.text(key);
        text.parse().unwrap_or_else(|_| {
            self.refuse(key, &Value::Text(text), "write IP:port, such as 127.0.0.1:8080");
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> T {
        let text = self.text(key);
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return *choice;
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
        self.refuse(key, &Value::Text(text), format!("write {}", names.join(" or ")));
        choices[0].1
    }

    /// Keys of the embedded file that nothing has read yet.
    #[cfg(test)]
    pub(super) fn unread(&self) -> Vec<&str> {
        self.defaults.keys().map(String::as_str).filter(|key| !self.read.contains(*key)).collect()
    }
}

/// The key of the embedded file that stands for this one: every app has the keys of the app there.
fn schema_key(key: &str) -> String {
    match key.strip_prefix("apps.").and_then(|rest| rest.rsplit_once('.')) {
        Some((_, name)) => format!("apps.{SCHEMA_APP}.{name}"),
        None if key.starts_with("apps.") => format!("apps.{SCHEMA_APP}"),
        None => key.to_owned(),
    }
}

/// The app that the unknown key named, put back into the known one.
fn restore_app(known: &str, key: &str) -> String {
    let app = key.strip_prefix("apps.").and_then(|rest| rest.rsplit_once('.'));
    match (known.strip_prefix("apps.").and_then(|rest| rest.rsplit_once('.')), app) {
        (Some((_, name)), Some((app, _))) => format!("apps.{app}.{name}"),
        _ => known.to_owned(),
    }
}
