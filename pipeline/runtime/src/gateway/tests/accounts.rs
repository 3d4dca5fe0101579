//! What a declaration asks of the rate cards: told at once, not by a dead letter.

use hyper::Method;
use serde_json::{Value, json};
use tollgate_core::inbound::AHEAD_S;
use tollgate_rate_card::Zone;
use tollgate_wire::Time;

use super::world::{Answer, NOW, World, account};
use crate::log::Topic;

async fn put(world: &World, spec: &Value) -> Answer {
    let path = format!("/v1/accounts/{}", spec["account"].as_str().unwrap());
    world.api("everything", Method::PUT, &path, spec.to_string()).await
}

/// Status, code, field and value.
fn refused(answer: &Answer) -> (u16, String, String, String) {
    let problem = answer.json();
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("code"), text("field"), text("value"))
}

fn malformed(field: &str, value: &str) -> (u16, String, String, String) {
    (422, "malformed".to_owned(), field.to_owned(), value.to_owned())
}

fn sold(markup: &Value) -> Value {
    let mut spec = account("new", "default", "300", "400");
    spec["wabas"][0]["markup"] = markup.clone();
    spec
}

#[tokio::test]
async fn a_markup_for_a_market_of_no_card_is_refused() {
    let world = World::new().await;
    let of = |market: &str| {
        sold(&json!([
            { "valid_from": "2026-10-01", "rules": [{ "name": "all", "percent": "5" }] },
            { "valid_from": "2027-10-01", "rules": [{ "name": "all", "percent": "5" },
                { "name": "here", "market": market, "percent": "4" }] },
        ]))
    };
    let at = "wabas[0].markup[1].rules[1].market";
    let unknown = put(&world, &of("Germania")).await;
    assert_eq!(refused(&unknown), malformed(at, "Germania"));
    let remedy = unknown.json()["remedy"].as_str().unwrap().to_owned();
    assert!(remedy.contains("Argentina") && remedy.contains("United Kingdom"), "all there are: {remedy}");
    let spelled = put(&world, &of("germany")).await;
    assert_eq!(refused(&spelled), malformed(at, "germany"));
    assert_eq!(spelled.json()["remedy"], "write it as \"Germany\"");
    assert_eq!(world.inbox.of(Topic::Commands).len(), 0);
    assert_eq!(put(&world, &of("Germany")).await.status, 202);
}

#[tokio::test]
async fn a_new_waba_bills_in_a_currency_of_the_platform() {
    let world = World::new().await;
    let mut spec = account("new", "default", "300", "400");
    spec["wabas"][0]["currency"] = json!("XAU");
    let answer = put(&world, &spec).await;
    assert_eq!(refused(&answer), malformed("wabas[0].currency", "XAU"));
    let remedy = answer.json()["remedy"].as_str().unwrap().to_owned();
    assert!(remedy.contains(" EUR ") && remedy.ends_with("or add it to currencies.csv in rates.directory"), "{remedy}");
    assert_eq!(world.inbox.of(Topic::Commands).len(), 0);
    // One that is known never changes its currency, so it is not asked again when a list of currencies no longer has it.
    world.registry.apply(serde_json::from_value(spec.clone()).unwrap()).unwrap();
    assert_eq!(put(&world, &spec).await.status, 202);
}

/// The platform's clock may be ahead by so much: something may be booked by the mark-up of the day that is about to begin.
#[tokio::test]
async fn a_markup_that_begins_within_a_minute_has_begun() {
    let world = World::new().await;
    let zone = Zone::new("America/Sao_Paulo").unwrap();
    let tomorrow = zone.local_date_at(i64::from(NOW.secs())).tomorrow().unwrap();
    let mut spec = account("acme", "default", "100", "200");
    spec["wabas"][0]["markup"] =
        json!([{ "valid_from": tomorrow.to_string(), "rules": [{ "name": "all", "percent": "5" }] }]);
    let midnight = (NOW.secs()..).find(|at| zone.local_date_at(i64::from(*at)) == tomorrow).unwrap();
    let before_midnight = |seconds: u32| world.clock.set(Time(u64::from(midnight - seconds) * 1000));
    before_midnight(AHEAD_S + 1);
    assert_eq!(put(&world, &spec).await.status, 202);
    before_midnight(AHEAD_S);
    let answer = put(&world, &spec).await;
    let begun = (409, "unchanging".to_owned(), "wabas[0].markup".to_owned(), tomorrow.to_string());
    assert_eq!(refused(&answer), begun);
}

#[tokio::test]
async fn a_budget_needs_one_currency() {
    let world = World::new().await;
    let mut spec = account("new", "default", "300", "400");
    let mut second = account("new", "default", "301", "401")["wabas"][0].clone();
    second["currency"] = json!("EUR");
    spec["wabas"].as_array_mut().unwrap().push(second);
    world.registry.apply(serde_json::from_value(spec).unwrap()).unwrap();
    let campaign =
        async |spec: Value| world.api("everything", Method::POST, "/v1/campaigns/new", spec.to_string()).await;
    let answer = campaign(json!({ "name": "spring", "budget": "100.50" })).await;
    assert_eq!(refused(&answer), malformed("budget", "100.50"));
    assert!(answer.json()["detail"].as_str().unwrap().contains("EUR and USD"), "{}", answer.text);
    assert_eq!(world.inbox.of(Topic::Commands).len(), 0);
    assert_eq!(campaign(json!({ "name": "spring" })).await.status, 202);
}
