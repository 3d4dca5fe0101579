//! The dispatcher: makes each durable order once, in time or not at all, and reports what it knows.

use super::{Due, World};
use crate::step::{Input, Ordered};
use serde_json::{Value, json};
use tollgate_wire::Time;

/// Codes that a call may be refused with, with weights: those that end a message, those that are tried again, and
/// those that pause a template, a campaign, a number or an account.
const CODES: &[(u64, u32)] = &[
    (20, 131_056),
    (15, 130_429),
    (10, 131_016),
    (8, 131_000),
    (8, 132_015),
    (6, 2),
    (3, 1),
    (5, 4),
    (5, 131_026),
    (3, 131_049),
    (1, 130_497),
    (4, 131_047),
    (4, 131_050),
    (4, 132_000),
    (3, 130_472),
    (3, 131_057),
    (2, 80_007),
    (1, 131_048),
    (1, 132_001),
    (1, 131_063),
    (1, 132_016),
    (1, 133_010),
    (1, 131_042),
    (1, 190),
];

/// An order has become durable: the call is made a little later.
pub(super) fn take(world: &mut World, order: Ordered) {
    let wait = match world.dice.below(100) {
        _ if world.healthy => world.dice.between(1, 50),
        0..85 => world.dice.between(1, 200),
        85..96 => world.dice.between(200, 3_000),
        _ => world.dice.between(3_000, 12_000),
    };
    world.at(world.now_ms + wait, Due::Call(order));
}

/// The moment of the call.
pub(super) fn call(world: &mut World, order: &Ordered) {
    if world.now_ms > order.leave_by_ms {
        return report(world, order, &json!({"not_sent": {"reason": "leave_by"}}), 5);
    }
    if !world.healthy
        && let Some((result, most_ms, took)) = super::outage::answer(world, order)
    {
        if took {
            let wamid = world.platform.next_wamid(true);
            super::platform::took(world, order, &wamid);
        } else if result == "in_doubt" {
            super::platform::lost(world, order);
        }
        return report(world, order, &result, most_ms);
    }
    let fate = if world.healthy { 0 } else { world.dice.below(1000) };
    match fate {
        0..830 => {
            let wamid = world.platform.next_wamid(true);
            super::platform::took(world, order, &wamid);
            let held = !world.healthy && world.dice.percent(3);
            let wait = if world.healthy || world.dice.percent(97) { 300 } else { 90_000 };
            report(world, order, &json!({"accepted": {"wamid": wamid, "held": held}}), wait);
        }
        830..920 => {
            let code = *world.dice.weighted(CODES);
            let mut refused = json!({"code": code, "detail": ""});
            if world.dice.percent(20) {
                refused["retry_after_s"] = json!(world.dice.below(120));
            }
            report(world, order, &json!({"rejected": refused}), 300);
        }
        920..950 => report(world, order, &json!({"not_sent": {"reason": "unreachable"}}), 300),
        _ => {
            // The call was made and the answer is lost; half of these reached the platform.
            if world.dice.percent(50) {
                let wamid = world.platform.next_wamid(true);
                super::platform::took(world, order, &wamid);
            } else {
                super::platform::lost(world, order);
            }
            if world.dice.percent(60) {
                report(world, order, &json!("in_doubt"), 11_000);
            }
        }
    }
}

fn report(world: &mut World, order: &Ordered, result: &Value, most_ms: u64) {
    let at = world.now_ms + world.dice.between(1, most_ms);
    let event = json!({"event": "result", "callback": {"message_uid": order.uid, "attempt": order.attempt},
        "at": Time(at), "result": result});
    world.at(at, Due::Input(Input::Event { account: order.account.clone(), event }));
}
