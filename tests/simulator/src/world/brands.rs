//! Accounts with brands: who writes as which, what people say to them, requests that name one, and settings that change. With
//! dice of its own, so that the rest of a seed's world stays what it was.

use super::{AccountPlan, Due, World};
use crate::step::Input;
use serde_json::{Value, json};
use tollgate_tests::Dice;

/// Of the dice.
pub(super) const STREAM: u64 = 9;
const NAMES: [&str; 3] = ["shoes", "hats", "gloves"];

/// Gives some accounts brands.
pub(super) fn plan(dice: &mut Dice, accounts: &mut [AccountPlan]) {
    for account in accounts {
        if dice.percent(40) {
            account.spec["policy"]["brands"] = brands(dice, account);
        }
    }
}

/// Numbers by turns of one of two brands or of none; those of a pool together.
fn brands(dice: &mut Dice, account: &AccountPlan) -> Value {
    let pools = account.spec["pools"].as_array().into_iter().flatten();
    let pooled: Vec<&str> = pools.flat_map(|p| p["senders"].as_array()).flatten().filter_map(Value::as_str).collect();
    let (of_pool, first) = (dice.below(4), dice.below(2) as usize);
    let mut senders: [Vec<&str>; 3] = Default::default();
    for sender in &account.senders {
        let brand = if pooled.contains(&sender.as_str()) { of_pool } else { dice.below(4) };
        // Of four one is of no brand.
        if brand < 3 {
            let at = (first + usize::from(brand == 2)) % NAMES.len();
            senders[at].push(sender);
        }
    }
    let named = NAMES.iter().zip(senders).filter(|(_, senders)| !senders.is_empty());
    named.map(|(name, senders)| json!({"name": name, "senders": senders, "inherits": dice.percent(50)})).collect()
}

fn names(account: &AccountPlan) -> Vec<String> {
    let brands = account.spec["policy"]["brands"].as_array().into_iter().flatten();
    brands.filter_map(|b| b["name"].as_str()).map(str::to_owned).collect()
}

/// Puts it on the agenda.
pub(super) fn begin(world: &mut World) {
    let (start, span) = (world.now_ms, world.end_ms - world.now_ms);
    for a in 0..world.accounts.len() {
        for brand in names(&world.accounts[a]) {
            for p in 0..world.people.len() {
                if world.brand_dice.percent(60) {
                    let command = consent(world, a, p, Some(&brand), "opt_in");
                    world.at(start, Due::Input(Input::Command(command)));
                }
            }
        }
    }
    for _ in 0..world.brand_dice.between(60, 240) {
        let at = start + world.brand_dice.below(span);
        world.at(at, Due::Brand);
    }
}

fn consent(world: &mut World, a: usize, p: usize, brand: Option<&str>, state: &str) -> Value {
    let dice = &mut world.brand_dice;
    let mut consent = json!({"to": world.people[p].name, "state": state, "source": "web"});
    if let Some(brand) = brand {
        consent["brand"] = json!(brand);
    }
    if dice.percent(40) {
        consent["category"] = json!(dice.pick(&["marketing", "utility", "authentication", "service"]));
    }
    if state == "opt_in" && dice.percent(15) {
        consent["expires"] = json!(tollgate_wire::Time(world.now_ms + dice.between(1, 48) * 3_600_000));
    }
    if state == "opt_in" && dice.percent(60) {
        consent["confirmed"] = json!(true);
    }
    // As a file says that is imported later.
    if dice.percent(25) {
        consent["at"] = json!(tollgate_wire::Time(world.now_ms - dice.between(1, 72) * 1_800_000));
    }
    json!({"command": "set_consent", "account": world.accounts[a].id, "consent": consent})
}

/// A person says something to a brand, or the operator gives brands other numbers.
pub(super) fn act(world: &mut World) {
    let a = world.brand_dice.below(world.accounts.len() as u64) as usize;
    let p = world.brand_dice.below(world.people.len() as u64) as usize;
    let known = names(&world.accounts[a]);
    if known.is_empty() {
        return;
    }
    let dice = &mut world.brand_dice;
    match dice.below(100) {
        0..60 => {
            let brand = dice.pick(&known).clone();
            // One that the account may have no longer, or never had: nothing is agreed to with it, and no no to it is lost.
            let brand = match dice.below(20) {
                0 => "belts".to_owned(),
                1 | 2 => (*dice.pick(&NAMES)).to_owned(),
                _ => brand,
            };
            let state = if dice.percent(70) { "opt_in" } else { "opt_out" };
            let command = consent(world, a, p, Some(&brand), state);
            world.command(command);
        }
        60..85 => {
            let sender = dice.pick(&world.accounts[a].senders).clone();
            let keyword = *dice.pick(&["stop", "yes", "stop", "stop all"]);
            // Some are told late, when the number may be of another brand.
            let late_s = if dice.percent(20) { 7_200 } else { 30 };
            let at_s = (world.now_ms / 1000).saturating_sub(dice.below(late_s));
            let (from, name) = (world.people[p].to.clone(), world.people[p].name.clone());
            let event = json!({"event": "inbound", "sender": sender, "from": from, "at_s": at_s, "keyword": keyword});
            world.platform.wrote(&sender, &name, at_s, false);
            world.writers.push((a, sender, p));
            let account = world.accounts[a].id.clone();
            world.at(world.now_ms, Due::Input(Input::Event { account, event }));
        }
        _ => {
            let mut account = world.accounts[a].clone();
            account.spec["policy"]["brands"] = brands(dice, &account);
            // Never without any: the next change would find nobody.
            if !names(&account).is_empty() {
                world.accounts[a].spec = account.spec.clone();
                world.command(json!({"command": "apply_account", "spec": account.spec}));
            }
        }
    }
}

/// Some requests name the brand that they are for, by turns one of their number's and another.
pub(super) fn named(world: &mut World, account: &AccountPlan, body: &mut Value) {
    let known = names(account);
    if !known.is_empty() && world.brand_dice.percent(30) {
        let brand = world.brand_dice.pick(&known).clone();
        // Without a number of its own it takes one of the brand.
        if world.brand_dice.percent(50)
            && let Some(body) = body.as_object_mut()
        {
            body.remove("sender");
        }
        body["brand"] = json!(brand);
    }
}
