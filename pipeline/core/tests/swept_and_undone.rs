//! What a sweep forgets is remembered again where its batch is undone.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, accepted, promo, status};
use serde_json::json;
use tollgate_core::engine::{Swept, Table};

const EACH: usize = 50_000;
const DAY_MS: u64 = 86_400_000;

#[test]
fn an_undone_sweep_makes_no_id_new() {
    let mut w = World::with_account("UNLIMITED", "GREEN");
    let person = |n: usize| format!("+55119{n:08}");
    for n in 0..EACH {
        w.request(&promo(&format!("old{n}"), &person(n))).unwrap();
        if n % 1_000 == 0 {
            w.commit();
            w.out.outcomes.clear();
        }
    }
    w.commit();
    w.advance(31 * DAY_MS);
    for n in 0..EACH {
        w.request(&promo(&format!("new{n}"), &person(n))).unwrap();
        if n % 1_000 == 0 {
            w.commit();
            w.out.outcomes.clear();
        }
    }
    w.commit();
    let old: Vec<Vec<u8>> =
        w.store.0.iter().filter(|((t, _), _)| *t == Table::Closed).map(|(_, v)| v.clone()).collect();
    // As the shard does it: the sweep is in a batch that is undone, and is done again in the next.
    for round in 0..2 {
        let mut batch = common::Store::default();
        let swept = old.iter().filter(|v| w.engine.sweep(v, &mut batch).unwrap() == Swept::Gone).count();
        assert_eq!(swept, EACH);
        if round == 0 {
            assert!(w.engine.abort());
        }
    }
    // Round two would be durable: the ids of what was swept are gone from the store. All others are there.
    w.store.0.retain(|(t, _), v| {
        *t != Table::Closed || !tollgate_core::codec::message(v).unwrap().tail.id.starts_with("old")
    });
    w.engine.committed();
    w.out.outcomes.clear();
    for n in 0..EACH {
        w.request(&promo(&format!("new{n}"), &person(n))).unwrap();
    }
    let again = w.out.outcomes.iter().filter(|o| o["outcome"] != "duplicate").count();
    assert_eq!(again, 0, "requests that were sent twice count as new");
}

/// A status that comes when its message is about to be forgotten: the batch that has it leaves the message where it is, and
/// is undone with it.
#[test]
fn what_a_batch_changed_is_not_swept_by_it() {
    const TO: &str = "+5511987654321";
    let mut w = World::with_account("UNLIMITED", "GREEN");
    w.campaign(&json!({"name": "c"}));
    w.opt_in(TO, "marketing");
    let mut request = promo("m", TO);
    request["campaign"] = json!("c");
    w.request(&request).unwrap();
    w.event(&accepted(1, 1, "wamid.1"));
    w.event(&status("delivered", 1, "wamid.1", (w.now_ms / 1000) as u32, true));
    w.commit();
    let counts = |w: &World| w.engine.state().campaigns().next().unwrap().counts;
    let before = counts(&w);
    w.advance(31 * DAY_MS);
    let stored = w.store.0.iter().find(|((t, _), _)| *t == Table::Closed).unwrap().1.clone();
    let mut batch = common::Store::default();
    w.event(&status("read", 1, "wamid.1", (w.now_ms / 1000) as u32, true));
    let after = counts(&w);
    assert_eq!(w.engine.sweep(&stored, &mut batch).unwrap(), Swept::Later);
    assert!(w.engine.abort());
    assert_eq!(counts(&w), before);
    w.event(&status("read", 1, "wamid.1", (w.now_ms / 1000) as u32, true));
    assert_eq!(w.engine.sweep(&stored, &mut batch).unwrap(), Swept::Later);
    w.commit();
    assert_eq!(counts(&w), after);
    assert_eq!(w.message_or_stored(1).last().unwrap().state, tollgate_core::record::AttemptState::Read);
    // In a later batch it is forgotten, and its campaign counts it all the same.
    let stored = w.store.0.iter().find(|((t, _), _)| *t == Table::Closed).unwrap().1.clone();
    assert_eq!(w.engine.sweep(&stored, &mut batch).unwrap(), Swept::Gone);
    w.commit();
    assert_eq!(counts(&w), after);
}

/// A message that left long after its request is kept longer than those that were asked for after it, and holds none of them
/// back.
#[test]
fn what_left_late_is_kept_alone() {
    const TO: &str = "+5511987654321";
    let mut w = World::with_account("UNLIMITED", "GREEN");
    w.campaign(&json!({"name": "c"}));
    w.control("c", "pause");
    w.opt_in(TO, "marketing");
    let mut late = promo("late", TO);
    late["campaign"] = json!("c");
    late["expires_at"] = json!("2026-12-30T00:00:00Z");
    w.request(&late).unwrap();
    w.request(&promo("refused", "+5511987650000")).unwrap();
    w.advance(29 * DAY_MS);
    w.control("c", "resume");
    w.tick();
    w.event(&accepted(1, 1, "wamid.1"));
    w.event(&status("read", 1, "wamid.1", (w.now_ms / 1000) as u32, true));
    w.advance(3 * DAY_MS);
    w.request(&promo("young", "+5511987650001")).unwrap();
    w.commit();
    let mut batch = common::Store::default();
    let mut swept = |w: &mut World| -> Vec<Swept> {
        let ended = w.store.0.iter().filter(|((t, _), _)| *t == Table::Closed).map(|(_, v)| v.clone());
        let ended: Vec<_> = ended.collect();
        ended.iter().map(|v| w.engine.sweep(v, &mut batch).unwrap()).collect()
    };
    assert_eq!(swept(&mut w), [Swept::Later, Swept::Gone, Swept::Young]);
    w.advance(6 * DAY_MS);
    assert_eq!(swept(&mut w)[0], Swept::Gone);
}
