//! What operators and the platform change: campaigns, consents, templates, senders, limits.

use super::setup::{self, LANGUAGES, TEMPLATES, quality};
use super::{Due, World};
use crate::step::Input;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Settings of a campaign, drawn anew.
pub(super) fn campaign(world: &mut World, account: usize, campaign: usize) -> Value {
    let dice = &mut world.dice;
    let plan = &world.accounts[account];
    let mut spec = json!({"name": plan.campaigns[campaign], "weight": dice.between(1, 4), "paused": dice.percent(10)});
    if dice.percent(60) {
        spec["budget"] = json!(format!("{}.{:02}", dice.below(3), dice.below(100)));
    }
    if dice.percent(40) {
        let from = dice.below(18);
        let to = dice.between(from + 3, 24);
        spec["hours"] = json!({"from": from, "to": to,
            "time_zone": dice.pick(&["America/Sao_Paulo", "Asia/Seoul", "UTC", "Pacific/Auckland"])});
    }
    if dice.percent(35) {
        spec["per_minute"] = json!(dice.pick(&[1, 2, 3, 5, 20, 60, 600, 6000]));
    }
    if dice.percent(40) {
        spec["split"] = json!((0..dice.between(1, 3)).map(|_| dice.between(1, 4)).collect::<Vec<_>>());
    }
    if dice.percent(40) {
        let people: BTreeSet<String> =
            (0..dice.between(1, 25)).map(|_| dice.pick(&world.people).name.clone()).collect();
        spec["test_recipients"] = json!(people);
    }
    json!({"command": "put_campaign", "account": plan.id, "spec": spec})
}

/// A consent of one person.
pub(super) fn consent(world: &mut World, account: usize, person: usize, state: &str, all: bool) -> Value {
    let mut consent = json!({"to": world.people[person].name, "state": state, "source": "web"});
    if !all {
        consent["category"] = json!(world.dice.pick(&["marketing", "utility", "authentication", "service"]));
    }
    json!({"command": "set_consent", "account": world.accounts[account].id, "consent": consent})
}

/// One change by an operator or by the platform.
pub(super) fn act(world: &mut World) {
    let a = world.dice.below(world.accounts.len() as u64) as usize;
    let id = world.accounts[a].id.clone();
    match world.dice.below(100) {
        0..25 => {
            let name = world.dice.pick(&world.accounts[a].campaigns).clone();
            let action =
                *world.dice.weighted(&[(34, "pause"), (36, "resume"), (12, "start"), (13, "test"), (5, "cancel")]);
            world.command(json!({"command": "control_campaign", "account": id, "campaign": name, "action": action}));
            if action == "pause" && world.dice.percent(70) {
                let back = json!({"command": "control_campaign", "account": id, "campaign": name, "action": "resume"});
                let at = world.now_ms + world.dice.below(8 * 3_600_000);
                world.at(at, Due::Input(Input::Command(back)));
            }
            if action == "test" && world.dice.percent(80) {
                let start = json!({"command": "control_campaign", "account": id, "campaign": name, "action": "start"});
                let at = world.now_ms + world.dice.below(12 * 3_600_000);
                world.at(at, Due::Input(Input::Command(start)));
            }
        }
        25..35 => {
            let c = world.dice.below(world.accounts[a].campaigns.len() as u64) as usize;
            let command = campaign(world, a, c);
            world.command(command);
        }
        35..60 => template(world, a),
        60..75 => {
            let sender = world.dice.pick(&world.accounts[a].senders).clone();
            let mut event = json!({"event": "sender", "sender": sender});
            if world.dice.percent(80) {
                event["quality"] = json!(quality(&mut world.dice));
            } else {
                event["throughput"] = json!(world.dice.pick(&[20, 80, 1000]));
            }
            world.event(a, event);
        }
        75..85 => {
            let limit = world.dice.pick(&[json!(3), json!(8), json!(30), json!(250), json!("UNLIMITED")]).clone();
            world.event(a, json!({"event": "limit", "limit": limit}));
        }
        85..87 => {
            world.event(a, json!({"event": "account_state", "disabled": true}));
            let at = world.now_ms + world.dice.below(600_000);
            let back = json!({"event": "account_state", "disabled": false});
            world.at(at, Due::Input(Input::Event { account: id, event: back }));
        }
        87..97 => unblock(world, a),
        _ => {
            // A number is taken out of service by hand.
            let mut spec = world.accounts[a].spec.clone();
            spec["wabas"][0]["senders"][0]["blocked"] = json!(true);
            world.command(json!({"command": "apply_account", "spec": spec}));
        }
    }
}

fn template(world: &mut World, account: usize) {
    let dice = &mut world.dice;
    let waba = dice.pick(&world.accounts[account].wabas).clone();
    let (name, category, parameters) = *dice.pick(TEMPLATES);
    let language = *dice.pick(LANGUAGES);
    let status = *dice.weighted(&[(55, "approved"), (30, "paused"), (8, "pending"), (4, "rejected"), (3, "disabled")]);
    if dice.percent(75) {
        let mut event =
            json!({"event": "template", "waba": waba, "name": name, "language": language, "status": status});
        if dice.percent(4) {
            event["category"] = json!(dice.pick(&["marketing", "utility"]));
        }
        world.event(account, event);
        if status == "paused" && world.dice.percent(80) {
            let back =
                json!({"event": "template", "waba": waba, "name": name, "language": language, "status": "approved"});
            let at = world.now_ms + world.dice.below(6 * 3_600_000);
            let id = world.accounts[account].id.clone();
            world.at(at, Due::Input(Input::Event { account: id, event: back }));
        }
    } else {
        let body: Vec<String> = (1..=parameters).map(|n| n.to_string()).collect();
        let account = world.accounts[account].id.clone();
        world.command(json!({"command": "put_template", "account": account, "waba": waba, "template":
            {"name": name, "language": language, "category": category, "status": status, "body": body,
                "ttl_s": setup::ttl_s(name)}}));
    }
}

/// An operator has put numbers, token and payment right, and applies the account again.
pub(super) fn unblock(world: &mut World, account: usize) {
    let spec = world.accounts[account].spec.clone();
    world.command(json!({"command": "apply_account", "spec": spec}));
}

/// One person does something: writes, says stop, changes a preference, or an operator records a consent.
pub(super) fn person(world: &mut World) {
    let a = world.dice.below(world.accounts.len() as u64) as usize;
    let p = world.dice.below(world.people.len() as u64) as usize;
    let from = world.people[p].to.clone();
    let at_s = (world.now_ms / 1000).saturating_sub(world.dice.below(30));
    match world.dice.below(100) {
        0..60 => {
            let sender = world.dice.pick(&world.accounts[a].senders).clone();
            let mut event = json!({"event": "inbound", "sender": sender, "from": from, "at_s": at_s});
            let referral = world.dice.percent(15);
            if referral {
                event["referral"] = json!(true);
            }
            match world.dice.below(100) {
                0..8 => event["keyword"] = json!("Stop "),
                8..18 => event["keyword"] = json!("hello"),
                18..20 => {
                    event["keyword"] = json!("button-7");
                    event["label"] = json!("Unsubscribe");
                }
                _ => {}
            }
            if world.dice.percent(3) {
                // A wrong clock.
                event["at_s"] = json!(at_s + 10_000);
            }
            world.writers.push((a, sender.clone(), p));
            world.platform.wrote(&sender, &world.people[p].name, at_s, referral);
            // Also after what was delivered meanwhile.
            let late = match world.dice.below(100) {
                0..80 => world.dice.below(3_000),
                80..90 => world.dice.below(2 * 3_600_000),
                _ => world.dice.below(30 * 3_600_000),
            };
            let account = world.accounts[a].id.clone();
            world.at(world.now_ms + late, Due::Input(Input::Event { account, event }));
        }
        60..75 => {
            let stop = world.dice.percent(60);
            world.event(a, json!({"event": "preference", "from": from, "stop": stop, "at_s": at_s}));
        }
        n => {
            let state = if n < 88 { "opt_in" } else { "opt_out" };
            let all = world.dice.percent(50);
            let command = consent(world, a, p, state, all);
            world.command(command);
        }
    }
}
