//! What the platform says of a WABA's deliveries: the same sums as its statuses, told apart as asked.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Client, NUMBER, Receiver, start, text};

const WABA: &str = "102290129340398";
const ALL: &str = "PHONE,COUNTRY,PRICING_TYPE,PRICING_CATEGORY,TIER";
const SECOND: &str = "106540352242923";

/// A question about every day that the sandbox may have lived through.
fn question(more: &str) -> String {
    format!(
        "/v24.0/{WABA}?fields=id,pricing_analytics.start(1577836800).end(4102444800).granularity(DAILY).dimensions({more})"
    )
}

async fn asked(client: &Client, path: &str) -> Value {
    let (status, answer) = client.request("GET", path, "").await.expect("answer");
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).expect("JSON")
}

fn points(answer: &Value) -> Vec<Value> {
    answer["pricing_analytics"]["data"][0]["data_points"].as_array().expect("points").clone()
}

/// Sums of the figures by the fields named, over all days: a run may cross midnight.
fn sums(answer: &Value, fields: &[&str]) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for point in points(answer) {
        let start = point["start"].as_u64().expect("start");
        assert_eq!((start % 86_400, point["end"].as_u64()), (0, Some(start + 86_400)), "a day of UTC");
        let row = fields.iter().map(|field| point[field].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>();
        *sums.entry(row.join(" ")).or_default() += point["volume"].as_u64().expect("volume");
    }
    sums
}

fn expected(rows: &[(&str, u64)]) -> BTreeMap<String, u64> {
    rows.iter().map(|(row, volume)| ((*row).to_owned(), *volume)).collect()
}

#[tokio::test]
async fn figures_are_the_deliveries() {
    let (receiver, _handle, client) = start(|config| {
        config.accounts[0].authentication_international_prefixes = vec!["91".to_owned()];
        let second = config.accounts[0].senders[0].clone();
        config.accounts[0].senders.push(tollgate_sandbox::SenderConfig {
            phone_number_id: SECOND.to_owned(),
            display_phone_number: "15550783882".to_owned(),
            ..second
        });
    })
    .await;
    let empty = asked(&client, &question(ALL)).await;
    assert_eq!((&empty["id"], points(&empty).len()), (&json!(WABA), 0), "no message, no figure");
    for n in 0..3 {
        client.accepted(&format!("551198765410{n}"), "promo").await;
    }
    client.accepted("5215512345100", "notice").await;
    // Read without delivered is a delivery; failed and silent ones are none; one of each status twice is one.
    client.accepted("551198765002", "promo").await;
    client.accepted("551198765003", "promo").await;
    for none in ["551198765001", "551198765005", "551198765006"] {
        client.accepted(none, "promo").await;
    }
    let advert = json!({ "sender": NUMBER, "from": "16505551234", "text": "Hello", "referral": { "source_id": "1" } });
    client.control("inbound", &advert).await;
    client.send(&text("16505551234")).await;
    let mut code = crate::support::template("919876543210", "code");
    let parameters = json!([{ "type": "text", "text": "123456" }]);
    code["template"]["components"] = json!([{ "type": "body", "parameters": parameters },
        { "type": "button", "sub_type": "url", "index": "0", "parameters": parameters }]);
    client.send(&code).await;
    let path = format!("/v24.0/{SECOND}/messages");
    let body = crate::support::template("14165551234", "promo").to_string();
    assert_eq!(client.request("POST", &path, &body).await.expect("answer").0, 200);
    let delivered = |receiver: &Receiver| {
        let statuses = receiver.statuses().into_iter().filter(|status| status["status"] != "sent");
        let told = statuses.filter(|status| status["status"] != "failed" && status["pricing"].is_object());
        told.map(|status| status["id"].to_string()).collect::<std::collections::BTreeSet<_>>().len()
    };
    receiver
        .wait("every delivery", |receiver| delivered(receiver) == 9 && receiver.names().contains(&"failed".to_owned()))
        .await;
    let answer = asked(&client, &question(ALL)).await;
    let fields = ["phone_number", "country", "pricing_type", "pricing_category", "tier"];
    let all = [
        ("15550783881 BR REGULAR MARKETING 0:MAX", 5),
        ("15550783881 IN REGULAR AUTHENTICATION_INTERNATIONAL 0:MAX", 1),
        ("15550783881 MX REGULAR UTILITY 0:MAX", 1),
        ("15550783881 US FREE_ENTRY_POINT REFERRAL_CONVERSION -", 1),
        ("15550783882 CA REGULAR MARKETING 0:MAX", 1),
    ];
    assert_eq!(sums(&answer, &fields), expected(&all), "{answer}");
    assert!(points(&answer).iter().all(|point| point.get("cost").is_none()), "there are no rates");

    // Less is told apart, and less is asked for.
    let by_country = asked(&client, &question("COUNTRY")).await;
    let rows = expected(&[("BR - -", 5), ("IN - -", 1), ("MX - -", 1), ("US - -", 1), ("CA - -", 1)]);
    assert_eq!(sums(&by_country, &["country", "phone_number", "tier"]), rows);
    let one = asked(&client, &format!("{}.phone_numbers([15550783882])", question("PRICING_CATEGORY"))).await;
    assert_eq!(sums(&one, &["pricing_category"]), expected(&[("MARKETING", 1)]));
    let day = points(&answer)[0]["start"].as_u64().expect("start");
    let before = question(ALL).replace("4102444800", &day.to_string());
    assert_eq!(points(&asked(&client, &before).await).len(), 0, "the end is not in it");
    let months = points(&asked(&client, &question("TIER").replace("DAILY", "MONTHLY")).await);
    let long = |point: &Value| point["end"].as_u64().expect("end") - point["start"].as_u64().expect("start");
    assert!(months.iter().all(|point| (28..=31).contains(&(long(point) / 86_400))), "{months:?}");
    assert_eq!(months.iter().filter_map(|point| point["volume"].as_u64()).sum::<u64>(), 9);
}

#[tokio::test]
async fn refusals_have_the_platforms_bodies() {
    let (_receiver, _handle, mut client) = start(|_| {}).await;
    for (path, http, code) in [
        ("/v24.0/999?fields=id".to_owned(), 400, 100),
        (question("AGE"), 400, 100),
        (format!("/v24.0/{WABA}?fields=name"), 400, 100),
    ] {
        let (status, answer) = client.request("GET", &path, "").await.expect("answer");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!((status, &answer["error"]["code"]), (http, &json!(code)), "{path}: {answer}");
    }
    assert_eq!(client.request("POST", &question(ALL), "").await.expect("answer").0, 400, "a question is a GET");
    client.control("outage", &json!({ "manner": "unavailable", "seconds": 60 })).await;
    let (status, answer) = client.request("GET", &question(ALL), "").await.expect("answer");
    assert!(status == 503 && answer.contains("\"code\":2"), "{answer}");
    client.control("outage", &json!({ "manner": "unavailable", "seconds": 0 })).await;
    client.token = "another".to_owned();
    let (status, answer) = client.request("GET", &question(ALL), "").await.expect("answer");
    assert!(status == 401 && answer.contains("\"code\":190"), "{answer}");
}

#[tokio::test]
async fn a_lost_status_is_charged_and_told_by_nobody_else() {
    let (receiver, handle, client) = start(|config| config.rates.lost_statuses = 1.0).await;
    client.accepted("5511987654321", "promo").await;
    receiver.wait("quiet", |receiver| receiver.names() == ["sent"] && handle.stats().timers == 0).await;
    let answer = asked(&client, &question(ALL)).await;
    assert_eq!(sums(&answer, &["pricing_category"]), expected(&[("MARKETING", 1)]));
    assert_eq!(receiver.names(), ["sent"]);
}
