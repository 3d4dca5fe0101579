//! The recipient's last three digits order a behaviour: one test for each row of the table.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{NUMBER, Receiver, start, template};

/// Waits a little longer than anything still planned would take.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(80)).await;
}

fn failed_codes(receiver: &Receiver) -> Vec<u64> {
    let statuses = receiver.statuses().into_iter();
    statuses.filter_map(|status| status["errors"][0]["code"].as_u64()).collect()
}

#[tokio::test]
async fn ordinary_is_sent_delivered_read() {
    let (receiver, handle, client) = start(|_| {}).await;
    let wamid = client.accepted("16505551234", "promo").await;
    receiver.wait_statuses(3).await;
    assert_eq!(receiver.names(), ["sent", "delivered", "read"]);
    for status in receiver.statuses() {
        assert_eq!(status["id"], wamid);
        assert_eq!(status["recipient_id"], "16505551234");
        assert_eq!(status["biz_opaque_callback_data"], "job-42");
        assert!(status["timestamp"].is_string());
    }
    let (waba, change) = receiver.changes().remove(0);
    assert_eq!((waba.as_str(), &change["field"]), ("102290129340398", &Value::from("messages")));
    assert_eq!(change["value"]["metadata"]["phone_number_id"], NUMBER);
    assert_eq!(handle.shutdown().await.accepted, 1);
}

#[tokio::test]
async fn s001_is_never_delivered() {
    let (receiver, _handle, client) = start(|_| {}).await;
    client.accepted("16505550001", "promo").await;
    receiver.wait_statuses(1).await;
    settle().await;
    assert_eq!(receiver.names(), ["sent"]);
}

#[tokio::test]
async fn s002_is_read_without_delivered() {
    let (receiver, _handle, client) = start(|_| {}).await;
    client.accepted("16505550002", "promo").await;
    receiver.wait_statuses(2).await;
    settle().await;
    assert_eq!(receiver.names(), ["sent", "read"]);
    assert_eq!(receiver.statuses()[1]["pricing"]["category"], "marketing");
}

#[tokio::test]
async fn s003_repeats_every_status() {
    let (receiver, _handle, client) = start(|_| {}).await;
    client.accepted("16505550003", "promo").await;
    receiver.wait_statuses(6).await;
    let mut names = receiver.names();
    names.sort();
    assert_eq!(names, ["delivered", "delivered", "read", "read", "sent", "sent"]);
    let statuses = receiver.statuses();
    let sent: Vec<_> = statuses.iter().filter(|status| status["status"] == "sent").collect();
    assert_eq!(sent[0], sent[1]);
}

#[tokio::test]
async fn s004_is_delivered_before_sent() {
    let (receiver, _handle, client) = start(|_| {}).await;
    client.accepted("16505550004", "promo").await;
    receiver.wait_statuses(3).await;
    let names = receiver.names();
    let place = |name: &str| names.iter().position(|given| given == name);
    assert!(place("delivered") < place("sent"), "{names:?}");
    let statuses = receiver.statuses();
    let time = |name: &str| {
        let status = &statuses[place(name).expect("given")];
        status["timestamp"].as_str().expect("text").parse::<u64>().expect("seconds")
    };
    assert!(time("sent") <= time("delivered"));
}

#[tokio::test]
async fn s005_s006_s007_fail() {
    let (receiver, _handle, client) = start(|_| {}).await;
    for (to, code) in [("16505550005", 131_026), ("16505550006", 131_049), ("16505550007", 131_050)] {
        let before = receiver.statuses().len();
        client.accepted(to, "promo").await;
        receiver.wait_statuses(before + 1).await;
        assert_eq!(failed_codes(&receiver).last(), Some(&code));
    }
    settle().await;
    assert_eq!(receiver.names(), ["failed"; 3]);
    let preferences = receiver.all("user_preferences");
    assert_eq!(preferences.len(), 1);
    assert_eq!(preferences[0]["value"], "stop");
    assert_eq!(preferences[0]["wa_id"], "16505550007");
    assert!(preferences[0]["timestamp"].is_u64());
}

#[tokio::test]
async fn s006_and_s007_take_utility() {
    let (receiver, _handle, client) = start(|_| {}).await;
    client.accepted("16505550006", "notice").await;
    client.accepted("16505550007", "notice").await;
    receiver.wait_statuses(6).await;
    assert!(failed_codes(&receiver).is_empty());
}

#[tokio::test]
async fn s008_and_s011_are_refused_once() {
    let (_receiver, handle, client) = start(|_| {}).await;
    client.refused(&template("16505550008", "promo"), 400, 131_056).await;
    client.accepted("16505550008", "promo").await;
    client.refused(&template("16505550011", "promo"), 429, 130_429).await;
    client.accepted("16505550011", "promo").await;
    assert!(handle.stats().violations.is_empty(), "ordered refusals are no violations");
}

#[tokio::test]
async fn s009_answers_500_without_a_body_and_is_processed() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let path = format!("/v24.0/{NUMBER}/messages");
    let body = template("16505550009", "promo").to_string();
    let answer = client.request("POST", &path, &body).await.expect("answer");
    assert_eq!(answer, (500, String::new()));
    receiver.wait_statuses(3).await;
    assert_eq!(receiver.statuses()[0]["biz_opaque_callback_data"], "job-42");
}

#[tokio::test]
async fn s010_answers_late_and_is_processed_at_once() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let start = Instant::now();
    let sending = async {
        client.accepted("16505550010", "promo").await;
        start.elapsed()
    };
    let reporting = async {
        receiver.wait_statuses(1).await;
        start.elapsed()
    };
    let (answered, reported) = tokio::join!(sending, reporting);
    assert!(answered >= Duration::from_millis(150), "{answered:?}");
    assert!(reported < answered, "{reported:?} {answered:?}");
}

#[tokio::test]
async fn s012_closes_the_connection_and_is_not_processed() {
    let (receiver, handle, client) = start(|_| {}).await;
    let path = format!("/v24.0/{NUMBER}/messages");
    let body = template("16505550012", "promo").to_string();
    assert_eq!(client.request("POST", &path, &body).await, None);
    settle().await;
    assert!(receiver.names().is_empty());
    assert_eq!((handle.stats().accepted, handle.stats().unanswered), (0, 1));
}

#[tokio::test]
async fn s013_s014_s017_s018_write_back() {
    let (receiver, _handle, client) = start(|_| {}).await;
    for to in ["16505550013", "16505550014", "16505550017"] {
        client.accepted(to, "promo").await;
    }
    let wamid = client.accepted("16505550018", "promo").await;
    receiver.wait("four messages", |receiver| receiver.all("messages").len() == 4).await;
    let messages = receiver.all("messages");
    let of = |from: &str| messages.iter().find(|message| message["from"] == from).expect("message");
    assert_eq!(of("16505550013")["text"]["body"], "STOP");
    assert_eq!(of("16505550014")["type"], "text");
    assert_eq!(of("16505550017")["referral"]["source_type"], "ad");
    let tap = of("16505550018");
    assert_eq!(tap["type"], "button");
    assert_eq!(tap["button"]["payload"], "Unsubscribe");
    assert_eq!(tap["context"]["id"], wamid);
    assert_eq!(tap["context"]["from"], "15550783881");
}

#[tokio::test]
async fn s015_is_held_then_released_and_s016_dropped() {
    let (receiver, _handle, client) = start(|_| {}).await;
    for to in ["16505550015", "16505550016"] {
        let (_, answer) = client.send(&template(to, "promo")).await;
        assert_eq!(answer["messages"][0]["message_status"], "held_for_quality_assessment");
    }
    receiver.wait_statuses(4).await;
    let statuses = receiver.statuses();
    let of = |to: &str| -> Vec<&Value> {
        let mine = statuses.iter().filter(|status| status["recipient_id"] == to);
        mine.map(|status| &status["status"]).collect()
    };
    assert_eq!(of("16505550015"), ["sent", "delivered", "read"]);
    assert_eq!(of("16505550016"), ["failed"]);
    assert_eq!(failed_codes(&receiver), [132_015]);
}
