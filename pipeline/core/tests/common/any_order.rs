//! Statuses that come in another order than the one they were said in.

use super::{World, status};
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A status of a message that other software sent, with what the platform says of its price unless there is no category.
pub fn said(wamid: &str, kind: &str, at_s: u32, category: &str) -> Value {
    let mut s = status(kind, 1, wamid, at_s, false);
    s.as_object_mut().unwrap().remove("callback");
    if !category.is_empty() {
        s["pricing"] = json!({"model": "PMP", "category": category, "pricing_type": "regular"});
    }
    s
}

/// The statuses of steps: the message, status, second and category of each. Of two words of one second and status the last
/// that comes counts: that is no order to be free of, so there is one of them.
pub fn statuses(steps: Vec<(usize, &'static str, u32, &'static str)>) -> Vec<Value> {
    let unique: BTreeMap<_, _> =
        steps.into_iter().map(|(n, kind, at_s, category)| ((n, kind, at_s), category)).collect();
    unique.into_iter().map(|((n, kind, at_s), category)| said(&format!("wamid.{n}"), kind, at_s, category)).collect()
}

/// Plays statuses in the order of a shuffle, those that it leaves at last, each in a batch of its own. Beside where, the
/// shuffle says what happens: a batch with it is undone first (0), there is a restart after it (1), it comes again later (4).
pub fn play(w: &mut World, mut statuses: Vec<Value>, shuffle: &[(Index, u8)]) {
    w.commit();
    for (at, then) in shuffle {
        if statuses.is_empty() {
            break;
        }
        let at = at.index(statuses.len());
        let s = if *then == 4 { statuses[at].clone() } else { statuses.swap_remove(at) };
        if *then == 0 {
            let (ledger, topic) = (w.out.ledger.clone(), w.out.topic.clone());
            w.event(&s);
            assert!(w.engine.abort());
            (w.out.ledger, w.out.topic) = (ledger, topic);
        }
        w.event(&s);
        w.commit();
        if *then == 1 {
            w.reload();
        }
    }
    statuses.iter().for_each(|s| w.event(s));
}
