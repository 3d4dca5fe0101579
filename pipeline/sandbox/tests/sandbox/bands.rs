//! The platform's word that a market's volume has reached a band.

use serde_json::{Value, json};
use tollgate_sandbox::{Category, VolumeBandsConfig};

use crate::support::{Client, Receiver, start, template};

const WABA: &str = "102290129340398";

fn mexico(category: Category, starts: &[u64], elsewhere: u64) -> VolumeBandsConfig {
    let (region, countries) = ("Mexico".to_owned(), vec!["MX".to_owned()]);
    VolumeBandsConfig { region, countries, category, starts: starts.to_vec(), elsewhere }
}

fn told(receiver: &Receiver) -> Vec<(String, Value)> {
    let changes = receiver.changes().into_iter();
    changes.filter(|(_, change)| change["field"] == "account_update").collect()
}

async fn code(client: &Client, to: &str) {
    let parameters = json!([{ "type": "text", "text": "123456" }]);
    let mut body = template(to, "code");
    body["template"]["components"] = json!([
        { "type": "body", "parameters": parameters },
        { "type": "button", "sub_type": "url", "index": "0", "parameters": parameters }]);
    assert_eq!(client.send(&body).await.0, 200);
}

#[tokio::test]
async fn the_first_message_of_a_band_sends_the_webhook() {
    let (receiver, handle, client) = start(|config| {
        config.accounts[0].time_zone = "America/Mexico_City".to_owned();
        config.volume_bands = vec![mexico(Category::Utility, &[1_000_001, 1_000_003], 999_999)];
    })
    .await;
    // One message at a time, and none but charged utility ones of that country count.
    for (n, (to, name)) in [
        ("5215512345600", "notice"),
        ("5511987654321", "notice"),
        ("5215512345601", "promo"),
        ("5215512345602", "notice"),
        ("5215512345603", "notice"),
        ("5215512345604", "notice"),
        ("5215512345605", "notice"),
    ]
    .into_iter()
    .enumerate()
    {
        client.accepted(to, name).await;
        receiver.wait_statuses(3 * (n + 1)).await;
        let expected = [0, 0, 0, 1, 1, 2, 2][n];
        receiver.wait(&format!("{expected} bands after {to}"), |receiver| told(receiver).len() == expected).await;
    }
    let now_s = handle.stats().now_ms / 1_000;
    let expected = [("1000001:1000002"), ("1000003:MAX")];
    for ((waba, change), tier) in told(&receiver).iter().zip(expected) {
        let info = &change["value"]["volume_tier_info"];
        assert_eq!((waba.as_str(), &change["value"]["event"]), (WABA, &json!("VOLUME_BASED_PRICING_TIER_UPDATE")));
        assert_eq!((&info["region"], &info["pricing_category"]), (&json!("Mexico"), &json!("UTILITY")));
        assert_eq!(info["tier"], tier);
        let at_s = info["tier_update_time"].as_u64().expect("seconds");
        assert!(at_s <= now_s && at_s + 60 > now_s, "{at_s} of {now_s}");
        let month = info["effective_month"].as_str().expect("a month");
        assert!(month.len() == 7 && month.as_bytes()[4] == b'-', "{month}");
    }
}

#[tokio::test]
async fn both_forms_of_authentication_count_together() {
    let (receiver, _handle, client) = start(|config| {
        // Some Mexican numbers have international rates.
        config.accounts[0].authentication_international_prefixes = vec!["52155".to_owned()];
        config.volume_bands = vec![mexico(Category::Authentication, &[2], 0)];
    })
    .await;
    code(&client, "5215512345600").await;
    receiver.wait_statuses(3).await;
    assert!(told(&receiver).is_empty());
    code(&client, "5218112345600").await;
    receiver.wait("a band", |receiver| told(receiver).len() == 1).await;
    let info = told(&receiver).remove(0).1["value"]["volume_tier_info"].clone();
    assert_eq!((&info["pricing_category"], &info["tier"]), (&json!("AUTHENTICATION"), &json!("2:MAX")));
}

#[tokio::test]
async fn what_is_free_counts_for_no_band() {
    let (receiver, _handle, client) = start(|config| {
        config.utility_in_window_charged_from = "2999-01-01".to_owned();
        config.volume_bands = vec![mexico(Category::Utility, &[2], 0)];
    })
    .await;
    let to = "5215512345600";
    client.control("inbound", &json!({ "sender": crate::support::NUMBER, "from": to, "text": "hi" })).await;
    for n in 1..=2 {
        client.accepted(to, "notice").await;
        receiver.wait_statuses(3 * n).await;
    }
    assert!(told(&receiver).is_empty());
    for (n, to) in [(3, "5215512345601"), (4, "5215512345602")] {
        client.accepted(to, "notice").await;
        receiver.wait_statuses(3 * n).await;
    }
    receiver.wait("a band", |receiver| told(receiver).len() == 1).await;
}
