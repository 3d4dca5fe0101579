//! What the platform's error codes hold, and what frees it: a template for hours, a person's marketing for a day, a country
//! of a WABA and a number's marketing until somebody says so. `explain` gets the reason in words.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{NOON_MS, World, account_spec, promo, shipped};
use serde_json::{Value, json};
use tollgate_core::record::MessageState;
use tollgate_wire::Time;

const HOUR_MS: u64 = 3_600_000;
const TO: &str = "+5511987654321";
const GERMAN: &str = "+4915112345678";

fn world() -> World {
    let mut w = World::with_account("UNLIMITED", "GREEN");
    for to in [TO, GERMAN] {
        w.opt_in(to, "marketing");
        w.opt_in(to, "utility");
    }
    w
}

/// A request whose message stays useful for ten days; its number.
fn ask(w: &mut World, mut request: Value) -> u64 {
    request["expires_at"] = json!(Time(w.now_ms + 240 * HOUR_MS).to_string());
    w.request(&request).unwrap();
    w.engine.state().next_uid() - 1
}

fn answer(w: &mut World, uid: u64, result: &Value) {
    let attempt = w.message(uid).last_number();
    w.event(&json!({"event": "result", "callback": {"message_uid": uid, "attempt": attempt},
        "at": "2026-11-21T12:00:01Z", "result": result}));
}

fn refuse(w: &mut World, uid: u64, code: u32) {
    answer(w, uid, &json!({"rejected": {"code": code}}));
}

fn orders(w: &World, uid: u64) -> usize {
    w.out.orders.iter().filter(|o| o["message_uid"] == uid).count()
}

/// Reason and detail of the last outcome of a message.
fn told(w: &World, uid: u64) -> (String, String) {
    let o = w.out.outcomes.iter().rev().find(|o| o["message_uid"] == uid).unwrap();
    (o["reason"].as_str().unwrap_or("").to_owned(), o["detail"].as_str().unwrap_or("").to_owned())
}

/// What was decided is in the store: a restart knows it, and an abort takes back what is not committed.
fn restart(w: &mut World) {
    w.commit();
    w.reload();
}

fn at(ms: u64) -> Time {
    Time(ms / 1000 * 1000)
}

#[test]
fn a_paused_template_comes_back_after_3_hours_then_after_6_then_only_when_told() {
    let mut w = world();
    let uid = ask(&mut w, promo("a", TO));
    refuse(&mut w, uid, 132_015);
    w.run_until(NOON_MS + 3_000);
    let until = at(NOON_MS + 3 * HOUR_MS);
    let detail = format!("template promo in pt_BR is paused until {until}");
    assert_eq!(told(&w, uid), ("template_paused".to_owned(), detail));
    restart(&mut w);
    w.run_until(NOON_MS + 3 * HOUR_MS - 1);
    assert_eq!(orders(&w, uid), 1);
    w.run_until(NOON_MS + 3 * HOUR_MS);
    assert_eq!(orders(&w, uid), 2, "it is tried by itself");
    refuse(&mut w, uid, 132_015);
    w.run_until(NOON_MS + 9 * HOUR_MS - 1_000);
    assert_eq!(orders(&w, uid), 2);
    restart(&mut w);
    w.run_until(NOON_MS + 9 * HOUR_MS + 1_000);
    assert_eq!(orders(&w, uid), 3);
    refuse(&mut w, uid, 132_015);
    w.run_until(NOON_MS + 100 * HOUR_MS);
    assert_eq!(orders(&w, uid), 3, "the third time the platform would have disabled it");
    assert_eq!(told(&w, uid).1, "template promo in pt_BR is paused");
    w.event(
        &json!({"event": "template", "waba": "waba-1", "name": "promo", "language": "pt_BR", "status": "approved"}),
    );
    w.tick();
    assert_eq!(orders(&w, uid), 4);
    answer(&mut w, uid, &json!({"accepted": {"wamid": "w"}}));
}

/// Refusals of messages that were under way together are of one pause.
#[test]
fn a_pause_is_counted_once() {
    let mut w = world();
    let uids: Vec<u64> = (0..5)
        .map(|n| {
            let to = format!("+551198765{n:04}");
            w.opt_in(&to, "marketing");
            ask(&mut w, promo(&format!("m{n}"), &to))
        })
        .collect();
    for uid in &uids {
        w.advance(100);
        refuse(&mut w, *uid, 132_015);
    }
    w.run_until(NOON_MS + 3 * HOUR_MS + 10_000);
    assert!(uids.iter().all(|uid| orders(&w, *uid) == 2), "{:?}", w.out.orders.len());
}

/// The platform's word of a pause: the first and the second end by themselves, one of pacing does not; told twice it is one.
#[test]
fn a_webhooks_pause_ends_by_its_own_rule() {
    for (pause, hours) in [(Some(1), Some(3)), (Some(2), Some(6)), (Some(3), None), (None, None)] {
        let mut w = world();
        let mut event =
            json!({"event": "template", "waba": "waba-1", "name": "promo", "language": "pt_BR", "status": "paused"});
        if let Some(n) = pause {
            event["pause"] = json!(n);
        }
        w.event(&event);
        let uid = ask(&mut w, promo("a", TO));
        w.run_until(NOON_MS + HOUR_MS);
        w.event(&event);
        w.run_until(NOON_MS + 100 * HOUR_MS);
        let sent = !w.out.orders.is_empty();
        assert_eq!((orders(&w, uid), sent), (usize::from(hours.is_some()), hours.is_some()), "{pause:?}");
        if let Some(hours) = hours {
            let admitted = w.out.outcomes.iter().find(|o| o["outcome"] == "admitted").unwrap();
            assert_eq!(admitted["at"], json!(Time(NOON_MS + hours * HOUR_MS)), "{pause:?}");
            // Told again after it has ended.
            w.event(&event);
            assert_eq!(
                {
                    let uid = ask(&mut w, promo("b", TO));
                    orders(&w, uid)
                },
                1,
                "{pause:?}"
            );
        }
    }
}

/// Another language goes at once, and when both are paused the message goes with the first that comes back.
#[test]
fn a_message_goes_with_the_first_language_that_comes_back() {
    let mut spec = account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
    let english = json!({"name": "promo", "language": "en_US", "category": "marketing", "body": ["1"]});
    spec["wabas"][0]["templates"].as_array_mut().unwrap().push(english);
    let mut w = world();
    w.apply(&spec);
    let pause = |language: &str, n: u8| {
        json!({"event": "template", "waba": "waba-1", "name": "promo",
        "language": language, "status": "paused", "pause": n})
    };
    w.event(&pause("pt_BR", 2));
    w.event(&pause("en_US", 1));
    let mut request = promo("a", TO);
    request["content"][0]["template"]["language"] = json!(["pt_BR", "en_US"]);
    let uid = ask(&mut w, request);
    w.run_until(NOON_MS + 3 * HOUR_MS);
    assert_eq!(orders(&w, uid), 1);
    assert_eq!(w.out.orders[0]["content"]["template"]["language"], "en_US", "{}", w.out.orders[0]);
}

#[test]
fn the_platforms_marketing_cap_holds_the_person_for_a_day_and_nothing_else() {
    let mut w = world();
    let first = ask(&mut w, promo("a", TO));
    answer(&mut w, first, &json!({"accepted": {"wamid": "wamid.1"}}));
    w.advance(60_000);
    let failed_s = w.now_ms / 1000;
    w.event(
        &json!({"event": "status", "sender": "1001", "wamid": "wamid.1", "to": TO, "status": "failed", "code": 131_049,
        "at_s": failed_s, "callback": {"message_uid": first, "attempt": 1}}),
    );
    assert_eq!(w.message(first).state, MessageState::Failed);
    assert_eq!(told(&w, first).1, "the platform keeps marketing from this user for now");
    restart(&mut w);
    let (second, utility, other) =
        (ask(&mut w, promo("b", TO)), ask(&mut w, shipped("c", TO)), ask(&mut w, promo("d", GERMAN)));
    assert_eq!([second, utility, other].map(|uid| orders(&w, uid)), [0, 1, 1]);
    let until = Time(failed_s * 1000 + 24 * HOUR_MS);
    let detail = format!(
        "platform error 131049: the platform keeps marketing from this user for now; no marketing to this person before {until}"
    );
    assert_eq!(told(&w, second), ("frequency_capped".to_owned(), detail));
    w.run_until(until.0 - 1);
    assert_eq!(orders(&w, second), 0);
    w.run_until(until.0);
    assert_eq!(orders(&w, second), 1);
    // What would be useless by then is refused at once.
    refuse(&mut w, second, 131_049);
    let mut request = promo("e", TO);
    request["expires_at"] = json!(Time(w.now_ms + HOUR_MS).to_string());
    w.request(&request).unwrap();
    assert_eq!(
        (w.last_outcome()["outcome"].as_str(), w.last_outcome()["reason"].as_str()),
        (Some("refused"), Some("frequency_capped"))
    );
}

/// Late news of a cap hold the person from when it happened.
#[test]
fn a_cap_of_yesterday_is_over() {
    let mut w = world();
    let first = ask(&mut w, promo("a", TO));
    answer(&mut w, first, &json!({"accepted": {"wamid": "wamid.1"}}));
    let failed_s = w.now_ms / 1000;
    w.advance(25 * HOUR_MS);
    w.event(
        &json!({"event": "status", "sender": "1001", "wamid": "wamid.1", "to": TO, "status": "failed", "code": 131_049,
        "at_s": failed_s, "callback": {"message_uid": first, "attempt": 1}}),
    );
    let second = ask(&mut w, promo("b", TO));
    assert_eq!(orders(&w, second), 1);
}

#[test]
fn a_barred_country_waits_for_the_operator_and_nobody_else_does() {
    let mut spec = account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
    let template = spec["wabas"][0]["templates"][1].clone();
    spec["wabas"].as_array_mut().unwrap().push(json!({"id": "waba-2", "currency": "USD", "time_zone": "UTC",
        "senders": [{"id": "2001"}], "templates": [template]}));
    let mut w = world();
    w.apply(&spec);
    let by = |id: &str, to: &str, sender: &str| {
        let mut request = shipped(id, to);
        request["sender"] = json!(sender);
        request
    };
    let first = ask(&mut w, by("a", GERMAN, "1001"));
    refuse(&mut w, first, 130_497);
    assert_eq!((w.message(first).state, told(&w, first).0), (MessageState::Failed, "platform_130497".to_owned()));
    restart(&mut w);
    let (barred, other_country, other_waba) =
        (ask(&mut w, by("b", GERMAN, "1001")), ask(&mut w, by("c", TO, "1001")), ask(&mut w, by("d", GERMAN, "2001")));
    assert_eq!([barred, other_country, other_waba].map(|uid| orders(&w, uid)), [0, 1, 1]);
    let detail = "country DE, WABA waba-1, platform error 130497: the account may not message users of this country; \
        waits until the account is applied again";
    assert_eq!(told(&w, barred), ("country_barred".to_owned(), detail.to_owned()));
    let snapshot = serde_json::to_value(tollgate_core::snapshot::account(
        w.engine.state(),
        tollgate_core::ids::AccountIx(0),
        w.now_ms,
    ))
    .unwrap();
    assert_eq!(snapshot["lots"][0]["resource"], "waba-1 to DE");
    w.run_until(NOON_MS + 48 * HOUR_MS);
    assert_eq!(orders(&w, barred), 0);
    restart(&mut w);
    w.apply(&spec);
    w.tick();
    assert_eq!(orders(&w, barred), 1);
}

/// One who waits for something else when the country is barred goes to a lot of its own: others of its lot need not wait.
#[test]
fn a_bar_holds_up_nobody_of_the_same_queue() {
    let mut w = world();
    w.campaign(&json!({"name": "c", "paused": true}));
    let of = |id: &str, to: &str| {
        let mut request = shipped(id, to);
        request["campaign"] = json!("c");
        request
    };
    let (barred, free) = (ask(&mut w, of("a", GERMAN)), ask(&mut w, of("b", TO)));
    let direct = ask(&mut w, shipped("d", GERMAN));
    refuse(&mut w, direct, 130_497);
    w.control("c", "resume");
    w.run_until(NOON_MS + 1_000);
    assert_eq!([barred, free].map(|uid| orders(&w, uid)), [0, 1]);
}

#[test]
fn marketing_of_another_purpose_that_is_held_holds_up_nobody() {
    let mut w = world();
    w.campaign(&json!({"name": "c", "paused": true}));
    w.event(&json!({"event": "template", "waba": "waba-1", "name": "shipped", "language": "pt_BR",
        "category": "marketing"}));
    w.command(&json!({"command": "put_template", "account": "acme", "waba": "waba-1",
        "template": {"name": "returned", "language": "pt_BR", "category": "utility", "body": ["1", "2"]}}));
    let of = |id: &str, to: &str, name: &str| {
        let mut request = shipped(id, to);
        request["campaign"] = json!("c");
        request["content"][0]["template"]["name"] = json!(name);
        request
    };
    let (held, free) = (ask(&mut w, of("a", GERMAN, "shipped")), ask(&mut w, of("b", TO, "returned")));
    let spam = ask(&mut w, promo("d", TO));
    refuse(&mut w, spam, 131_048);
    w.control("c", "resume");
    w.run_until(NOON_MS + 1_000);
    assert_eq!([held, free].map(|uid| orders(&w, uid)), [0, 1], "{:?}", [held, free].map(|uid| told(&w, uid)));
    let detail = "sender 1001, platform error 131048: the number is restricted because of reports or low quality; \
        waits until the account is applied again";
    assert_eq!(told(&w, held), ("sender_blocked".to_owned(), detail.to_owned()));
    w.event(&json!({"event": "sender", "sender": "1001", "quality": "YELLOW"}));
    w.run_until(NOON_MS + 2_000);
    assert_eq!(orders(&w, held), 1);
}

#[test]
fn a_number_restricted_for_spam_holds_its_marketing_and_not_its_codes() {
    for freed_by in ["quality", "apply"] {
        let mut w = world();
        w.opt_in(TO, "authentication");
        let first = ask(&mut w, promo("a", TO));
        refuse(&mut w, first, 131_048);
        assert_eq!(w.message(first).state, MessageState::Failed);
        restart(&mut w);
        let code = json!({"id": "code", "account": "acme", "to": TO, "purpose": "authentication",
            "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["123456"]}}}]});
        w.request(&code).unwrap();
        let code = w.engine.state().next_uid() - 1;
        let (marketing, utility) = (ask(&mut w, promo("b", GERMAN)), ask(&mut w, shipped("c", TO)));
        assert_eq!([code, marketing, utility].map(|uid| orders(&w, uid)), [1, 0, 1], "{freed_by}");
        let detail = "sender 1001, platform error 131048: the number is restricted because of reports or low quality; \
            waits until the account is applied again";
        assert_eq!(told(&w, marketing), ("sender_blocked".to_owned(), detail.to_owned()));
        w.event(&json!({"event": "sender", "sender": "1001", "quality": "RED"}));
        w.run_until(NOON_MS + 30 * HOUR_MS);
        assert_eq!(orders(&w, marketing), 0, "{freed_by}");
        match freed_by {
            "quality" => w.event(&json!({"event": "sender", "sender": "1001", "quality": "YELLOW"})),
            _ => w.apply(&account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN")),
        }
        w.run_until(NOON_MS + 31 * HOUR_MS);
        assert_eq!(orders(&w, marketing), 1, "{freed_by}");
    }
}

/// A number that an error code blocked says which.
#[test]
fn a_blocked_number_says_why() {
    let mut w = world();
    let uid = ask(&mut w, promo("a", TO));
    refuse(&mut w, uid, 131_042);
    w.run_until(NOON_MS + 1_000);
    let detail = "sender 1001, platform error 131042: the account's payment method has a problem; \
        waits until the account is applied again";
    assert_eq!(told(&w, uid), ("sender_blocked".to_owned(), detail.to_owned()));
}

/// Everything that a code changes is taken back by an abort.
#[test]
fn an_abort_takes_every_hold_back() {
    for code in [132_015, 131_049, 130_497, 131_048, 131_042] {
        let mut w = world();
        let uid = ask(&mut w, promo("a", TO));
        w.commit();
        refuse(&mut w, uid, code);
        assert!(w.engine.abort(), "{code}");
        answer(&mut w, uid, &json!({"accepted": {"wamid": "w"}}));
        w.advance(60_000);
        let next = ask(&mut w, promo("b", TO));
        assert_eq!(orders(&w, next), 1, "{code}: {:?}", told(&w, next));
    }
}

/// In doubt, by the account's own choice: given up or tried again, after its own time.
#[test]
fn what_becomes_of_a_call_without_a_result_is_the_accounts_choice() {
    let request = |purpose: &str| match purpose {
        "marketing" => promo("a", TO),
        "utility" => shipped("a", TO),
        "service" => json!({"id": "a", "account": "acme", "to": TO, "purpose": "service", "content": [{"text": "Oi"}]}),
        _ => json!({"id": "a", "account": "acme", "to": TO, "purpose": "authentication",
            "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["123456"]}}}]}),
    };
    // Purpose, policy, then orders after the wait, the second it ends at, and the state of the message.
    let table = [
        ("authentication", json!({}), 2, 30, MessageState::Open),
        ("utility", json!({}), 2, 600, MessageState::Open),
        ("marketing", json!({}), 1, 3600, MessageState::Unknown),
        ("service", json!({}), 1, 3600, MessageState::Unknown),
        (
            "authentication",
            json!({"authentication": "give_up", "authentication_seconds": 45}),
            1,
            45,
            MessageState::Unknown,
        ),
        ("utility", json!({"utility": "give_up"}), 1, 600, MessageState::Unknown),
        ("marketing", json!({"marketing": "try_again", "marketing_seconds": 120}), 2, 120, MessageState::Open),
        ("service", json!({"service": "try_again", "service_seconds": 60}), 2, 60, MessageState::Open),
    ];
    for (purpose, policy, expected, seconds, state) in table {
        let mut w = world();
        let mut spec = account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
        spec["policy"] = json!({"in_doubt": policy});
        w.apply(&spec);
        w.opt_in(TO, "authentication");
        w.opt_in(TO, "service");
        w.event(&json!({"event": "inbound", "sender": "1001", "from": TO, "at_s": NOON_MS / 1000 - 600}));
        restart(&mut w);
        w.request(&request(purpose)).unwrap();
        answer(&mut w, 1, &json!("in_doubt"));
        w.run_until(NOON_MS + seconds * 1000 - 1);
        assert_eq!((orders(&w, 1), w.message(1).state), (1, MessageState::Open), "{purpose} {policy}");
        w.run_until(NOON_MS + seconds * 1000);
        assert_eq!((orders(&w, 1), w.message_or_stored(1).state), (expected, state), "{purpose} {policy}");
    }
    let mut spec = account_spec("acme", "waba-1", "1001", "UNLIMITED", "GREEN");
    spec["policy"] = json!({"in_doubt": {"utility_seconds": 0}});
    let refused = world().try_command(&json!({"command": "apply_account", "spec": spec})).unwrap_err();
    assert!(refused.detail.contains("policy.in_doubt.utility_seconds: 0 is not 1 to 86400"), "{refused}");
}
