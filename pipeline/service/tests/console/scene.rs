//! What there is to see: two accounts, campaigns that run and one that is paused, codes and notices, refusals, a bill.

use std::process::Command;

use serde_json::{Value, json};
use tollgate_runtime::gateway::hash_token;
use tollgate_wire::Time;

use crate::world::{ACCOUNT, World, people, request, wait};

/// Tokens by role; `ADMIN` is the test's own.
pub const ADMIN: &str = "tg-admin-4f1d0c";
pub const OPERATE: &str = "tg-operate-77ab31";
pub const FINANCE: &str = "tg-finance-5d2e90";
/// Operations of the first account alone.
pub const OF_ONE: &str = "tg-operate-acme-90cc1e";
/// The second account.
pub const OTHER_ACCOUNT: &str = "bluebird";
/// Delivered to, and waiting for a campaign that is paused.
pub const READERS: u64 = 60;
pub const PAUSED: u64 = 7;

fn tokens() -> String {
    let entry = |(name, token, role, accounts): (&str, &str, &str, &str)| {
        let hash = hash_token(token);
        format!(
            "[[gateway.tokens]]\nname = \"{name}\"\nsha256 = \"{hash}\"\nrole = \"{role}\"\naccounts = [{accounts}]\n"
        )
    };
    [
        ("admin", ADMIN, "admin", ""),
        ("operate", OPERATE, "operate", ""),
        ("finance", FINANCE, "finance", ""),
        ("operate-acme", OF_ONE, "operate", "\"acme\""),
    ]
    .map(entry)
    .concat()
}

/// A service that has done all of it.
pub fn set() -> World {
    let world = World::with(&tokens(), Some(ADMIN));
    let other = json!({"account": OTHER_ACCOUNT, "name": "Bluebird <Reisen> & Söhne", "limit": 250,
        "wabas": [{"id": "555", "currency": "USD", "time_zone": "UTC",
            "senders": [{"id": "777", "display": "15550999888", "throughput": 80, "quality": "RED"}],
            "templates": [{"name": "offers", "language": "en_US", "category": "marketing", "body": ["1"]}]}]});
    world.accepted("PUT", &format!("/v1/accounts/{OTHER_ACCOUNT}"), &other.to_string());
    for (campaign, budget, paused) in [("autumn", "25.00", false), ("winter", "100.00", true)] {
        let spec = json!({"name": campaign, "budget": budget, "paused": paused});
        world.accepted("POST", &format!("/v1/campaigns/{ACCOUNT}"), &spec.to_string());
    }
    let (readers, unasked, buyers, later) = (people(1, READERS), people(2, 9), people(3, 20), people(4, PAUSED));
    for group in [&readers, &buyers, &later] {
        world.consent(group, "opt_in");
    }
    let each = |people: &[String], id: &str, purpose: &str, template: &str| -> Vec<Value> {
        let made = people.iter().enumerate().map(|(n, to)| request(&format!("{id}-{n}"), to, purpose, template));
        made.collect()
    };
    let mut requests = each(&readers, "autumn", "marketing", "news");
    requests.extend(each(&unasked, "unasked", "marketing", "news"));
    requests.extend(each(&buyers, "order", "utility", "order"));
    requests.extend(each(&buyers[..5], "code", "authentication", "code"));
    let mut paused = each(&later, "winter", "marketing", "news");
    paused.iter_mut().for_each(|request| request["campaign"] = json!("winter"));
    requests.extend(paused);
    let mut tomorrow = each(&buyers[..4], "tomorrow", "utility", "order");
    let at = Time(tollgate_runtime::clock::now().0 + 86_400_000);
    tomorrow.iter_mut().for_each(|request| request["send_after"] = json!(at));
    requests.extend(tomorrow);
    world.enqueue(&requests);
    settle(&world);
    world
}

/// Waits until nothing moves any more, here and at the platform, and everything is booked.
fn settle(world: &World) {
    let delivered = READERS + 20 + 5;
    let moved = || {
        let stats = world.sandbox.stats();
        let csv = export(world);
        let booked: u64 = csv.lines().skip(1).map(|line| column(&csv, line, "messages").parse::<u64>().unwrap()).sum();
        (stats.timers, stats.updates_queued, booked)
    };
    wait("everything is delivered and booked", moved, |now| *now == (0, 0, delivered));
    let path = format!("/v1/campaigns/{ACCOUNT}/winter");
    let waits = || world.call("GET", &path, "").map_or_else(String::new, |(_, body)| body);
    wait("a campaign waits", waits, |body| body.contains(&format!("\"parked\":{PAUSED}")));
}

/// The month that it is.
pub fn month() -> String {
    tollgate_runtime::clock::now().to_string()[..7].to_owned()
}

/// The first account's bill of this month, as the command exports it.
pub fn export(world: &World) -> String {
    let file = world.folder.path().join("export.csv");
    let _ = std::fs::remove_file(&file);
    let told = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["billing", "export", "--month", &month(), "--account", ACCOUNT])
        .args(["--url", &format!("http://{}", world.api), "--out", file.to_str().unwrap()])
        .env("TOLLGATE_TOKEN", FINANCE)
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    std::fs::read_to_string(&file).unwrap()
}

/// What `tollgate explain` tells of a message.
pub fn explain(world: &World, id: &str) -> String {
    let told = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["explain", ACCOUNT, id, "--url", &format!("http://{}", world.api)])
        .env("TOLLGATE_TOKEN", OPERATE)
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap()
}

/// A column of a line of an export, none of whose values has a comma.
pub fn column<'a>(csv: &str, line: &'a str, name: &str) -> &'a str {
    let at = csv.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
    line.split(',').nth(at).unwrap()
}
