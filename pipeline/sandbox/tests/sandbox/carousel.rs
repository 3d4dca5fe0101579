//! A template with cards, an offer that ends, and buttons that act.

use serde_json::{Value, json};

use crate::support::{start, template};

fn card(index: usize) -> Value {
    json!({ "card_index": index, "components": [
        { "type": "header", "parameters": [{ "type": "image", "image": { "id": "1" } }] },
        { "type": "body", "parameters": [{ "type": "text", "text": "Ana" }] }] })
}

fn send(cards: &Value, more: &[Value]) -> Value {
    let mut components = vec![json!({ "type": "carousel", "cards": cards })];
    components.extend_from_slice(more);
    let mut body = template("16505551234", "cards");
    body["template"]["components"] = components.into();
    body
}

fn offer() -> Value {
    json!({ "type": "limited_time_offer", "parameters": [{ "type": "limited_time_offer",
        "limited_time_offer": { "expiration_time_ms": 1_795_867_200_000_u64 } }] })
}

fn products(number: usize) -> Value {
    let items = vec![json!({ "product_retailer_id": "sku" }); number];
    json!({ "type": "button", "sub_type": "mpm", "index": 1, "parameters": [{ "type": "action", "action": {
        "thumbnail_product_retailer_id": "sku", "sections": [{ "product_items": items }] } }] })
}

#[tokio::test]
async fn every_part_is_checked() {
    let cards = json!({ "name": "cards", "language": "en_US", "category": "MARKETING", "limited_time_offer": true,
        "buttons": [{ "type": "FLOW" }, { "type": "MPM" }, { "type": "VOICE_CALL" }],
        "cards": { "number": 2, "header": "IMAGE", "body": 1, "buttons": [{ "type": "QUICK_REPLY" }] } });
    let cards = serde_json::from_value(cards).expect("a template");
    let (_receiver, _handle, client) = start(|config| config.accounts[0].templates.push(cards)).await;
    let both = json!([card(0), card(1)]);
    let flow = json!({ "type": "button", "sub_type": "flow", "index": "0", "parameters": [
        { "type": "action", "action": { "flow_token": "t" } }] });
    let call = json!({ "type": "button", "sub_type": "voice_call", "index": 2, "parameters": [
        { "type": "ttl_minutes", "ttl_minutes": 100 }, { "type": "payload", "payload": "x" }] });
    let (status, answer) = client.send(&send(&both, &[offer(), products(30), flow, call])).await;
    assert_eq!(status, 200, "{answer}");
    let mut headless = card(1);
    headless["components"].as_array_mut().expect("components").remove(0);
    let wrong_call = json!({ "type": "button", "sub_type": "voice_call", "index": 2, "parameters": [
        { "type": "ttl_minutes", "ttl_minutes": 0 }] });
    for (body, code) in [
        (send(&json!([card(0)]), &[offer(), products(1)]), 132_000),
        (send(&json!([card(0), card(0)]), &[offer(), products(1)]), 132_018),
        (send(&json!([card(0), headless]), &[offer(), products(1)]), 132_012),
        (send(&both, &[products(1)]), 132_000),
        (send(&both, &[offer()]), 131_008),
        (send(&both, &[offer(), products(31)]), 132_018),
        (send(&both, &[offer(), products(1), wrong_call]), 132_012),
    ] {
        client.refused(&body, 400, code).await;
    }
}
