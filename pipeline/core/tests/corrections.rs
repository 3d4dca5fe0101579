//! What stands is taken back as it was booked, whatever happens to cards and numbers meanwhile.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::closing::{amount, read};
use common::{World, accepted, account_spec, promo, status};
use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_rate_card::{RateCards, ReportedCategory, Source, Sources};

const BRAZIL: &str = "+5511987654321";
const CARD: &str = "pmp-usd-2026-10-01";

/// The embedded files, and the text of the last USD card in them.
fn embedded() -> (Sources, String) {
    let sources = Sources::embedded();
    let text = sources.cards.iter().find(|c| c.text.contains(&format!("id={CARD} "))).unwrap().text.to_string();
    (sources, text)
}

fn dearer(text: &str) -> String {
    let (marketing, utility) = ("Brazil,marketing,0.0625", "Brazil,utility,0.0068");
    assert!(text.contains(marketing) && text.contains(utility));
    text.replace(marketing, "Brazil,marketing,0.07").replace(utility, "Brazil,utility,0.0075")
}

/// A version of the card in which Brazil costs more.
fn corrected() -> RateCards {
    let (mut sources, text) = embedded();
    let text = dearer(&text).replace(&format!("id={CARD} "), &format!("id={CARD}-v2 "));
    sources.cards.push(Source::new("more.csv", text));
    RateCards::from_sources(&sources).unwrap()
}

/// The same card with other rates in it, which no import would write.
fn written_over() -> RateCards {
    let (mut sources, text) = embedded();
    let at = sources.cards.iter().position(|c| *c.text == *text).unwrap();
    sources.cards[at] = Source::new("pmp_usd_2026-10-01.csv", dearer(&text));
    RateCards::from_sources(&sources).unwrap()
}

/// No card in USD at all.
fn without() -> RateCards {
    let (mut sources, _) = embedded();
    sources.cards.retain(|c| !c.text.contains("currency=USD "));
    sources.bands.retain(|c| !c.text.contains("currency=USD "));
    RateCards::from_sources(&sources).unwrap()
}

fn catalogue(n: usize) -> RateCards {
    match n {
        0 => RateCards::embedded().unwrap(),
        1 => corrected(),
        2 => written_over(),
        _ => without(),
    }
}

/// One marketing message to Brazil, accepted; a percentage is added to what it costs.
fn world() -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["markup"] =
        json!([{"valid_from": "2026-01-01", "rules": [{"name": "all", "percent": "10", "fixed": "0.001"}]}]);
    let mut w = World::new();
    w.apply(&spec);
    w.opt_in(BRAZIL, "marketing");
    w.request(&promo("a", BRAZIL)).unwrap();
    w.event(&accepted(1, 1, "wamid.1"));
    w
}

fn said(kind: &str, at_s: u32, category: &str, pricing_type: &str) -> Value {
    let mut s = status(kind, 1, "wamid.1", at_s, true);
    s["pricing"] = json!({"model": "PMP", "category": category, "pricing_type": pricing_type});
    s
}

fn now_s(w: &World) -> u32 {
    (w.now_ms / 1000) as u32
}

fn restart(w: &mut World, rates: RateCards) {
    w.commit();
    w.reload_with(rates);
}

/// `kind cost currency card waba`, one entry a line.
fn books(w: &World) -> Vec<String> {
    let text = |e: &Value, k: &str| e[k].as_str().unwrap_or("-").to_owned();
    let line = |e: &Value| ["kind", "cost", "cost_currency", "card", "waba"].map(|k| text(e, k)).join(" ");
    w.out.ledger.iter().map(line).collect()
}

#[test]
fn on_a_card_that_is_corrected_since() {
    let mut w = world();
    let at = now_s(&w);
    w.event(&said("delivered", at, "marketing", "regular"));
    restart(&mut w, corrected());
    w.event(&said("read", at + 1, "utility", "regular"));
    assert_eq!(
        books(&w),
        [
            format!("charge 0.0625 USD {CARD} waba-1"),
            format!("adjustment -0.0625 USD {CARD} waba-1"),
            format!("charge 0.0075 USD {CARD}-v2 waba-1"),
        ]
    );
    assert_eq!(w.out.ledger[1]["adjusts"], w.out.ledger[0]["entry"]);
    read(&w);
}

/// Another catalogue alone corrects nothing: that is the business of rating again.
#[test]
fn nothing_is_booked_for_a_card_alone() {
    let mut w = world();
    let at = now_s(&w);
    let mut first = said("delivered", at, "marketing", "regular");
    first["pricing"]["model"].take();
    w.event(&first);
    restart(&mut w, corrected());
    // The model is said for the first time: other facts, the same charge.
    w.event(&said("read", at + 1, "marketing", "regular"));
    assert_eq!(books(&w), [format!("charge 0.0625 USD {CARD} waba-1")]);
    // An earlier time of the same day neither.
    w.event(&said("delivered", at - 60, "marketing", "regular"));
    assert_eq!(w.out.ledger.len(), 1);
}

/// Where positions are counted the time is what orders them: an earlier one of the same day is booked, at the same price.
#[test]
fn an_earlier_time_of_what_has_a_position() {
    let mut w = world();
    let at = now_s(&w);
    w.event(&said("delivered", at, "utility", "regular"));
    w.event(&said("delivered", at - 60, "utility", "regular"));
    w.event(&said("read", at + 5, "utility", "regular"));
    w.event(&said("delivered", at, "utility", "regular"));
    let one = format!("charge 0.0068 USD {CARD} waba-1");
    assert_eq!(books(&w), [one.clone(), format!("adjustment -0.0068 USD {CARD} waba-1"), one]);
    let times: Vec<_> = w.out.ledger.iter().map(|e| e["occurred_at"].as_str().unwrap().to_owned()).collect();
    assert!(times[0] == times[1] && times[2] < times[0], "{times:?}");
    let ordinals: Vec<_> = w.out.ledger.iter().map(|e| e["ordinal"].as_u64().unwrap()).collect();
    assert_eq!((ordinals, &w.out.ledger[2]["cause"]), (vec![1, 1, 1], &json!("settle")));
    read(&w);
}

/// What gets its first position when it is booked anew is ordered by the smallest time, which was said before.
#[test]
fn an_earlier_time_of_what_gets_a_position_later() {
    let mut w = world();
    let at = now_s(&w);
    w.event(&said("delivered", at, "marketing", "regular"));
    w.event(&said("delivered", at - 60, "marketing", "regular"));
    assert_eq!(w.out.ledger.len(), 1);
    w.event(&said("read", at + 5, "utility", "regular"));
    let times: Vec<_> = w.out.ledger.iter().map(|e| e["occurred_at"].as_str().unwrap().to_owned()).collect();
    assert!(times.len() == 3 && times[0] == times[1] && times[2] < times[0], "{times:?}");
    assert_eq!((&w.out.ledger[2]["ordinal"], &w.out.ledger[2]["cause"]), (&json!(1), &json!("reclassified")));
    read(&w);
}

#[test]
fn without_a_price_until_a_card_is_imported() {
    let mut w = world();
    let at = now_s(&w);
    restart(&mut w, without());
    w.event(&said("delivered", at, "marketing", "regular"));
    restart(&mut w, RateCards::embedded().unwrap());
    w.event(&said("read", at + 1, "utility", "regular"));
    assert_eq!(
        books(&w),
        ["unpriced - USD - waba-1", "adjustment - USD - waba-1", &format!("charge 0.0068 USD {CARD} waba-1")]
    );
    assert_eq!(w.out.ledger[1]["adjusts"], w.out.ledger[0]["entry"]);
    assert_eq!(w.out.ledger[1]["reason"], "no_card");
    read(&w);
}

/// The catalogue has the card no more, or gives another amount on it: cost and kind were kept.
#[test]
fn on_a_card_that_is_gone_or_written_over() {
    for (before, after) in [(1, 0), (1, 3), (0, 3), (0, 2), (2, 0)] {
        let mut w = world();
        let at = now_s(&w);
        restart(&mut w, catalogue(before));
        w.event(&said("delivered", at, "marketing", "regular"));
        restart(&mut w, catalogue(after));
        w.event(&said("read", at + 1, "marketing", "free_entry_point"));
        let cost = if before == 0 { "0.0625" } else { "0.07" };
        let kinds: Vec<String> = books(&w).iter().map(|b| b.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
        let taken_back = format!("adjustment -{cost}");
        assert_eq!(kinds, [&format!("charge {cost}"), &taken_back, "free 0"], "{before} {after}");
        assert_eq!(w.out.ledger[1]["adjusts"], w.out.ledger[0]["entry"], "{before} {after}");
        read(&w);
    }
}

/// The same account with its number under another WABA, in another zone and currency.
fn moved() -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let mut second = spec["wabas"][0].clone();
    second["id"] = json!("waba-2");
    second["currency"] = json!("EUR");
    second["time_zone"] = json!("Pacific/Auckland");
    spec["wabas"][0]["senders"] = json!([]);
    spec["wabas"].as_array_mut().unwrap().push(second);
    spec
}

#[test]
fn of_a_number_that_has_moved_to_another_waba() {
    let mut w = world();
    let at = now_s(&w);
    w.request(&promo("b", BRAZIL)).unwrap();
    w.event(&accepted(2, 1, "wamid.2"));
    w.event(&said("delivered", at, "marketing", "regular"));
    let mut spec = moved();
    spec["wabas"][0]["markup"] =
        json!([{"valid_from": "2026-01-01", "rules": [{"name": "all", "percent": "10", "fixed": "0.001"}]}]);
    w.apply(&spec);
    restart(&mut w, RateCards::embedded().unwrap());
    // A correction of what was booked, a first delivery of what was sent, and both after the move.
    w.event(&said("read", at + 1, "utility", "regular"));
    w.event(&status("delivered", 2, "wamid.2", at, true));
    w.request(&promo("c", BRAZIL)).unwrap();
    w.event(&accepted(3, 1, "wamid.3"));
    w.event(&status("delivered", 3, "wamid.3", at + 2, true));
    // What other software sends is billed where the number is.
    let mut foreign = status("delivered", 0, "wamid.f", at + 2, true);
    foreign.as_object_mut().unwrap().remove("callback");
    w.event(&foreign);
    let at_home = |kind: &str, cost: &str| format!("{kind} {cost} USD {CARD} waba-1");
    assert_eq!(
        books(&w)[..4],
        [
            at_home("charge", "0.0625"),
            at_home("adjustment", "-0.0625"),
            at_home("charge", "0.0068"),
            at_home("charge", "0.0625")
        ]
    );
    assert!(w.out.ledger[..4].iter().all(|e| e["markup_rule"] == "all"));
    // There is no card in euros.
    for e in &w.out.ledger[4..] {
        assert_eq!(
            (&e["waba"], &e["cost_currency"], &e["kind"]),
            (&json!("waba-2"), &json!("EUR"), &json!("unpriced"))
        );
    }
    assert_eq!(w.out.ledger.len(), 6);
    let outcome = w.out.outcomes.iter().find(|o| o["message_uid"] == 2 && o["charge"].is_object()).unwrap();
    assert_eq!(outcome["charge"]["currency"], "USD");
    read(&w);
}

/// Other software's message, booked without a price; when the price is said, its number is another WABA's, or another one pays.
#[test]
fn what_other_software_sent_before_the_number_moved_or_the_payer_changed() {
    let paid_by = |funding: &str| {
        let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
        spec["wabas"][0]["funding"] = json!(funding);
        spec
    };
    for (before, after, booked) in [
        (paid_by("we_pay"), moved(), true),
        (paid_by("we_pay"), paid_by("client_pays"), true),
        (paid_by("client_pays"), paid_by("we_pay"), false),
    ] {
        let mut w = World::new();
        w.apply(&before);
        let at = now_s(&w);
        let foreign = |mut s: Value| {
            s.as_object_mut().unwrap().remove("callback");
            s
        };
        w.event(&foreign(status("delivered", 0, "wamid.1", at, false)));
        w.apply(&after);
        restart(&mut w, RateCards::embedded().unwrap());
        w.event(&foreign(said("read", at + 1, "marketing", "regular")));
        if !booked {
            let counted: Vec<_> = w.out.ledger.iter().map(|e| (&e["kind"], &e["waba"], &e["quantity"])).collect();
            assert_eq!(counted, [(&json!("counted"), &json!("waba-1"), &json!(0))], "{after}");
            continue;
        }
        let wabas: Vec<_> = w.out.ledger.iter().map(|e| (e["kind"].clone(), e["waba"].clone())).collect();
        let each = |kind: &str| (json!(kind), json!("waba-1"));
        assert_eq!(wabas, [each("unpriced"), each("adjustment"), each("charge")], "{after}");
        assert_eq!(w.out.ledger[1]["adjusts"], w.out.ledger[0]["entry"], "{after}");
        read(&w);
    }
}

/// The platform repeats webhooks for days, older ones after newer ones.
#[test]
fn a_status_that_comes_again_after_newer_ones() {
    let mut w = world();
    let at = now_s(&w);
    w.event(&said("sent", at, "utility", "regular"));
    // Of the same second the later status counts.
    w.event(&said("delivered", at, "marketing", "regular"));
    w.event(&said("sent", at, "utility", "regular"));
    assert_eq!(books(&w), [format!("charge 0.0625 USD {CARD} waba-1")]);
    w.event(&said("read", at + 1, "utility", "regular"));
    assert_eq!(w.out.ledger.len(), 3);
    for (kind, at, category) in [("sent", at, "utility"), ("delivered", at, "marketing"), ("sent", at, "service")] {
        w.event(&said(kind, at, category, "regular"));
    }
    // Of one status too: the later time.
    w.event(&said("read", at + 3, "marketing", "regular"));
    w.event(&said("read", at + 1, "utility", "regular"));
    assert_eq!(w.out.ledger.len(), 5);
    assert_eq!(amount(&w.out.ledger[4], "cost").to_string(), "0.0625");
    // What no newer one said is taken all the same.
    let mut w = world();
    let mut silent = said("delivered", at, "marketing", "regular");
    silent["pricing"].as_object_mut().unwrap().remove("category");
    w.event(&silent);
    w.event(&said("sent", at, "utility", "regular"));
    assert_eq!(w.message(1).attempts[0].reported.category.unwrap().as_str(), "utility");
    read(&w);
}

#[derive(Clone, Debug)]
enum Step {
    Said { kind: &'static str, after_s: u32, category: &'static str, free: &'static str },
    Catalogue(usize),
    Move,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec!["sent", "delivered", "read"]);
    let category = prop::sample::select(vec!["marketing", "utility", "service"]);
    let free = prop::sample::select(vec!["regular", "regular", "free_customer_service", "free_entry_point"]);
    // Seconds, and days across the card of October.
    let after_s = prop_oneof![0..5_u32, (0..70_u32).prop_map(|day| day * 86_400)];
    prop_oneof![
        6 => (kind, after_s, category, free)
            .prop_map(|(kind, after_s, category, free)| Step::Said { kind, after_s, category, free }),
        2 => (0..4_usize).prop_map(Step::Catalogue),
        1 => Just(Step::Move),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Statuses in any order, catalogues that come and go, the number moved: each take-back is of an entry that was
    /// booked, once, with its amounts and for its WABA; and the word that counts is the newest.
    #[test]
    fn any_history(steps in prop::collection::vec(step(), 1..14)) {
        let mut w = world();
        let from = now_s(&w) - 60 * 86_400;
        // (time, rank, order) of each word; the greatest counts.
        let mut newest = None;
        for (order, step) in steps.iter().enumerate() {
            match step {
                Step::Said { kind, after_s, category, free } => {
                    let at = (from + after_s).min(now_s(&w));
                    let rank = ["sent", "delivered", "read"].iter().position(|k| k == kind).unwrap();
                    newest = newest.max(Some((at, rank, order, *category)));
                    w.event(&said(kind, at, category, free));
                }
                Step::Catalogue(n) => restart(&mut w, catalogue(*n)),
                Step::Move => {
                    let mut spec = moved();
                    spec["wabas"][0]["markup"] = json!([{"valid_from": "2026-01-01",
                        "rules": [{"name": "all", "percent": "10", "fixed": "0.001"}]}]);
                    w.apply(&spec);
                }
            }
        }
        read(&w);
        let booked: std::collections::BTreeMap<&str, &Value> =
            w.out.ledger.iter().map(|e| (e["entry"].as_str().unwrap(), e)).collect();
        for e in &w.out.ledger {
            prop_assert_eq!(&e["waba"], "waba-1");
            if e["kind"] == "adjustment" {
                let of = booked[e["adjusts"].as_str().unwrap()];
                for field in ["cost_currency", "price_currency", "usage_period", "occurred_at", "category"] {
                    prop_assert_eq!(&e[field], &of[field], "{} of {} and {}", field, of, e);
                }
            }
        }
        let standing: i64 = w.out.ledger.iter().map(|e| e["quantity"].as_i64().unwrap()).sum();
        let delivered = steps.iter().any(|s| matches!(s, Step::Said { kind, .. } if *kind != "sent"));
        prop_assert_eq!(standing, i64::from(delivered));
        let m = w.message_or_stored(1);
        prop_assert_eq!(m.attempts[0].reported.category.map(ReportedCategory::as_str), newest.map(|(_, _, _, category)| category));
    }
}
