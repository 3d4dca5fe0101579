//! The call for marketing.

use serde_json::{Value, json};

use crate::support::{Client, NUMBER, start, template, text};

const TO: &str = "16505551234";

async fn send(client: &Client, body: &Value) -> (u16, Value) {
    let path = format!("/v24.0/{NUMBER}/marketing_messages");
    let (status, answer) = client.request("POST", &path, &body.to_string()).await.expect("answer");
    (status, serde_json::from_str(&answer).expect("JSON"))
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

#[tokio::test]
async fn it_takes_marketing_templates_alone_and_reports_them_by_a_name_of_their_own() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let promo = template(TO, "promo");
    let full = with(with(promo.clone(), "product_policy", json!("STRICT")), "message_activity_sharing", json!(true));
    let (status, answer) = send(&client, &full).await;
    assert_eq!(status, 200, "{answer}");
    receiver.wait_statuses(3).await;
    assert_eq!(receiver.statuses()[0]["pricing"]["category"], "marketing_lite");
    for (body, code) in [
        (with(promo.clone(), "product_policy", json!("LOOSE")), 131_009),
        (template(TO, "two"), 132_000),
        (text(TO), 131_055),
    ] {
        let (_, answer) = send(&client, &body).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
    let texts =
        json!([{ "type": "body", "parameters": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] }]);
    let mut utility = template(TO, "two");
    utility["template"]["components"] = texts;
    let (_, answer) = send(&client, &utility).await;
    assert_eq!(answer["error"]["code"], 134_100, "{answer}");
    // What belongs to this call is not known to the other.
    client.refused(&with(promo, "product_policy", json!("STRICT")), 400, 100).await;
}

#[tokio::test]
async fn marketing_may_be_switched_off_on_the_other_call() {
    let (_receiver, _handle, client) = start(|config| config.accounts[0].marketing_call_only = true).await;
    client.refused(&template(TO, "promo"), 400, 131_063).await;
    assert_eq!(send(&client, &template(TO, "promo")).await.0, 200);
}
