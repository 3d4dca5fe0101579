//! Who was erased stays so: numbers that come back bring nothing back.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, account_spec, promo};
use serde_json::json;

const ANA: &str = "+5511987654321";

/// A number that was not declared while the person was erased is declared again: what was written to it opens no window
/// and stands for no agreement.
#[test]
fn what_was_written_to_a_number_that_comes_back_stays_erased() {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let without = spec.clone();
    spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002", "throughput": 80}));
    let policy = json!({"consent": {"implied_marketing_days": 90}});
    let with_policy = |spec: &serde_json::Value| {
        let mut spec = spec.clone();
        spec["policy"] = policy.clone();
        spec
    };
    for erased in [false, true] {
        let mut w = World::new();
        w.apply(&with_policy(&spec));
        let at_s = w.now_ms / 1000;
        w.event(&json!({"event": "inbound", "sender": "1002", "from": ANA, "at_s": at_s}));
        w.apply(&with_policy(&without));
        if erased {
            w.command(&json!({"command": "erase_person", "account": "acme", "to": ANA}));
        }
        w.apply(&with_policy(&spec));
        let answer = json!({"id": "answer", "account": "acme", "to": ANA, "purpose": "service",
            "content": [{"text": "Oi"}]});
        for (mut request, refused) in [(answer, "window_closed"), (promo("offer", ANA), "not_opted_in")] {
            request["sender"] = json!("1002");
            w.request(&request).unwrap();
            let told = w.last_outcome();
            let as_told = (told["outcome"].as_str().unwrap(), told["reason"].as_str());
            assert_eq!(as_told, if erased { ("refused", Some(refused)) } else { ("admitted", None) }, "{told}");
        }
    }
}
