//! Consent by brand: to whom a word is said, whose yes and no count, settings that change, a change of number, erasure, and
//! what is stored.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;

use common::{World, account_spec, promo, shipped};
use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_core::engine::Table;
use tollgate_wire::{DeadLetterReason, Time};

const ANA: &str = "+5511987654321";
const NEW: &str = "+5511987654322";
const HOUR_MS: u64 = 3_600_000;

/// Numbers 1001 of shoes, 1002 of hats, 1003 of no brand.
fn spec(policy: &Value) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "unlimited", "GREEN");
    for id in ["1002", "1003"] {
        let sender = json!({"id": id, "throughput": 80, "quality": "GREEN"});
        spec["wabas"][0]["senders"].as_array_mut().unwrap().push(sender);
    }
    spec["policy"] = policy.clone();
    if policy.get("brands").is_none() {
        spec["policy"]["brands"] =
            json!([{"name": "shoes", "senders": ["1001"]}, {"name": "hats", "senders": ["1002"]}]);
    }
    spec
}

fn world(policy: &Value) -> World {
    let mut w = World::new();
    w.apply(&spec(policy));
    w
}

fn brands(w: &mut World, brands: &Value) {
    w.apply(&spec(&json!({"brands": brands})));
}

fn said(w: &mut World, to: &str, state: &str, brand: Option<&str>, more: &Value) {
    let mut consent = json!({"to": to, "state": state, "source": "web"});
    if let Some(brand) = brand {
        consent["brand"] = json!(brand);
    }
    for (field, value) in more.as_object().unwrap() {
        consent[field] = value.clone();
    }
    w.command(&json!({"command": "set_consent", "account": "acme", "consent": consent}));
}

fn yes(w: &mut World, brand: Option<&str>) {
    said(w, ANA, "opt_in", brand, &json!({}));
}

fn wrote(w: &mut World, sender: &str, keyword: &str) {
    w.event(&json!({"event": "inbound", "sender": sender, "from": ANA, "at_s": w.now_ms / 1000, "keyword": keyword}));
}

/// What becomes of a marketing message, with its words.
fn asked(w: &mut World, to: &str, more: &Value) -> (char, String) {
    w.advance(60_000);
    let mut request = promo(&format!("r{}", w.now_ms), to);
    for (field, value) in more.as_object().unwrap() {
        request[field] = value.clone();
    }
    w.request(&request).unwrap();
    (w.last_sign(), w.last_outcome()["detail"].as_str().unwrap_or_default().to_owned())
}

/// By each of the three numbers.
fn by_number(w: &mut World, to: &str) -> String {
    ["1001", "1002", "1003"].map(|sender| asked(w, to, &json!({"sender": sender})).0).iter().collect()
}

#[test]
fn whose_yes_and_no_count() {
    type Say = (&'static str, Option<&'static str>);
    let (none, shoes, hats) = (None, Some("shoes"), Some("hats"));
    // What is said, in order; then shoes, hats and no brand: as they are, and where hats inherit.
    let table: [(&[Say], &str, &str); 10] = [
        (&[], "nnn", "nnn"),
        (&[("opt_in", none)], "nnA", "nAA"),
        (&[("opt_in", shoes)], "Ann", "Ann"),
        (&[("opt_in", none), ("opt_in", shoes)], "AnA", "AAA"),
        (&[("opt_in", shoes), ("opt_in", hats), ("opt_out", none)], "ooo", "ooo"),
        (&[("opt_in", none), ("opt_in", shoes), ("opt_out", shoes)], "onA", "oAA"),
        (&[("opt_in", none), ("opt_out", hats)], "noA", "noA"),
        // A no is taken back where it was said.
        (&[("opt_out", none), ("opt_in", shoes)], "ooo", "ooo"),
        (&[("opt_out", shoes), ("opt_in", none), ("opt_in", hats)], "oAA", "oAA"),
        (&[("opt_out", none), ("opt_in", shoes), ("opt_in", none)], "AnA", "AAA"),
    ];
    for (all, plain, inherited) in table {
        for (inherits, expected) in [(false, plain), (true, inherited)] {
            let named = json!([{"name": "shoes", "senders": ["1001"]},
                {"name": "hats", "senders": ["1002"], "inherits": inherits}]);
            let mut w = world(&json!({"brands": named}));
            for (state, brand) in all {
                said(&mut w, ANA, state, *brand, &json!({}));
            }
            assert_eq!(by_number(&mut w, ANA), expected, "{all:?}, hats inherit: {inherits}");
            w.commit();
            w.reload();
            assert_eq!(by_number(&mut w, ANA), expected, "{all:?} after a restart");
        }
    }
}

#[test]
fn a_word_is_said_to_the_brand_of_the_number() {
    for (sender, keyword, expected) in [
        ("1001", "stop", "oAA"),
        ("1002", "Stop!", "AoA"),
        ("1003", "stop", "ooo"),
        ("1001", "stop all", "ooo"),
        ("1001", "hello", "AAA"),
    ] {
        let mut w = world(&json!({}));
        [None, Some("shoes"), Some("hats")].into_iter().for_each(|brand| yes(&mut w, brand));
        wrote(&mut w, sender, keyword);
        assert_eq!(by_number(&mut w, ANA), expected, "{keyword} to {sender}");
    }
    let mut w = world(&json!({}));
    [None, Some("shoes"), Some("hats")].into_iter().for_each(|brand| yes(&mut w, brand));
    w.event(&json!({"event": "preference", "from": ANA, "stop": true, "at_s": w.now_ms / 1000}));
    assert_eq!(by_number(&mut w, ANA), "ooo", "the platform's switch is the account's");
    w.event(&json!({"event": "preference", "from": ANA, "stop": false, "at_s": w.now_ms / 1000}));
    assert_eq!(by_number(&mut w, ANA), "AAA");
    w.command(&json!({"command": "set_suppression", "account": "acme", "suppression": {"to": ANA, "listed": true}}));
    assert_eq!(by_number(&mut w, ANA), "ooo");
    assert_eq!(asked(&mut w, ANA, &json!({"brand": "shoes"})).1, "on the suppression list");
}

#[test]
fn a_request_names_a_brand() {
    let mut w = world(&json!({}));
    yes(&mut w, Some("hats"));
    // Of its own number, of one of no brand, or of one that it finds; never of another brand's.
    for (more, expected, sender) in [
        (json!({"brand": "hats", "sender": "1002"}), 'A', Some("1002")),
        (json!({"brand": "hats", "sender": "1003"}), 'A', Some("1003")),
        (json!({"brand": "hats"}), 'A', Some("1002")),
        (json!({"brand": "hats", "sender": "1001"}), 's', None),
        (json!({"brand": "shoes", "sender": "1003"}), 'n', None),
        (json!({}), 'n', None),
    ] {
        let (sign, why) = asked(&mut w, ANA, &more);
        assert_eq!(sign, expected, "{more}: {why}");
        if let Some(sender) = sender {
            assert_eq!(w.out.orders.last().unwrap()["sender"], sender, "{more}");
            assert_eq!(w.last_outcome()["gates"]["brand"], "hats");
        }
    }
    let (_, why) = asked(&mut w, ANA, &json!({"brand": "hats", "sender": "1001"}));
    assert_eq!(why, "brand hats writes by its own numbers and by those of no brand; the request names none of them");
    // One that is not there, with what is.
    let mut request = promo("unknown", ANA);
    request["brand"] = json!("gloves");
    let rejected = w.request(&request).unwrap_err();
    assert_eq!(rejected.reason, DeadLetterReason::Malformed);
    let remedy = "use one of shoes, hats, or add it to policy.brands and apply the account";
    assert_eq!(rejected.detail, format!("brand: \"gloves\" is no brand of account acme; {remedy}"));
    let command = json!({"command": "set_consent", "account": "acme",
        "consent": {"to": ANA, "state": "opt_in", "brand": "gloves"}});
    let detail = w.try_command(&command).unwrap_err().detail;
    assert_eq!(detail, format!("consent.brand: \"gloves\" is no brand of account acme; {remedy}"));
}

/// The number of the first brand is blocked: nobody is asked for another brand's consent because of that.
#[test]
fn another_number_is_of_the_same_brand() {
    let mut w = World::new();
    let mut blocked = spec(&json!({"brands": [{"name": "shoes", "senders": ["1001", "1003"]},
        {"name": "hats", "senders": ["1002"]}]}));
    blocked["wabas"][0]["senders"][0]["blocked"] = json!(true);
    w.apply(&blocked);
    yes(&mut w, Some("shoes"));
    assert_eq!(asked(&mut w, ANA, &json!({})).0, 'A');
    assert_eq!(w.out.orders.last().unwrap()["sender"], "1003");
}

#[test]
fn the_words_name_the_brand() {
    let mut w = world(&json!({}));
    let words = |w: &mut World, sender: &str| asked(w, ANA, &json!({"sender": sender})).1;
    assert_eq!(words(&mut w, "1001"), "no opt-in to brand shoes");
    assert_eq!(words(&mut w, "1003"), "");
    wrote(&mut w, "1001", "stop");
    assert_eq!(words(&mut w, "1001"), "opted out of brand shoes");
    let ends = Time(w.now_ms + HOUR_MS);
    said(&mut w, ANA, "opt_in", Some("hats"), &json!({"expires": ends, "category": "marketing"}));
    w.advance(HOUR_MS);
    assert_eq!(words(&mut w, "1002"), format!("no opt-in to brand hats; opt-in to marketing ended {ends}"));
    said(&mut w, ANA, "opt_out", None, &json!({}));
    assert_eq!(words(&mut w, "1002"), "opted out of the account as a whole");
    let proof = &w.out.consents.iter().find(|c| c["said"]["brand"] == "hats").unwrap()["said"];
    assert_eq!((&proof["state"], &proof["expires"]), (&json!("opt_in"), &json!(ends)));
    let last = w.out.consents.last().unwrap();
    assert_eq!(last["said"].get("brand"), None);
    let named: Vec<&Value> = last["holds"]["brands"].as_array().unwrap().iter().map(|b| &b["brand"]).collect();
    assert_eq!(named, ["shoes", "hats"]);
}

#[test]
fn a_yes_to_a_brand_is_confirmed_to_its_number_and_ends() {
    let policy = json!({"consent": {"double_opt_in": ["marketing"], "confirm_hours": 2, "valid_days": 1}});
    let mut w = world(&policy);
    yes(&mut w, Some("shoes"));
    assert_eq!(by_number(&mut w, ANA), "nnn");
    wrote(&mut w, "1003", "yes");
    wrote(&mut w, "1002", "yes");
    assert_eq!(by_number(&mut w, ANA), "nnn", "nobody was asked for that");
    wrote(&mut w, "1001", "yes");
    assert_eq!(by_number(&mut w, ANA), "Ann");
    w.advance(24 * HOUR_MS);
    assert_eq!(by_number(&mut w, ANA), "nnn", "ended");
    // Implied to the number that was written to.
    let mut w = world(&json!({"consent": {"implied_marketing_days": 1}}));
    wrote(&mut w, "1001", "hi");
    wrote(&mut w, "1003", "hi");
    assert_eq!(by_number(&mut w, ANA), "AnA");
    assert_eq!(asked(&mut w, ANA, &json!({"brand": "hats", "sender": "1003"})).0, 'n');
    wrote(&mut w, "1001", "stop");
    assert_eq!(by_number(&mut w, ANA), "onA");
}

#[test]
fn settings_change_after_consents_are_on_record() {
    let shoes = |senders: Value| json!({"name": "shoes", "senders": senders});
    let hats = |senders: Value| json!({"name": "hats", "senders": senders, "inherits": true});
    let mut w = world(&json!({"brands": [shoes(json!(["1001"])), hats(json!(["1002"]))]}));
    yes(&mut w, None);
    yes(&mut w, Some("shoes"));
    wrote(&mut w, "1002", "stop");
    assert_eq!(by_number(&mut w, ANA), "AoA");
    // Another order and other numbers: names keep what was said to them. 1002 was hats' when it was stopped.
    brands(&mut w, &json!([hats(json!(["1003"])), shoes(json!(["1001", "1002"]))]));
    assert_eq!(by_number(&mut w, ANA), "AAo", "shoes have a yes of their own");
    // Hats are gone, and so is nobody's no to them: 1002 and 1003 were hats'.
    brands(&mut w, &json!([shoes(json!(["1001"]))]));
    assert_eq!(by_number(&mut w, ANA), "Aoo");
    let (_, why) = asked(&mut w, ANA, &json!({"sender": "1003"}));
    assert_eq!(why, "opted out of brand hats, which the account has no longer");
    let gone = json!({"command": "set_consent", "account": "acme",
        "consent": {"to": ANA, "state": "opt_in", "brand": "hats"}});
    assert!(w.try_command(&gone).is_err(), "nothing is said to a brand that is gone");
    // Under another name, and as nobody's.
    brands(&mut w, &json!([shoes(json!(["1001"])), {"name": "caps", "senders": ["1002"], "inherits": true}]));
    assert_eq!(by_number(&mut w, ANA), "Aoo");
    w.commit();
    w.reload();
    assert_eq!(by_number(&mut w, ANA), "Aoo", "after a restart");
    // Back, it is the same; a number that another brand has now keeps the no of the one that it was of.
    brands(
        &mut w,
        &json!([shoes(json!(["1001"])), {"name": "caps", "senders": ["1002"], "inherits": true}, hats(json!(["1003"]))]),
    );
    assert_eq!(by_number(&mut w, ANA), "Aoo");
    let (_, why) = asked(&mut w, ANA, &json!({"sender": "1002"}));
    assert_eq!(why, "opted out of brand hats, which the number was of before");
    yes(&mut w, Some("hats"));
    assert_eq!(by_number(&mut w, ANA), "AAA");
    // Without any brand a no to one that is gone is taken back by a later yes to the account.
    wrote(&mut w, "1003", "stop");
    brands(&mut w, &json!([]));
    assert_eq!(by_number(&mut w, ANA), "ooo");
    w.advance(60_000);
    yes(&mut w, None);
    assert_eq!(by_number(&mut w, ANA), "AAA");
    let words = asked(&mut w, NEW, &json!({})).1;
    assert_eq!(words, "");
}

#[test]
fn what_waits_goes_by_what_was_said_meanwhile() {
    let marketing = |w: &World| w.out.outcomes.iter().filter(|o| o["outcome"] == "admitted").count();
    for (meanwhile, expected) in [("nothing", ""), ("stop", "opted_out"), ("gone", "not_opted_in"), ("other", "")] {
        let mut w = world(&json!({}));
        yes(&mut w, Some("hats"));
        let mut request = promo("later", ANA);
        request["brand"] = json!("hats");
        request["send_after"] = json!(Time(w.now_ms + HOUR_MS));
        w.request(&request).unwrap();
        assert_eq!(w.last_outcome()["reason"], "scheduled");
        match meanwhile {
            "stop" => wrote(&mut w, "1002", "stop"),
            "other" => wrote(&mut w, "1001", "stop"),
            "gone" => brands(&mut w, &json!([{"name": "shoes", "senders": ["1001"]}])),
            _ => {}
        }
        w.run_until(w.now_ms + HOUR_MS + 1_000);
        let o = w.last_outcome();
        assert_eq!(o["reason"].as_str().unwrap_or_default(), expected, "{meanwhile}: {o}");
        assert_eq!(marketing(&w), usize::from(expected.is_empty()), "{meanwhile}");
        if meanwhile == "gone" {
            assert_eq!(o["detail"], "brand hats is not in policy.brands any more");
        }
    }
}

#[test]
fn refusals_follow_a_change_of_number_brand_by_brand() {
    let mut w = world(&json!({}));
    [None, Some("shoes"), Some("hats")].into_iter().for_each(|brand| yes(&mut w, brand));
    wrote(&mut w, "1001", "stop");
    let moved = json!({"event": "number_changed", "from": ANA, "to": NEW, "at_s": w.now_ms / 1000});
    w.event(&moved);
    assert_eq!(by_number(&mut w, NEW), "onn", "the no went along, the yeses did not");
    said(&mut w, NEW, "opt_in", Some("shoes"), &json!({}));
    w.event(&moved);
    assert_eq!(by_number(&mut w, NEW), "Ann", "told again, what was agreed to since stands");
    // A stop from before the change, told after it.
    w.event(
        &json!({"event": "inbound", "sender": "1002", "from": ANA, "at_s": w.now_ms / 1000 - 3600, "keyword": "stop"}),
    );
    assert_eq!(by_number(&mut w, NEW), "Aon");
}

#[test]
fn a_person_is_erased_with_all_brands() {
    let mut w = world(&json!({}));
    yes(&mut w, None);
    yes(&mut w, Some("hats"));
    wrote(&mut w, "1001", "stop");
    w.commit();
    let stored = |w: &World, table| w.store.0.keys().filter(|(t, _)| *t == table).count();
    assert_eq!((stored(&w, Table::Brands), stored(&w, Table::Proofs)), (2, 4));
    w.command(&json!({"command": "erase_person", "account": "acme", "to": ANA}));
    w.commit();
    assert_eq!((stored(&w, Table::Brands), stored(&w, Table::Proofs)), (1, 0), "what is refused stays");
    let left = &w.out.erased[0]["holds"]["brands"];
    assert_eq!((left.as_array().unwrap().len(), &left[0]["brand"]), (1, &json!("shoes")));
    assert_eq!((&left[0]["holds"]["marketing"], &left[0]["holds"]["utility"]), (&json!("opt_out"), &json!("opt_out")));
    assert_eq!(by_number(&mut w, ANA), "onn");
}

/// A file that is imported twice adds nothing; who has no brands is stored as before there were any.
#[test]
fn what_is_stored() {
    let mut w = world(&json!({}));
    let at = json!({"at": Time(w.now_ms - HOUR_MS)});
    let count = |w: &World, table| w.store.0.keys().filter(|(t, _)| *t == table).count();
    for _ in 0..2 {
        said(&mut w, ANA, "opt_in", Some("shoes"), &at);
        said(&mut w, ANA, "opt_in", Some("hats"), &at);
        said(&mut w, ANA, "opt_in", None, &at);
        w.commit();
        assert_eq!((count(&w, Table::Proofs), count(&w, Table::Brands), count(&w, Table::Contacts)), (3, 2, 1));
    }
    assert_eq!(w.engine.state().sizes().0, 1, "brands have records of their own");
    let account = |w: &World| {
        let mut accounts = w.store.0.iter().filter(|((t, key), _)| *t == Table::Entities && key[0] == 1);
        accounts.next().unwrap().1.clone()
    };
    assert_eq!(account(&w)[0], 6, "earlier versions refuse it");
    let mut plain = World::new();
    plain.apply(&account_spec("acme", "waba-1", "1001", "unlimited", "GREEN"));
    plain.opt_in(ANA, "marketing");
    plain.commit();
    assert_eq!((account(&plain)[0], count(&plain, Table::Brands)), (1, 0));
    let stored = account(&plain);
    assert!(!stored.windows(6).any(|part| part == b"brands"), "nothing is said of brands");
    let outcome = {
        plain.request(&shipped("m", ANA)).unwrap();
        plain.last_outcome().clone()
    };
    assert_eq!((&outcome["gates"].get("brand"), &outcome["detail"]), (&None, &Value::Null));
}

#[test]
fn names_are_not_used_up_by_naming_them_again() {
    let mut w = world(&json!({}));
    for n in 0..300 {
        brands(&mut w, &json!([{"name": format!("b{}", n % 100), "senders": ["1001"]}]));
    }
    let mut last = Ok(());
    for n in 100..400 {
        let spec = spec(&json!({"brands": [{"name": format!("b{n}"), "senders": ["1001"]}]}));
        last = w.try_command(&json!({"command": "apply_account", "spec": spec}));
        if last.is_err() {
            assert_eq!(n, 252, "two of the beginning, and 252");
            break;
        }
    }
    let detail = last.unwrap_err().detail;
    assert_eq!(detail, "account acme: policy.brands: too many names were used so far; use one of them again");
    brands(&mut w, &json!([{"name": "hats", "senders": ["1001"]}]));
}

/// What is taken back with an aborted batch.
#[test]
fn an_abort_takes_it_back() {
    let mut w = world(&json!({}));
    yes(&mut w, Some("shoes"));
    w.commit();
    wrote(&mut w, "1001", "stop");
    assert_eq!(by_number(&mut w, ANA), "onn");
    assert!(w.engine.abort());
    assert_eq!(by_number(&mut w, ANA), "Ann");
}

const TARGETS: [Option<&str>; 3] = [None, Some("shoes"), Some("hats")];
const MATTERS: [Option<&str>; 3] = [None, Some("marketing"), Some("utility")];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against the plainest model: the last word on each category at each of the three it may be said to.
    #[test]
    fn the_last_word_at_each_counts(
        said_in_order in prop::collection::vec((0..3_usize, 0..3_usize, any::<bool>()), 0..12),
        inherits: bool,
    ) {
        let named = json!([{"name": "shoes", "senders": ["1001"]},
            {"name": "hats", "senders": ["1002"], "inherits": inherits}]);
        let mut w = world(&json!({"brands": named}));
        // Yes or no of marketing and of utility, by whom it was said to.
        let mut last: [[Option<bool>; 2]; 3] = Default::default();
        for (to, matter, is_yes) in said_in_order {
            w.advance(1_000);
            let state = if is_yes { "opt_in" } else { "opt_out" };
            said(&mut w, ANA, state, TARGETS[to], &json!({"category": MATTERS[matter]}));
            for (at, word) in last[to].iter_mut().enumerate() {
                if matter == 0 || matter == at + 1 {
                    *word = Some(is_yes);
                }
            }
        }
        for (category, make) in [promo, shipped].into_iter().enumerate() {
            for (sender, to) in [("1001", 1), ("1002", 2), ("1003", 0)] {
                w.advance(60_000);
                let mut request = make(&format!("r{}", w.now_ms), ANA);
                request["sender"] = json!(sender);
                w.request(&request).unwrap();
                let (account, own) = (last[0][category], last[to][category]);
                let counts = to == 0 || (to == 2 && inherits);
                let expected = if account == Some(false) || own == Some(false) {
                    "opted_out"
                } else if own == Some(true) || (counts && account == Some(true)) {
                    ""
                } else {
                    "not_opted_in"
                };
                let o = w.last_outcome();
                prop_assert_eq!(o["reason"].as_str().unwrap_or_default(), expected, "{} by {}: {}", category, sender, o);
            }
        }
    }
}
