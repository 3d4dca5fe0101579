//! Messages that are no templates and no text.

use serde_json::{Value, json};

use super::support::{NUMBER, start};

const TO: &str = "16505551234";

fn send(kind: &str, content: &Value) -> Value {
    json!({ "messaging_product": "whatsapp", "to": TO, "type": kind, kind: content })
}

fn interactive(kind: &str, action: &Value) -> Value {
    json!({ "type": kind, "body": { "text": "Choose" }, "action": action })
}

fn replies(titles: &[&str]) -> Value {
    let one = |(n, title): (usize, &&str)| json!({ "type": "reply", "reply": { "id": n.to_string(), "title": title } });
    interactive("button", &json!({ "buttons": titles.iter().enumerate().map(one).collect::<Vec<_>>() }))
}

fn rows(sections: &[usize], title: Option<&str>) -> Value {
    let section = |rows: &usize| {
        let mut section = json!({ "rows": vec![json!({ "id": "r", "title": "Row" }); *rows] });
        if let Some(title) = title {
            section["title"] = json!(title);
        }
        section
    };
    interactive("list", &json!({ "button": "Open", "sections": sections.iter().map(section).collect::<Vec<_>>() }))
}

/// A carousel of two cards, the second with what is given instead.
fn cards(action: &Value, more: &Value) -> Value {
    let card = |n: usize| {
        json!({ "card_index": n, "type": "cta_url", "body": { "text": "One\n\nof them" },
            "header": { "type": "image", "image": { "link": "https://x.example/a.jpg" } }, "action": action })
    };
    let mut second = card(1);
    for (name, value) in more.as_object().expect("an object") {
        second[name] = value.clone();
    }
    interactive("carousel", &json!({ "cards": [card(0), second] }))
}

fn link() -> Value {
    json!({ "name": "cta_url", "parameters": { "display_text": "Open", "url": "https://x.example" } })
}

fn quick(number: usize) -> Value {
    json!({ "buttons": vec![json!({ "type": "quick_reply", "quick_reply": { "id": "a", "title": "b" } }); number] })
}

/// A carousel of two products, of these catalogs.
fn products(catalogs: [&str; 2]) -> Value {
    let card = |n: usize| {
        json!({ "card_index": n, "type": "product",
            "action": { "catalog_id": catalogs[n], "product_retailer_id": "sku" } })
    };
    interactive("carousel", &json!({ "cards": [card(0), card(1)] }))
}

#[tokio::test]
async fn all_kinds_are_taken_inside_the_window_only() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let flow =
        json!({ "name": "flow", "parameters": { "flow_message_version": "3", "flow_id": "1", "flow_cta": "Book" } });
    let kinds = [
        ("image", json!({ "id": "1", "caption": "c" })),
        ("video", json!({ "link": "https://x.example/v.mp4" })),
        ("audio", json!({ "id": "1", "voice": true })),
        ("document", json!({ "id": "1", "filename": "a.pdf" })),
        ("sticker", json!({ "id": "1" })),
        ("location", json!({ "latitude": "1.5", "longitude": -179 })),
        ("contacts", json!([{ "name": { "formatted_name": "Ana", "first_name": "Ana" } }])),
        ("reaction", json!({ "message_id": "wamid.x", "emoji": "" })),
        ("interactive", replies(&["Yes", "No"])),
        ("interactive", rows(&[5, 5], Some("t"))),
        ("interactive", interactive("flow", &flow)),
        ("interactive", interactive("location_request_message", &json!({ "name": "send_location" }))),
        ("interactive", cards(&link(), &json!({ "header": { "type": "video", "video": { "id": "1" } } }))),
        ("interactive", cards(&quick(2), &json!({ "type": "button" }))),
        ("interactive", products(["7", "7"])),
    ];
    for (kind, content) in &kinds {
        client.refused(&send(kind, content), 400, 131_047).await;
    }
    client.control("inbound", &json!({ "sender": NUMBER, "from": TO, "text": "hi" })).await;
    for (kind, content) in &kinds {
        let (status, answer) = client.send(&send(kind, content)).await;
        assert_eq!(status, 200, "{kind} {answer}");
    }
    receiver.wait_statuses(43).await;
    let statuses = receiver.all("statuses");
    let of = |name: &str| statuses.iter().filter(|status| status["status"] == name).count();
    assert_eq!((of("sent"), of("delivered")), (15, 14), "a reaction is sent and no more");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let (_receiver, _handle, client) = start(|_| {}).await;
    client.control("inbound", &json!({ "sender": NUMBER, "from": TO, "text": "hi" })).await;
    for (kind, content, code) in [
        ("image", json!({}), 131_008),
        ("image", json!({ "id": "x" }), 131_009),
        ("image", json!({ "id": "1", "captoin": "x" }), 100),
        ("image", json!({ "id": "1", "caption": "x".repeat(1_025) }), 131_009),
        ("location", json!({ "latitude": 1 }), 131_008),
        ("location", json!({ "latitude": 91, "longitude": 0 }), 131_009),
        ("contacts", json!([]), 131_008),
        ("contacts", json!([{ "name": { "formatted_name": "Ana" } }]), 131_008),
        ("reaction", json!({ "message_id": "1", "emoji": "x" }), 131_009),
        ("interactive", json!({ "type": "button", "action": {} }), 131_008),
        ("interactive", replies(&["a", "b", "c", "d"]), 131_009),
        ("interactive", replies(&["same", "same"]), 131_009),
        ("interactive", replies(&["one more than twenty!"]), 131_009),
        ("interactive", rows(&[6, 5], Some("t")), 131_009),
        ("interactive", rows(&[1, 1], None), 131_008),
        ("interactive", interactive("hologram", &json!({})), 131_009),
        ("interactive", interactive("cta_url", &json!({ "name": "cta_url", "parameters": { "url": "x" } })), 131_008),
        ("interactive", interactive("carousel", &json!({ "cards": [] })), 131_009),
        ("interactive", cards(&link(), &json!({ "card_index": 0 })), 131_009),
        ("interactive", cards(&link(), &json!({ "card_index": 2 })), 131_009),
        ("interactive", cards(&link(), &json!({ "header": null })), 131_008),
        ("interactive", cards(&link(), &json!({ "header": { "type": "text", "text": "t" } })), 131_009),
        ("interactive", cards(&link(), &json!({ "body": { "text": "a\nb\nc\nd" } })), 131_009),
        ("interactive", cards(&link(), &json!({ "action": {} })), 131_009),
        ("interactive", cards(&link(), &json!({ "action": quick(1) })), 131_009),
        ("interactive", cards(&link(), &json!({ "type": "button" })), 131_009),
        ("interactive", cards(&link(), &json!({ "type": "carousel" })), 131_009),
        ("interactive", cards(&quick(1), &json!({ "action": quick(2) })), 131_009),
        ("interactive", cards(&link(), &json!({ "footer": {} })), 100),
        ("interactive", products(["7", "8"]), 131_009),
    ] {
        client.refused(&send(kind, &content), 400, code).await;
    }
}
