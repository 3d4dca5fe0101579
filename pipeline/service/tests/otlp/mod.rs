//! Somebody else's receiver of traces, and a trace as a tree.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::process::wait_for;

/// Every test uses a part of this; naming the rest keeps it from counting as dead.
const _: fn(&Span) -> (&str, &str, &str, &str) = |span| (&span.kind, &span.status, &span.scope, &span.authorization);
const _: fn(&Span) -> i64 = |span| span.end_ns - span.start_ns;
const _: fn(&Span) -> Vec<(&str, &str)> = |span| span.links.iter().map(|to| (&*to.trace, &*to.span)).collect();

/// A span as the receiver prints it.
#[derive(Clone, Debug, Deserialize)]
pub struct Span {
    pub trace: String,
    pub span: String,
    pub parent: String,
    pub name: String,
    pub kind: String,
    pub status: String,
    pub start_ns: i64,
    pub end_ns: i64,
    pub attributes: Map<String, Value>,
    pub links: Vec<Link>,
    pub resource: Map<String, Value>,
    pub scope: String,
    pub authorization: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Link {
    pub trace: String,
    pub span: String,
}

/// Somebody else's receiver of OTLP.
pub struct Receiver {
    child: Child,
    printed: PathBuf,
    pub address: String,
}

impl Receiver {
    /// One that answers 503 at first. It must be there: without it nothing is proved.
    pub fn start(folder: &Path) -> Self {
        let printed = folder.join("spans.jsonl");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/otlp");
        let built = Command::new(&script).arg("prepare").status().unwrap();
        assert!(built.success(), "the receiver of traces cannot be built; see `scripts/otlp help`");
        let file = std::fs::File::create(&printed).unwrap();
        // It becomes the receiver itself, so that its number is the one that is killed.
        let child = Command::new(&script).args(["run", "-refuse", "1"]).stdout(file).spawn().unwrap();
        let mut receiver = Self { child, printed, address: String::new() };
        let told = || std::fs::read_to_string(&receiver.printed).unwrap();
        wait_for("the receiver listens", &mut || told().contains('\n'));
        receiver.address = told().lines().next().unwrap().to_owned();
        receiver
    }

    /// Whole lines so far, without that of the address.
    pub fn lines(&self) -> String {
        let text = std::fs::read_to_string(&self.printed).unwrap();
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        whole.split_once('\n').map_or("", |(_, lines)| lines).to_owned()
    }

    pub fn spans(&self) -> Vec<Span> {
        self.lines().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A caller's trace, by a digit.
pub fn trace(n: u8) -> String {
    format!("{n}bf92f3577b34da6a3ce929d0e0e473{n}")
}

/// The caller's span.
pub const CALLER: &str = "00f067aa0ba902b7";

/// The spans of one trace.
#[derive(Debug)]
pub struct Tree(pub Vec<Span>);

impl Tree {
    pub fn of(spans: &[Span], n: u8) -> Self {
        Self(spans.iter().filter(|span| span.trace == trace(n)).cloned().collect())
    }

    /// Those whose name begins so.
    pub fn all(&self, name: &str) -> Vec<&Span> {
        self.0.iter().filter(|span| span.name.starts_with(name)).collect()
    }

    /// The only one.
    pub fn one(&self, name: &str) -> &Span {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} of {:#?}", self.0);
        all[0]
    }

    pub fn has(&self, outcome: &str) -> bool {
        self.0.iter().any(|span| span.attributes.get("tollgate.outcome") == Some(&outcome.into()))
    }

    pub fn decision(&self) -> &Span {
        self.one("decide requests")
    }

    pub fn calls(&self) -> Vec<&Span> {
        self.all("POST /{version}/{sender}/messages")
    }
}

/// Whether a span has these attributes.
pub fn says(span: &Span, what: &Value) {
    for (key, value) in what.as_object().unwrap() {
        assert_eq!(span.attributes.get(key), Some(value), "{key} of {span:#?}");
    }
}
