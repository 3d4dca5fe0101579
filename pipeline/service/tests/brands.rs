//! The built program beside the sandbox: two brands of an account, what is said to each, and what goes out for each.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod http;
mod process;
mod world;

use std::process::Command;

use serde_json::{Value, json};
use world::{ACCOUNT, OTHER, SENDER, World, people, request, wait};

// Others use them; here they would count as dead.
const _: fn(&World, &[String], &str) = World::consent;
const _: fn(&World) = |world| drop(http::http(world.api, "GET", "/healthz", ""));

fn moves(world: &World, id: &str) -> Vec<Value> {
    world.outcomes().into_iter().filter(|o| o["id"] == id).collect()
}

fn is_at(moves: &[Value], outcome: &str) -> bool {
    moves.iter().any(|m| m["outcome"] == outcome)
}

/// What the program says.
fn told(world: &World, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(arguments)
        .env("TOLLGATE_URL", format!("http://{}", world.api))
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

fn said(world: &World, to: &str) -> Value {
    let (status, text) = world.call("GET", &format!("/v1/contacts/{ACCOUNT}/{to}/consents"), "").unwrap();
    // Not before the account is in the views.
    assert!(matches!(status, 200 | 404), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn each_brand_has_consents_of_its_own() {
    let world = World::start();
    let brands = json!([{"name": "shoes", "senders": [SENDER]}, {"name": "hats", "senders": [OTHER]}]);
    world.apply(&json!({"brands": brands}));
    let (to, path) = (people(9, 1).remove(0), format!("/v1/accounts/{ACCOUNT}"));
    wait("brands are known", || world.call("GET", &path, "").unwrap().1, |spec| spec.contains("hats"));
    // From a file, with one brand that is not there.
    let file = world.folder.path().join("consents.csv");
    let rows = [
        "to,state,category,source,at,brand",
        "{to},opt_in,,form,2026-11-01T10:00:00Z,shoes",
        "{to},opt_in,,form,2026-11-01T10:00:00Z,hats",
        "{to},opt_in,,form,,gloves",
    ];
    std::fs::write(&file, rows.join("\n").replace("{to}", &to)).unwrap();
    let (good, text) = told(&world, &["consents", "import", file.to_str().unwrap(), "--account", ACCOUNT]);
    assert!(!good && text.contains("2 consents recorded") && text.contains("gloves"), "{text}");
    wait("both are known", || said(&world, &to), |view| view["brands"].as_array().is_some_and(|b| b.len() == 2));
    let view = said(&world, &to);
    assert_eq!((&view["consents"][0]["state"], &view["brands"][1]["brand"]), (&json!("none"), &json!("hats")));
    assert_eq!(view["brands"][1]["consents"][0]["state"], "opt_in");
    // Both go out; then the person stops one of them, by a word to its number.
    let of = |id: &str, sender: &str| {
        let mut made = request(id, &to, "utility", "order");
        made["sender"] = json!(sender);
        made
    };
    world.enqueue(&[of("shoes-1", SENDER), of("hats-1", OTHER)]);
    for id in ["shoes-1", "hats-1"] {
        wait(id, || moves(&world, id), |m| is_at(m, "delivered"));
    }
    world.platform("inbound", &json!({"sender": SENDER, "from": to.trim_start_matches('+'), "text": "Stop"}));
    wait("the word is known", || said(&world, &to), |view| view["brands"][0]["consents"][0]["state"] == "opt_out");
    let mut later = of("hats-2", OTHER);
    later.as_object_mut().unwrap().remove("sender");
    later["brand"] = json!("hats");
    world.enqueue(&[of("shoes-2", SENDER), later]);
    let refused = wait("refused", || moves(&world, "shoes-2"), |m| is_at(m, "refused"));
    let last = refused.last().unwrap();
    assert_eq!((&last["reason"], &last["detail"]), (&json!("opted_out"), &json!("opted out of brand shoes")));
    wait("the other brand goes on", || moves(&world, "hats-2"), |m| is_at(m, "delivered"));
    let (_, story) = wait(
        "explained",
        || told(&world, &["explain", ACCOUNT, "shoes-2"]),
        |(good, text)| *good && text.contains("of brand shoes on "),
    );
    assert!(story.contains("as brand shoes"), "{story}");
    // One that is not there is refused at once, with what there is.
    let mut unknown = of("gloves-1", SENDER);
    unknown["brand"] = json!("gloves");
    let (status, text) = world.call("POST", "/v1/messages", &unknown.to_string()).unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &problem["code"], &problem["field"]), (422, &json!("malformed"), &json!("brand")));
    assert!(text.contains("shoes, hats"), "{text}");
    // A person's data names the brands; what is refused outlives erasure.
    let (_, export) = told(&world, &["person", "export", ACCOUNT, &to]);
    let export: Value = serde_json::from_str(&export).unwrap();
    assert_eq!(export["consents"]["brands"].as_array().unwrap().len(), 2, "{export}");
    world.accepted("DELETE", &format!("/v1/contacts/{ACCOUNT}/{to}"), "");
    let left = wait("erased", || said(&world, &to), |view| view["proofs"] == json!([]));
    assert_eq!((left["brands"].as_array().unwrap().len(), &left["brands"][0]["brand"]), (1, &json!("shoes")));
}
