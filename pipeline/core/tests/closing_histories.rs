//! Histories with the ends of months anywhere in them: the same is booked as without, and only where it is billed differs.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::closing::{close, read, total};
use common::conversations::{cbp, status};
use common::{NOON_MS, World, accepted, account_spec};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tollgate_rate_card::{Date, YearMonth, Zone};

const DAY_S: u32 = 86_400;
const MESSAGES: usize = 4;
const ZONES: [&str; 2] = ["Pacific/Auckland", "America/Los_Angeles"];
const CATEGORIES: [&str; 4] = ["marketing", "utility", "authentication", "service"];
/// A month of messages, and one in which charges by message replaced those by conversation.
const ERAS_MS: [u64; 2] = [NOON_MS, 1_752_148_800_000];

#[derive(Clone, Debug)]
enum Step {
    /// A status of ours: message, what happened, words, category, so many seconds ago.
    Said(usize, &'static str, u8, usize, u32),
    /// A status of a message that other software sent.
    Foreign(usize, u8, usize, u32),
    /// A month ends that begins so many months before this one; -1 is the next.
    Close { back: i8, settle_days: u8, forced: bool },
    /// Days pass.
    Days(u8),
    /// A restart.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![1 => Just("sent"), 4 => Just("delivered"), 3 => Just("read")];
    // Around the ends of months too, to the second.
    let ago = || prop_oneof![3 => 0..80 * DAY_S, 1 => 0..DAY_S];
    let said =
        (0..MESSAGES, kind, 0..7_u8, 0..4_usize, ago()).prop_map(|(m, k, w, c, ago)| Step::Said(m, k, w, c, ago));
    let foreign = (0..3_usize, 0..7_u8, 0..4_usize, ago()).prop_map(|(m, w, c, ago)| Step::Foreign(m, w, c, ago));
    let settle_days = prop_oneof![Just(0), Just(8), 0..40_u8];
    let end = (-1..4_i8, settle_days, prop::bool::weighted(0.3));
    let end = end.prop_map(|(back, settle_days, forced)| Step::Close { back, settle_days, forced });
    let days = prop_oneof![0..3_u8, 0..25_u8].prop_map(Step::Days);
    let step = prop_oneof![6 => said, 2 => foreign, 3 => end, 2 => days, 1 => Just(Step::Restart)];
    proptest::collection::vec(step, 1..30)
}

fn words(words: u8, category: usize, n: usize) -> Value {
    let id = format!("c{}", (n + category) % 3);
    let category = CATEGORIES[category];
    match words {
        0 => Value::Null,
        1 => json!({"model": "PMP", "category": category, "pricing_type": "free_entry_point"}),
        2 => json!({"model": "PMP", "category_text": "business_agent", "pricing_type": "regular"}),
        3 => cbp(category, &id),
        4 => json!({"model": "CBP", "category": category}),
        _ => json!({"model": "PMP", "category": category, "pricing_type": "regular"}),
    }
}

fn person(n: usize) -> String {
    format!("+55119876543{n:02}")
}

fn begun(era_ms: u64) -> (World, Vec<u64>) {
    let mut w = World::at(era_ms);
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"] = json!([]);
    for (n, zone) in ZONES.iter().enumerate() {
        let mut of = account_spec("acme", &format!("waba-{n}"), &format!("100{n}"), "TIER_1K", "GREEN");
        of["wabas"][0]["time_zone"] = json!(zone);
        of["wabas"][0]["markup"] = json!([{"valid_from": "2025-06-15", "rules": [{"name": "a", "percent": "7.5", "fixed": "0.001"}]},
            {"valid_from": "2026-10-20", "rules": [{"name": "b", "percent": "11"}]}]);
        spec["wabas"].as_array_mut().unwrap().push(of["wabas"][0].take());
    }
    w.apply(&spec);
    let uids = (0..MESSAGES).map(|n| {
        let to = person(n);
        w.opt_in(&to, "marketing");
        let mut request = common::promo(&format!("r{n}"), &to);
        request["campaign"] = json!("c");
        request["sender"] = json!(format!("100{}", n % ZONES.len()));
        w.request(&request).unwrap();
        let uid = w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap();
        w.event(&accepted(uid, 1, &format!("wamid.{uid}")));
        uid
    });
    let uids: Vec<u64> = uids.collect();
    assert_eq!(w.out.orders.len(), MESSAGES);
    (w, uids)
}

/// Whether a month may end, by the calendars of the zones alone; `None` where it has ended last.
fn may_end(now_ms: u64, newest: Option<YearMonth>, month: YearMonth, settle_days: u8, forced: bool) -> Option<bool> {
    if newest == Some(month) {
        return None;
    }
    let today = |zone: &&str| Zone::new(zone).unwrap().local_date_at((now_ms / 1000) as i64);
    let days_over = |today: Date| (today - month.last_day()).get_days();
    let one_may = |today: Date| today >= month.first_day() && (forced || days_over(today) > i32::from(settle_days));
    Some(newest.is_none_or(|newest| month > newest) && ZONES.iter().map(today).all(one_may))
}

/// Runs a history, with the ends of its months or without.
fn run(era_ms: u64, steps: &[Step], with_ends: bool) -> World {
    let (mut w, uids) = begun(era_ms);
    let mut newest: Option<YearMonth> = None;
    for step in steps {
        let now_s = (w.now_ms / 1000) as u32;
        match *step {
            Step::Said(m, kind, said, category, ago_s) => {
                let mut s = status(kind, uids[m], &person(m), now_s - ago_s, words(said, category, m));
                s["sender"] = json!(format!("100{}", m % ZONES.len()));
                w.event(&s);
            }
            Step::Foreign(n, said, category, ago_s) => {
                let mut s = status("delivered", 1, &person(50 + n), now_s - ago_s, words(said, category, n));
                s.as_object_mut().unwrap().remove("callback");
                s["wamid"] = json!(format!("wamid.f{n}"));
                s["sender"] = json!(format!("100{}", n % ZONES.len()));
                w.event(&s);
            }
            Step::Close { back, settle_days, forced } => {
                let here = Zone::new("UTC").unwrap().local_date_at(i64::from(now_s));
                let month = (0..back.max(0)).fold(YearMonth::of(here), |m, _| m.previous());
                let month = if back < 0 { month.next() } else { month };
                let event = close(&month.to_string(), settle_days, forced.then_some("why"));
                if !with_ends {
                    continue;
                }
                let records = w.out.topic.len();
                let answer = w.events(&json!([event]));
                let wanted = may_end(w.now_ms, newest, month, settle_days, forced);
                assert_eq!(answer.is_ok(), wanted != Some(false), "{event} after {newest:?}: {answer:?}");
                // The newest again changes nothing and gives its marker once more.
                assert_eq!(w.out.topic.len() - records, usize::from(wanted != Some(false)), "{event}");
                if wanted == Some(true) {
                    newest = Some(month);
                }
            }
            Step::Days(days) => w.advance(u64::from(days) * u64::from(DAY_S) * 1000),
            Step::Restart => {
                w.commit();
                w.reload();
            }
        }
    }
    assert_eq!(read(&w).last().cloned(), newest.map(|m| m.to_string()));
    w
}

/// An entry without what the end of a month may change.
fn bare(e: &Value) -> Value {
    let mut e = e.clone();
    let fields = e.as_object_mut().unwrap();
    fields.remove("billing_period");
    if fields.get("cause").is_some_and(|cause| cause == "late") {
        fields.remove("cause");
    }
    e
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_is_booked_wherever_months_end(steps in steps(), era in prop::sample::select(ERAS_MS.to_vec())) {
        compared(era, &steps);
    }
}

fn compared(era: u64, steps: &[Step]) {
    let (with, without) = (run(era, steps, true), run(era, steps, false));
    let entries = |w: &World| w.out.ledger.iter().map(bare).collect::<Vec<_>>();
    if !reordered(&with) && !reordered(&without) {
        // Ids, positions, prices and amounts, entry by entry.
        assert_eq!(entries(&with), entries(&without));
    }
    assert_eq!(total(&with), total(&without));
    let spent = |w: &World| w.engine.state().campaigns().map(|c| c.spent).sum::<Decimal>();
    assert_eq!(spent(&with), spent(&without));
    for e in &without.out.ledger {
        assert_eq!(e["billing_period"], e["usage_period"]);
    }
}

/// Something was booked at an earlier time that changes its place among others and not its price, alone or with another
/// category. In a month that is closed it is not: then what it all comes to is the same.
fn reordered(w: &World) -> bool {
    let before = |n: usize| w.out.ledger[..n].iter().rev().find(|e| e["wamid"] == w.out.ledger[n]["wamid"]);
    let earlier = |n: usize| before(n).is_some_and(|b| b["occurred_at"] != w.out.ledger[n]["occurred_at"]);
    w.out.ledger.iter().enumerate().any(|(n, e)| e["cause"] == "settle" || e["cause"] == "reclassified" && earlier(n))
}

/// Once seen: another category together with an earlier time, of a month that is closed. The category is booked.
#[test]
fn an_earlier_time_with_another_category_after_the_end() {
    let steps = [
        Step::Said(3, "delivered", 0, 0, 2_782_801),
        Step::Days(17),
        Step::Close { back: 0, settle_days: 0, forced: true },
        Step::Said(3, "delivered", 5, 1, 4_251_602),
        Step::Said(3, "sent", 1, 0, 0),
    ];
    compared(ERAS_MS[0], &steps);
    let with = run(ERAS_MS[0], &steps, true);
    assert!(with.out.ledger.iter().any(|e| e["cause"] == "reclassified" && e["category"] == "utility"));
}

/// The histories are of the kind that is meant: months end in them, and much comes late.
#[test]
fn months_end_in_the_histories() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut ends, mut late, mut backs) = (0, 0, 0);
    for n in 0..60 {
        let w = run(ERAS_MS[n % 2], &steps().new_tree(&mut runner).unwrap().current(), true);
        ends += read(&w).len();
        late += w.out.ledger.iter().filter(|e| e["cause"] == "late").count();
        let moved = |e: &&Value| e["kind"] == "adjustment" && e["billing_period"] != e["usage_period"];
        backs += w.out.ledger.iter().filter(moved).count();
    }
    assert!(ends > 30 && late > 30 && backs > 30, "{ends} months ended, {late} late, {backs} taken back after it");
}
