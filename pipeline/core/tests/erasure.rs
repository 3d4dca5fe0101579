//! Who was erased stays so: what an erasure tells, one that is undone, and numbers that come back.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, account_spec, promo, shipped};
use serde_json::{Value, json};

const ANA: &str = "+5511987654321";
const NEW: &str = "+5511987654322";

/// A number that was not declared while the person was erased is declared again: what was written to it opens no window
/// and stands for no agreement.
#[test]
fn what_was_written_to_a_number_that_comes_back_stays_erased() {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let without = spec.clone();
    spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002", "throughput": 80}));
    let policy = json!({"consent": {"implied_marketing_days": 90}});
    let with_policy = |spec: &Value| {
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

/// What is told of a person carries the same keyed hash, and the numbers of messages tell which were requested before.
#[test]
fn an_erasure_tells_which_messages_were_before() {
    let mut w = World::with_account("UNLIMITED", "GREEN");
    let erase = |w: &mut World| {
        w.command(&json!({"command": "erase_person", "account": "acme", "to": ANA}));
        w.out.erased.pop().unwrap()
    };
    assert!(erase(&mut w)["until_uid"].is_u64(), "before any message");
    w.request(&shipped("r1", ANA)).unwrap();
    let before = w.last_outcome().clone();
    let told = erase(&mut w);
    w.request(&shipped("r2", ANA)).unwrap();
    w.request(&shipped("r3", NEW)).unwrap();
    let [.., after, other] = &w.out.outcomes[..] else { panic!("three outcomes") };
    let uid = |v: &Value| v["message_uid"].as_u64().unwrap();
    let until = told["until_uid"].as_u64().unwrap();
    assert!(uid(&before) <= until && until < uid(after), "{until}");
    assert_eq!(
        (&before["recipient_hash"], &after["recipient_hash"]),
        (&told["recipient_hash"], &told["recipient_hash"])
    );
    assert_ne!(other["recipient_hash"], told["recipient_hash"]);
    assert_eq!(told["recipient_hash"].as_str().map(str::len), Some(32));
}

/// A batch that is not durable erases nothing.
#[test]
fn an_aborted_erasure_is_none() {
    let mut w = World::with_account("UNLIMITED", "GREEN");
    w.opt_in(ANA, "marketing");
    w.commit();
    w.command(&json!({"command": "erase_person", "account": "acme", "to": ANA}));
    assert_eq!(w.engine.erased().count(), 1);
    assert!(w.engine.abort());
    assert_eq!(w.engine.erased().count(), 0);
    w.commit();
    w.reload();
    w.request(&promo("offer", ANA)).unwrap();
    assert_eq!(w.last_sign(), 'A');
}
