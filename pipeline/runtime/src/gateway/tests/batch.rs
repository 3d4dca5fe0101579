//! NDJSON batches: a bad line never stops the others.

use hyper::Method;
use serde_json::json;

use super::world::{World, request};
use crate::log::Topic;

const PATH: &str = "/v1/messages:batch";

#[tokio::test]
async fn good_lines_are_taken_and_bad_ones_told_and_kept() {
    let world = World::new().await;
    let mut foreign = request("m3", "utility");
    foreign["account"] = json!("other");
    let mut typo = request("m4", "utility");
    typo["sendr"] = json!("1");
    let lines = [
        request("m1", "utility").to_string(),
        String::new(),
        "{ not json".to_owned(),
        foreign.to_string(),
        typo.to_string(),
        request("m5", "authentication").to_string(),
    ];
    let answer = world.api("enqueue", Method::POST, PATH, lines.join("\n")).await;
    let body = answer.json();
    assert_eq!(answer.status, 202, "{body}");
    assert_eq!((&body["accepted"], &body["refused"]), (&json!(2), &json!(3)));
    let results = body["results"].as_array().unwrap();
    let numbers: Vec<u64> = results.iter().map(|result| result["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 3, 4, 5, 6]);
    let codes: Vec<Option<&str>> = results.iter().map(|result| result["error"]["code"].as_str()).collect();
    assert_eq!(codes, [None, Some("malformed"), Some("forbidden"), Some("unknown_field"), None]);
    assert_eq!((results[3]["error"]["field"].as_str(), results[4]["id"].as_str()), (Some("sendr"), Some("m5")));
    assert_eq!(world.inbox.appends(), 1, "one durable append");
    assert_eq!(world.inbox.of(Topic::Requests).len(), 1);
    assert_eq!(world.inbox.of(Topic::RequestsPriority).len(), 1);
    let kept = world.inbox.of(Topic::DeadLetters);
    assert_eq!(kept, [(String::new(), lines[2].clone()), ("acme".to_owned(), lines[4].clone())]);
    let headers = &world.inbox.headers_of(Topic::DeadLetters)[1];
    assert!(headers.contains(&("reason".to_owned(), "unknown_field".to_owned())), "{headers:?}");
    assert!(headers.contains(&("line".to_owned(), "5".to_owned())), "{headers:?}");
}

#[tokio::test]
async fn a_bad_line_for_somebody_elses_account_is_not_kept_to_be_put_back_there() {
    let world = World::new().await;
    let mut foreign = request("m1", "utility");
    foreign["account"] = json!("other");
    foreign["a_field_of_tomorrow"] = json!("1");
    for (token, kept) in [("enqueue", 0), ("enqueue of all", 1)] {
        let answer = world.api(token, Method::POST, PATH, foreign.to_string()).await.json();
        assert_eq!(answer["results"][0]["error"]["code"], "unknown_field", "{answer}");
        assert_eq!((&answer["dead_letters"], world.inbox.of(Topic::DeadLetters).len()), (&json!(kept), kept));
    }
}

#[tokio::test]
async fn an_unknown_account_is_the_fault_of_its_line_alone() {
    let world = World::new().await;
    let mut stranger = request("m2", "utility");
    stranger["account"] = json!("nobody");
    let lines = [request("m1", "utility"), stranger.clone(), request("m3", "utility")];
    let body = lines.map(|line| line.to_string()).join("\n");
    let path = format!("{PATH}?first_line=12345&file=mix%20up.jsonl");
    let answer = world.api("everything", Method::POST, &path, body).await;
    let told = answer.json();
    assert_eq!((answer.status.as_u16(), &told["accepted"]), (202, &json!(2)), "{told}");
    assert_eq!((&told["refused"], &told["dead_letters"]), (&json!(1), &json!(1)), "{told}");
    let refused = &told["results"][1];
    assert_eq!((&refused["line"], &refused["error"]["code"]), (&json!(12346), &json!("unknown_account")));
    assert_eq!((&refused["error"]["field"], &refused["error"]["value"]), (&json!("account"), &json!("nobody")));
    assert_eq!(world.inbox.of(Topic::DeadLetters), [("nobody".to_owned(), stranger.to_string())]);
    let headers = world.inbox.headers_of(Topic::DeadLetters).remove(0);
    let counted = world.call(&format!("http://{}/metrics", world.at.metrics), Method::GET, &[], "").await.text;
    assert!(counted.contains("tollgate_dead_letters_total{reason=\"unknown_account\"} 1\n"), "{counted}");
    let header = |name: &str| headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str());
    assert_eq!((header("file"), header("line")), (Some("mix up.jsonl"), Some("12346")), "of the upload");
    assert!(header("detail").unwrap().starts_with("account = \"nobody\": "), "{headers:?}");
    for bad in ["first_line=0", "first_line=x", "file=", "file=a%0Ab"] {
        let answer = world.api("everything", Method::POST, &format!("{PATH}?{bad}"), "1").await;
        assert_eq!(answer.json()["code"], "bad_query", "{bad}");
    }
}

#[tokio::test]
async fn a_batch_without_a_good_line_is_refused_but_kept() {
    let world = World::new().await;
    let answer = world.api("enqueue", Method::POST, PATH, "1\n2\n").await;
    assert_eq!(answer.status, 422);
    assert_eq!(world.inbox.of(Topic::DeadLetters).len(), 2);
}

#[tokio::test]
async fn lines_and_bytes_are_bounded() {
    let world = World::new().await;
    let many = world.api("enqueue", Method::POST, PATH, "1\n".repeat(20_001)).await;
    assert_eq!((many.status.as_u16(), many.json()["code"].as_str()), (413, Some("too_large")));
    let large = world.api("enqueue", Method::POST, PATH, vec![b' '; (16 << 20) + 1]).await;
    assert_eq!(large.status, 413);
    assert_eq!(world.inbox.appends(), 0);
}

#[tokio::test]
async fn consents_in_a_batch_are_one_append_and_bad_lines_are_told() {
    let world = World::new().await;
    let consent = |account: &str, to: &str| json!({ "account": account, "to": to, "state": "opt_in", "source": "web" });
    let mut typo = consent("acme", "+5511987654322");
    typo["sate"] = json!("opt_out");
    let mut opt_out = consent("acme", "+5511987654323");
    opt_out["state"] = json!("opt_out");
    opt_out["category"] = json!("marketing");
    let lines = [
        consent("acme", "+5511987654321").to_string(),
        consent("other", "+5511987654321").to_string(),
        typo.to_string(),
        consent("acme", "+0511").to_string(),
        String::new(),
        opt_out.to_string(),
    ];
    let path = "/v1/consents:batch";
    let answer = world.api("operate", Method::POST, path, lines.join("\n")).await;
    let body = answer.json();
    assert_eq!(answer.status, 202, "{body}");
    assert_eq!((&body["accepted"], &body["refused"]), (&json!(2), &json!(3)));
    let told: Vec<(u64, &str)> = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| (result["line"].as_u64().unwrap(), result["error"]["code"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(2, "forbidden"), (3, "unknown_field"), (4, "malformed")]);
    assert_eq!(world.inbox.appends(), 1, "one durable append");
    let commands: Vec<serde_json::Value> =
        world.inbox.of(Topic::Commands).iter().map(|(_, value)| serde_json::from_str(value).unwrap()).collect();
    assert_eq!(commands.len(), 2);
    assert_eq!((&commands[0]["command"], &commands[0]["account"]), (&json!("set_consent"), &json!("acme")));
    assert_eq!(
        (&commands[1]["consent"]["state"], &commands[1]["consent"]["category"]),
        (&json!("opt_out"), &json!("marketing"))
    );
    let mut listed = consent("acme", "+5511987654324");
    listed["state"] = json!("suppressed");
    let mut both = listed.clone();
    both["category"] = json!("marketing");
    let answer = world.api("operate", Method::POST, path, format!("{listed}\n{both}")).await;
    assert_eq!((&answer.json()["accepted"], &answer.json()["refused"]), (&json!(1), &json!(1)), "{}", answer.text);
    let command: serde_json::Value = serde_json::from_str(&world.inbox.of(Topic::Commands)[2].1).unwrap();
    assert_eq!((&command["command"], &command["suppression"]["listed"]), (&json!("set_suppression"), &json!(true)));
    let mut yes = consent("acme", "+5511987654321");
    yes["state"] = json!("yes");
    let none = world.api("operate", Method::POST, &format!("{path}?first_line=40"), format!("\n{yes}")).await;
    assert_eq!(none.status, 422, "{}", none.text);
    let told = &none.json()["results"][0];
    assert_eq!((&told["line"], &told["error"]["field"]), (&json!(41), &json!("state")), "{told}");
}

#[tokio::test]
async fn a_consent_names_a_brand_that_the_account_has() {
    let world = World::new().await;
    let line = |account: &str, brand: &str| {
        json!({ "account": account, "to": "+5511987654321", "state": "opt_in", "brand": brand }).to_string()
    };
    let answer = world.api("operate", Method::POST, "/v1/consents:batch", line("acme", "shoes")).await;
    let told = &answer.json()["results"][0]["error"];
    assert_eq!((answer.status.as_u16(), &told["code"]), (422, &json!("malformed")), "{told}");
    assert_eq!((&told["field"], &told["value"]), (&json!("brand"), &json!("shoes")), "{told}");
    let one = json!({"brand": "shoes"}).to_string();
    let answer = world.api("operate", Method::PUT, "/v1/contacts/acme/%2B5511987654321/consents", one).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (422, &json!("malformed")));
    assert_eq!(world.inbox.appends(), 0);
    // A no to a brand that the account may have no longer is not lost.
    let path = "/v1/contacts/acme/%2B5511987654321/consents";
    let answer = world.api("operate", Method::DELETE, &format!("{path}?brand=shoes"), "").await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let no = json!({"brand": "shoes", "state": "opt_out"}).to_string();
    let answer = world.api("operate", Method::PUT, path, no).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let line = json!({"account": "acme", "to": "+5511987654321", "state": "opt_out", "brand": "shoes"}).to_string();
    let answer = world.api("operate", Method::POST, "/v1/consents:batch", line).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let commands = world.inbox.of(Topic::Commands);
    let brands: Vec<serde_json::Value> = commands
        .iter()
        .map(|(_, c)| serde_json::from_str::<serde_json::Value>(c).unwrap()["consent"]["brand"].take())
        .collect();
    assert_eq!(brands, ["shoes", "shoes", "shoes"]);
    let answer = world.api("operate", Method::DELETE, &format!("{path}?brand=No%20Name"), "").await;
    assert_eq!(answer.status, 422, "{}", answer.text);
}
