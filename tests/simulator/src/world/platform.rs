//! The platform, as simple as it can be: it takes calls, delivers or fails, and tells of it late, twice, in any
//! order or not at all.

use super::{Due, World};
use crate::auditor::{Delivered, Fate, Taken};
use crate::step::Ordered;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DAY_S: u64 = 86_400;

/// What the platform remembers.
#[derive(Debug, Default)]
pub(crate) struct Platform {
    messages: u64,
    /// When people wrote to a number, in order.
    wrote: BTreeMap<(String, String), Vec<u64>>,
    /// End of a free entry point.
    entry_until_s: BTreeMap<(String, String), u64>,
    /// Unanswered visits from advertisements.
    visits: BTreeMap<(String, String), u64>,
    /// Calls taken that the auditor has not been told of.
    pub taken: Vec<Taken>,
    /// Deliveries that the auditor has not been told of, by their second; `true` = outside a window already when called.
    coming: BTreeMap<u64, Vec<(Delivered, bool)>>,
}

/// A window that ends this soon is not relied on.
const CLOSES_EARLY_S: u64 = 60;

/// A status on its way to us.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub account: String,
    pub wamid: String,
    /// Callback data, when the message is ours.
    pub callback: Option<(u64, u8)>,
    /// The callback data may be missing once we know the wamid.
    pub bare: bool,
    pub event: Value,
}

impl Platform {
    pub fn wrote(&mut self, sender: &str, person: &str, at_s: u64, referral: bool) {
        let key = (sender.to_owned(), person.to_owned());
        self.wrote.entry(key.clone()).or_default().push(at_s);
        if referral {
            self.visits.insert(key, at_s);
        }
    }

    pub fn next_wamid(&mut self, ours: bool) -> String {
        self.messages += 1;
        format!("wamid.{}{}", if ours { "" } else { "f" }, self.messages)
    }

    /// The deliveries until a second that the platform counts.
    pub fn delivered(&mut self, now_s: u64) -> Vec<Delivered> {
        let later = self.coming.split_off(&(now_s + 1));
        let until_now = std::mem::replace(&mut self.coming, later).into_values().flatten();
        let outside = |(d, outside): &(Delivered, bool)| {
            *outside || !self.window_open(&(d.sender.clone(), d.person.clone()), d.at_s)
        };
        until_now.filter(outside).map(|(d, _)| d).collect()
    }

    fn window_open(&self, key: &(String, String), at_s: u64) -> bool {
        self.wrote.get(key).is_some_and(|w| w.iter().any(|t| *t <= at_s && at_s < t + DAY_S))
    }
}

/// The platform took an order: plans everything that it will ever say about it.
pub(super) fn took(world: &mut World, order: &Ordered, wamid: &str) {
    let category = match &order.template {
        None => "service",
        Some((name, _)) => super::setup::TEMPLATES.iter().find(|t| t.0 == name).map_or("utility", |t| t.1),
    };
    let outside = is_outside(world, order);
    let ours = Some((order.uid, order.attempt, outside));
    let fate = tell(world, &order.account, &order.sender, &order.to, wamid, category, ours);
    called(world, order, outside, fate);
}

/// The platform did not take an order, and nobody knows.
pub(super) fn lost(world: &mut World, order: &Ordered) {
    let outside = is_outside(world, order);
    called(world, order, outside, Fate::Lost);
}

fn is_outside(world: &World, order: &Ordered) -> bool {
    let key = (order.sender.clone(), order.to.clone());
    !world.platform.window_open(&key, world.now_ms / 1000 + CLOSES_EARLY_S)
}

fn called(world: &mut World, order: &Ordered, outside: bool, fate: Fate) {
    let key = (order.sender.clone(), order.to.clone());
    let taken = Taken {
        uid: order.uid,
        at_ms: world.now_ms,
        account: order.account.clone(),
        sender: order.sender.clone(),
        person: order.to.clone(),
        wrote_s: world.platform.wrote.get(&key).and_then(|times| times.iter().max().copied()).unwrap_or(0),
        outside,
        fate,
        throughput: world.pace.allowed(&order.sender, world.now_ms),
    };
    world.platform.taken.push(taken);
}

/// Other software of the business sends from one of its numbers.
pub(super) fn foreign(world: &mut World) {
    let account = world.dice.pick(&world.accounts).clone();
    let sender = world.dice.pick(&account.senders).clone();
    let person = world.dice.pick(&world.people).name.clone();
    let wamid = world.platform.next_wamid(false);
    let category = *world.dice.pick(&["marketing", "utility", "service", "authentication"]);
    tell(world, &account.id, &sender, &person, &wamid, category, None);
}

/// Plans the statuses of a message of ours (message, attempt, whether it was called outside a window) or of other software.
fn tell(
    world: &mut World,
    account: &str,
    sender: &str,
    person: &str,
    wamid: &str,
    category: &str,
    ours: Option<(u64, u8, bool)>,
) -> Fate {
    let callback = ours.map(|(uid, attempt, _)| (uid, attempt));
    let key = (sender.to_owned(), person.to_owned());
    let healthy = world.healthy;
    let now_s = world.now_ms / 1000;
    let to = world.people.iter().find(|p| p.name == person).map_or_else(|| json!(person), |p| p.to.clone());
    let news =
        |event: Value, bare: bool| News { account: account.to_owned(), wamid: wamid.to_owned(), callback, bare, event };
    let status = |kind: &str, at_s: u64| json!({"event": "status", "sender": sender, "wamid": wamid, "to": to, "status": kind, "at_s": at_s});
    let dice = &mut world.dice;
    let sent_s = now_s + dice.between(0, 2);
    let mut plan: Vec<Value> = Vec::new();
    if healthy || !dice.percent(8) {
        plan.push(status("sent", sent_s));
    }
    let fails = !healthy && dice.percent(6);
    let lost_phone = !healthy && dice.percent(4);
    if fails {
        let mut failed = status("failed", sent_s + dice.below(60));
        let codes = [131_026, 131_049, 131_050, 132_015, 130_472, 131_053, 131_047, 131_000];
        failed["code"] = json!(dice.pick(&codes));
        plan.push(failed);
    } else if !lost_phone {
        let wait = if healthy {
            dice.below(5)
        } else {
            match dice.below(100) {
                0..80 => dice.below(20),
                80..93 => dice.below(4 * 3600),
                93..98 => dice.below(2 * DAY_S),
                _ => dice.below(40 * DAY_S),
            }
        };
        let delivered_s = sent_s + wait;
        let visited = world.platform.visits.get(&key).is_some_and(|v| delivered_s < v + DAY_S);
        if visited {
            world.platform.visits.remove(&key);
            world.platform.entry_until_s.insert(key.clone(), delivered_s + 3 * DAY_S);
        }
        let free = world.platform.entry_until_s.get(&key).is_some_and(|until| delivered_s < *until);
        let open = world.platform.window_open(&key, delivered_s);
        // The change of rules on 2026-10-01, by UTC: what the platform says need not fit what we expect.
        let old_rules = delivered_s < 1_790_812_800;
        let kind = match category {
            _ if free => "free_entry_point",
            "service" if old_rules => "free_customer_service",
            "utility" if old_rules && open => "free_customer_service",
            _ => "regular",
        };
        let pricing = |dice: &mut tollgate_tests::Dice| {
            let mut p = json!({"model": "PMP", "category": category, "pricing_type": kind});
            match dice.below(1000) {
                0..20 => p["category"] = json!("marketing"),
                20..28 => p = json!({"model": "PMP", "category_text": "group_marketing", "pricing_type": "regular"}),
                28..36 => {
                    p = json!({"model": "PMP", "category_text": "referral_conversion", "pricing_type": "free_entry_point"})
                }
                36..44 => p = json!({"category": category}),
                44..48 => p["model"] = json!("CBP"),
                48..56 => {
                    p = json!({"model": "PMP", "category": "marketing", "category_text": "marketing_lite", "pricing_type": kind})
                }
                _ => {}
            }
            p
        };
        if let Some(sent) = plan.first_mut().filter(|_| dice.percent(60)) {
            sent["pricing"] = pricing(dice);
        }
        let read = dice.percent(40);
        let only_read = read && dice.percent(25);
        if !only_read {
            let mut delivered = status("delivered", delivered_s);
            if dice.percent(85) {
                delivered["pricing"] = pricing(dice);
            }
            plan.push(delivered);
        }
        if read {
            let mut event = status(if dice.percent(95) { "read" } else { "played" }, delivered_s + dice.below(600));
            if dice.percent(if only_read { 85 } else { 15 }) {
                event["pricing"] = pricing(dice);
            }
            plan.push(event);
        }
    }
    let mut copies = Vec::new();
    for event in plan {
        comes(&mut world.platform, account, sender, person, ours.is_some_and(|o| o.2), &event);
        if !healthy && dice.percent(6) {
            continue;
        }
        if dice.percent(8) {
            let mut copy = event.clone();
            if dice.percent(30) {
                // The same status with another time, earlier by up to three hours.
                let at = copy["at_s"].as_u64().unwrap_or(sent_s);
                copy["at_s"] = json!(at - dice.below(10_800).min(at - sent_s));
            }
            comes(&mut world.platform, account, sender, person, ours.is_some_and(|o| o.2), &copy);
            copies.push(copy);
        }
        copies.push(event);
    }
    let mut failure_ms = u64::MAX;
    for event in copies {
        let happened_ms = event["at_s"].as_u64().unwrap_or(now_s) * 1000;
        let late = match world.dice.below(100) {
            _ if healthy => world.dice.below(500),
            0..75 => world.dice.below(4_000),
            75..95 => world.dice.below(120_000),
            _ => world.dice.below(60 * 3_600_000),
        };
        let bare = world.dice.percent(25);
        let at = happened_ms.max(world.now_ms) + late;
        if event["status"] == "failed" {
            failure_ms = failure_ms.min(at);
        }
        world.at(at, Due::News(news(event, bare)));
    }
    if fails { Fate::Fails(failure_ms) } else { Fate::Reaches }
}

/// Keeps a delivery for when it comes.
fn comes(platform: &mut Platform, account: &str, sender: &str, person: &str, outside: bool, event: &Value) {
    if !matches!(event["status"].as_str(), Some("delivered" | "read" | "played")) {
        return;
    }
    let at_s = event["at_s"].as_u64().unwrap_or(0);
    let delivered = Delivered { at_s, account: account.into(), sender: sender.into(), person: person.into() };
    platform.coming.entry(at_s).or_default().push((delivered, outside));
}
