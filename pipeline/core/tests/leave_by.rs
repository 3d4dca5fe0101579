//! By when an order must leave.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{NOON_MS, World, account_spec, shipped};
use serde_json::json;
use tollgate_wire::Time;

const ANA: &str = "+5511987654321";
const DAY_MS: u64 = 24 * 3_600_000;

/// A template inside the window takes no token, and a utility one needs no opt-in: it must not leave when the window is
/// over, however long an order may be held.
#[test]
fn what_is_admitted_inside_the_window_leaves_inside_it() {
    for leave_by_seconds in [5, 600] {
        let mut spec = account_spec("acme", "waba-1", "1001", "1", "GREEN");
        spec["policy"] = json!({"leave_by_seconds": leave_by_seconds});
        let mut w = World::new();
        w.apply(&spec);
        w.event(&json!({"event": "inbound", "sender": "1001", "from": ANA, "at_s": NOON_MS / 1000}));
        w.advance(DAY_MS - 61_000);
        w.request(&shipped("m", ANA)).unwrap();
        assert_eq!(w.last_outcome()["outcome"], "admitted", "{}", w.last_outcome());
        let leave_by = w.out.orders[0]["leave_by"].as_str().unwrap();
        // A window counts as over a minute before its end.
        assert_eq!(leave_by, Time(NOON_MS + DAY_MS - 60_000).to_string(), "{leave_by_seconds} s");
    }
}
