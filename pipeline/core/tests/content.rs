//! Content that only goes inside the window: buttons, media, places and the like.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::{World, accepted};
use serde_json::{Value, json};
use tollgate_wire::request::ContentKind;

const TO: &str = "+5511987654321";

fn request(id: &str, content: &Value) -> Value {
    json!({"id": id, "account": "acme", "to": TO, "purpose": "service", "content": [content]})
}

/// The person has just written.
fn open() -> World {
    let mut w = World::with_account("TIER_1K", "GREEN");
    let at_s = (w.now_ms / 1000) as u32;
    w.event(&json!({"event": "inbound", "sender": "1001", "from": TO, "at_s": at_s}));
    w
}

fn each() -> Vec<(&'static str, Value)> {
    vec![
        (
            "interactive",
            json!({"type": "flow", "body": {"text": "Book"}, "action": {"name": "flow", "parameters": {
                "flow_message_version": "3", "flow_id": "77", "flow_cta": "Open", "flow_token": "t"}}}),
        ),
        ("image", json!({"id": "133", "caption": "Olá"})),
        ("video", json!({"link": "https://x.example/v.mp4"})),
        ("audio", json!({"id": "133", "voice": true})),
        ("document", json!({"id": "133", "filename": "a.pdf"})),
        ("sticker", json!({"id": "133"})),
        ("location", json!({"latitude": 1.5, "longitude": "2"})),
        ("contacts", json!([{"name": {"formatted_name": "Ana", "first_name": "Ana"}}])),
        ("reaction", json!({"message_id": "wamid.x", "emoji": "👍"})),
    ]
}

#[test]
fn it_leaves_inside_the_window_as_it_came_and_its_kind_is_told() {
    let mut w = open();
    for (n, (kind, content)) in each().into_iter().enumerate() {
        w.advance(60_000);
        w.request(&request(&format!("r{n}"), &json!({ kind: content }))).unwrap();
        let told = w.last_outcome().clone();
        assert_eq!((&told["outcome"], &told["content"]["kind"]), (&json!("admitted"), &json!(kind)), "{told}");
        assert_eq!((&told["content"]["category"], &told["content"]["template"]), (&json!("service"), &Value::Null));
        assert!(told["estimate"]["amount"].is_string(), "priced as text is: {told}");
        let order = w.out.orders.last().unwrap();
        assert_eq!(order["content"], json!({ kind: content }));
        let uid = order["message_uid"].as_u64().unwrap();
        w.event(&accepted(uid, 1, &format!("wamid.{n}")));
        // Read again from what is stored, the kind is known and the content is not.
        w.commit();
        w.reload();
        let stored = w.message_or_stored(uid);
        assert_eq!(stored.attempts[0].kind.as_str(), kind);
        assert_eq!(stored.body_bytes, 0);
        assert!(!format!("{:?}", w.out.outcomes).contains("Olá"), "content is not told");
    }
}

#[test]
fn it_waits_for_no_window() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    for (n, (kind, content)) in each().into_iter().enumerate() {
        w.request(&request(&format!("r{n}"), &json!({ kind: content }))).unwrap();
        assert_eq!(w.last_outcome()["reason"], "window_closed", "{kind}");
    }
    assert!(w.out.orders.is_empty());
}

#[test]
fn a_template_follows_where_the_window_is_closed() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.opt_in(TO, "utility");
    let template = json!({"template": {"name": "shipped", "language": "pt_BR", "components": {"body": ["Ana", "42"]}}});
    let mut r = request("a", &json!({"image": {"id": "1"}}));
    r["purpose"] = json!("utility");
    r["content"].as_array_mut().unwrap().push(template);
    w.request(&r).unwrap();
    assert_eq!(w.last_outcome()["content"]["alternative"], 1);
    let uid = w.out.orders[0]["message_uid"].as_u64().unwrap();
    assert_eq!(w.message(uid).attempts[0].kind, ContentKind::Template);
}
