//! People with a number and a business-scoped id, whom campaign systems address by either and webhooks name by both. With dice
//! of its own, so that the rest of a run stays as it is.

use super::{Due, World};
use crate::step::Input;
use serde_json::json;

/// Number of the dice's stream.
pub(super) const STREAM: u64 = 11;

/// Position of a person with a business-scoped id, and that of the same person's number.
fn both(world: &World) -> Vec<(usize, usize)> {
    let scoped = |p: &usize| !world.people[*p].name.starts_with('+');
    (0..world.people.len()).filter(scoped).enumerate().map(|(number, id)| (id, number)).collect()
}

/// Puts it on the agenda. Every account knows every id: what is kept of an id that nobody uses is not looked for here.
pub(super) fn begin(world: &mut World) {
    let (start, span) = (world.now_ms, world.end_ms - world.now_ms);
    let people = both(world);
    for (id, _) in &people {
        for a in 0..world.accounts.len() {
            let suppression = json!({"to": world.people[*id].name, "listed": false, "source": "import"});
            let command =
                json!({"command": "set_suppression", "account": world.accounts[a].id, "suppression": suppression});
            world.at(start, Due::Input(Input::Command(command)));
        }
    }
    for _ in 0..8 * people.len() {
        let at = start + world.ids_dice.below(span);
        world.at(at, Due::BothIds);
    }
}

/// One of them writes or throws the platform's switch; or asks anew for what was stopped.
pub(super) fn act(world: &mut World) {
    let people = both(world);
    let dice = &mut world.ids_dice;
    let (id, number) = *dice.pick(&people);
    let a = dice.below(world.accounts.len() as u64) as usize;
    let (from, bsuid) = (world.people[number].name.clone(), world.people[id].name.clone());
    let (account, now_ms) = (world.accounts[a].id.clone(), world.now_ms);
    let at_s = (now_ms / 1000).saturating_sub(dice.below(30));
    match dice.below(100) {
        0..60 => {
            let sender = dice.pick(&world.accounts[a].senders).clone();
            let mut event = json!({"event": "inbound", "sender": sender, "from": from, "bsuid": bsuid, "at_s": at_s});
            match dice.below(10) {
                0..3 => event["keyword"] = json!("STOP"),
                3 => event["keyword"] = json!("stop all"),
                4 | 5 => event["keyword"] = json!("yes"),
                _ => {}
            }
            let referral = dice.percent(15);
            if referral {
                event["referral"] = json!(true);
            }
            let late = if dice.percent(80) { dice.below(3_000) } else { dice.below(2 * 3_600_000) };
            // Answers go to either.
            let answered = if dice.percent(70) { id } else { number };
            for person in [&from, &bsuid] {
                world.platform.wrote(&sender, person, at_s, referral);
            }
            world.writers.push((a, sender, answered));
            world.at(now_ms + late, Due::Input(Input::Event { account, event }));
        }
        60..80 => {
            let stop = dice.percent(60);
            let event = json!({"event": "preference", "from": from, "bsuid": bsuid, "stop": stop, "at_s": at_s});
            world.event(a, event);
        }
        _ => {
            let to = if dice.percent(70) { bsuid } else { from };
            let consent = json!({"to": to, "state": "opt_in", "source": "web"});
            world.command(json!({"command": "set_consent", "account": account, "consent": consent}));
        }
    }
}
