//! The three limits, over HTTP: what is refused and what is recorded as a violation.

use serde_json::json;
use tollgate_sandbox::{LimitScope, MessagingLimit, ViolationRule};

use crate::support::{NUMBER, start, template};

#[tokio::test]
async fn throughput_is_counted_per_second() {
    let (_receiver, handle, client) = start(|config| {
        config.accounts[0].senders[0].throughput_mps = 5;
    })
    .await;
    for n in 0..5 {
        client.accepted(&format!("1650555{n}999"), "promo").await;
    }
    client.refused(&template("16505559999", "promo"), 429, 130_429).await;
    let stats = handle.stats();
    assert_eq!(stats.throughput_peak[NUMBER], 5);
    assert_eq!(stats.violations[0].rule, ViolationRule::Throughput);
    assert_eq!((stats.violations[0].count, stats.violations[0].limit), (6, 5));
    tokio::time::sleep(std::time::Duration::from_millis(1_010)).await;
    client.accepted("16505559999", "promo").await;
}

#[tokio::test]
async fn one_user_takes_a_burst_of_forty_five() {
    let (_receiver, handle, client) = start(|_| {}).await;
    for _ in 0..45 {
        client.accepted("16505551234", "promo").await;
    }
    client.refused(&template("16505551234", "promo"), 400, 131_056).await;
    client.accepted("16505551235", "promo").await;
    assert_eq!(handle.stats().violations_total[&ViolationRule::PairRate], 1);
}

#[tokio::test]
async fn unique_users_beyond_the_limit_fail_and_are_recorded() {
    let (receiver, handle, client) = start(|config| {
        config.accounts[0].messaging_limit = MessagingLimit::Users(2);
    })
    .await;
    // A user who wrote is inside the window and does not count.
    client.control("inbound", &json!({ "sender": NUMBER, "from": "16505550100", "text": "hi" })).await;
    for to in ["16505550100", "16505550101", "16505550102"] {
        client.accepted(to, "promo").await;
    }
    receiver.wait_statuses(9).await;
    // A counted user may be reached again, a new one may not.
    client.accepted("16505550101", "promo").await;
    receiver.wait_statuses(12).await;
    client.accepted("16505550103", "promo").await;
    receiver.wait_statuses(14).await;
    let last = receiver.statuses().pop().expect("status");
    assert_eq!((&last["status"], &last["errors"][0]["code"]), (&json!("failed"), &json!(131_048)));

    let stats = handle.stats();
    assert_eq!(stats.unique_users.len(), 1);
    assert_eq!((stats.unique_users[0].count, stats.unique_users[0].limit), (2, Some(2)));
    assert_eq!(stats.violations.len(), 1);
    let violation = &stats.violations[0];
    assert_eq!(violation.rule, ViolationRule::UniqueUsers);
    assert_eq!((violation.portfolio.as_str(), violation.count, violation.limit), ("acme", 3, 2));
    let (_, text) = client.request("GET", "/sandbox/stats", "").await.expect("answer");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["violations"][0]["rule"], "unique_users");
}

#[tokio::test]
async fn a_limit_per_number_is_counted_per_number() {
    let (receiver, handle, client) = start(|config| {
        let account = &mut config.accounts[0];
        account.messaging_limit = MessagingLimit::Users(1);
        account.limit_scope = LimitScope::Number;
        let mut second = account.senders[0].clone();
        second.phone_number_id = "2".to_owned();
        second.display_phone_number = "15550783882".to_owned();
        account.senders.push(second);
    })
    .await;
    client.accepted("16505550101", "promo").await;
    let body = template("16505550102", "promo").to_string();
    let (status, _) = client.request("POST", "/v24.0/2/messages", &body).await.expect("answer");
    assert_eq!(status, 200);
    receiver.wait_statuses(6).await;
    let stats = handle.stats();
    let counts: Vec<u64> = stats.unique_users.iter().map(|users| users.count).collect();
    assert_eq!(counts, [1, 1]);
    assert!(stats.violations.is_empty());
}
