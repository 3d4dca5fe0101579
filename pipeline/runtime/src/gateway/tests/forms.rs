//! What the other routes take and give.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::world::{Answer, NOW, World, account};
use crate::gateway::{GatewayConfig, TokenSpec};
use crate::log::Topic;

fn commands(world: &World) -> Vec<Value> {
    world.inbox.of(Topic::Commands).iter().map(|(_, value)| serde_json::from_str(value).unwrap()).collect()
}

fn refused(answer: &Answer) -> (u16, String, String) {
    let problem = answer.json();
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("code"), text("field"))
}

#[tokio::test]
async fn campaigns_become_commands() {
    let world = World::new().await;
    let spec = json!({ "name": "spring", "budget": "100.50", "hours": { "from": 9, "to": 21, "time_zone": "UTC" } });
    let answer = world.api("operate", Method::POST, "/v1/campaigns/acme", spec.to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({ "account": "acme", "campaign": "spring" })));
    world.api("operate", Method::POST, "/v1/campaigns/acme/spring:pause", "").await;
    let commands = commands(&world);
    assert_eq!(commands[0]["spec"]["budget"], "100.50");
    let pause = json!({ "command": "control_campaign", "account": "acme", "campaign": "spring", "action": "pause" });
    assert_eq!(commands[1], pause);
    for (path, body, status, code) in [
        ("/v1/campaigns/acme/spring:stop", String::new(), 404, "unknown_action"),
        ("/v1/campaigns/acme/autumn", spec.to_string(), 422, "malformed"),
        ("/v1/campaigns/acme", json!({ "name": "a:b" }).to_string(), 422, "malformed"),
        ("/v1/campaigns/acme", json!({ "name": "a", "bugdet": 1 }).to_string(), 422, "unknown_field"),
        (
            "/v1/campaigns/acme",
            json!({ "name": "a", "hours": { "from": 9, "to": 9, "time_zone": "UTC" } }).to_string(),
            422,
            "malformed",
        ),
    ] {
        let answer = world.api("operate", Method::POST, path, body).await;
        let (have, have_code, _) = refused(&answer);
        assert_eq!((have, have_code.as_str()), (status, code), "{path} {}", answer.text);
    }
    assert_eq!(world.inbox.of(Topic::Commands).len(), 2);
}

#[tokio::test]
async fn only_campaigns_that_exist_and_go_on_are_controlled() {
    let world = World::new().await;
    let control =
        async |path: &str| world.api("operate", Method::POST, &format!("/v1/campaigns/acme/{path}"), "").await;
    let typo = control("oders:pause").await;
    assert_eq!(refused(&typo), (404, "not_found".to_owned(), "campaign".to_owned()));
    assert_eq!(typo.json()["remedy"], "did you mean orders?");
    for verb in ["resume", "pause", "start"] {
        assert_eq!(refused(&control(&format!("over:{verb}")).await).0, 409, "{verb} after cancel");
    }
    assert_eq!(control("over:cancel").await.status, 202, "again is no fault");
    assert_eq!(control("orders:resume").await.status, 202);
    assert_eq!(control("new:start").await.status, 202, "creates it");
    assert_eq!(control("new:pause").await.status, 202, "created a moment ago, not in the views yet");
    world.api("operate", Method::POST, "/v1/campaigns/acme", json!({ "name": "put" }).to_string()).await;
    assert_eq!(control("put:cancel").await.status, 202);
    let wrong = json!({ "name": "wrong", "hours": { "from": 9, "to": 9, "time_zone": "UTC" } }).to_string();
    assert_eq!(world.api("operate", Method::POST, "/v1/campaigns/acme", wrong).await.status, 422);
    assert_eq!(control("wrong:pause").await.status, 404, "what was refused is not there");
    world.reads.snapshot_age_ms.store(16_000, Ordering::Relaxed);
    let unknown = control("elsewhere:pause").await;
    assert_eq!(unknown.status, 202, "the views stand still: nothing can be said, so it is taken");
    assert!(unknown.json()["warning"].as_str().unwrap().contains("dead-letters"), "{}", unknown.text);
    world.reads.snapshot_age_ms.store(5_000, Ordering::Relaxed);
    assert_eq!(control("elsewhere:pause").await.status, 404);
    assert_eq!(commands(&world).len(), 7);
    world.reads.left_out.store(12, Ordering::Relaxed);
    let unlisted = control("elsewhere:pause").await;
    assert_eq!(unlisted.status, 202, "it may be one that the snapshot leaves out");
    assert!(unlisted.json()["warning"].as_str().unwrap().contains("leaves out 12"), "{}", unlisted.text);
    world.reads.left_out.store(0, Ordering::Relaxed);
    let test =
        async |body: &'static str| world.api("operate", Method::POST, "/v1/campaigns/acme/tried:test", body).await;
    assert_eq!(test("").await.status, 404, "without recipients it creates nothing");
    assert_eq!(refused(&test(r#"{"test_recipients":["+55"]}"#).await).0, 422);
    assert_eq!(refused(&test(r#"{"recipients":[]}"#).await).0, 422);
    assert_eq!(control("tried:pause").await.status, 404, "what was refused created nothing");
    assert_eq!(test(r#"{"test_recipients":["+5511987654321"]}"#).await.status, 202);
    assert_eq!(commands(&world)[8]["test_recipients"], json!(["+5511987654321"]));
    assert_eq!(control("tried:pause").await.status, 202);
}

#[tokio::test]
async fn a_dead_letter_is_shown_and_its_bytes_only_to_an_admin() {
    let specs = super::world::tokens().into_iter().map(|token| TokenSpec { accounts: Vec::new(), ..token }).collect();
    let world = World::with(GatewayConfig { tokens: specs, ..super::world::config() }).await;
    let get =
        async |token: &str, path: &str| world.api(token, Method::GET, &format!("/v1/dead-letters{path}"), "").await;
    assert_eq!(get("operate", "/7").await.json(), json!({ "offset": 7, "bytes": 3 }));
    assert_eq!(refused(&get("operate", "/7?bytes=true").await).1, "forbidden");
    let bytes = get("admin", "/7?bytes=true").await;
    assert_eq!((bytes.text.as_str(), bytes.header("x-content-type-options")), ("{x\0", "nosniff"));
    assert_eq!(refused(&get("operate", "/8").await), (404, "not_found".to_owned(), "offset".to_owned()));
    assert_eq!(refused(&get("operate", "/x").await).0, 404);
    assert_eq!(refused(&get("operate", "?limit=0").await), (400, "bad_query".to_owned(), "limit".to_owned()));
    assert_eq!(get("operate", "?limit=1").await.status, 200);
}

#[tokio::test]
async fn an_unknown_address_is_a_problem_too() {
    let world = World::new().await;
    let unknown = world.api("operate", Method::GET, "/v1/campaings/acme", "").await;
    assert_eq!(unknown.header("content-type"), "application/problem+json");
    assert_eq!(refused(&unknown).1, "unknown_path");
    let method = world.api("operate", Method::DELETE, "/v1/campaigns/acme", "").await;
    assert_eq!((refused(&method).0, refused(&method).1.as_str()), (405, "unknown_method"));
    assert!(method.header("allow").contains("GET"), "{:?}", method.headers);
}

#[tokio::test]
async fn consents_carry_their_proof() {
    let world = World::new().await;
    let path = "/v1/contacts/acme/%2B5511987654321/consents";
    let proof = json!({ "category": "marketing", "source": "web", "text_version": "3", "at": "2026-11-01T10:00:00Z" });
    assert_eq!(world.api("enqueue", Method::PUT, path, proof.to_string()).await.status, 202);
    assert_eq!(world.api("enqueue", Method::DELETE, &format!("{path}?category=marketing"), "").await.status, 202);
    assert_eq!(world.api("enqueue", Method::DELETE, path, "").await.status, 202);
    let consents: Vec<Value> = commands(&world).iter().map(|command| command["consent"].clone()).collect();
    assert_eq!((&consents[0]["to"], &consents[0]["state"]), (&json!("+5511987654321"), &json!("opt_in")));
    assert_eq!(consents[0]["at"], "2026-11-01T10:00:00.000Z");
    assert_eq!((&consents[1]["state"], &consents[1]["category"]), (&json!("opt_out"), &json!("marketing")));
    assert_eq!((&consents[2]["category"], &consents[2]["at"]), (&Value::Null, &json!(NOW.to_string())));
    let bad = world.api("enqueue", Method::DELETE, "/v1/contacts/acme/5511987654321/consents", "").await;
    assert_eq!(bad.status, 422, "{}", bad.text);
    let bad = world.api("enqueue", Method::DELETE, &format!("{path}?category=promo"), "").await;
    assert_eq!(refused(&bad), (400, "bad_query".to_owned(), "category".to_owned()));
}

#[tokio::test]
async fn consents_end_and_people_are_suppressed() {
    let world = World::new().await;
    let path = "/v1/contacts/acme/%2B5511987654321";
    let put = |what: &str, body: Value| {
        let (world, path) = (&world, format!("{path}/{what}"));
        async move { world.api("operate", Method::PUT, &path, body.to_string()).await }
    };
    let given = json!({ "at": "2026-11-01T10:00:00Z", "expires": "2027-11-01T10:00:00Z", "confirmed": true });
    assert_eq!(put("consents", given).await.status, 202);
    let backwards = json!({ "at": "2026-11-01T10:00:00Z", "expires": "2026-10-01T10:00:00Z" });
    assert_eq!(refused(&put("consents", backwards).await).1, "malformed");
    assert_eq!(put("suppression", json!({ "source": "complaint" })).await.status, 202);
    assert_eq!(world.api("operate", Method::DELETE, &format!("{path}/suppression"), "").await.status, 202);
    let wrote = commands(&world);
    assert_eq!(
        (&wrote[0]["consent"]["expires"], &wrote[0]["consent"]["confirmed"]),
        (&json!("2027-11-01T10:00:00.000Z"), &json!(true))
    );
    let listed = |n: usize| (wrote[n]["command"].clone(), wrote[n]["suppression"]["listed"].clone());
    assert_eq!(listed(1), (json!("set_suppression"), json!(true)));
    assert_eq!(listed(2), (json!("set_suppression"), json!(false)));
    assert_eq!(wrote[1]["suppression"]["at"], json!(NOW.to_string()));
    let page = world.api("operate", Method::GET, "/v1/suppressions/acme?after=%2B55&limit=7", "").await;
    assert_eq!((page.status.as_u16(), &page.json()["what"]), (200, &json!("suppressions after \"+55\", 7")));
    let digits = world.api("operate", Method::PUT, "/v1/contacts/acme/5511987654321/suppression", "{}").await;
    assert_eq!(digits.status, 422, "{}", digits.text);
}

#[tokio::test]
async fn accounts_are_checked_against_the_registry_before_they_are_written() {
    let world = World::new().await;
    let put = |spec: Value| {
        let path = format!("/v1/accounts/{}", spec["account"].as_str().unwrap());
        let world = &world;
        async move { world.api("everything", Method::PUT, &path, spec.to_string()).await }
    };
    assert_eq!(put(account("new", "default", "300", "400")).await.status, 202);
    assert_eq!(put(account("acme", "default", "100", "200")).await.status, 202);
    let taken = put(account("new", "default", "300", "200")).await;
    assert_eq!(refused(&taken), (409, "conflict".to_owned(), "sender".to_owned()));
    assert!(taken.json()["detail"].as_str().unwrap().contains("account acme"), "names the owner: {}", taken.text);
    let mut moved = account("acme", "default", "100", "200");
    moved["wabas"][0]["currency"] = json!("BRL");
    assert_eq!(refused(&put(moved).await), (409, "unchanging".to_owned(), "wabas[0].currency".to_owned()));
    let mut dearer = account("acme", "default", "100", "200");
    dearer["wabas"][0]["markup"] =
        json!([{ "valid_from": "2020-01-01", "rules": [{ "name": "all", "percent": "10" }] }]);
    assert_eq!(refused(&put(dearer).await), (409, "unchanging".to_owned(), "wabas[0].markup".to_owned()));
    let mut nowhere = account("new", "default", "300", "400");
    nowhere["wabas"][0]["time_zone"] = json!("Mars/Olympus");
    let answer = put(nowhere).await;
    assert_eq!(refused(&answer).0, 422, "{}", answer.text);
    assert!(refused(&answer).2.contains("time_zone"), "{}", answer.text);
    let mut bare = account("new", "default", "300", "400");
    bare["wabas"] = json!([]);
    assert_eq!(refused(&put(bare).await), (422, "malformed".to_owned(), "spec.wabas".to_owned()));
    assert_eq!(world.inbox.of(Topic::Commands).len(), 2);
    let read = world.api("everything", Method::GET, "/v1/accounts/acme", "").await.json();
    assert_eq!((&read["as_of"], &read["spec"]["account"]), (&json!(NOW.to_string()), &json!("acme")));
    assert_eq!(read["state"]["what"], "account");
    let unknown = world.api("everything", Method::GET, "/v1/accounts/nobody", "").await;
    assert_eq!(refused(&unknown), (404, "unknown_account".to_owned(), "account".to_owned()));
}

#[tokio::test]
async fn reads_carry_as_of_and_404_names_what_is_missing() {
    let world = World::new().await;
    for (path, what) in [("messages/acme/m1", "message"), ("campaigns/acme", "campaigns"), ("lots/acme", "lots")] {
        let read = world.api("enqueue", Method::GET, &format!("/v1/{path}"), "").await.json();
        assert_eq!((&read["as_of"], &read["what"]), (&json!(NOW.to_string()), &json!(what)));
    }
    let missing = world.api("enqueue", Method::GET, "/v1/messages/acme/m2", "").await;
    assert_eq!(refused(&missing), (404, "not_found".to_owned(), "id".to_owned()));
}

#[tokio::test]
async fn the_feed_waits_for_an_outcome() {
    let world = World::new().await;
    *world.reads.outcomes.lock().unwrap() = vec![(7, r#"{"id":"m1"}"#.to_owned()), (9, r#"{"id":"m2"}"#.to_owned())];
    let first = world.api("enqueue", Method::GET, "/v1/outcomes?account=acme&limit=1", "").await;
    assert_eq!((first.text.as_str(), first.header("tollgate-next")), ("{\"cursor\":7,\"id\":\"m1\"}\n", "7"));
    assert_eq!(first.header("content-type"), "application/x-ndjson");
    let empty = world.api("enqueue", Method::GET, "/v1/outcomes?account=acme&after=9&wait=0", "").await;
    assert_eq!((empty.text.as_str(), empty.header("tollgate-next")), ("", "9"));
    let waiting = world.api("enqueue", Method::GET, "/v1/outcomes?account=acme&after=9&wait=5", "");
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(150), waiting.as_mut()).await.is_err());
    world.reads.outcomes.lock().unwrap().push((12, r#"{"id":"m3"}"#.to_owned()));
    assert_eq!(waiting.await.text, "{\"cursor\":12,\"id\":\"m3\"}\n");
}

#[tokio::test]
async fn bills_are_streamed_and_bad_questions_refused_before_the_first_byte() {
    let world = World::new().await;
    let path = "/v1/billing/2026-10.csv?format=focus&view=customer&account=acme";
    let bill = world.api("finance", Method::GET, path, "").await;
    assert_eq!(bill.header("content-disposition"), "attachment; filename=\"2026-10_acme_focus_customer.csv\"");
    assert_eq!(bill.text.lines().count(), 10_000);
    assert!(bill.text.starts_with("2026-10,focus,Some(\"customer\"),Some(\"acme\")\n"));
    let both = world.api("finance", Method::GET, &format!("{path}&manifest=mine.csv"), "").await;
    let (csv, manifest) = both.text.rsplit_once('\0').expect("CSV, NUL, manifest");
    assert_eq!((csv, manifest), (bill.text.as_str(), r#"{"file":"mine.csv"}"#));
    for (path, status, field) in [
        ("/v1/billing/1999-01.csv?account=acme", 400, "month"),
        ("/v1/billing/2026-13.csv?account=acme", 404, "month"),
        ("/v1/billing/2026-10?account=acme", 404, "month"),
        ("/v1/billing/2026-10.csv?account=acme&format=xls", 400, "format"),
        ("/v1/billing/2026-10.csv?account=acme&view=us", 400, "view"),
        ("/v1/billing/2026-10.csv?account=acme&format=focus&view=us", 400, "view"),
        ("/v1/billing/2026-10.csv?account=acme&view=customer", 400, "view"),
    ] {
        let (have, _, have_field) = refused(&world.api("finance", Method::GET, path, "").await);
        assert_eq!((have, have_field.as_str()), (status, field), "{path}");
    }
}
