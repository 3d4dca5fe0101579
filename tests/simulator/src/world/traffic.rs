//! Requests of campaign systems: all purposes, several alternatives and languages, schedules, duplicates, rubbish.

use super::World;
use super::setup::POOL;
use super::setup::{LANGUAGES, TEMPLATES};
use crate::step::Input;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_wire::Time;

/// Campaigns of an account that its requests name first.
pub(super) const SURPRISES: u64 = 4;

/// The name of one of them.
pub(super) fn surprise(n: u64) -> String {
    format!("surprise-{n}")
}

/// The next request.
pub(super) fn request(world: &mut World) -> Input {
    let dice = &mut world.dice;
    if dice.permille(8) {
        let rubbish: [&[u8]; 4] = [b"{\"id\":", b"\xff\xfe", b"{\"id\":\"x\",\"unknown\":1}", b"[]"];
        return Input::Garbage(dice.pick(&rubbish).to_vec());
    }
    if dice.permille(25) && !world.past.is_empty() {
        let (body, priority) = dice.pick(&world.past).clone();
        return Input::Request { body, priority };
    }
    let purpose = *dice.weighted(&[(45, "marketing"), (28, "utility"), (12, "authentication"), (15, "service")]);
    let answers = purpose == "service" && dice.percent(80) || dice.percent(10);
    let latest = world.writers.len().saturating_sub(8);
    let writer =
        if answers && !world.writers.is_empty() { Some(dice.pick(&world.writers[latest..]).clone()) } else { None };
    let account = match &writer {
        Some((a, ..)) => world.accounts[*a].clone(),
        None => dice.pick(&world.accounts).clone(),
    };
    let to = match &writer {
        Some((_, _, p)) => world.people[*p].to.clone(),
        None if dice.permille(10) => dice.pick(&[json!("+12"), json!("11999"), json!("+999123456789")]).clone(),
        None => dice.pick(&world.people).to.clone(),
    };
    world.requests += 1;
    let dice = &mut world.dice;
    let mut body = json!({
        "id": format!("r{}", world.requests),
        "account": if dice.permille(4) { "nobody" } else { &account.id },
        "to": to,
        "purpose": purpose,
        "content": contents(world, purpose),
    });
    let dice = &mut world.dice;
    if account.spec.get("pools").is_some() && dice.percent(40) {
        body["sender"] = json!(POOL);
    } else if let Some((_, sender, _)) = &writer {
        body["sender"] = json!(sender);
    } else if dice.percent(50) {
        body["sender"] = json!(if dice.permille(10) { "9999" } else { dice.pick(&account.senders) });
    }
    if dice.percent(25) {
        body["choose"] = json!("cheapest");
    }
    if dice.percent(if purpose == "marketing" { 75 } else { 20 }) {
        body["campaign"] = if dice.permille(20) {
            json!(surprise(dice.below(SURPRISES)))
        } else {
            json!(dice.pick(&account.campaigns))
        };
        if dice.percent(35) && are_told_apart(body["content"].as_array().map_or(&[], Vec::as_slice)) {
            body["choose"] = json!("split");
        }
    }
    let now = world.now_ms;
    let mut after = now;
    if dice.percent(8) {
        after = now + dice.below(30 * 3_600_000);
        body["send_after"] = json!(Time(after));
    }
    if dice.percent(30) {
        body["expires_at"] = json!(Time(after + dice.between(2_000, 40 * 3_600_000)));
    }
    let priority = purpose == "authentication" || dice.percent(10);
    super::brands::named(world, &account, &mut body);
    let keep = world.past.len() < 200;
    if keep {
        world.past.push((body.clone(), priority));
    }
    Input::Request { body, priority }
}

/// Whether a split takes these alternatives: no two of the same template and languages, or of one kind without a template.
fn are_told_apart(alternatives: &[Value]) -> bool {
    let key = |content: &Value| match content.get("template") {
        Some(template) => (template["name"].to_string(), template["language"].to_string()),
        None => (String::new(), content.as_object().and_then(|o| o.keys().next().cloned()).unwrap_or_default()),
    };
    let keys: BTreeSet<_> = alternatives.iter().map(key).collect();
    keys.len() == alternatives.len()
}

fn contents(world: &mut World, purpose: &str) -> Vec<Value> {
    let n = *world.dice.weighted(&[(70, 1), (22, 2), (8, 3)]);
    (0..n).map(|_| content(world, purpose)).collect()
}

/// What goes inside the window only; by turns, and the same for the same seed.
fn inside_the_window(n: usize) -> Value {
    match n % 4 {
        0 => json!({"image": {"id": "1339522734477770", "caption": "Your order"}}),
        1 => json!({"interactive": {"type": "button", "body": {"text": "Is tomorrow fine?"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}}}),
        _ => json!({"text": "Your order is on its way."}),
    }
}

fn content(world: &mut World, purpose: &str) -> Value {
    let dice = &mut world.dice;
    let text = match purpose {
        "service" => 75,
        "utility" => 15,
        _ => 3,
    };
    if dice.percent(text) {
        return inside_the_window(world.past.len());
    }
    let wanted = if purpose == "service" || dice.percent(5) { "utility" } else { purpose };
    let fitting: Vec<_> = TEMPLATES.iter().filter(|t| t.1 == wanted).collect();
    let (name, _, parameters) = **dice.pick(&fitting);
    let given = if dice.permille(12) { parameters + 1 } else { parameters };
    let language = match dice.below(4) {
        0 => json!([LANGUAGES[1], LANGUAGES[0]]),
        1 => json!([LANGUAGES[0], LANGUAGES[1]]),
        2 => json!(LANGUAGES[1]),
        _ => json!(LANGUAGES[0]),
    };
    let name = if dice.permille(10) { "missing" } else { name };
    let body: Vec<&str> = (0..given).map(|_| "x").collect();
    json!({"template": {"name": name, "language": language, "components": {"body": body}}})
}
