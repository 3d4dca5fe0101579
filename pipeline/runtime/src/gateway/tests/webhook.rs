//! Webhooks: challenge, signature, addressing, durable before 200.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use hyper::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::AsyncWriteExt as _;
use tollgate_wire::event::Events;

use super::world::{Answer, World};
use crate::inbox::AppendError;
use crate::log::Topic;

pub(super) fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// An entry with `n` statuses of one sender.
pub(super) fn entry(waba: &str, sender: &str, n: usize) -> Value {
    let statuses: Vec<Value> = (0..n)
        .map(|i| {
            json!({ "id": format!("wamid.{waba}.{i}"), "status": "delivered", "timestamp": "1750030075",
            "recipient_id": "16505551234", "biz_opaque_callback_data": format!("tg1.{i}.1"),
            "pricing": { "billable": true, "pricing_model": "PMP", "type": "regular", "category": "utility" } })
        })
        .collect();
    json!({ "id": waba, "changes": [{ "field": "messages", "value": { "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550783881", "phone_number_id": sender }, "statuses": statuses } }] })
}

pub(super) fn envelope(entries: &[Value]) -> String {
    json!({ "object": "whatsapp_business_account", "entry": entries }).to_string()
}

async fn post(world: &World, app: &str, secret: &str, body: String) -> Answer {
    let url = format!("http://{}/webhooks/whatsapp/{app}", world.at.webhooks);
    let signature = signature(secret, body.as_bytes());
    world.call(&url, Method::POST, &[("x-hub-signature-256", &signature)], body).await
}

async fn metrics(world: &World) -> String {
    world.call(&format!("http://{}/metrics", world.at.metrics), Method::GET, &[], "").await.text
}

#[tokio::test]
async fn the_challenge_goes_to_whoever_knows_the_token() {
    let world = World::new().await;
    let ask = |app: &'static str, query: &'static str| {
        let url = format!("http://{}/webhooks/whatsapp/{app}?{query}", world.at.webhooks);
        let world = &world;
        async move { world.call(&url, Method::GET, &[], "").await }
    };
    let good = ask("default", "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify%20default").await;
    assert_eq!((good.status.as_u16(), good.text.as_str()), (200, "1158201444"));
    let token = "hub.mode=subscribe&hub.challenge=1&hub.verify_token=verify%20shop";
    assert_eq!(ask("default", token).await.status, 403);
    assert_eq!(
        ask("default", "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=verify%20default").await.status,
        403
    );
    assert_eq!(ask("default", "").await.status, 403);
    let twice = ask("default", "hub.mode=subscribe&hub.mode=subscribe").await;
    assert_eq!((twice.status.as_u16(), twice.json()["code"].as_str()), (400, Some("bad_query")));
    assert_eq!(ask("%ff", token).await.json()["code"], "malformed");
    assert_eq!(ask("nobody", token).await.json()["code"], "unknown_app");
}

#[tokio::test]
async fn only_the_apps_own_signature_over_the_raw_bytes() {
    let world = World::new().await;
    let body = envelope(&[entry("100", "200", 1)]);
    assert_eq!(post(&world, "default", "secret of default", body.clone()).await.status, 200);
    let foreign = post(&world, "default", "secret of shop", body.clone()).await;
    assert_eq!((foreign.status.as_u16(), foreign.json()["code"].as_str()), (401, Some("bad_signature")));
    let url = format!("http://{}/webhooks/whatsapp/default", world.at.webhooks);
    assert_eq!(world.call(&url, Method::POST, &[], body.clone()).await.status, 401, "no signature");
    let of_another = signature("secret of default", b"{}");
    let changed = world.call(&url, Method::POST, &[("x-hub-signature-256", &of_another)], body).await;
    assert_eq!(changed.status, 401);
    assert_eq!(world.inbox.appends(), 1);
    let text = metrics(&world).await;
    assert!(text.contains(r#"tollgate_webhooks_total{field="none",result="bad_signature"} 3"#), "{text}");
    assert!(text.contains(r#"tollgate_webhooks_total{field="messages",result="accepted"} 1"#), "{text}");
}

#[tokio::test]
async fn answered_only_after_the_events_are_durable() {
    let world = World::new().await;
    world.inbox.set_open(false);
    let answer = post(&world, "default", "secret of default", envelope(&[entry("100", "200", 1)]));
    tokio::pin!(answer);
    assert!(tokio::time::timeout(Duration::from_millis(150), answer.as_mut()).await.is_err());
    world.inbox.set_open(true);
    assert_eq!(answer.await.status, 200);
}

#[tokio::test]
async fn a_log_that_cannot_take_it_makes_the_platform_send_again() {
    let world = World::new().await;
    let errors = [AppendError::Full, AppendError::Failed("disk".to_owned()), AppendError::TooLarge("4 MB".to_owned())];
    world.inbox.fail_with(errors.to_vec());
    for _ in 0..3 {
        let answer = post(&world, "default", "secret of default", envelope(&[entry("100", "200", 1)])).await;
        assert_eq!(answer.status, 503);
    }
    assert!(world.inbox.of(Topic::Events).is_empty());
}

#[tokio::test]
async fn events_are_grouped_by_account_in_their_order() {
    let world = World::new().await;
    let mut spec = super::world::account("second", "default", "102", "202");
    spec["wabas"][0]["senders"][0]["display"] = json!("+1 555 000-0202");
    world.registry.apply(serde_json::from_value(spec).unwrap()).unwrap();
    let body = envelope(&[entry("100", "200", 2), entry("102", "202", 1), entry("100", "200", 1)]);
    assert_eq!(post(&world, "default", "secret of default", body).await.status, 200);
    let records = world.inbox.of(Topic::Events);
    let summary: Vec<(String, usize)> = records
        .iter()
        .map(|(key, value)| {
            let events: Events<'_> = serde_json::from_str(value).unwrap();
            assert_eq!(*key, *events.account);
            (key.clone(), events.events.len())
        })
        .collect();
    assert_eq!(summary, [("acme".to_owned(), 3), ("second".to_owned(), 1)]);
    assert_eq!(world.inbox.appends(), 1);
}

#[tokio::test]
async fn a_very_long_list_becomes_several_records() {
    let world = World::new().await;
    post(&world, "default", "secret of default", envelope(&[entry("100", "200", 1_200)])).await;
    assert_eq!(world.inbox.of(Topic::Events).len(), 3);
}

#[tokio::test]
async fn a_waba_of_another_app_is_set_aside_and_the_rest_goes_its_way() {
    let world = World::new().await;
    let body = envelope(&[entry("101", "201", 2), entry("100", "200", 1)]);
    assert_eq!(post(&world, "default", "secret of default", body.clone()).await.status, 200);
    let records = world.inbox.of(Topic::Events);
    assert_eq!((records.len(), records[0].0.as_str()), (1, "acme"));
    assert!(metrics(&world).await.contains(r#"result="wrong_app"} 2"#));
    // This process may know late that the account has moved to the app.
    assert_eq!(world.inbox.of(Topic::DeadLetters), [("default".to_owned(), body)]);
    let headers = world.inbox.headers_of(Topic::DeadLetters);
    let reason = ("reason".to_owned(), "wrong_app".to_owned());
    assert!(headers[0].contains(&reason), "{headers:?}");
    assert!(metrics(&world).await.contains(r#"dead_letters_total{reason="wrong_app"} 1"#));
}

#[tokio::test]
async fn unknown_senders_and_unreadable_bodies_are_kept_and_answered() {
    let world = World::new().await;
    let strangers = envelope(&[entry("999", "200", 1), entry("100", "888", 1), entry("100", "200", 1)]);
    let not_ours = r#"{"object":"page","entry":[]}"#.to_owned();
    assert_eq!(post(&world, "default", "secret of default", strangers.clone()).await.status, 200);
    assert_eq!(post(&world, "default", "secret of default", not_ours.clone()).await.status, 200);
    assert_eq!(world.inbox.of(Topic::Events).len(), 1, "the known one goes its way");
    let letters = world.inbox.of(Topic::DeadLetters);
    assert_eq!(letters, [("default".to_owned(), strangers), ("default".to_owned(), not_ours)]);
    let reasons: Vec<String> = world
        .inbox
        .headers_of(Topic::DeadLetters)
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| (name == "reason").then_some(value))
        .collect();
    assert_eq!(reasons, ["unknown_sender", "malformed"]);
}

/// A field of the future is kept as it came, beside what is understood: a bounded part of it, with its reason. Documented
/// fields that are not read are counted alone: some carry what people write.
#[tokio::test]
async fn what_is_not_understood_is_kept_in_part() {
    let world = World::new().await;
    let change = |field: &str, value: Value| json!({"id": "100", "changes": [{"field": field, "value": value}]});
    let new = change("brand_new", json!({"n": 1}));
    for _ in 0..12 {
        let body = envelope(&[entry("100", "200", 1), change("history", json!({"text": "private"})), new.clone()]);
        assert_eq!(post(&world, "default", "secret of default", body).await.status, 200);
    }
    let event = change("account_update", json!({"event": "BRAND_NEW"}));
    assert_eq!(post(&world, "default", "secret of default", envelope(std::slice::from_ref(&event))).await.status, 200);
    let large = change("larger", json!({"text": "x".repeat(70_000)}));
    assert_eq!(post(&world, "default", "secret of default", envelope(&[large])).await.status, 200);
    assert_eq!(world.inbox.of(Topic::Events).len(), 12);
    let letters = world.inbox.of(Topic::DeadLetters);
    assert_eq!(letters.len(), 11);
    let kept = |at: usize| serde_json::from_str::<Value>(&letters[at].1).unwrap();
    assert_eq!(kept(0)["entry"], json!([new]));
    assert_eq!(kept(10)["entry"], json!([event]));
    let headers = world.inbox.headers_of(Topic::DeadLetters);
    let header = |at: usize, name: &str| headers[at].iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    assert_eq!(header(0, "reason").as_deref(), Some("unknown_field"));
    assert_eq!(header(0, "detail").as_deref(), Some("unknown_field: field \"brand_new\""));
    assert_eq!(header(10, "detail").as_deref(), Some("unknown_word: field \"account_other\""));
    assert_eq!(header(0, "source").as_deref(), Some("/webhooks/whatsapp/default"));
}

/// It changes nothing by itself, and an operator is told what to declare: no dead letter.
#[tokio::test]
async fn what_is_to_be_declared_of_prices_is_understood() {
    let world = World::new().await;
    let change = |value: Value| json!({"id": "100", "changes": [{"field": "account_update", "value": value}]});
    let start = change(json!({"event": "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE", "auth_international_rate_eligibility":
        {"start_time": 1_746_082_800, "exception_countries": [{"country_code": "MY", "start_time": 1_748_761_200}]}}));
    let location = change(json!({"event": "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE", "country": "BR"}));
    assert_eq!(post(&world, "default", "secret of default", envelope(&[start, location])).await.status, 200);
    assert_eq!(world.inbox.of(Topic::DeadLetters).len(), 0);
    let metrics = metrics(&world).await;
    for field in ["auth_international_start", "primary_business_location"] {
        let line = format!("tollgate_webhooks_total{{field=\"{field}\",result=\"accepted\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

/// Charges are in it: should the platform change the shape of statuses, a later version takes them back.
#[tokio::test]
async fn of_statuses_that_cannot_be_read_all_are_kept() {
    let world = World::new().await;
    let change =
        json!({"field": "messages", "value": {"metadata": {"phone_number_id": "200"}, "statuses": "x".repeat(70_000)}});
    let body = envelope(&[json!({"id": "100", "changes": [change]})]);
    for _ in 0..40 {
        assert_eq!(post(&world, "default", "secret of default", body.clone()).await.status, 200);
    }
    let letters = world.inbox.of(Topic::DeadLetters);
    assert_eq!(
        (
            letters.len(),
            serde_json::from_str::<Value>(&letters[39].1).unwrap()["entry"][0]["changes"][0]["field"].clone()
        ),
        (40, json!("messages"))
    );
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused() {
    let world = World::new().await;
    let answer = post(&world, "default", "secret of default", " ".repeat((4 << 20) + 1)).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn strangers_who_announce_much_and_send_nothing_keep_no_webhook_out() {
    let world = World::new().await;
    let mut strangers = Vec::new();
    for _ in 0..30 {
        let mut stranger = tokio::net::TcpStream::connect(world.at.webhooks).await.unwrap();
        let head = "POST /webhooks/whatsapp/default HTTP/1.1\r\nhost: x\r\ncontent-length: 4194304\r\n\r\n{";
        stranger.write_all(head.as_bytes()).await.unwrap();
        strangers.push(stranger);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let answer = post(&world, "default", "secret of default", envelope(&[entry("100", "200", 1)]));
    let answer = tokio::time::timeout(Duration::from_secs(10), answer).await.expect("it does not wait for them");
    assert_eq!(answer.status, 200);
}
