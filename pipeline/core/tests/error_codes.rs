//! Every code of the platform, by either way in which it comes: what becomes of the message, and what else changes. The
//! table is `error_codes.txt`, read before it was committed.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{NOON_MS, World, accepted, account_spec, promo};
use serde_json::{Value, json};
use std::fmt::Write;
use tollgate_core::ids::{AccountIx, ContactKey, PairKey, User};
use tollgate_core::record::{Consent, MessageState};
use tollgate_quality::BackOff;
use tollgate_wire::platform_error;

const TO: &str = "+5511987654321";

/// Code and situation, then what is otherwise than before by each way.
const EXPECTED: &str = include_str!("error_codes.txt");

/// What happened, and the code that says so.
const SITUATIONS: &[(&str, u32)] = &[
    ("access token not valid", 0),
    ("unknown fault or bad request", 1),
    ("platform overloaded or down", 2),
    ("call not allowed to the app", 3),
    ("app's call rate reached", 4),
    ("permission to send missing", 10),
    ("number deleted", 33),
    ("parameter misspelt", 100),
    ("access token expired", 190),
    ("permission withdrawn", 200),
    ("WABA restricted", 368),
    ("WABA's rate limit reached", 80_007),
    ("user blocked by the business", 130_403),
    ("number's throughput reached", 130_429),
    ("user in an experiment", 130_472),
    ("WABA barred from the country", 130_497),
    ("not sent, nobody says why", 131_000),
    ("access denied", 131_005),
    ("parameter missing", 131_008),
    ("parameter not valid", 131_009),
    ("service not available", 131_016),
    ("sender is recipient", 131_021),
    ("user not on the platform", 131_026),
    ("account locked", 131_031),
    ("number without display name", 131_037),
    ("payment problem", 131_042),
    ("number without certificate", 131_045),
    ("window closed", 131_047),
    ("number restricted for spam", 131_048),
    ("user's marketing cap reached", 131_049),
    ("user stopped marketing", 131_050),
    ("message type not supported", 131_051),
    ("media not downloaded", 131_052),
    ("media not uploaded", 131_053),
    ("not a marketing template", 131_055),
    ("pair rate reached", 131_056),
    ("number in maintenance", 131_057),
    ("content needs a phone number", 131_062),
    ("marketing switched off on this call", 131_063),
    ("limit for misclassified templates", 131_064),
    ("parameter count", 132_000),
    ("template missing in language", 132_001),
    ("text too long", 132_005),
    ("content breaks a policy", 132_007),
    ("parameter format", 132_012),
    ("template paused", 132_015),
    ("template disabled", 132_016),
    ("parameters not validated", 132_018),
    ("flow blocked", 132_068),
    ("flow throttled", 132_069),
    ("registration server down", 133_004),
    ("number not registered", 133_010),
    ("number deleted a moment ago", 133_015),
    ("too many registrations", 133_016),
    ("payment terms pending", 134_011),
    ("not a marketing template, other call", 134_100),
    ("template being synchronised", 134_101),
    ("template not on the marketing call", 134_102),
    ("fault with the parameters", 135_000),
    ("code of the future", 199_999),
];

/// Three numbers of two WABAs, a campaign, a cap of two marketing messages, and a person whose window is open.
fn world() -> World {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    spec["policy"] = json!({"marketing_cap": 2, "marketing_cap_hours": 24});
    spec["wabas"][0]["senders"].as_array_mut().unwrap().push(json!({"id": "1002"}));
    let other = json!({"id": "waba-2", "currency": "USD", "time_zone": "UTC", "senders": [{"id": "2001"}]});
    spec["wabas"].as_array_mut().unwrap().push(other);
    let mut w = World::new();
    w.apply(&spec);
    w.opt_in(TO, "marketing");
    w.event(&json!({"event": "inbound", "sender": "1001", "from": TO, "at_s": NOON_MS / 1000 - 600}));
    w.advance(1_000);
    w
}

fn sent(w: &mut World, campaign: bool) {
    let mut request = promo("a", TO);
    request["sender"] = json!("1001");
    if campaign {
        request["campaign"] = json!("c");
    }
    w.request(&request).unwrap();
    assert_eq!(w.out.orders.len(), 1, "{:?}", w.last_outcome());
    w.advance(1_000);
}

/// What is otherwise than before, in words.
fn changed(w: &World) -> String {
    let mut out = String::new();
    let (m, state, now_ms) = (w.message(1), w.engine.state(), w.now_ms);
    match (m.state, m.park) {
        (MessageState::Parked, Some(p)) => {
            let _ = write!(out, "message waits {} {} s", p.reason, (p.until_ms.saturating_sub(now_ms)).div_ceil(1000));
        }
        (MessageState::Failed, _) => out.push_str("message fails"),
        (other, _) => {
            let _ = write!(out, "message {other:?}");
        }
    }
    for id in ["1001", "1002", "2001"] {
        let sender = state.sender(id).unwrap();
        let live = state.live(sender.ix);
        if live.factor.permille != 1000 {
            let _ = write!(out, "; {id} at {} ‰", live.factor.permille);
        }
        if live.back_off_until_ms > now_ms {
            let _ = write!(out, "; {id} pauses {} s", (live.back_off_until_ms - now_ms).div_ceil(1000));
        }
        if sender.spec.blocked {
            let _ = write!(out, "; {id} blocked");
        }
        if sender.marketing_held_by.is_some() {
            let _ = write!(out, "; marketing of {id} held");
        }
        assert_eq!(sender.blocked_by.is_some(), sender.spec.blocked, "{id}");
    }
    let user = User::from_digits(TO[1..].parse().unwrap()).unwrap();
    let sender = state.sender("1001").unwrap().ix;
    let (pair, contact) = (state.pair(PairKey::new(sender, user)), state.contact(ContactKey::new(AccountIx(0), user)));
    if pair.back_off != BackOff::NONE {
        let _ = write!(out, "; pair waits {} s", u64::from(pair.back_off.not_before_s) - now_ms / 1000);
    }
    if pair.last_inbound_s == 0 {
        out.push_str("; window closed");
    }
    if contact.off_platform_until_s != 0 {
        let _ =
            write!(out, "; person away {} days", (u64::from(contact.off_platform_until_s) - now_ms / 1000) / 86_400);
    }
    if contact.consent_for(tollgate_rate_card::Category::Marketing) == Consent::Out {
        out.push_str("; person opted out of marketing");
    }
    if contact.marketing_s[0] != 0 {
        out.push_str("; place under the cap kept");
    }
    if contact.capped_until_s != 0 {
        let hours = (u64::from(contact.capped_until_s) - now_ms / 1000) / 3600;
        let _ = write!(out, "; no marketing to the person for {hours} h");
    }
    let waba = state.wabas().next().unwrap().ix;
    let template = state.template(waba, "promo", "pt_BR").unwrap();
    if format!("{:?}", template.spec.status) != "Approved" {
        let _ = write!(out, "; template {:?}", template.spec.status);
    }
    if template.pauses.until_s != 0 {
        let _ = write!(out, " for {} h", (u64::from(template.pauses.until_s) - now_ms / 1000) / 3600);
    }
    for w in state.wabas().filter(|w| !w.barred.is_empty()) {
        let _ = write!(out, "; {} barred from {}", w.id, w.barred[0]);
    }
    for c in state.campaigns().filter(|c| format!("{:?}", c.state) != "Running") {
        let _ = write!(out, "; campaign {:?}", c.state);
    }
    out
}

fn of_call(code: u32) -> Value {
    json!({"event": "result", "callback": {"message_uid": 1, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
        "result": {"rejected": {"code": code}}})
}

fn of_status(code: u32, at_s: u64) -> Value {
    json!({"event": "status", "sender": "1001", "wamid": "wamid.1", "to": TO, "status": "failed", "code": code,
        "at_s": at_s, "callback": {"message_uid": 1, "attempt": 1}})
}

fn table() -> String {
    let mut text = String::new();
    for (situation, code) in SITUATIONS {
        let mut w = world();
        sent(&mut w, true);
        w.event(&of_call(*code));
        let _ = writeln!(text, "{code} {situation}\n    call    {}", changed(&w));
        let mut w = world();
        sent(&mut w, true);
        w.event(&accepted(1, 1, "wamid.1"));
        let at_s = w.now_ms / 1000;
        w.event(&of_status(*code, at_s));
        let _ = writeln!(text, "    status  {}", changed(&w));
    }
    text
}

#[test]
fn every_code_changes_what_the_table_says() {
    let text = table();
    let (mut now, mut expected) = (text.lines(), EXPECTED.lines());
    while let Some(line) = now.next() {
        assert_eq!(Some(line), expected.next(), "after it:\n{}", now.collect::<Vec<_>>().join("\n"));
    }
    assert_eq!(expected.next(), None);
}

#[test]
fn the_table_has_every_documented_code() {
    let documented = (0..200_000).filter(|code| platform_error::is_known(*code) && !(201..300).contains(code));
    let missing: Vec<u32> = documented.filter(|code| !SITUATIONS.iter().any(|s| s.1 == *code)).collect();
    assert_eq!(missing, [] as [u32; 0]);
}

/// A status that comes an hour late tells nothing of how the platform serves now.
#[test]
fn old_news_slow_nobody_down() {
    for code in [2, 130_429, 80_007, 131_056] {
        let mut w = world();
        sent(&mut w, true);
        w.event(&accepted(1, 1, "wamid.1"));
        let at_s = w.now_ms / 1000;
        w.advance(3_600_000);
        w.event(&of_status(code, at_s));
        assert_eq!(changed(&w), "message fails", "{code}");
    }
}

/// The same error by both ways counts once: what waits for another attempt is not ended by the status.
#[test]
fn a_status_after_the_refused_call_ends_nothing() {
    for (code, waits) in [(131_016, true), (130_429, true), (131_026, false)] {
        let mut w = world();
        sent(&mut w, true);
        w.event(&of_call(code));
        let (now_s, before) = (w.now_ms / 1000, changed(&w));
        w.event(&of_status(code, now_s));
        assert_eq!(changed(&w), before, "{code}");
        assert_eq!(w.message(1).is_open(), waits, "{code}");
    }
}

/// Without a campaign to pause, a number that is restricted for spam sends no marketing all the same.
#[test]
fn spam_without_a_campaign_holds_the_numbers_marketing() {
    let mut w = world();
    sent(&mut w, false);
    w.event(&of_call(131_048));
    assert_eq!(changed(&w), "message fails; marketing of 1001 held");
}

/// A few times means a few times: 131000 in an attempt each.
#[test]
fn nobody_says_why_three_times() {
    let mut w = world();
    sent(&mut w, true);
    for attempt in 1..=3 {
        let mut refused = of_call(131_000);
        refused["callback"]["attempt"] = json!(attempt);
        w.event(&refused);
        let until = w.now_ms + 120_000;
        w.run_until(until);
    }
    assert_eq!((w.message(1).state, w.out.orders.len()), (MessageState::Failed, 3));
}
