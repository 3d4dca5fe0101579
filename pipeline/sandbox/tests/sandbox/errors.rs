//! Every synchronous refusal, with its code and HTTP status.

use serde_json::{Value, json};

use crate::support::{NUMBER, start, template, text};

const TO: &str = "16505551234";

fn with(mut body: Value, path: &str, value: Value) -> Value {
    *body.pointer_mut(path).expect("path") = value;
    body
}

/// The template `name` with these components.
fn filled(name: &str, components: Value) -> Value {
    let mut body = template(TO, name);
    body["template"]["components"] = components;
    body
}

fn body_texts(texts: &[&str]) -> Value {
    let parameters: Vec<Value> = texts.iter().map(|text| json!({ "type": "text", "text": text })).collect();
    json!([{ "type": "body", "parameters": parameters }])
}

#[tokio::test]
async fn a_wrong_token_is_401() {
    let (_receiver, handle, mut client) = start(|_| {}).await;
    for token in ["", "wrong", "sandbox-toke", "sandbox-token2"] {
        client.token = token.to_owned();
        client.refused(&template(TO, "promo"), 401, 190).await;
    }
    assert_eq!(handle.stats().refused[&190], 4);
}

#[tokio::test]
async fn an_unknown_number_is_100_with_subcode_33() {
    let (_receiver, _handle, client) = start(|_| {}).await;
    let body = template(TO, "promo").to_string();
    let (status, answer) = client.request("POST", "/v24.0/999/messages", &body).await.expect("answer");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)));
    assert_eq!(answer["error"]["error_subcode"], 33);
}

#[tokio::test]
async fn the_envelope_is_checked() {
    let (_receiver, _handle, client) = start(|_| {}).await;
    let promo = template(TO, "promo");
    let long = "x".repeat(513);
    let cases = [
        (json!({}), 100),
        (json!([]), 100),
        (with(promo.clone(), "/messaging_product", json!("sms")), 100),
        (with(promo.clone(), "/recipient_type", json!("group")), 131_009),
        (with(promo.clone(), "/to", Value::Null), 131_008),
        (with(promo.clone(), "/to", json!("12")), 131_009),
        (with(promo.clone(), "/to", json!("15550783881")), 131_021),
        (with(promo.clone(), "/type", json!("image")), 131_008),
        (with(promo.clone(), "/type", json!("hologram")), 131_051),
        (with(promo.clone(), "/biz_opaque_callback_data", json!(long)), 100),
        (json!({ "messaging_product": "whatsapp", "to": TO, "typ": "template" }), 100),
        (json!({ "messaging_product": "whatsapp", "to": TO, "type": "template" }), 131_008),
        (json!({ "messaging_product": "whatsapp", "to": TO, "type": "text" }), 131_008),
    ];
    for (body, code) in cases {
        client.refused(&body, 400, code).await;
    }
    let exact = with(promo, "/biz_opaque_callback_data", json!("é".repeat(512)));
    assert_eq!(client.send(&exact).await.0, 200);
    let path = format!("/v24.0/{NUMBER}/messages");
    assert_eq!(client.request("POST", &path, "{").await.expect("answer").0, 400);
    assert_eq!(client.request("GET", &path, "").await.expect("answer").0, 400);
}

#[tokio::test]
async fn a_template_must_exist_and_be_approved() {
    let (_receiver, _handle, client) = start(|_| {}).await;
    client.refused(&template(TO, "nothing"), 404, 132_001).await;
    client.refused(&template(TO, "pending"), 404, 132_001).await;
    let other_language = with(template(TO, "promo"), "/template/language/code", json!("en"));
    client.refused(&other_language, 404, 132_001).await;
    client.refused(&template(TO, "paused"), 400, 132_015).await;
    client.refused(&template(TO, "disabled"), 400, 132_016).await;
}

#[tokio::test]
async fn parameters_must_match_in_number_and_format() {
    let (_receiver, _handle, client) = start(|_| {}).await;
    let image = json!({ "type": "header", "parameters": [{ "type": "image", "image": { "id": "1" } }] });
    let video = json!({ "type": "header", "parameters": [{ "type": "video", "video": { "id": "1" } }] });
    let url = json!({ "type": "button", "sub_type": "url", "index": "0",
                      "parameters": [{ "type": "text", "text": "abc" }] });
    let coupon = json!({ "type": "button", "sub_type": "copy_code", "index": 2,
                         "parameters": [{ "type": "coupon_code", "coupon_code": "25OFF" }] });
    let reply = json!({ "type": "button", "sub_type": "quick_reply", "index": "1",
                        "parameters": [{ "type": "payload", "payload": "STOP" }] });
    let wrong_button = json!({ "type": "button", "sub_type": "quick_reply", "index": "0",
                               "parameters": [{ "type": "payload", "payload": "STOP" }] });
    let cases = [
        (filled("two", json!([])), 132_000),
        (filled("two", body_texts(&["one"])), 132_000),
        (filled("two", body_texts(&["one", "two", "three"])), 132_000),
        (filled("promo", body_texts(&["one"])), 132_000),
        (filled("two", body_texts(&["one", ""])), 131_008),
        (filled("two", body_texts(&["one", "a\nb"])), 132_018),
        (filled("two", body_texts(&["one", &"x".repeat(1_100)])), 132_005),
        (filled("named", body_texts(&["Ana"])), 132_012),
        (
            filled(
                "two",
                json!([{ "type": "body", "parameters": [
            { "type": "text", "text": "1" }, { "type": "payload", "payload": "2" }] }]),
            ),
            132_012,
        ),
        (filled("picture", json!([url, coupon])), 132_012),
        (filled("picture", json!([video, url, coupon])), 132_012),
        (filled("picture", json!([image, url])), 131_008),
        (filled("picture", json!([image, coupon])), 131_008),
        (filled("picture", json!([image, wrong_button, coupon])), 132_012),
        (filled("code", body_texts(&["123456"])), 131_008),
        (filled("code", body_texts(&["1234567890123456"])), 132_018),
    ];
    for (row, (body, code)) in cases.into_iter().enumerate() {
        println!("row {row}");
        client.refused(&body, 400, code).await;
    }
    let named = json!([{ "type": "body", "parameters": [
        { "type": "text", "parameter_name": "first_name", "text": "Ana" }] }]);
    let code = json!([body_texts(&["123456"])[0], url]);
    for body in [
        filled("two", body_texts(&["one", "two"])),
        filled("named", named),
        filled("picture", json!([image, url, reply, coupon])),
        filled("code", code),
    ] {
        let (status, answer) = client.send(&body).await;
        assert_eq!(status, 200, "{answer}");
    }
}

#[tokio::test]
async fn text_needs_an_open_window() {
    let (_receiver, _handle, client) = start(|_| {}).await;
    client.refused(&text(TO), 400, 131_047).await;
    client.control("inbound", &json!({ "sender": NUMBER, "from": TO, "text": "hi" })).await;
    let (status, answer) = client.send(&text(TO)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["messages"][0].get("message_status"), None);
}

#[tokio::test]
async fn a_business_scoped_id_is_answered_and_reported_without_a_number() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let mut body = template(TO, "promo");
    body.as_object_mut().expect("object").remove("to");
    body["recipient"] = json!("US.13491208655302741918");
    let (status, answer) = client.send(&body).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["contacts"][0]["user_id"], "US.13491208655302741918");
    assert_eq!(answer["contacts"][0].get("wa_id"), None);
    receiver.wait_statuses(1).await;
    let status = receiver.statuses().remove(0);
    assert_eq!(status["recipient_user_id"], "US.13491208655302741918");
    assert_eq!(status.get("recipient_id"), None);

    body["template"] = json!({ "name": "code", "language": { "code": "en_US" }, "components": [
        { "type": "body", "parameters": [{ "type": "text", "text": "123456" }] },
        { "type": "button", "sub_type": "url", "index": "0",
          "parameters": [{ "type": "text", "text": "123456" }] }] });
    client.refused(&body, 400, 131_062).await;
}
