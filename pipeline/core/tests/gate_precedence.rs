//! The order of the gates: a refusal at any gate beats any wait; otherwise the first wait in order names the lot.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, account_spec};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_core::admission::Gate;
use tollgate_rate_card::{RateCards, Sources};
use tollgate_wire::{Reason, Time};

const TO: &str = "+5511987654321";
const OTHER: &str = "+5511900000001";

/// One condition that fails one gate, and what that gate then says. `park` and `refuse` are the whole verdict.
const CONDITIONS: &str = "
    expires=past             → refuse expired           request
    send_after=tomorrow      → park   scheduled         request
    campaign=cancelled       → refuse cancelled         campaign
    campaign=paused          → park   campaign_paused   campaign
    campaign=in_test         → park   campaign_test     campaign
    campaign=asleep          → park   sending_hours     campaign
    account=disabled         → refuse account_disabled  sender
    sender=unheard_of        → refuse sender_unknown    sender
    currency=late            → refuse currency_not_allowed sender
    sender=blocked           → park   sender_blocked    sender
    sender=backing_off       → park   backoff           sender
    to=nobody                → refuse invalid_recipient recipient
    person=off_platform      → refuse not_on_platform   recipient
    content=text             → refuse window_closed     content
    content=buttons          → refuse window_closed     content
    content=unheard_of       → refuse template_unknown  content
    content=rejected         → refuse template_rejected content
    content=wrong_parameters → refuse bad_parameters    content
    to=united_states         → refuse country_barred    content
    consent=none             → refuse not_opted_in      content
    consent=out              → refuse opted_out         content
    content=utility          → refuse purpose_mismatch  content
    rate=unknown             → refuse no_rate           content
    content=paused           → park   template_paused   content
    quality=stopped          → park   pacing            pacing
    quota=9/9                → park   quota             quota
    cap=1/1                  → park   frequency_capped  frequency
    cap=1/1,last             → refuse frequency_capped  frequency
    night                    → park   quiet_hours       frequency
    budget=0                 → park   budget            budget
    rate=slow                → park   campaign_rate     throughput
    pair=backing_off         → park   pair_rate         throughput
    throughput=used          → park   throughput        throughput
    in_flight=full           → park   in_flight         throughput
";

/// What only several conditions together show: labels of a decision table.
const DECISIONS: &str = "
    consent=in   window=closed quota=8/9  → admit
    consent=none window=closed quota=9/9  → refuse not_opted_in      content
    consent=in   window=closed quota=9/9  → park   quota             quota
    consent=in   window=open   quota=9/9  → admit
    consent=none window=open              → refuse not_opted_in      content
    consent=none window=open   content=text → admit
    consent=out  window=open   content=text → refuse opted_out       content
    consent=none window=open   content=buttons → admit
    consent=out  window=open   content=buttons → refuse opted_out    content
    content=buttons,promo                 → admit
    window=open  quality=stopped          → admit
    content=paused,promo                  → admit
    content=paused,rejected               → park   template_paused   content
    content=rejected,paused               → park   template_paused   content
    content=rejected,text                 → refuse template_rejected content
    content=unheard_of,promo quota=9/9    → park   quota             quota
    content=paused quota=9/9              → park   template_paused   content
    currency=late quota=9/9               → refuse currency_not_allowed sender
    campaign=asleep sender=blocked        → park   sending_hours     campaign
    content=paused consent=out            → refuse opted_out         content
    content=paused rate=unknown           → refuse no_rate           content
    send_after=tomorrow consent=none      → refuse not_opted_in      content
    campaign=paused cap=1/1,last          → refuse frequency_capped  frequency
    night,last                            → refuse quiet_hours       frequency
    window=open night                     → park   quiet_hours       frequency
";

/// Reasons that no gate returns: what they are instead.
const NOT_A_GATE: &[(Reason, &str)] = &[
    (Reason::Malformed, "found when the record is read: it becomes a dead letter"),
    (Reason::UnknownAccount, "found when the record is read: it becomes a dead letter"),
    (Reason::Duplicate, "found when the record is read"),
    (Reason::WaitingRoomFull, "where a message that is to park finds no room: see lots.rs"),
    (
        Reason::TooManyCampaigns,
        "where a message that the gates take makes one campaign too many: see many_campaigns.rs",
    ),
    (Reason::LeaveBy, "the dispatcher's result"),
    (Reason::Unreachable, "the dispatcher's result"),
    (Reason::NoResult, "an attempt's end"),
    (Reason::NoDelivery, "an attempt's end"),
    (Reason::Platform, "an attempt's end"),
    (Reason::Internal, "our own fault"),
];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Admit,
    Park(Gate, Reason),
    Refuse(Gate, Reason),
}

impl Verdict {
    fn parse(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let kind = words.next().unwrap();
        if kind == "admit" {
            return Self::Admit;
        }
        let reason: Reason = words.next().unwrap().parse().unwrap_or_else(|()| panic!("reason in {text}"));
        let name = words.next().unwrap();
        let gate = *Gate::ALL.iter().find(|g| g.as_str() == name).unwrap_or_else(|| panic!("gate in {text}"));
        match kind {
            "park" => Self::Park(gate, reason),
            "refuse" => Self::Refuse(gate, reason),
            _ => panic!("{text}"),
        }
    }
}

fn rows(table: &str) -> Vec<(Vec<&str>, Verdict)> {
    let lines = table.lines().map(str::trim).filter(|l| !l.is_empty());
    lines
        .map(|l| {
            let (conditions, verdict) = l.split_once('→').unwrap();
            (conditions.split_whitespace().collect(), Verdict::parse(verdict))
        })
        .collect()
}

/// Builds a world in which all conditions hold and sends one marketing request into it.
fn decide(conditions: &[&str]) -> Verdict {
    let has = |c: &str| conditions.contains(&c);
    let value = |key: &str| conditions.iter().find_map(|c| c.strip_prefix(key)?.strip_prefix('='));
    let mut spec = account_spec("acme", "waba-1", "1001", "10", "GREEN");
    let templates = spec["wabas"][0]["templates"].as_array_mut().unwrap();
    templates.push(json!({"name": "rejected", "language": "pt_BR", "category": "marketing", "status": "rejected"}));
    templates.push(json!({"name": "paused", "language": "pt_PT", "category": "marketing", "status": "paused"}));
    let capped = value("cap").is_some();
    spec["policy"] = json!({"marketing_cap": u8::from(capped), "marketing_cap_hours": 72});
    let mut w = World::new();
    w.apply(&spec);
    let to = match value("to") {
        Some("nobody") => "+99912345678",
        Some("united_states") => "+12025550143",
        _ => TO,
    };
    w.campaign(&json!({"name": "c"}));
    w.opt_in(OTHER, "utility");
    for person in [TO, "+12025550143"] {
        w.opt_in(person, "marketing");
        w.opt_in(person, "utility");
    }
    // What happened before: the person's last promotion lies 25 hours back and is delivered.
    if capped {
        w.request(&common::promo("before", to)).unwrap();
        if let Some(order) = w.out.orders.last() {
            let uid = order["message_uid"].as_u64().unwrap();
            w.event(&common::accepted(uid, 1, "wamid.before"));
            w.event(&common::status("delivered", uid, "wamid.before", (w.now_ms / 1000) as u32, true));
        }
        w.advance(25 * 3_600_000);
    }
    if has("person=off_platform") {
        off_platform(&mut w, to);
    }
    let shipped = |id: &str, to: &str| common::shipped(id, to);
    if has("pair=backing_off") {
        w.urgent(&shipped("pair", TO)).unwrap();
        let uid = w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap();
        w.event(&rejected(uid, 131_056));
        // The first back-off is one second: refused once more, it is four.
        w.advance(1_100);
        w.tick();
        w.event(
            &json!({"event": "result", "callback": {"message_uid": uid, "attempt": 2}, "at": "2026-11-21T12:00:01Z",
            "result": {"rejected": {"code": 131_056}}}),
        );
    }
    if has("in_flight=full") {
        w.urgent(&shipped("flight", OTHER)).unwrap();
    }
    if has("sender=backing_off") {
        w.urgent(&shipped("back", OTHER)).unwrap();
        let uid = w.out.orders.last().unwrap()["message_uid"].as_u64().unwrap();
        w.event(
            &json!({"event": "result", "callback": {"message_uid": uid, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
            "result": {"rejected": {"code": 80_007}}}),
        );
    }
    let now_s = (w.now_ms / 1000) as u32;
    if let Some((used, _)) = value("quota").and_then(|q| q.split_once('/')) {
        for i in 0..used.parse::<u32>().unwrap() {
            w.event(&json!({"event": "status", "sender": "1001", "wamid": format!("wamid.foreign.{i}"),
                "to": format!("+551180000{i:04}"), "status": "delivered", "at_s": now_s,
                "pricing": {"model": "PMP", "category": "marketing", "pricing_type": "regular"}}));
        }
    }
    if has("throughput=used") {
        for _ in 0..100 {
            w.event(&json!({"event": "inbound", "sender": "1001", "from": "+5511800001234", "at_s": now_s}));
        }
    }
    if has("window=open") {
        w.event(&json!({"event": "inbound", "sender": "1001", "from": TO, "at_s": now_s}));
    }
    match value("consent") {
        Some("none") => {}
        Some("out") => set_consent(&mut w, to, "opt_out"),
        _ => {}
    }
    // Settings last: what came before had to pass.
    spec["disabled"] = json!(has("account=disabled"));
    spec["wabas"][0]["senders"][0]["blocked"] = json!(has("sender=blocked"));
    spec["policy"]["in_flight"] = json!(u32::from(has("in_flight=full")));
    if has("quality=stopped") {
        spec["wabas"][0]["senders"][0]["quality"] = json!("RED");
        spec["policy"]["pacing"] = json!({"red": {"marketing": {"percent": 0, "spread": true}}});
    }
    if has("night") || has("night,last") {
        // The world stands at noon UTC, where this person is it is nine.
        spec["policy"]["quiet_hours"] = json!({"from": 22, "to": 10});
    }
    if has("currency=late") {
        spec["wabas"][0]["sold_to"] = json!("IN");
    }
    w.apply(&spec);
    let mut campaign = json!({"name": "c"});
    if has("budget=0") {
        campaign["budget"] = json!("0");
    }
    if has("campaign=asleep") {
        campaign["hours"] = json!({"from": 1, "to": 2, "time_zone": "America/Sao_Paulo"});
    }
    // A rate that is new begins with an empty bucket.
    if has("campaign=in_test") {
        campaign["test_recipients"] = json!([OTHER]);
    }
    if has("rate=slow") {
        campaign["per_minute"] = json!(1);
    }
    w.campaign(&campaign);
    match value("campaign") {
        Some("paused") => w.control("c", "pause"),
        Some("cancelled") => w.control("c", "cancel"),
        Some("in_test") => w.control("c", "test"),
        _ => {}
    }
    if has("rate=unknown") || has("currency=late") {
        w.commit();
        w.reload_with(catalogue(has("rate=unknown"), has("currency=late")));
    }
    let to = if has("consent=none") { "+5511987650000" } else { to };
    if has("consent=none") && has("window=open") {
        w.event(&json!({"event": "inbound", "sender": "1001", "from": to, "at_s": now_s}));
    }
    let mut request = json!({"id": "r", "account": "acme", "to": to, "purpose": "marketing", "campaign": "c",
        "content": value("content").unwrap_or("promo").split(',').map(content).collect::<Vec<_>>()});
    if has("sender=unheard_of") {
        request["sender"] = json!("9999");
    }
    if has("send_after=tomorrow") {
        request["send_after"] = json!(Time(w.now_ms + 86_400_000).to_string());
    }
    if has("expires=past") {
        request["expires_at"] = json!(Time(w.now_ms).to_string());
    } else if has("night,last") {
        request["expires_at"] = json!(Time(w.now_ms + 3_000_000).to_string());
    } else if has("cap=1/1,last") {
        request["expires_at"] = json!(Time(w.now_ms + 40 * 3_600_000).to_string());
    }
    w.request(&request).unwrap();
    verdict(w.last_outcome())
}

fn verdict(outcome: &Value) -> Verdict {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let reason = || text(&outcome["reason"]).parse().unwrap_or_else(|()| panic!("{outcome}"));
    let gate = || {
        let name = text(&outcome["gates"]["stopped"]);
        *Gate::ALL.iter().find(|g| g.as_str() == name).unwrap_or_else(|| panic!("{outcome}"))
    };
    match text(&outcome["outcome"]).as_str() {
        "admitted" => Verdict::Admit,
        "parked" => Verdict::Park(gate(), reason()),
        _ => Verdict::Refuse(gate(), reason()),
    }
}

fn content(name: &str) -> Value {
    let template = |name: &str, body: &[&str]| json!({"template": {"name": name, "language": "pt_BR", "components": {"body": body}}});
    match name {
        "text" => json!({"text": "Oi"}),
        "buttons" => json!({"interactive": {"type": "button", "body": {"text": "Oi"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}}}),
        "utility" => template("shipped", &["Ana", "42"]),
        "wrong_parameters" => template("promo", &["Ana", "42"]),
        "promo" => template("promo", &["Ana"]),
        "paused" => json!({"template": {"name": "paused", "language": "pt_PT"}}),
        other => template(other, &[]),
    }
}

fn rejected(uid: u64, code: u32) -> Value {
    json!({"event": "result", "callback": {"message_uid": uid, "attempt": 1}, "at": "2026-11-21T12:00:01Z",
        "result": {"rejected": {"code": code}}})
}

/// An earlier message to this person came back as undeliverable; asked on the priority lane, as a one-time code.
fn off_platform(w: &mut World, to: &str) {
    w.opt_in(to, "authentication");
    w.urgent(&json!({"id": "code", "account": "acme", "to": to, "purpose": "authentication",
        "content": [{"template": {"name": "code", "language": "pt_BR", "components": {"body": ["1"]}}}]}))
        .unwrap();
    if let Some(order) = w.out.orders.last().cloned()
        && w.last_outcome()["outcome"] == "admitted"
    {
        w.event(&rejected(order["message_uid"].as_u64().unwrap(), 131_026));
    }
}

fn set_consent(w: &mut World, to: &str, state: &str) {
    w.command(&json!({"command": "set_consent", "account": "acme",
        "consent": {"to": to, "state": state, "source": "web"}}));
}

/// Without current cards, and with the deadlines of currencies over since yesterday.
fn catalogue(no_card: bool, too_late: bool) -> RateCards {
    let mut sources = Sources::embedded();
    sources.cards.retain(|c| !no_card || !c.name.contains("usd_2026-10"));
    if too_late {
        let over = sources.currency_deadlines.text.replace("2026-12-31", "2026-11-20");
        sources.currency_deadlines.text = over.into();
    }
    RateCards::from_sources(&sources).unwrap()
}

#[test]
fn each_condition_alone() {
    for (conditions, expected) in rows(CONDITIONS) {
        assert_eq!(decide(&conditions), expected, "{conditions:?}");
    }
}

#[test]
fn decision_table() {
    for (conditions, expected) in rows(DECISIONS) {
        assert_eq!(decide(&conditions), expected, "{conditions:?}");
    }
}

/// Every reason that a gate can give stands in the table of conditions; the others are not a gate's.
#[test]
fn every_reason_is_accounted_for() {
    let produced: BTreeSet<Reason> = rows(CONDITIONS)
        .iter()
        .map(|(_, v)| match v {
            Verdict::Park(_, r) | Verdict::Refuse(_, r) => *r,
            Verdict::Admit => panic!("a condition fails a gate"),
        })
        .collect();
    for reason in Reason::ALL {
        let elsewhere = NOT_A_GATE.iter().find(|(r, _)| r == reason);
        assert!(
            produced.contains(reason) != elsewhere.is_some(),
            "{reason}: produced by a gate: {}, listed as no gate's: {elsewhere:?}",
            produced.contains(reason)
        );
    }
}

/// Two conditions cannot hold together when they set the same thing, or when one makes the other pointless.
fn together(a: &str, b: &str) -> bool {
    let key = |c: &str| c.split('=').next().unwrap_or_default().to_owned();
    // Nobody lives at that number: it has no history. Without consent it is another person, without a history too.
    let history = ["person=off_platform", "cap=1/1", "cap=1/1,last", "pair=backing_off", "consent=out"];
    let stranger = |c: &str| matches!(c, "to=nobody" | "consent=none" | "to=united_states");
    key(a) != key(b)
        && !(stranger(a) && (history.contains(&b) || stranger(b)))
        && !(stranger(b) && history.contains(&a))
        // Only marketing is barred there.
        && !(a == "to=united_states" && b == "content=utility")
}

/// The precedence, walked for every pair of conditions.
#[test]
fn a_refusal_beats_any_wait_and_the_first_of_its_kind_wins() {
    let all = rows(CONDITIONS);
    let mut walked = 0;
    for (i, (a, first)) in all.iter().enumerate() {
        for (b, second) in &all[i + 1..] {
            let (a, b) = (a[0], b[0]);
            if !together(a, b) {
                continue;
            }
            let expected = match (first, second) {
                // While content waits, no alternative is chosen that later gates could refuse.
                (_, Verdict::Refuse(Gate::Frequency, _)) if a == "content=paused" => first,
                (Verdict::Park(..), Verdict::Refuse(..)) => second,
                _ => first,
            };
            assert_eq!(&decide(&[a, b]), expected, "{a} {b}");
            walked += 1;
        }
    }
    assert!(walked > 300, "{walked} pairs");
}
