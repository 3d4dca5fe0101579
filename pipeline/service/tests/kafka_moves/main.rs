//! What moves between processes: a partition whose owner is frozen in the middle of a batch, orders whose dispatcher
//! was away for longer than they may wait, and partitions while processes are upgraded one by one.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod away;
#[path = "../../../runtime/tests/broker/mod.rs"]
mod broker;
mod frozen;
#[path = "../process/mod.rs"]
mod process;
mod upgrade;

use serde_json::{Value, json};

const ACCOUNT: &str = "acme";
const SENDER: &str = "106540352242922";
const WABA: &str = "102290129340398";

/// The command that makes the account known.
fn account(limit: &Value, leave_by_seconds: u64) -> Value {
    json!({"command": "apply_account", "spec": {"account": ACCOUNT, "limit": limit,
        "policy": {"in_flight": 4_000_000u32, "leave_by_seconds": leave_by_seconds},
        "wabas": [{"id": WABA, "currency": "USD", "time_zone": "UTC",
            "senders": [{"id": SENDER, "throughput": 1_000, "quality": "GREEN"}],
            "templates": [{"name": "news", "language": "en_US", "category": "marketing", "body": ["1"]}]}]}})
}

/// The person of a number; the last three digits lie above those that the sandbox plays specially.
fn person(i: usize) -> String {
    format!("+55119{:08}", 10_000_000 + i / 900 * 1_000 + 100 + i % 900)
}

fn consent(i: usize) -> Value {
    json!({"command": "set_consent", "account": ACCOUNT,
        "consent": {"to": person(i), "category": "marketing", "state": "opt_in", "source": "test"}})
}

fn request(i: usize) -> Value {
    json!({"id": format!("r{i:05}"), "account": ACCOUNT, "to": person(i), "purpose": "marketing",
        "content": [{"template": {"name": "news", "language": ["en_US"], "components": {"body": ["Ana"]}}}]})
}
