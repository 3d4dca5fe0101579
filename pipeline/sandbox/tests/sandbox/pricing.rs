//! The price objects in statuses: models by version, windows, free entry points, eras.

use serde_json::{Value, json};

use crate::support::{NUMBER, Receiver, start, template, text};

const TO: &str = "16505551234";

/// (status, pricing type, category) of every status that carries a price.
fn prices(receiver: &Receiver) -> Vec<(String, String, String)> {
    let word = |value: &Value| value.as_str().expect("text").to_owned();
    let statuses = receiver.statuses().into_iter();
    statuses
        .filter(|status| status["pricing"].is_object())
        .map(|status| {
            let pricing = &status["pricing"];
            assert_eq!(pricing["pricing_model"], "PMP");
            assert_eq!(pricing["billable"], pricing["type"] == "regular");
            (word(&status["status"]), word(&pricing["type"]), word(&pricing["category"]))
        })
        .collect()
}

fn row(status: &str, kind: &str, category: &str) -> (String, String, String) {
    (status.to_owned(), kind.to_owned(), category.to_owned())
}

#[tokio::test]
async fn from_v24_a_status_has_no_conversation() {
    let (receiver, _handle, client) = start(|_| {}).await;
    client.accepted(TO, "promo").await;
    receiver.wait_statuses(3).await;
    assert!(receiver.statuses().iter().all(|status| status.get("conversation").is_none()));
    assert_eq!(prices(&receiver), [row("sent", "regular", "marketing"), row("delivered", "regular", "marketing")]);
}

#[tokio::test]
async fn before_v24_every_message_has_its_own_conversation() {
    let (receiver, _handle, client) = start(|config| config.graph_version = "v23.0".to_owned()).await;
    client.accepted(TO, "promo").await;
    receiver.wait_statuses(3).await;
    let statuses = receiver.statuses();
    let (sent, delivered) = (&statuses[0]["conversation"], &statuses[1]["conversation"]);
    assert_eq!(sent["id"], delivered["id"]);
    assert_eq!(sent["origin"]["type"], "marketing");
    assert!(sent["expiration_timestamp"].is_string());
    assert_eq!(delivered.get("expiration_timestamp"), None);
    client.accepted("16505551235", "promo").await;
    receiver.wait_statuses(6).await;
    assert_ne!(receiver.statuses()[3]["conversation"]["id"], sent["id"]);
}

#[tokio::test]
async fn inside_a_window_utility_and_service_follow_the_era() {
    for (from, kind) in [("2999-01-01", "free_customer_service"), ("2020-01-01", "regular")] {
        let (receiver, _handle, client) = start(|config| {
            config.utility_in_window_charged_from = from.to_owned();
            config.service_charged_from = from.to_owned();
        })
        .await;
        client.control("inbound", &json!({ "sender": NUMBER, "from": TO, "text": "hi" })).await;
        client.accepted(TO, "notice").await;
        receiver.wait_statuses(3).await;
        client.send(&text(TO)).await;
        receiver.wait_statuses(6).await;
        let expected = [
            row("sent", kind, "utility"),
            row("delivered", kind, "utility"),
            row("sent", kind, "service"),
            row("delivered", kind, "service"),
        ];
        assert_eq!(prices(&receiver), expected);
    }
}

#[tokio::test]
async fn an_answer_to_an_advert_opens_the_free_entry_point() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let advert = json!({ "sender": NUMBER, "from": TO, "text": "Hello",
                         "referral": { "source_type": "ad", "source_id": "1" } });
    client.control("inbound", &advert).await;
    client.accepted(TO, "promo").await;
    receiver.wait_statuses(3).await;
    client.send(&template(TO, "notice")).await;
    receiver.wait_statuses(6).await;
    assert!(prices(&receiver).iter().all(|(_, kind, category)| {
        (kind.as_str(), category.as_str()) == ("free_entry_point", "referral_conversion")
    }));
    let statuses = receiver.statuses();
    let ids: Vec<&Value> = statuses.iter().filter_map(|status| status.pointer("/conversation/id")).collect();
    assert_eq!(ids.len(), 4);
    assert!(ids.iter().all(|id| *id == ids[0]), "one conversation per window");
    assert_eq!(statuses[0]["conversation"]["origin"]["type"], "referral_conversion");
}

#[tokio::test]
async fn international_codes_are_marked() {
    let (receiver, _handle, client) = start(|config| {
        config.accounts[0].authentication_international_prefixes = vec!["91".to_owned()];
    })
    .await;
    let mut body = template("919876543210", "code");
    body["template"]["components"] = json!([
        { "type": "body", "parameters": [{ "type": "text", "text": "123456" }] },
        { "type": "button", "sub_type": "url", "index": "0",
          "parameters": [{ "type": "text", "text": "123456" }] }]);
    client.send(&body).await;
    receiver.wait_statuses(2).await;
    assert_eq!(prices(&receiver)[0], row("sent", "regular", "authentication-international"));
}
