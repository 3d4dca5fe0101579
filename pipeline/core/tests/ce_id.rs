//! A request whose id stands beside its body, in the CloudEvents header of its record.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, shipped};
use serde_json::json;
use tollgate_core::engine::Rejected;
use tollgate_wire::DeadLetterReason;
use tollgate_wire::request::parse_with_id;

const TO: &str = "+5511987654321";
const HOUR_MS: u64 = 3_600_000;

fn without_id() -> serde_json::Value {
    let mut request = shipped("", TO);
    request.as_object_mut().unwrap().remove("id");
    request
}

fn send(w: &mut World, body: &serde_json::Value, ce_id: &[u8]) -> Result<(), Rejected> {
    let body = body.to_string();
    let request = parse_with_id(body.as_bytes(), Some(ce_id))
        .map_err(|e| Rejected { reason: e.reason, detail: e.to_string() })?;
    w.engine.request_parsed(&request, body.as_bytes(), false, &w.store, &mut w.out).unwrap()
}

#[test]
fn it_is_the_id_in_outcomes_and_for_duplicates() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "utility");
    send(&mut w, &without_id(), b"e1").unwrap();
    assert_eq!(w.last_outcome()["id"], "e1");
    assert_eq!(w.out.orders.len(), 1);
    send(&mut w, &without_id(), b"e1").unwrap();
    assert_eq!(w.last_outcome()["outcome"], "duplicate");
    send(&mut w, &shipped("own", TO), b"e2").unwrap();
    assert_eq!(w.last_outcome()["id"], "own");
    for bad in [&b""[..], b"a b", b"\xff", &[b'x'; 129]] {
        let rejected = send(&mut w, &without_id(), bad).unwrap_err();
        assert_eq!(rejected.reason, DeadLetterReason::Malformed);
        assert!(rejected.detail.starts_with("ce_id: "), "{rejected}");
    }
}

#[test]
fn a_message_that_waited_over_a_restart_still_has_it() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "utility");
    let mut later = without_id();
    later["send_after"] = json!("2026-11-21T18:00:00Z");
    later["expires_at"] = json!("2026-11-23T12:00:00Z");
    send(&mut w, &later, b"e1").unwrap();
    assert_eq!(w.last_outcome()["outcome"], "parked");
    w.commit();
    w.reload();
    // A little more than six hours: the attempt has no result yet and is not in doubt.
    let until = w.now_ms + 6 * HOUR_MS + 1_000;
    w.run_until(until);
    let admitted: Vec<_> = w.out.outcomes.iter().filter(|o| o["outcome"] == "admitted").map(|o| &o["id"]).collect();
    assert_eq!(admitted, ["e1"]);
    assert_eq!(w.out.orders.len(), 1);
}
