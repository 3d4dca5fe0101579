//! Situations of the platform's webhooks and what they become. Each fixture is named by its situation.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt::Write;
use tollgate_wire::event::{Inbound, PlatformEvent, Pricing, SenderChange, Status, TemplateChange};
use tollgate_wire::request::Recipient;
use tollgate_wire::webhook::{Addressed, Webhook, WebhookError, alone, parse};

macro_rules! fixtures {
    ($($name:ident)+) => {
        /// Every fixture: its name and its bytes.
        pub const FIXTURES: &[(&str, &[u8])] = &[$((
            stringify!($name),
            include_bytes!(concat!("fixtures/webhook/", stringify!($name), ".json")),
        )),+];
    };
}
fixtures! {
    account_deleted_offboarded_reconnected
    account_disabled_and_reinstated
    account_events_that_stop_nothing
    account_prices_to_declare
    account_restricted
    account_volume_bands
    authentication_international_with_hyphen
    authentication_international_with_underscore
    business_initiated_before_2023_06
    calls_that_open_no_window
    category_of_the_future
    conversation_without_pricing
    deleted_warning_and_unheard_of_statuses
    delivered_conversation_era
    delivered_per_message_v24
    delivered_with_another_softwares_callback
    delivered_with_our_callback
    empty_envelope
    failed_marketing_cap
    failed_without_error_or_with_text_code
    free_entry_point_conversation_era
    free_entry_point_per_message
    free_entry_point_with_own_category
    group_status_names_participant
    held_for_quality_assessment
    history_and_echoes_are_not_inbound
    inbound_button_and_list_replies
    inbound_escaped_text
    inbound_every_type_opens_the_window
    inbound_from_advertisement
    inbound_in_a_group_opens_no_window
    inbound_long_text_is_not_kept
    inbound_quick_reply
    inbound_quick_reply_without_short_payload
    inbound_stop_word
    inbound_system_opens_no_window
    inbound_text_with_half_a_surrogate
    inbound_with_number_and_id
    inbound_without_number
    limit_in_every_spelling
    malformed_changes_stop_nobody_else
    marketing_lite
    marketing_resumed_and_signed_up
    marketing_stopped
    marketing_stopped_by_number_and_id
    message_errors_only
    notification_era
    number_changed_in_every_form
    number_downgraded_by_the_older_rule
    number_flagged_and_unflagged
    number_gets_more_throughput
    number_names_the_portfolios_limit
    number_onboarded_without_limit
    played_voice_message
    pricing_type_of_the_future
    read_pricing_already_given
    read_without_delivered
    recipient_only_in_contacts
    recipient_with_empty_number
    recipient_without_number
    sent_conversation_era
    sent_per_message_v23
    service_charged_from_2026_10
    several_accounts_in_one_envelope
    template_approved_as_marketing
    template_category_changed
    template_category_impending
    template_disabled
    template_in_every_other_state
    template_paused
    template_quality
    template_quality_under_the_wrong_field
    template_rejected
    template_unpaused
    timestamps_and_ids_as_numbers
    user_calls
    utility_free_inside_window
}

/// `situation`, then one line per event or count.
const EXPECTED: &str = include_str!("fixtures/webhook.txt");

fn to(recipient: &Recipient<'_>) -> String {
    match recipient {
        Recipient::Number(number) => number.to_string(),
        Recipient::Scoped { bsuid, country } => {
            format!("{bsuid} of {}", country.as_deref().unwrap_or("?"))
        }
    }
}

fn price(p: &Pricing<'_>) -> String {
    let mut out = String::from(" price");
    let model = p.model.map_or("-", |m| m.as_str());
    let category = p.category.map_or("-", |c| c.as_str());
    let kind = p.pricing_type.map_or("-", |t| t.as_str());
    write!(out, " {model} {category} {kind}").unwrap();
    if let Some(text) = &p.category_text {
        write!(out, " text={text:?}").unwrap();
    }
    if let Some(id) = &p.conversation {
        write!(out, " conversation={id}").unwrap();
    }
    out
}

fn render(event: &PlatformEvent<'_>) -> String {
    match event {
        PlatformEvent::Status(Status { sender, wamid, to: who, status, at_s, callback, pricing, code }) => {
            let mut out = format!("status {status:?} {} at {at_s} by {sender}", to(who));
            if wamid.as_str() != "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI=" {
                write!(out, " {wamid}").unwrap();
            }
            if let Some(c) = callback {
                write!(out, " callback={c}").unwrap();
            }
            if let Some(p) = pricing {
                out += &price(p);
            }
            if let Some(c) = code {
                write!(out, " code={c}").unwrap();
            }
            out
        }
        PlatformEvent::Inbound(Inbound { sender, from, at_s, keyword, label, referral, id, reaction, bsuid }) => {
            let mut out = format!("inbound {} at {at_s} to {sender}", to(from));
            if let Some(k) = keyword {
                write!(out, " keyword={k:?}").unwrap();
            }
            if let Some(l) = label {
                write!(out, " label={l:?}").unwrap();
            }
            if *referral {
                out += " referral";
            }
            if *reaction {
                out += " reaction";
            }
            if let Some(id) = id {
                write!(out, " id={id}").unwrap();
            }
            if let Some(bsuid) = bsuid {
                write!(out, " bsuid={bsuid}").unwrap();
            }
            out
        }
        PlatformEvent::Preference(p) => {
            let said = if p.stop { "stop" } else { "resume" };
            let bsuid = p.bsuid.as_ref().map(|bsuid| format!(" bsuid={bsuid}")).unwrap_or_default();
            format!("preference {} {said} at {}{bsuid}", to(&p.from), p.at_s)
        }
        PlatformEvent::NumberChanged(n) => format!("number {} is {} since {}", to(&n.from), to(&n.to), n.at_s),
        PlatformEvent::Template(TemplateChange {
            waba: _,
            name,
            language,
            status,
            category,
            next_category,
            quality,
            pause,
        }) => {
            let mut out = format!("template {name} {language}");
            if let Some(s) = status {
                write!(out, " {s:?}").unwrap();
            }
            if let Some(c) = category {
                write!(out, " {c}").unwrap();
            }
            if let Some(n) = pause {
                write!(out, " pause={n}").unwrap();
            }
            if let Some(next) = next_category {
                write!(out, " next={} at {}", next.category, next.at_s).unwrap();
            }
            if let Some(q) = quality {
                write!(out, " quality={q}").unwrap();
            }
            out
        }
        PlatformEvent::Sender(SenderChange { sender, quality, throughput, limit }) => {
            let mut out = format!("sender {sender}");
            if let Some(q) = quality {
                write!(out, " quality={q}").unwrap();
            }
            if let Some(t) = throughput {
                write!(out, " throughput={t}").unwrap();
            }
            if let Some(l) = limit {
                write!(out, " limit={l}").unwrap();
            }
            out
        }
        PlatformEvent::Limit { limit } => format!("limit {limit}"),
        PlatformEvent::AccountState { disabled } => format!("account disabled={disabled}"),
        PlatformEvent::BandReached(b) => {
            format!("band of {} {} from {} in {} at {}", b.region, b.category.as_str(), b.first, b.month, b.at_s)
        }
        PlatformEvent::Credit(_) => "a credit, which no webhook carries".to_owned(),
        PlatformEvent::CloseMonth { .. } => "the end of a month, which no webhook carries".to_owned(),
        PlatformEvent::Result(_) => "a dispatch result, which no webhook carries".to_owned(),
    }
}

fn lines(webhook: &Webhook<'_>) -> Vec<String> {
    let shorten = |waba: &str| {
        if waba == "102290129340398" { String::new() } else { format!("[{waba}] ") }
    };
    let events = webhook.events.iter().map(|Addressed { waba, sender, event }| {
        if let (Some(addressed), PlatformEvent::Status(Status { sender, .. })) = (sender, event) {
            assert_eq!(addressed, sender);
        }
        format!("{}{}", shorten(waba), render(event))
    });
    let notices = webhook.notices.iter().map(|n| format!("{}{:?}", shorten(&n.waba), n.told));
    let unknown = webhook.unknown.iter().map(|u| format!("{}{} {}", shorten(&u.waba), u.why.as_str(), u.field));
    events.chain(notices).chain(unknown).collect()
}

#[test]
fn every_situation_becomes_its_events() {
    let mut actual = String::new();
    for (name, bytes) in FIXTURES {
        writeln!(actual, "{name}").unwrap();
        match parse(bytes) {
            Ok(webhook) => lines(&webhook).iter().for_each(|l| writeln!(actual, "    {l}").unwrap()),
            Err(e) => writeln!(actual, "    error: {e}").unwrap(),
        }
    }
    for (ours, wanted) in actual.lines().zip(EXPECTED.lines()) {
        assert_eq!(ours, wanted, "whole table:\n{actual}");
    }
    assert_eq!(actual, EXPECTED);
}

/// What is not read can be kept: one change of many, alone, in an envelope that reads as that change did.
#[test]
fn what_people_should_see_is_found_again_alone() {
    let (_, known) = FIXTURES.iter().find(|(name, _)| *name == "delivered_with_our_callback").unwrap();
    let known: serde_json::Value = serde_json::from_slice(known).unwrap();
    let change = |field: &str, value: serde_json::Value| serde_json::json!({"field": field, "value": value});
    let body = serde_json::json!({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [known["entry"][0]["changes"][0], change("flows", serde_json::json!({"a": 1}))]},
        {"id": "2", "changes": [change("account_update", serde_json::json!({"event": "BRAND_NEW", "n": 1.50})),
            change("brand_new", serde_json::json!({"é": ["x", null]})), change("messages", serde_json::json!(7))]},
    ]});
    for body in [body.to_string(), format!("{body}{}", " ".repeat(65 << 10))] {
        let webhook = parse(body.as_bytes()).unwrap();
        let seen: Vec<_> = webhook.unknown.iter().map(|u| (u.change, u.why.as_str(), &*u.field, u.is_news())).collect();
        let expected = [
            (1, "unknown_field", "flows", false),
            (2, "unknown_word", "account_other", true),
            (3, "unknown_field", "brand_new", true),
            (4, "malformed", "messages", true),
        ];
        assert_eq!(seen, expected);
        let alone = alone(body.as_bytes(), 3).unwrap();
        assert_eq!(
            alone,
            r#"{"object":"whatsapp_business_account","entry":[{"id":"2","changes":[{"field":"brand_new","value":{"é":["x",null]}}]}]}"#
        );
        let again = parse(alone.as_bytes()).unwrap();
        assert_eq!((again.unknown.len(), &*again.unknown[0].field, &*again.unknown[0].waba), (1, "brand_new", "2"));
    }
    assert_eq!(alone(body.to_string().as_bytes(), 5), None);
    assert_eq!(alone(b"{", 0), None);
}

#[test]
fn what_is_not_an_envelope_is_refused_without_repeating_it() {
    for (body, expected) in [
        (&b""[..], "webhook body: not JSON at line 1, column 0; only the platform's own requests are taken"),
        (
            b"{\"object\":\"whatsapp",
            "webhook body: not JSON at line 1, column 19; only the platform's own requests are taken",
        ),
        (
            b"{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"\xff\"}]}",
            "webhook body: byte 54 is not UTF-8; only the platform's own requests are taken",
        ),
        (b"[]", "webhook body: no `object`, `entry[].id`, `entry[].changes[].field` at line 1, column 2"),
        (b"{}", "webhook body: no `object`, `entry[].id`, `entry[].changes[].field` at line 1, column 2"),
        (
            b"{\"object\":\"page\",\"entry\":[]}",
            "webhook body: `object` is not \"whatsapp_business_account\"; subscribe this address to that object only",
        ),
    ] {
        let error = parse(body).expect_err("refused");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    let deep = "[".repeat(200_000);
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"x":{deep}"#
    );
    assert!(matches!(parse(body.as_bytes()), Err(WebhookError::NotJson { .. })));
}

#[test]
fn an_envelope_of_more_than_a_thousand_changes_is_read_whole() {
    let (_, one) = FIXTURES.iter().find(|(name, _)| *name == "delivered_with_our_callback").unwrap();
    let one = std::str::from_utf8(one).unwrap();
    let start = one.find("\"changes\": [").unwrap() + "\"changes\": [".len();
    let end = one.rfind("]\n  }\n ]").unwrap();
    let changes = vec![&one[start..end]; 1500].join(",");
    let body = format!("{}{}{}", &one[..start], changes, &one[end..]);
    let webhook = parse(body.as_bytes()).unwrap();
    assert_eq!((webhook.events.len(), webhook.unknown.len()), (1500, 0));
}

/// A webhook that says it is an event of ours is none, wherever it says so.
#[test]
fn a_webhook_ends_no_month() {
    forged(r#"{"event":"close_month","month":"2026-10","settle_days":0,"forced":"x"}"#);
}

#[test]
fn a_webhook_credits_nothing() {
    forged(r#"{"event":"credit","id":"1","waba":"1","month":"2026-10","price":"7","reason":"x"}"#);
}

fn forged(close: &str) {
    let change = |field: &str, value: &str| {
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"{field}","value":{value}}}]}}]}}"#
        )
    };
    let metadata = r#""messaging_product":"whatsapp","metadata":{"display_phone_number":"1","phone_number_id":"2"}"#;
    for body in [
        format!(r#"{{"account":"acme","events":[{close}]}}"#),
        change("close_month", close),
        change("credit", close),
        change("messages", close),
        change("account_update", close),
        change("messages", &format!(r#"{{{metadata},"statuses":[{close}],"messages":[{close}]}}"#)),
        change("messages", &format!(r#"{{{metadata},"events":[{close}],"event":"close_month"}}"#)),
    ] {
        if let Ok(webhook) = parse(body.as_bytes()) {
            assert!(webhook.events.is_empty(), "{body}: {:?}", webhook.events);
        }
    }
}
