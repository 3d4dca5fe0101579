//! Messages of which the platform never says a type cost what the window at their delivery makes them cost: whatever is told
//! first, the same stands as by all that a person ever wrote.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::closing::{close, lines, read};
use common::conversations::{ANA, HOUR, sent, sound, status, writes};
use common::{World, account_spec};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_core::ids::{AccountIx, ContactKey, User};

const DAY: u32 = 24 * HOUR;
/// 2026-09-02 12:00:00 UTC: utility is free inside the window until the end of the month.
const SEPTEMBER_S: u32 = 1_788_350_400;
/// Own messages of a history.
const OWN: usize = 2;

/// What happens, as it is told.
#[derive(Clone, Debug)]
enum Told {
    Wrote {
        at_s: u32,
    },
    /// Of which message, own ones first; with what the platform says of the price.
    Delivered {
        message: usize,
        at_s: u32,
        word: Word,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    Nothing,
    /// All but the type.
    Untyped,
    /// Charged, whatever we think of the window.
    Regular,
}

/// Two messages that were sent to Ana while nothing was open; and days went by.
fn world() -> (World, Vec<u64>) {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["wabas"][0]["time_zone"] = json!("UTC");
    let mut w = World::at(u64::from(SEPTEMBER_S) * 1000);
    w.apply(&spec);
    let uids = (0..OWN).map(|_| sent(&mut w, "utility", ANA)).collect();
    w.advance(u64::from(20 * DAY) * 1000);
    (w, uids)
}

fn play(w: &mut World, uids: &[u64], told: &Told) {
    match told {
        Told::Wrote { at_s } => writes(w, ANA, *at_s),
        Told::Delivered { message, at_s, word } => {
            let mut words = json!({"model": "PMP", "category": "utility"});
            match word {
                Word::Regular => words["pricing_type"] = json!("regular"),
                // Of what other software sent nothing else is known.
                Word::Nothing if *message < OWN => words = Value::Null,
                Word::Nothing | Word::Untyped => {}
            }
            let mut s = status("delivered", uids.get(*message).copied().unwrap_or_default(), ANA, *at_s, words);
            if *message >= OWN {
                s.as_object_mut().unwrap().remove("callback");
                s["wamid"] = json!(format!("wamid.f{message}"));
            }
            w.event(&s);
        }
    }
}

/// `kind type cost` of what stands, by the hash of the wamid.
fn standing(w: &World) -> BTreeMap<String, String> {
    let taken_back: Vec<&Value> = w.out.ledger.iter().map(|e| &e["adjusts"]).collect();
    let stands = |e: &&Value| e["kind"] != "adjustment" && !taken_back.contains(&&e["entry"]);
    let line = |e: &Value| {
        let text = |k: &str| e[k].as_str().unwrap_or("-").to_owned();
        (text("wamid_hash"), format!("{} {} {}", text("kind"), text("pricing_type"), text("cost")))
    };
    let all: Vec<_> = w.out.ledger.iter().filter(stands).map(line).collect();
    let by_message: BTreeMap<_, _> = all.iter().cloned().collect();
    assert_eq!(by_message.len(), all.len(), "one charge a message: {all:?}");
    by_message
}

/// How many messages were delivered inside a window and outside, by everything that was told.
fn by_the_rules(told: &[Told]) -> (usize, usize) {
    let mut delivered: BTreeMap<usize, (u32, bool)> = BTreeMap::new();
    let mut wrote = Vec::new();
    for one in told {
        match one {
            Told::Wrote { at_s } => wrote.push(*at_s),
            Told::Delivered { message, at_s, word } => {
                let (smallest, regular) = delivered.entry(*message).or_insert((*at_s, false));
                *smallest = (*smallest).min(*at_s);
                *regular |= *word == Word::Regular;
            }
        }
    }
    let open = |at_s: &u32| wrote.iter().any(|t| (*t..*t + DAY).contains(at_s));
    let inside = delivered.values().filter(|(at_s, regular)| !regular && open(at_s)).count();
    (inside, delivered.len() - inside)
}

fn check(told: &[Told], restarts: bool) -> BTreeMap<String, String> {
    let (mut w, uids) = world();
    for one in told {
        play(&mut w, &uids, one);
        if restarts {
            w.commit();
            w.reload();
        }
    }
    sound(&w);
    read(&w);
    let stands = standing(&w);
    let free = stands.values().filter(|line| *line == "free free_customer_service 0").count();
    let charged = stands.values().filter(|line| *line == "charge regular 0.0068").count();
    assert_eq!((free, charged), by_the_rules(told), "{told:?}: {stands:?}");
    stands
}

fn delivered(message: usize, hour: u32) -> Told {
    Told::Delivered { message, at_s: SEPTEMBER_S + hour * HOUR, word: Word::Nothing }
}

fn wrote(hour: u32) -> Told {
    Told::Wrote { at_s: SEPTEMBER_S + hour * HOUR }
}

#[test]
fn an_earlier_time_has_its_own_window() {
    check(&[wrote(1), delivered(0, 30), delivered(0, 20)], false);
    check(&[wrote(20), delivered(0, 30), delivered(0, 19)], false);
}

#[test]
fn a_window_before_the_last_one() {
    check(&[wrote(1), wrote(50), delivered(0, 20), delivered(1, 26)], false);
    // The person wrote twice inside one.
    check(&[wrote(1), wrote(9), delivered(0, 5), delivered(1, 33)], false);
}

#[test]
fn what_the_person_wrote_is_told_of_after_the_delivery() {
    check(&[delivered(0, 20), delivered(2, 21), wrote(10)], false);
    check(&[wrote(60), delivered(0, 20), delivered(2, 21), wrote(10), delivered(0, 12)], true);
}

/// In a closed month an earlier time alone corrects nothing; what the person had written before it does, in the next month.
#[test]
fn a_closed_month_is_corrected_in_the_next() {
    let (mut w, uids) = world();
    play(&mut w, &uids, &delivered(0, 30));
    w.advance(u64::from(20 * DAY) * 1000);
    w.event(&close("2026-09", 3, None));
    play(&mut w, &uids, &delivered(0, 19));
    assert_eq!(w.out.ledger.len(), 1);
    // The window is over at the later time.
    writes(&mut w, ANA, SEPTEMBER_S - 4 * HOUR);
    assert_eq!(
        lines(&w.out.topic)[2..],
        ["adjustment -1 -0.0068 2026-09>2026-10 reclassified", "free 1 0 2026-09>2026-10 reclassified"]
    );
    read(&w);
    sound(&w);
}

/// The platform names the person by number and id: the messages to both are corrected by one decision.
#[test]
fn a_message_of_the_person_opens_the_window_of_number_and_id() {
    const ID: &str = "BR.13491208655302741918";
    let (mut w, uids) = world();
    w.command(&json!({"command": "set_consent", "account": "acme",
        "consent": {"to": ID, "state": "opt_in", "source": "web"}}));
    let mut request = common::shipped("to-id", ANA);
    request["to"] = json!({"bsuid": ID, "country": "BR"});
    request["campaign"] = json!("c");
    w.request(&request).unwrap();
    let to_id = w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap();
    w.event(&common::accepted(to_id, 1, &format!("wamid.{to_id}")));
    let at_s = (w.now_ms / 1000) as u32;
    w.event(&status("delivered", uids[0], ANA, at_s, Value::Null));
    let mut delivered = status("delivered", to_id, ANA, at_s, Value::Null);
    delivered["to"] = json!({"bsuid": ID, "country": "BR"});
    w.event(&delivered);
    w.event(&json!({"event": "inbound", "sender": "1001", "from": ANA, "bsuid": ID, "at_s": at_s - 60}));
    let stands: Vec<String> = standing(&w).into_values().collect();
    assert_eq!(stands, ["free free_customer_service 0"; 2]);
    sound(&w);
    // A position in the bands is free again for both.
    w.event(&status("delivered", uids[1], ANA, at_s - 10 * DAY, Value::Null));
    assert_eq!(w.out.ledger.last().unwrap()["ordinal"], 1);
}

/// Whoever is reached inside a window is not counted for the quota, also when the person wrote again before that is told.
#[test]
fn whoever_writes_again_is_not_counted_for_what_came_before() {
    for again in [false, true] {
        let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
        spec["wabas"][0]["time_zone"] = json!("UTC");
        let mut w = World::at(u64::from(SEPTEMBER_S) * 1000);
        w.apply(&spec);
        writes(&mut w, ANA, SEPTEMBER_S);
        let uid = sent(&mut w, "utility", ANA);
        w.advance(u64::from(HOUR) * 1000);
        if again {
            writes(&mut w, ANA, SEPTEMBER_S + 600);
        }
        w.event(&status("delivered", uid, ANA, SEPTEMBER_S + 60, Value::Null));
        let user = User::from_digits(ANA[1..].parse().unwrap()).unwrap();
        let counted = w.engine.state().contact(ContactKey::new(AccountIx(0), user)).counted;
        assert!(!counted.is_counted(SEPTEMBER_S + HOUR), "{again}: {counted:?}");
    }
}

fn history() -> impl Strategy<Value = Vec<Told>> {
    let at_s = || (1_u32..5 * 24 * 6).prop_map(|tenths| SEPTEMBER_S + tenths * 600);
    let word = prop_oneof![4 => Just(Word::Nothing), 3 => Just(Word::Untyped), 1 => Just(Word::Regular)];
    let told = prop_oneof![
        at_s().prop_map(|at_s| Told::Wrote { at_s }),
        (0..OWN + 2, at_s(), word).prop_map(|(message, at_s, word)| Told::Delivered { message, at_s, word }),
    ];
    prop::collection::vec(told, 2..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// In every order, and with restarts after each.
    #[test]
    fn in_any_order(all in history(), other in any::<prop::sample::Index>(), restarts in any::<bool>()) {
        let first = check(&all, false);
        let mut turned = all.clone();
        turned.rotate_left(other.index(all.len()));
        turned.reverse();
        prop_assert_eq!(&first, &check(&turned, restarts));
    }
}
