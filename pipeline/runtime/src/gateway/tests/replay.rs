//! Dead letters put back: bytes, key and headers as they were, each answered for itself.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use super::world::{World, account};
use crate::log::{Record, Topic, dead_letter};
use crate::registry::Registry;

const PATH: &str = "/v1/dead-letters:replay";

fn letter(offset: u64, key: &str, value: &[u8], headers: &[(&str, &str)]) -> Record {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), Bytes::copy_from_slice(v.as_bytes()))).collect();
    let (key, value) = (Bytes::copy_from_slice(key.as_bytes()), Bytes::copy_from_slice(value));
    Record { offset, key, value, time_ms: 1, headers }
}

/// What a person wrote to number 200.
fn webhook(waba: &str) -> String {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": waba, "changes": [{ "field": "messages",
        "value": { "messaging_product": "whatsapp", "metadata": { "display_phone_number": "1", "phone_number_id": "200" },
        "contacts": [], "messages": [{ "from": "5511987654321", "id": "wamid.1", "timestamp": "1749416383", "type": "text",
        "text": { "body": "Oi" } }] } }] }] })
    .to_string()
}

async fn replay(world: &World, token: &str, body: &Value) -> (u16, Value) {
    let answer = world.api(token, Method::POST, PATH, body.to_string()).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn each_goes_back_or_is_told_why_not() {
    let world = World::new().await;
    let hook = [("topic", "events"), ("source", "/webhooks/whatsapp/default"), ("reason", "unknown_sender")];
    *world.reads.dead_letters.lock().unwrap() = vec![
        letter(3, "acme", b"{\"a\":1}", &[("topic", "requests"), ("reason", "malformed"), ("original.ce_id", "e1")]),
        letter(5, "200", b"x", &[("topic", "dispatch"), ("reason", "internal")]),
        letter(6, "default", webhook("100").as_bytes(), &hook),
        letter(7, "default", webhook("101").as_bytes(), &hook),
        letter(8, "default", webhook("999").as_bytes(), &hook),
        letter(9, "acme", b"{}", &[("topic", "commands"), ("reason", "malformed")]),
    ];
    let asked = json!({ "offsets": [9, 3, 3, 5, 6, 7, 8, 4, 77] });
    let mut dry = asked.clone();
    dry["dry_run"] = json!(true);
    let (status, told) = replay(&world, "everything", &dry).await;
    assert_eq!((status, &told["replayed"], &told["refused"]), (200, &json!(3), &json!(5)), "{told}");
    assert_eq!(world.inbox.appends(), 0);
    let (status, told) = replay(&world, "everything", &asked).await;
    assert_eq!((status, &told["replayed"], &told["refused"]), (200, &json!(3), &json!(5)), "{told}");
    let of = |offset: u64| told["results"].as_array().unwrap().iter().find(|r| r["offset"] == offset).unwrap().clone();
    assert_eq!((&of(3)["topic"], &of(6)["topic"]), (&json!("requests"), &json!("events")));
    for (offset, why) in
        [(5, "no input"), (7, "that another app has"), (8, "apply the account first"), (4, "no such"), (77, "no such")]
    {
        assert!(of(offset)["refused"].as_str().unwrap().contains(why), "{}", of(offset));
    }
    assert_eq!(world.inbox.of(Topic::Requests), [("acme".to_owned(), "{\"a\":1}".to_owned())]);
    let headers = &world.inbox.headers_of(Topic::Requests)[0];
    assert_eq!(
        headers,
        &[("ce_id".to_owned(), "e1".to_owned()), (dead_letter::REPLAYED_FROM.to_owned(), "3".to_owned())]
    );
    assert_eq!(world.inbox.of(Topic::Commands), [("acme".to_owned(), "{}".to_owned())]);
    assert_eq!(world.inbox.of(Topic::Events)[0].0, "acme", "the webhook's event is addressed anew");
}

/// A process that knew late that the account has moved to the app set its events aside: they come back.
#[tokio::test]
async fn what_another_app_had_goes_to_the_account_once_it_is_the_apps() {
    let world = World::new().await;
    let hook = [("topic", "events"), ("source", "/webhooks/whatsapp/default"), ("reason", "wrong_app")];
    *world.reads.dead_letters.lock().unwrap() = vec![letter(7, "default", webhook("101").as_bytes(), &hook)];
    let asked = json!({ "offsets": [7] });
    let (_, told) = replay(&world, "everything", &asked).await;
    assert!(told["results"][0]["refused"].as_str().unwrap().contains("that another app has, not default"), "{told}");
    let moved = serde_json::from_value(account("other", "default", "101", "200")).unwrap();
    world.registry.replace(Registry::build([moved]).unwrap());
    let (_, told) = replay(&world, "everything", &asked).await;
    assert_eq!((&told["replayed"], world.inbox.of(Topic::Events)[0].0.as_str()), (&json!(1), "other"), "{told}");
}

#[tokio::test]
async fn only_an_admin_of_all_accounts() {
    let world = World::new().await;
    let one = json!({ "offsets": [1] });
    for token in ["enqueue", "finance", "operate", "admin"] {
        let (status, told) = replay(&world, token, &one).await;
        assert_eq!((status, &told["code"]), (403, &json!("forbidden")), "{token}");
    }
    for body in [json!({ "offsets": [] }), json!({ "offsets": vec![1; 1_001] }), json!({ "offset": [1] })] {
        assert_eq!(replay(&world, "everything", &body).await.0, 422, "{body}");
    }
}
