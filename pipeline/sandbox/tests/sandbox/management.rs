//! Lists of templates and numbers, in pages, as the platform documents them.

use serde_json::{Value, json};

use crate::support::{Client, NUMBER, start};

const WABA: &str = "102290129340398";

async fn asked(client: &Client, question: &str) -> (u16, Value) {
    let (status, answer) = client.request("GET", question, "").await.expect("answer");
    (status, serde_json::from_str(&answer).expect("JSON"))
}

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().expect("a page").iter().filter_map(|item| item["name"].as_str()).collect()
}

#[tokio::test]
async fn templates_come_in_pages_with_the_fields_asked_for() {
    let (_receiver, _handle, client) = start(|_| {}).await;
    let question = format!("/v24.0/{WABA}/message_templates?fields=name,status&limit=4");
    let (status, first) = asked(&client, &question).await;
    assert_eq!((status, names(&first)), (200, vec!["code", "disabled", "named", "notice"]));
    let fields: Vec<&String> = first["data"][0].as_object().expect("a template").keys().collect();
    assert_eq!(fields, ["id", "name", "status"]);
    let after = first["paging"]["cursors"]["after"].as_str().expect("a cursor");
    let (_, second) = asked(&client, &format!("{question}&after={after}")).await;
    assert_eq!(names(&second), ["paused", "pending", "picture", "promo"]);
    let next = second["paging"]["next"].as_str().expect("a third page");
    let path = &next[next.find("/v24.0").expect("the path")..];
    let (_, third) = asked(&client, path).await;
    assert_eq!(names(&third), ["two"]);
    assert!(third["paging"].get("next").is_none());
}

#[tokio::test]
async fn a_template_has_the_components_that_a_send_is_checked_by() {
    let (_receiver, _handle, client) = start(|_| {}).await;
    let (_, all) = asked(&client, &format!("/v24.0/{WABA}/message_templates")).await;
    let of = |name: &str| {
        let all = all["data"].as_array().expect("templates");
        all.iter().find(|template| template["name"] == name).cloned().expect("listed")
    };
    let picture = of("picture");
    assert_eq!((&picture["category"], &picture["status"]), (&json!("MARKETING"), &json!("APPROVED")));
    assert_eq!(picture["components"][0]["format"], "IMAGE");
    let buttons = picture["components"][2]["buttons"].as_array().expect("buttons");
    let kinds: Vec<&str> = buttons.iter().filter_map(|button| button["type"].as_str()).collect();
    assert_eq!(kinds, ["URL", "QUICK_REPLY", "COPY_CODE"]);
    assert!(buttons[0]["url"].as_str().expect("a link").ends_with("{{1}}"));
    assert_eq!(of("named")["parameter_format"], "NAMED");
    assert!(of("named")["components"][0]["text"].as_str().expect("text").contains("{{first_name}}"));
    assert_eq!(of("two").get("message_send_ttl_seconds"), None, "it was not asked for");
    let (_, asked) =
        asked(&client, &format!("/v24.0/{WABA}/message_templates?fields=name,message_send_ttl_seconds")).await;
    let lives = |name: &str| {
        let found = asked["data"].as_array().expect("a list").iter().find(|t| t["name"] == name);
        found.expect("listed")["message_send_ttl_seconds"].clone()
    };
    assert_eq!((lives("two"), lives("named")), (json!(-1), json!(null)));
    assert!(of("two")["components"][0]["text"].as_str().expect("text").contains("{{2}}"));
}

#[tokio::test]
async fn numbers_tell_quality_throughput_and_limit_by_the_version() {
    let (_receiver, _handle, client) = start(|config| {
        config.accounts[0].messaging_limit = tollgate_sandbox::MessagingLimit::Users(2_000);
    })
    .await;
    let fields = "id,display_phone_number,quality_rating,throughput";
    let question = |version: &str, limit: &str| format!("/{version}/{WABA}/phone_numbers?fields={fields},{limit}");
    let now = question("v26.0", "whatsapp_business_manager_messaging_limit");
    let (_, numbers) = asked(&client, &now).await;
    let number = json!({ "id": NUMBER, "display_phone_number": "+15550783881", "quality_rating": "GREEN",
        "throughput": { "level": "HIGH" }, "whatsapp_business_manager_messaging_limit": "TIER_2K" });
    assert_eq!(numbers["data"], json!([number]));
    let (_, before) = asked(&client, &question("v23.0", "messaging_limit_tier")).await;
    assert_eq!(before["data"][0]["messaging_limit_tier"], "TIER_2K");
    assert_eq!(asked(&client, &question("v24.0", "messaging_limit_tier")).await.0, 400, "it is gone");
    client.control("quality", &json!({ "sender": NUMBER, "quality_rating": "RED" })).await;
    assert_eq!(asked(&client, &now).await.1["data"][0]["quality_rating"], "RED");
}

#[tokio::test]
async fn a_quiet_change_is_in_the_list_and_in_no_webhook() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let mut order = json!({ "account": "acme", "name": "notice", "language": "en_US", "event": "PAUSED",
        "category": "MARKETING", "quality_score": "RED", "quiet": true });
    client.control("templates/status", &order).await;
    let (_, all) =
        asked(&client, &format!("/v24.0/{WABA}/message_templates?fields=name,status,category,quality_score")).await;
    let notice = all["data"].as_array().expect("templates").iter().find(|t| t["name"] == "notice").expect("listed");
    assert_eq!((&notice["status"], &notice["category"]), (&json!("PAUSED"), &json!("MARKETING")));
    assert_eq!(notice["quality_score"]["score"], "RED");
    assert!(receiver.changes().is_empty());
    order = json!({ "account": "acme", "name": "notice", "language": "en_US", "next_category": "UTILITY" });
    client.control("templates/status", &order).await;
    receiver.wait("a change", |receiver| receiver.changes().len() == 1).await;
    let change = receiver.changes().remove(0).1;
    assert_eq!(change["field"], "template_category_update");
    assert_eq!(
        (&change["value"]["new_category"], &change["value"]["correct_category"]),
        (&json!("MARKETING"), &json!("UTILITY"))
    );
    assert!(change["value"]["category_update_timestamp"].is_u64());
}

#[tokio::test]
async fn questions_are_limited_and_refused_on_order() {
    let (_receiver, _handle, client) = start(|config| config.limits.management_calls_per_hour = 2).await;
    let question = format!("/v24.0/{WABA}/message_templates?fields=name");
    client.control("errors", &json!({ "code": 4, "way": "question", "seconds": 60, "retry_after_seconds": 7 })).await;
    let (status, answer) = asked(&client, &question).await;
    assert_eq!((status, &answer["error"]["code"]), (429, &json!(4)));
    client.control("errors", &json!({ "code": 4, "way": "question", "seconds": 0 })).await;
    for _ in 0..2 {
        assert_eq!(asked(&client, &question).await.0, 200);
    }
    let (status, answer) = asked(&client, &question).await;
    assert_eq!((status, &answer["error"]["code"]), (429, &json!(80_008)));
}
