//! Templates, levels, replies: what is declared, what the platform tells, and what is told of it.
#![expect(clippy::unwrap_used, reason = "test")]
#![expect(clippy::needless_pass_by_value, reason = "what json! makes is given as it is")]

mod common;
use common::{World, account_spec, shipped};
use serde_json::{Value, json};
use tollgate_core::codec;

const TO: &str = "+5511987654321";

fn put(template: Value) -> Value {
    let mut spec = json!({"name": "shipped", "language": "pt_BR", "category": "utility", "body": ["1", "2"]});
    spec.as_object_mut().unwrap().extend(template.as_object().unwrap().clone());
    json!({"command": "put_template", "account": "acme", "waba": "waba-1", "template": spec})
}

fn changed(more: Value) -> Value {
    let mut event = json!({"event": "template", "waba": "waba-1", "name": "shipped", "language": "pt_BR"});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([event])
}

fn known() -> Value {
    json!({"quality": "GREEN", "components": {"digest": "00aa", "body_chars": 20, "buttons": [{"kind": "url"}]}})
}

#[test]
fn a_change_is_told_once_and_a_question_is_answered() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    assert_eq!(w.out.templates.len(), 4, "each as it was declared");
    w.command(&put(json!({"status": "paused"})));
    let told = w.out.templates.last().unwrap().clone();
    assert_eq!((&told["template_of"], &told["template"]["status"]), (&json!("waba-1"), &json!("paused")));
    w.command(&put(json!({"status": "paused"})));
    assert_eq!(w.out.templates.last(), Some(&told), "told again, for whoever does not know it");
    w.events(&changed(json!({"status": "paused"}))).unwrap();
    assert_eq!(w.out.templates.len(), 6, "nothing new");
    w.events(&changed(json!({"quality": "RED"}))).unwrap();
    assert_eq!(w.out.templates.last().unwrap()["template"]["quality"], "RED");
}

#[test]
fn a_category_is_announced_and_moves_the_price_when_it_is_there() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "utility");
    w.events(&changed(json!({"next_category": {"category": "marketing", "at_s": 1_795_348_800}}))).unwrap();
    let told = w.out.templates.last().unwrap();
    assert_eq!(told["template"]["category"], "utility");
    assert_eq!(told["template"]["next_category"], json!({"category": "marketing", "at_s": 1_795_348_800}));
    w.request(&shipped("a", TO)).unwrap();
    let before = w.last_outcome()["estimate"]["amount"].clone();
    w.events(&changed(json!({"category": "marketing"}))).unwrap();
    let told = w.out.templates.last().unwrap();
    assert_eq!(told["template"]["category"], "marketing");
    assert!(told["template"].get("next_category").is_none(), "it is there: {told}");
    w.opt_in(TO, "marketing");
    w.request(&shipped("b", TO)).unwrap();
    let since = w.last_outcome()["estimate"]["amount"].clone();
    assert_eq!((before, since), (json!("0.0068"), json!("0.0625")));
    w.events(&changed(json!({"next_category": {"category": "utility"}}))).unwrap();
    w.events(&changed(json!({"next_category": {"category": "marketing"}}))).unwrap();
    assert!(w.out.templates.last().unwrap()["template"].get("next_category").is_none(), "taken back");
}

#[test]
fn a_declaration_that_says_nothing_new_keeps_what_the_platform_told() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    let of = |w: &World| {
        let state = w.engine.state();
        let waba = state.wabas().next().unwrap().ix;
        state.template(waba, "shipped", "pt_BR").unwrap().spec.clone()
    };
    w.command(&put(json!({"status": "paused", "category": "marketing", "components": known()["components"],
        "quality": "GREEN"})));
    let told = of(&w);
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    w.command(&json!({"command": "apply_account", "spec": spec.clone()}));
    assert_eq!(of(&w), told);
    spec["wabas"][0]["templates"][1]["body"] = json!(["1", "2", "3"]);
    w.command(&json!({"command": "apply_account", "spec": spec}));
    let now = of(&w);
    assert_eq!((now.status, now.category, now.quality), (told.status, told.category, told.quality));
    assert_eq!(
        (now.body.len(), now.components),
        (3, None),
        "it is checked by what is declared until it is asked again"
    );
    w.commit();
    w.reload();
    assert_eq!(of(&w).body.len(), 3);
}

#[test]
fn only_a_template_with_more_is_written_in_the_later_format() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    let first_bytes = |w: &World| w.engine.state().templates().map(|t| codec::put_template(t)[0]).collect::<Vec<_>>();
    assert_eq!(first_bytes(&w), [1, 1, 1, 1]);
    w.command(&put(known()));
    assert_eq!(first_bytes(&w), [1, 5, 1, 1]);
    for template in w.engine.state().templates() {
        assert_eq!(&codec::template(&codec::put_template(template)).unwrap(), template);
    }
}

#[test]
fn a_refusal_says_what_does_not_fit_and_not_what_was_given() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "utility");
    let mut request = shipped("a", TO);
    request["content"][0]["template"]["components"]["body"] = json!(["Secret", ""]);
    w.request(&request).unwrap();
    let told = w.last_outcome();
    assert_eq!((&told["outcome"], &told["reason"]), (&json!("refused"), &json!("bad_parameters")));
    assert_eq!(told["detail"], "content[0]: bad_parameters: body[1]: the text is empty");
    assert!(!told.to_string().contains("Secret"));
}

#[test]
fn upgrades_and_downgrades_are_told_with_what_was_before() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    assert!(w.out.levels.is_empty());
    w.events(&json!([
        {"event": "sender", "sender": "1001", "quality": "YELLOW", "throughput": 1000},
        {"event": "sender", "sender": "1001", "quality": "YELLOW"},
        {"event": "limit", "limit": "UNLIMITED"},
    ]))
    .unwrap();
    let told: Vec<String> = w
        .out
        .levels
        .iter()
        .map(|l| {
            let text = |field: &str| l[field].as_str().unwrap_or("-").to_owned();
            format!("{} {} {} → {}", text("level_of"), text("sender"), text("from"), text("to"))
        })
        .collect();
    let expected = ["quality 1001 GREEN → YELLOW", "throughput 1001 80 → 1000", "limit - 1000 → UNLIMITED"];
    assert_eq!(told, expected);
}

#[test]
fn a_reply_is_told_of_people_that_are_known() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    let wrote = json!([{"event": "inbound", "sender": "1001", "from": TO, "at_s": 1_795_262_390}]);
    w.events(&wrote).unwrap();
    assert_eq!(w.out.replies.pop().unwrap()["stranger"], true, "what a stranger writes is nobody's result");
    w.opt_in(TO, "utility");
    w.events(&wrote).unwrap();
    let told = json!({"reply_of": TO, "account": "acme", "sender": "1001", "at": "2026-11-21T11:59:50.000Z"});
    assert_eq!(w.out.replies, [told]);
}
