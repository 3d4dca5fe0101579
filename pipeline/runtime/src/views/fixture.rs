//! Lives of messages for tests.

use crate::ledger::fixture::T0;
use serde_json::{Value, json};
use tollgate_wire::Time;

/// An instant so many seconds after the start of the tests' day.
pub(super) fn at(seconds: u64) -> String {
    Time(T0 + seconds * 1000).to_string()
}

/// An outcome with the fields that every one has; `more` adds or replaces.
pub(super) fn outcome(id: &str, uid: u64, seconds: u64, kind: &str, more: Value) -> Vec<u8> {
    let mut o = json!({
        "id": id, "message_uid": uid, "attempt": 1, "account": "acme", "campaign": "black-friday-2026",
        "to": "+5511987654321", "at": at(seconds), "outcome": kind, "metadata": {"crm": "881-2"},
    });
    let (Value::Object(fields), Value::Object(more)) = (&mut o, more) else {
        panic!("both are objects");
    };
    fields.extend(more);
    serde_json::to_vec(&o).expect("into memory")
}

pub(super) fn trace(passed: u8, stopped: Option<&str>) -> Value {
    let mut gates = json!({"passed": passed, "quota_used": 249, "quota_ceiling": 250});
    if let Some(name) = stopped {
        gates["stopped"] = name.into();
    }
    gates
}

/// A message that waited for quota, went out, was requested again meanwhile, and was read.
pub(super) fn life(id: &str, uid: u64) -> Vec<Vec<u8>> {
    let mut admitted = trace(11, None);
    admitted["quota_use"] = "token".into();
    let content = json!({"alternative": 0, "template": "order_shipped", "language": "pt_BR", "category": "utility"});
    vec![
        outcome(
            id,
            uid,
            0,
            "parked",
            json!({"attempt": 0, "reason": "quota", "detail": "limit 250 reached", "gates": trace(7, Some("quota")),
                   "retry_at": at(60), "lot": "quota0-1b-1-0"}),
        ),
        outcome(
            id,
            uid,
            60,
            "admitted",
            json!({"sender": "106540352242922", "gates": admitted, "content": content,
                   "estimate": {"amount": "0.0068", "currency": "USD"}}),
        ),
        outcome(id, uid, 61, "accepted", json!({"wamid": "wamid.1"})),
        outcome(id, uid, 62, "duplicate", json!({"attempt": 0, "reason": "duplicate", "metadata": {"crm": "2"}})),
        outcome(
            id,
            uid,
            63,
            "delivered",
            json!({"charge": {"entry": format!("{uid:032x}"), "amount": "0.0068", "currency": "USD",
                   "category": "utility", "pricing_type": "regular"}}),
        ),
        outcome(id, uid, 90, "read", json!({})),
    ]
}

/// A snapshot of account `acme`.
pub(super) fn snapshot(seconds: u64, parked: u64) -> Vec<u8> {
    let counts = json!({"requested": 10, "parked": parked, "delivered": 3});
    let snapshot = json!({
        "account": "acme", "name": "Acme", "as_of": at(seconds), "disabled": false, "limit": 250,
        "limit_scope": "portfolio", "quota_used": 249, "quota_next_return": at(60), "parked_messages": parked,
        "parked_bytes": 700, "wabas": [{"id": "waba-1", "time_zone": "America/Sao_Paulo"}],
        "senders": [{"id": "106540352242922", "display": "+55 11 4000-0000", "waba": "waba-1", "quality": "GREEN",
            "throughput": 80, "throughput_now": 40, "in_flight": 2, "in_flight_limit": 100, "quota_used": 0,
            "blocked": false}],
        "campaigns": [{"spec": {"name": "black-friday-2026", "budget": "100.00"}, "state": "running",
            "currency": "USD", "reserved": "0.0136", "spent": "0.0204", "counts": counts}],
        "lots": [
            {"lot": "quota0-1b-1-0", "reason": "quota", "resource": "", "priority": false, "class": "utility",
             "campaign": "black-friday-2026", "messages": parked, "opens_at": at(4_000), "done_by": at(9_000)},
            {"lot": "pacing0-3b-1-0", "reason": "budget", "resource": "black-friday-2026", "priority": false,
             "class": "marketing", "campaign": "black-friday-2026", "messages": 1, "opens_at": at(30)},
            {"lot": "own0-3b-1-0", "reason": "frequency_capped", "resource": "", "priority": false,
             "class": "marketing", "campaign": "black-friday-2026", "messages": 2, "opens_at": at(5_000)}],
    });
    serde_json::to_vec(&snapshot).expect("into memory")
}

/// What a person of account `acme` said, and what holds since; `more` replaces fields.
pub(super) fn consent(seconds: u64, category: &str, state: &str, more: Value) -> Vec<u8> {
    let mut c = json!({
        "consents_of": "+5511987654321", "account": "acme", "as_of": at(seconds),
        "holds": {"marketing": state, "utility": null, "authentication": null, "service": null, "stop_all": false},
        "said": {"category": category, "state": state, "source": "web", "at": at(seconds), "text_version": "v1"},
    });
    let (Value::Object(fields), Value::Object(more)) = (&mut c, more) else {
        panic!("both are objects");
    };
    fields.extend(more);
    serde_json::to_vec(&c).expect("into memory")
}
