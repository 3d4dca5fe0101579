//! The built program beside the sandbox: what goes inside the window beside text arrives there, and marketing leaves by the call
//! that the account names.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod http;
mod process;
mod world;

use serde_json::{Value, json};
use world::{ACCOUNT, SENDER, World, people, request, wait};

// Others use it; here it would count as dead.
const _: fn(&World) = |world| drop(http::http(world.api, "GET", "/healthz", ""));

/// Moves of a request, oldest first.
fn moves(world: &World, id: &str) -> Vec<Value> {
    world.outcomes().into_iter().filter(|o| o["id"] == id).collect()
}

fn is_at(moves: &[Value], outcome: &str) -> bool {
    moves.iter().any(|m| m["outcome"] == outcome)
}

#[test]
fn buttons_and_pictures_arrive_inside_the_window_and_their_words_stay_private() {
    let world = World::start();
    let to = &people(7, 1)[0];
    let service = |id: &str, content: Value| json!({"id": id, "account": ACCOUNT, "sender": SENDER, "to": to, "purpose": "service", "content": [content]});
    let buttons = json!({"interactive": {"type": "button", "body": {"text": "Is secretword fine?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}}});
    world.enqueue(&[service("early", buttons.clone())]);
    wait("no window", || moves(&world, "early"), |m| is_at(m, "refused"));
    let before = world.outcomes().len();
    world.platform("inbound", &json!({"sender": SENDER, "from": to.trim_start_matches('+'), "text": "Hi"}));
    // The webhook and the request come by different ways: asked again until the window is known.
    let mut n = 0;
    wait(
        "the window opens",
        || {
            n += 1;
            world.enqueue(&[service(&format!("try-{n}"), buttons.clone())]);
            std::thread::sleep(std::time::Duration::from_millis(500));
            world.outcomes()[before..].to_vec()
        },
        |m| is_at(m, "admitted"),
    );
    world.enqueue(&[service("picture", json!({"image": {"id": "133", "caption": "secretword"}}))]);
    let told = wait("a picture", || moves(&world, "picture"), |m| is_at(m, "delivered"));
    assert_eq!(told[0]["content"], json!({"alternative": 0, "category": "service", "kind": "image"}));
    let (status, view) = world.call("GET", &format!("/v1/messages/{ACCOUNT}/picture"), "").unwrap();
    assert_eq!(status, 200);
    assert!(view.contains(r#""kind":"image""#), "{view}");
    let all = format!("{view}{:?}{}", world.outcomes(), world.log());
    assert!(!all.contains("secretword"), "words of a message are told");
    // A fault is answered at once, with its field.
    let wrong = service("wrong", json!({"image": {"link": "http://x.example/a.jpg"}})).to_string();
    let (status, said) = world.call("POST", "/v1/messages", &wrong).unwrap();
    assert!(status == 422 && said.contains("content[0].image.link"), "{status} {said}");
}

#[test]
fn marketing_waits_for_the_call_that_takes_it() {
    let world = World::at("", None, "marketing_call_only = true");
    let to = people(8, 1);
    world.consent(&to, "opt_in");
    world.enqueue(&[request("offer", &to[0], "marketing", "news")]);
    let told = wait("held", || moves(&world, "offer"), |m| is_at(m, "parked"));
    let parked = told.iter().rfind(|m| m["outcome"] == "parked").unwrap();
    assert!(told.iter().any(|m| m["reason"] == "platform_131063"), "{parked}");
    let api = json!({"endpoint": "marketing_messages", "product_policy": "CLOUD_API_FALLBACK"});
    world.apply(&json!({"marketing_api": api}));
    let told = wait("it leaves by the other call", || moves(&world, "offer"), |m| is_at(m, "delivered"));
    let charged = told.iter().find(|m| m["charge"].is_object()).unwrap();
    assert_eq!(charged["charge"]["category"], "marketing", "marketing_lite is rated as marketing");
}
