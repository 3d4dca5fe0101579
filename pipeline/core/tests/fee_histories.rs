//! Histories of what fees are asked for, with ends of months anywhere in them, against a count by hand.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::closing::close;
use common::{World, accepted, account_spec, promo, status};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// 2026-10-10, 12:00 UTC.
const START_MS: u64 = 1_791_633_600_000;
const DAY_MS: u64 = 86_400_000;
const DAY_S: u32 = 86_400;
/// Zones without summer time, and what they are ahead of UTC.
const ZONES: [(&str, i64); 3] = [("UTC", 0), ("America/Sao_Paulo", -10_800), ("Asia/Kolkata", 19_800)];
/// Months with their first days since 1970.
const MONTHS: [(&str, i64); 8] = [
    ("2026-08", 20_666),
    ("2026-09", 20_697),
    ("2026-10", 20_727),
    ("2026-11", 20_758),
    ("2026-12", 20_788),
    ("2027-01", 20_819),
    ("2027-02", 20_850),
    ("2027-03", 20_878),
];
/// Mark-ups by first day: what is asked for what is accepted, received, failed, and for a number.
const MARKUPS: [(&str, i64, [&str; 4]); 3] = [
    ("2026-09-15", 20_711, ["0.001", "0.002", "0.003", "5"]),
    ("2026-10-20", 20_746, ["0", "0.02", "0", "6"]),
    ("2026-11-05", 20_762, ["1", "0.5", "0.25", "0"]),
];
const NAMES: [&str; 4] = ["accepted", "inbound", "failed", "number"];

#[derive(Clone, Debug)]
enum Step {
    /// A person wrote, so many seconds ago.
    Inbound(u32),
    /// A batch with that is undone.
    Undone(u32),
    /// A message is accepted; and has failed, so many seconds ago.
    Sent(Option<u32>),
    /// The month before this one ends; or this one, early.
    Close {
        early: bool,
    },
    Hours(u16),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ago = || prop_oneof![0..40 * DAY_S, 0..2 * DAY_S];
    let step = prop_oneof![
        4 => ago().prop_map(Step::Inbound),
        1 => ago().prop_map(Step::Undone),
        3 => proptest::option::of(ago()).prop_map(Step::Sent),
        2 => prop::bool::weighted(0.2).prop_map(|early| Step::Close { early }),
        4 => (0..400_u16).prop_map(Step::Hours),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..40)
}

/// What is to be booked.
struct Hand {
    offset: i64,
    closed: usize,
    counts: BTreeMap<(usize, usize, usize), u32>,
    lines: Vec<String>,
}

impl Hand {
    fn day(&self, at_s: u32) -> i64 {
        (i64::from(at_s) + self.offset).div_euclid(86_400)
    }

    fn month(&self, at_s: u32) -> usize {
        MONTHS.iter().rposition(|(_, first)| *first <= self.day(at_s)).unwrap()
    }

    fn markup(day: i64) -> Option<usize> {
        MARKUPS.iter().rposition(|(_, first, _)| *first <= day)
    }

    fn count(&mut self, what: usize, at_s: u32) {
        let Some(markup) = Self::markup(self.day(at_s)) else { return };
        *self.counts.entry((self.month(at_s).max(self.closed + 1), what, markup)).or_default() += 1;
    }

    /// The number has been there since October, which is the third month.
    fn close(&mut self, asked: usize, now_s: u32) {
        for month in self.closed + 1..=asked {
            let mut counts: Vec<((usize, usize), u32)> = self
                .counts
                .iter()
                .filter(|((m, ..), _)| *m == month)
                .map(|((_, what, markup), n)| ((*what, *markup), *n))
                .collect();
            let end = Self::markup((MONTHS[month + 1].1 - 1).min(self.day(now_s)));
            counts.extend(end.filter(|_| month >= 2).map(|markup| ((3, markup), 1)));
            for ((what, markup), n) in counts {
                let each: Decimal = MARKUPS[markup].2[what].parse().unwrap();
                if !each.is_zero() {
                    let asked: Decimal = (0..n).map(|_| each).sum();
                    self.lines.push(format!("{} {} {n} {asked} {}", MONTHS[month].0, NAMES[what], MARKUPS[markup].0));
                }
            }
        }
        self.lines.push(format!("{} closed", MONTHS[asked].0));
        self.closed = asked;
    }
}

fn booked(topic: &[Value]) -> Vec<String> {
    let line = |e: &Value| match e["month_closed"].as_str() {
        Some(month) => format!("{month} closed"),
        None => {
            assert_eq!((&e["usage_period"], &e["fee"]), (&e["billing_period"], &e["price_ex_tax"]));
            let [month, reason, fee] = ["billing_period", "reason", "fee"].map(|k| e[k].as_str().unwrap());
            // The id says which mark-up it is of.
            let id = |from: &&str| {
                let key = format!("1001:{reason}:{month}:{from}");
                let id = tollgate_core::charge::entry_id("waba-1", tollgate_wire::ledger::EntryKind::Fee, &key, 0);
                format!("{id:032x}") == e["entry"].as_str().unwrap()
            };
            let from = MARKUPS.iter().map(|(from, ..)| *from).find(id).unwrap();
            format!("{month} {reason} {} {fee} {from}", e["quantity"])
        }
    };
    topic.iter().map(line).collect()
}

fn world(zone: &str) -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
    spec["wabas"][0]["time_zone"] = json!(zone);
    let markup = |(from, _, asked): &(&str, i64, [&str; 4])| {
        let fees: serde_json::Map<_, _> = NAMES.iter().zip(asked).map(|(n, a)| ((*n).to_owned(), json!(a))).collect();
        json!({"valid_from": from, "rules": [{"name": "all", "percent": "0"}], "fees": fees})
    };
    spec["wabas"][0]["markup"] = MARKUPS.iter().map(markup).collect();
    let mut w = World::at(START_MS);
    w.apply(&spec);
    w.commit();
    w
}

fn inbound(at_s: u32) -> Value {
    json!({"event": "inbound", "sender": "1001", "from": "+5511987654321", "at_s": at_s})
}

fn run(zone: usize, steps: &[Step]) -> Result<(), TestCaseError> {
    let (name, offset) = ZONES[zone];
    let mut w = world(name);
    let mut hand = Hand { offset, closed: 0, counts: BTreeMap::new(), lines: Vec::new() };
    let last_ms = START_MS + 130 * DAY_MS;
    let mut sent = 0;
    for step in steps {
        let now_s = (w.now_ms / 1000) as u32;
        match step {
            Step::Inbound(ago) => {
                w.event(&inbound(now_s - ago));
                hand.count(1, now_s - ago);
            }
            Step::Undone(ago) => {
                w.commit();
                w.event(&inbound(now_s - ago));
                prop_assert!(w.engine.abort());
            }
            Step::Sent(failed) => {
                let n = w.out.orders.len();
                let to = format!("+551198765{sent:04}");
                w.opt_in(&to, "marketing");
                w.request(&promo(&format!("r{sent}"), &to)).unwrap();
                sent += 1;
                // Many in one second wait for the number's throughput, and leave without a word of the platform here.
                let Some(uid) = w.out.orders.get(n).map(|order| order["message_uid"].as_u64().unwrap()) else {
                    continue;
                };
                let wamid = format!("wamid.{uid}");
                w.event(&accepted(uid, 1, &wamid));
                hand.count(0, now_s);
                if let Some(ago) = failed {
                    let mut s = status("failed", uid, &wamid, now_s - ago, false);
                    s["code"] = json!(131_026);
                    w.event(&s);
                    hand.count(2, now_s - ago);
                }
            }
            Step::Close { early } => {
                let asked = hand.month(now_s) - usize::from(!early);
                if asked > hand.closed {
                    w.event(&close(MONTHS[asked].0, 0, early.then_some("why")));
                    hand.close(asked, now_s);
                }
            }
            Step::Hours(hours) => {
                let ms = (u64::from(*hours) * 3_600_000).min(last_ms - w.now_ms);
                w.advance(ms);
            }
            Step::Restart => {
                w.commit();
                w.reload();
            }
        }
    }
    prop_assert_eq!(booked(&w.out.topic), hand.lines);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_counted_is_asked_once_at_the_price_of_its_day(zone in 0..3_usize, steps in steps()) {
        run(zone, &steps)?;
    }
}
