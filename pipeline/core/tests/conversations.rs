//! Conversations: charged once each, by the platform's words and by its rules, and not again by later ones.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::conversations::{ANA, HOUR, JULY_2024_S, SWITCH_S, books, cbp, sent, sound, status, world, writes};
use common::{World, account_spec};
use serde_json::{Value, json};
use tollgate_core::ids::{PairKey, SenderIx, User};

#[test]
fn the_platforms_worked_example() {
    let mut w = world(JULY_2024_S);
    let hour = |h: u32| JULY_2024_S + h * HOUR;
    let deliver = |w: &mut World, h: u32, category: &str, conversation: &str| {
        w.advance(u64::from(hour(h)) * 1000 - w.now_ms);
        let uid = sent(w, category, ANA);
        let said = if category == "service" && h == 5 { "marketing" } else { category };
        for kind in ["sent", "delivered"] {
            w.event(&status(kind, uid, ANA, hour(h), cbp(said, conversation)));
        }
        w.event(&status("read", uid, ANA, hour(h) + 1, Value::Null));
    };
    deliver(&mut w, 0, "marketing", "c1");
    w.advance(4 * 3_600_000);
    writes(&mut w, ANA, hour(4));
    deliver(&mut w, 5, "service", "c1");
    let covered = w.last_outcome();
    assert!(covered["charge"].is_null(), "{covered}");
    assert_eq!(covered["detail"], "not charged: covered by the conversation that opened at 2024-07-30T12:00:00.000Z");
    deliver(&mut w, 25, "service", "c2");
    deliver(&mut w, 26, "service", "c2");
    assert_eq!(books(&w), ["charge 1 0.0625 CBP 2024-07", "free 1 0 CBP 2024-07"]);
    let first = &w.out.ledger[0];
    assert_eq!(first["card"], "cbp-usd-2023-06-01");
    assert_eq!(first["conversation"], "c1");
    assert_eq!([&first["expected_model"], &first["reported_model"]], ["CBP", "CBP"]);
    assert_eq!(w.out.ledger[1]["pricing_type"], "free_allowance");
    assert_eq!(w.out.ledger[1]["ordinal"], 1);
    sound(&w);
}

/// Without a word of the platform, by its rules: the same charges.
#[test]
fn the_worked_example_without_a_word_about_prices() {
    let mut w = world(JULY_2024_S);
    for (h, category) in [(0, "marketing"), (5, "service"), (25, "service"), (26, "service")] {
        let at_s = JULY_2024_S + h * HOUR;
        w.advance(u64::from(at_s) * 1000 - w.now_ms);
        if h == 5 {
            writes(&mut w, ANA, JULY_2024_S + 4 * HOUR);
        }
        let uid = sent(&mut w, category, ANA);
        for kind in ["delivered", "read", "delivered"] {
            w.event(&status(kind, uid, ANA, at_s, Value::Null));
        }
    }
    assert_eq!(books(&w), ["charge 1 0.0625 CBP 2024-07", "free 1 0 CBP 2024-07"]);
}

/// The key of a conversation is the platform's id; before it said one, the message that opened it.
#[test]
fn entries_are_keyed_by_the_conversation() {
    use tollgate_core::charge::{conversation_id, entry_id};
    use tollgate_wire::ledger::EntryKind;
    let mut w = world(JULY_2024_S);
    let uid = sent(&mut w, "utility", ANA);
    w.event(&status("delivered", uid, ANA, JULY_2024_S, cbp("utility", "c1")));
    let key = format!("{:032x}", conversation_id("waba-1", "c1"));
    let entry = entry_id("waba-1", EntryKind::Charge, &key, 0);
    assert_eq!(w.out.ledger[0]["entry"], json!(format!("{entry:032x}")));
}

/// One number's conversation is not another's; the allowance is the WABA's.
#[test]
fn numbers_have_their_own_conversations_and_share_the_allowance() {
    let mut w = world(JULY_2024_S);
    let service = |n: u32, sender: &str| {
        json!({"event": "status", "sender": sender, "wamid": format!("wamid.other.{n}"), "to": format!("+55119{n:08}"),
            "status": "delivered", "at_s": JULY_2024_S, "pricing": cbp("service", &format!("c{n}"))})
    };
    for n in 0..999 {
        w.event(&service(n, if n % 2 == 0 { "1001" } else { "1002" }));
    }
    // Of a conversation that is known, and of the same person by another number.
    w.event(&json!({"event": "status", "sender": "1001", "wamid": "wamid.again", "to": "+5511900000000",
        "status": "delivered", "at_s": JULY_2024_S + 1, "pricing": cbp("service", "c0")}));
    assert_eq!(w.out.ledger.len(), 999);
    assert!(w.out.ledger.iter().all(|e| e["pricing_type"] == "free_allowance"));
    let mut other = service(0, "1002");
    other["wamid"] = json!("wamid.other.number");
    other["pricing"] = cbp("service", "c-other");
    w.event(&other);
    w.event(&service(1000, "1002"));
    assert_eq!(books(&w)[999..], ["free 1 0 CBP 2024-07", "charge 1 0.0300 CBP 2024-07"]);
    // A new month, a new thousand.
    w.advance(3 * 86_400_000);
    let mut august = service(1001, "1001");
    august["at_s"] = json!(JULY_2024_S + 3 * 86_400);
    w.event(&august);
    assert_eq!(books(&w)[1001..], ["free 1 0 CBP 2024-08"]);
    sound(&w);
}

#[test]
fn foreign_messages_open_and_are_covered() {
    for (funding, entry) in [("we_pay", "charge 1 0.0350 CBP 2024-07"), ("client_pays", "counted 0 - CBP 2024-07")] {
        let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
        spec["wabas"][0]["funding"] = json!(funding);
        let mut w = World::at(u64::from(JULY_2024_S) * 1000);
        w.apply(&spec);
        let foreign = |wamid: &str, pricing: Value| {
            let at_s = JULY_2024_S + u32::from(wamid != "wamid.f1");
            let mut s = json!({"event": "status", "sender": "1001", "wamid": wamid, "to": ANA, "status": "delivered",
                "at_s": at_s});
            if !pricing.is_null() {
                s["pricing"] = pricing;
            }
            s
        };
        w.event(&foreign("wamid.f1", cbp("utility", "c1")));
        w.event(&foreign("wamid.f1", cbp("utility", "c1")));
        w.event(&foreign("wamid.f2", cbp("utility", "c1")));
        assert_eq!(books(&w), [entry], "{funding}");
        // Ours is covered by what other software opened, who ever pays.
        let uid = sent(&mut w, "utility", ANA);
        w.event(&status("delivered", uid, ANA, JULY_2024_S + HOUR, Value::Null));
        assert_eq!(books(&w), [entry], "{funding}");
        // Unpriced until the platform says a word; then it is covered.
        w.event(&foreign("wamid.f3", Value::Null));
        w.event(&foreign("wamid.f3", cbp("utility", "c1")));
        if funding == "client_pays" {
            assert_eq!(books(&w), [entry]);
        } else {
            let last = ["charge 1 0.0350 CBP 2024-07", "unpriced 1 - CBP 2024-07", "adjustment -1 - CBP 2024-07"];
            assert_eq!(books(&w), last);
            sound(&w);
        }
    }
}

/// What a message is charged as may become known late.
#[test]
fn a_later_word_moves_a_message_into_a_conversation_and_out() {
    let mut w = world(JULY_2024_S);
    let (first, second, third) =
        (sent(&mut w, "utility", ANA), sent(&mut w, "utility", ANA), sent(&mut w, "marketing", ANA));
    w.event(&status("read", first, ANA, JULY_2024_S, Value::Null));
    w.event(&status("read", second, ANA, JULY_2024_S + 60, Value::Null));
    // The one that is covered says the id; then the one that opened it.
    w.event(&status("delivered", second, ANA, JULY_2024_S + 50, cbp("utility", "c1")));
    w.event(&status("delivered", first, ANA, JULY_2024_S, cbp("utility", "c1")));
    assert_eq!(books(&w), ["charge 1 0.0350 CBP 2024-07"]);
    // Another kind than its template's.
    w.event(&status("read", third, ANA, JULY_2024_S + 70, Value::Null));
    w.event(&status("delivered", third, ANA, JULY_2024_S + 70, cbp("utility", "c1")));
    assert_eq!(books(&w)[1..], ["charge 1 0.0625 CBP 2024-07", "adjustment -1 -0.0625 CBP 2024-07"]);
    assert_eq!(w.out.ledger[2]["cause"], "reclassified");
    // So what it seemed to have opened covers nothing.
    let marketing = sent(&mut w, "marketing", ANA);
    w.event(&status("delivered", marketing, ANA, JULY_2024_S + 75, Value::Null));
    assert_eq!(books(&w)[3..], ["charge 1 0.0625 CBP 2024-07"]);
    // By its own word it opened another one; said twice, booked once.
    let fourth = sent(&mut w, "utility", ANA);
    w.event(&status("read", fourth, ANA, JULY_2024_S + 80, Value::Null));
    for kind in ["delivered", "read", "delivered"] {
        w.event(&status(kind, fourth, ANA, JULY_2024_S + 80, cbp("utility", "c2")));
    }
    assert_eq!(books(&w)[4..], ["charge 1 0.0350 CBP 2024-07"]);
    sound(&w);
}

#[test]
fn a_free_entry_point_covers_everything() {
    let mut w = world(JULY_2024_S);
    writes(&mut w, ANA, JULY_2024_S);
    let answer = sent(&mut w, "service", ANA);
    w.event(&status("delivered", answer, ANA, JULY_2024_S, cbp("free_entry_point", "f1")));
    for (n, category) in ["marketing", "utility", "authentication"].into_iter().enumerate() {
        let at_s = JULY_2024_S + (n as u32 + 1) * 20 * HOUR;
        w.advance(u64::from(at_s) * 1000 - w.now_ms);
        let uid = sent(&mut w, category, ANA);
        let pricing = if n == 0 { Value::Null } else { cbp("free_entry_point", "f1") };
        w.event(&status("delivered", uid, ANA, at_s, pricing));
    }
    assert_eq!(books(&w), ["free 1 0 CBP 2024-07"]);
    assert_eq!(w.out.ledger[0]["pricing_type"], "free_entry_point");
    // 72 hours from the answer, however many messages it covered.
    w.advance(u64::from(JULY_2024_S + 72 * HOUR) * 1000 - w.now_ms);
    let uid = sent(&mut w, "utility", ANA);
    w.event(&status("delivered", uid, ANA, JULY_2024_S + 72 * HOUR, Value::Null));
    assert_eq!(books(&w)[1..], ["charge 1 0.0080 CBP 2024-08"]);
    sound(&w);
}

/// What was open when charges by message began covers until it ends.
#[test]
fn the_switch_to_charges_by_message() {
    let mut w = world(SWITCH_S - HOUR);
    let before = sent(&mut w, "utility", ANA);
    w.event(&status("delivered", before, ANA, SWITCH_S - 1, cbp("utility", "c1")));
    w.advance(24 * 3_600_000);
    let deliver = |w: &mut World, category: &str, at_s: u32, pricing: Value| {
        let uid = sent(w, category, ANA);
        w.event(&status("delivered", uid, ANA, at_s, pricing));
        uid
    };
    deliver(&mut w, "utility", SWITCH_S + 1, cbp("utility", "c1"));
    deliver(&mut w, "utility", SWITCH_S + 23 * HOUR, Value::Null);
    assert_eq!(books(&w), ["charge 1 0.0080 CBP 2025-06"]);
    // Its end, another category, and the platform's own word for a charge by message.
    w.advance(3_600_000);
    deliver(&mut w, "utility", SWITCH_S + 24 * HOUR - 1, Value::Null);
    let marketing = deliver(&mut w, "marketing", SWITCH_S + 2, Value::Null);
    w.advance(60_000);
    let mut pmp = json!({"model": "PMP", "category": "utility", "pricing_type": "regular", "conversation": "c9"});
    deliver(&mut w, "utility", SWITCH_S + 3, pmp.clone());
    pmp["category"] = json!("marketing");
    w.event(&status("read", marketing, ANA, SWITCH_S + 4, pmp));
    let by_message = ["charge 1 0.0068 PMP 2025-07", "charge 1 0.0625 PMP 2025-07", "charge 1 0.0068 PMP 2025-07"];
    assert_eq!(books(&w)[1..], by_message);
    // A read that said nothing was taken for a message of its own; it is one of a conversation that was opened unseen.
    w.advance(60_000);
    let uid = deliver(&mut w, "authentication", SWITCH_S + 5, Value::Null);
    w.event(&status("read", uid, ANA, SWITCH_S + 5, cbp("authentication", "c5")));
    deliver(&mut w, "authentication", SWITCH_S + 6, cbp("authentication", "c5"));
    assert_eq!(
        books(&w)[4..],
        ["charge 1 0.0068 PMP 2025-07", "adjustment -1 -0.0068 PMP 2025-07", "unpriced 1 - CBP 2025-07",]
    );
    assert_eq!(w.out.ledger[6]["reason"], "model_not_supported");
    sound(&w);
}

/// The price is that of the opening in the WABA's zone; an earlier time of the same message moves it over the edge.
#[test]
fn an_earlier_delivery_over_the_edge_of_a_card() {
    // 2024-08-01 00:00:00 in Sao Paulo: utility became cheaper.
    let edge = 1_722_481_200;
    let mut w = world(edge);
    let uid = sent(&mut w, "utility", ANA);
    w.event(&status("read", uid, ANA, edge, cbp("utility", "c1")));
    w.event(&status("delivered", uid, ANA, edge - 1, cbp("utility", "c1")));
    let moved = ["charge 1 0.0080 CBP 2024-08", "adjustment -1 -0.0080 CBP 2024-08", "charge 1 0.0350 CBP 2024-07"];
    assert_eq!(books(&w), moved);
    w.event(&status("read", uid, ANA, edge, cbp("utility", "c1")));
    let again = sent(&mut w, "utility", ANA);
    w.event(&status("delivered", again, ANA, edge + 60, cbp("utility", "c1")));
    assert_eq!(w.out.ledger.len(), 3);
    let pair = w.engine.state().pair(PairKey::new(SenderIx(0), User::from_digits(5_511_987_654_321).unwrap()));
    assert_eq!(pair.conversations.unwrap().iter().map(|c| c.opened_s).collect::<Vec<_>>(), [i64::from(edge) - 1]);
    sound(&w);
}

/// A message of a conversation that has ended, while another one is open, after a restart: it is known by its id.
#[test]
fn a_message_of_a_conversation_long_ended_opens_nothing() {
    let mut w = world(JULY_2024_S);
    let late = sent(&mut w, "utility", ANA);
    let first = sent(&mut w, "utility", ANA);
    w.event(&status("delivered", first, ANA, JULY_2024_S, cbp("utility", "c1")));
    w.advance(48 * 3_600_000);
    let second = sent(&mut w, "utility", ANA);
    w.event(&status("delivered", second, ANA, JULY_2024_S + 48 * HOUR, cbp("utility", "c2")));
    w.commit();
    w.reload();
    w.event(&status("delivered", late, ANA, JULY_2024_S + HOUR, cbp("utility", "c1")));
    assert_eq!(books(&w), ["charge 1 0.0350 CBP 2024-07", "charge 1 0.0080 CBP 2024-08"]);
}

/// A batch that is given back leaves nothing of its conversations: played again, it books the same.
#[test]
fn an_abort_takes_conversations_back() {
    let mut w = world(JULY_2024_S);
    let (a, b) = (sent(&mut w, "utility", ANA), sent(&mut w, "utility", ANA));
    w.commit();
    let batch = |w: &mut World| {
        w.event(&status("delivered", a, ANA, JULY_2024_S, cbp("utility", "c1")));
        w.event(&status("delivered", b, ANA, JULY_2024_S + 5, cbp("utility", "c1")));
    };
    batch(&mut w);
    let first = std::mem::take(&mut w.out.ledger);
    assert!(w.engine.abort());
    let key = PairKey::new(SenderIx(0), User::from_digits(5_511_987_654_321).unwrap());
    assert_eq!(w.engine.state().pair(key).conversations, None);
    assert_eq!(w.engine.state().pair(key), w.fresh().state().pair(key));
    batch(&mut w);
    assert_eq!(w.out.ledger, first);
    w.commit();
    assert!(w.engine.state().pair(key).conversations.is_some());
    assert_eq!(w.engine.state().pair(key), w.fresh().state().pair(key));
    assert_eq!(w.message_or_stored(b), *w.message(b));
}

/// Between the call and the delivery one conversation may end: the id of the delivery counts, however late the other comes.
#[test]
fn the_id_of_the_delivery_counts() {
    let mut w = world(JULY_2024_S);
    let first = sent(&mut w, "utility", ANA);
    w.event(&status("delivered", first, ANA, JULY_2024_S, cbp("utility", "c1")));
    let second = sent(&mut w, "utility", ANA);
    w.event(&status("sent", second, ANA, JULY_2024_S + 1, cbp("utility", "c1")));
    w.advance(30 * 3_600_000);
    w.event(&status("delivered", second, ANA, JULY_2024_S + 30 * HOUR, cbp("utility", "c2")));
    w.event(&status("sent", second, ANA, JULY_2024_S + 1, cbp("utility", "c1")));
    w.event(&status("read", second, ANA, JULY_2024_S + 30 * HOUR, Value::Null));
    assert_eq!(books(&w), ["charge 1 0.0350 CBP 2024-07", "charge 1 0.0350 CBP 2024-07"]);
    assert_eq!(w.out.ledger[1]["conversation"], "c2");
    sound(&w);
}

/// The platform names another kind than the template's: the charge is corrected, and the conversation covers that kind.
#[test]
fn a_conversation_of_another_kind_than_expected() {
    let mut w = world(JULY_2024_S);
    let uid = sent(&mut w, "marketing", ANA);
    w.event(&status("read", uid, ANA, JULY_2024_S, Value::Null));
    w.event(&status("delivered", uid, ANA, JULY_2024_S, cbp("utility", "c1")));
    let corrected = ["charge 1 0.0625 CBP 2024-07", "adjustment -1 -0.0625 CBP 2024-07", "charge 1 0.0350 CBP 2024-07"];
    assert_eq!(books(&w), corrected);
    let last = &w.out.ledger[2];
    assert_eq!(
        [&last["expected_category"], &last["reported_category"], &last["category"]],
        ["marketing", "utility", "utility"]
    );
    for (category, entries) in [("utility", 3), ("marketing", 4)] {
        let uid = sent(&mut w, category, ANA);
        w.event(&status("delivered", uid, ANA, JULY_2024_S + HOUR, Value::Null));
        assert_eq!(w.out.ledger.len(), entries, "{category}");
    }
    sound(&w);
}
