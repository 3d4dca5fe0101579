//! What a sweep forgets is remembered again where its batch is undone.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, promo};
use tollgate_core::engine::Table;

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
        let swept = old.iter().filter(|v| w.engine.sweep(v, &mut batch).unwrap()).count();
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
