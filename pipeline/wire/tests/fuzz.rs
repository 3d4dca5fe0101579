//! Whatever arrives, reading it ends with a value or an error that can be acted on, soon and in bounded memory.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_tests::fuzz::{Counting, Form, Fuzz, fixtures};
use tollgate_wire::event::PlatformEvent;
use tollgate_wire::order::Order;
use tollgate_wire::outcome::Outcome;
use tollgate_wire::{InputError, analytics, command, event, input, request, webhook};

#[global_allocator]
static MEMORY: Counting = Counting;

const REQUEST: &str = r#"{"id":"01JD3Y7Q","account":"acme","sender":"106540352242922","to":{"bsuid":"BR.1","country":"BR"},"campaign":"black-friday","purpose":"utility","choose":"cheapest","content":[{"template":{"name":"order_shipped","language":["pt_BR","en_US"],"components":{"header":[{"type":"image"}],"body":{"name":"Ana\u00e1"},"buttons":[]}}},{"text":"Oi"}],"send_after":"2026-11-27T09:00:00-03:00","metadata":{"crm":"881-2"}}"#;
const EVENTS: &str = r#"{"account":"acme","events":[{"event":"result","callback":{"message_uid":7,"attempt":1},"at":"2026-11-27T09:00:00Z","result":{"accepted":{"wamid":"w"}}},{"limit":"TIER_2K","event":"limit"},{"event":"close_month","month":"2026-10","settle_days":8,"forced":"why"},{"event":"credit","id":"C","waba":"1","month":"2026-10","cost":"-2.50","price":"-2.5","reason":"x","reference":"CN","by":"f","both":true}]}"#;
const CAMPAIGN: &str = r#"{"command":"put_campaign","account":"acme","spec":{"name":"x","budget":"1.5","hours":{"from":8,"to":20,"time_zone":"UTC"}}}"#;
const PRICING: &str = r#"{"id":"w1","pricing_analytics":{"data":[{"data_points":[{"start":1790812800,"end":1790899200,"phone_number":"15550001111","country":"BR","pricing_type":"REGULAR","pricing_category":"UTILITY","tier":"0:MAX","volume":12,"cost":0.0816}]}]}}"#;
const CONVERSATIONS: &str = r#"[{"id":"w1","conversation_analytics":{"data":[{"data_points":[{"start":1748736000,"end":1748822400,"conversation":7,"phone":"15550001111","country":"MX","conversation_type":"REGULAR","conversation_category":"MARKETING","cost":1.2e-1}]}]}},{"error":{"code":190,"message":"expired"}}]"#;

/// The examples of a schema, and others.
fn examples<'a>(schema: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    #[derive(Deserialize)]
    struct Schema<'a> {
        #[serde(borrow)]
        examples: Vec<&'a RawValue>,
    }
    let schema: Schema<'_> = serde_json::from_str(schema).unwrap();
    schema.examples.iter().map(|example| example.get()).chain(more.iter().copied()).collect()
}

macro_rules! schema {
    ($name:literal) => {
        include_str!(concat!("../../../docs/schemas/", $name, ".schema.json"))
    };
}

/// The text of an error, which has a problem and a remedy.
fn told<T>(read: Result<T, InputError>) -> Result<(), String> {
    let error = match read {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    assert!(!error.problem.is_empty() && !error.remedy.is_empty(), "{error}");
    Err(error.to_string())
}

#[test]
fn webhooks() {
    let of = |changes: &str| {
        format!("{{\"object\":\"whatsapp_business_account\",\"entry\":[{{\"id\":\"1\",\"changes\":[{changes}]}}]}}")
    };
    let change = |items: usize| {
        let items = vec!["{}"; items].join(",");
        format!(
            "{{\"field\":\"messages\",\"value\":{{\"metadata\":{{\"phone_number_id\":\"2\"}},\"statuses\":[{items}]}}}}"
        )
    };
    let (one, many) = (of(&change(1_000_000)), of(&vec![change(3_000); 300].join(",")));
    let read = webhook::parse(one.as_bytes()).unwrap();
    assert_eq!((read.events.len(), read.unknown.len()), (0, 1), "the change is malformed as a whole");
    let read = webhook::parse(many.as_bytes()).unwrap();
    assert_eq!((read.events.len(), read.unknown.len()), (0, 900_000), "each of them is");
    let fuzz = Fuzz::new("webhook", Form::Json, &fixtures("tests/fixtures/webhook"))
        .situation("a million empty statuses in one change", one)
        .situation("a million empty statuses in many changes", many);
    // All changes of a short body are held at once.
    fuzz.inputs(30_000).memory(96, 16 << 20).run(|bytes| {
        let read = webhook::parse(bytes).map_err(|error| error.to_string())?;
        // Whatever comes from outside is translated; what Tollgate says itself is never among it.
        let own = |e: &PlatformEvent<'_>| matches!(e, PlatformEvent::Result(_) | PlatformEvent::CloseMonth { .. });
        assert!(!read.events.iter().any(|e| own(&e.event)));
        Ok(())
    });
}

#[test]
fn requests() {
    let names: Vec<String> = (0..6_000).map(|n| format!("\"k{n}\":\"\"")).collect();
    let many = REQUEST.replace("\"name\":\"Ana\\u00e1\"", &names.join(","));
    assert!(request::parse(many.as_bytes()).is_ok(), "it is about the time, not about a refusal");
    let fuzz = Fuzz::new("request", Form::Json, &examples(schema!("request"), &[REQUEST]))
        .situation("thousands of named parameters", many);
    fuzz.inputs(20_000).run(|bytes| {
        let (head, body) = bytes.split_at(bytes.len() % 150);
        let _ = told(request::parse_with_id(body, Some(head)));
        told(request::parse(bytes))
    });
}

#[test]
fn commands() {
    let examples = examples(schema!("command"), &[CAMPAIGN]);
    let with_rate = examples.iter().find(|example| example.contains("\"fx\"")).unwrap();
    let long = with_rate.replacen("\"source\": \"", &format!("\"source\": \"{}", "x".repeat(50_000)), 1);
    assert!(long.len() > 50_000, "a rate of exchange has a source");
    let fuzz =
        Fuzz::new("command", Form::Json, &examples).situation("a rate of exchange whose source has no end", long);
    fuzz.inputs(20_000).run(|bytes| told(command::parse(bytes)));
}

#[test]
fn events() {
    let fuzz = Fuzz::new("events", Form::Json, &examples(schema!("events"), &[EVENTS]));
    fuzz.inputs(15_000).run(|bytes| told(event::parse(bytes)));
}

#[test]
fn orders_and_outcomes() {
    let orders = Fuzz::new("order", Form::Json, &examples(schema!("order"), &[]));
    orders.inputs(5_000).run(|bytes| told(input::read::<Order<'_>>(bytes, 1 << 20)));
    let outcomes = Fuzz::new("outcome", Form::Json, &examples(schema!("outcome"), &[]));
    outcomes.inputs(5_000).run(|bytes| told(input::read::<Outcome<'_>>(bytes, 1 << 20)));
}

#[test]
fn figures_of_the_platform() {
    let fuzz = Fuzz::new("analytics", Form::Json, &[PRICING, CONVERSATIONS])
        .situation("an error whose message has no end", CONVERSATIONS.replace("expired", &"x".repeat(100_000)));
    fuzz.inputs(10_000).run(|bytes| analytics::read(bytes).map(drop).map_err(|error| error.to_string()));
}
