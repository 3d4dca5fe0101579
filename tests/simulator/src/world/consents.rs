//! What is rarer about consents: accounts with rules of their own, opt-ins that end, words that confirm or stop
//! everything, the suppression list, and people who change their numbers. With dice of its own, so that the rest of a
//! seed's world stays what it was.

use super::{AccountPlan, Due, World};
use crate::step::Input;
use serde_json::json;
use tollgate_tests::Dice;
use tollgate_wire::Time;

/// Of the dice.
pub(super) const STREAM: u64 = 7;

/// Gives some accounts rules of their own.
pub(super) fn plan(dice: &mut Dice, accounts: &mut [AccountPlan]) {
    for account in accounts {
        let stop_ends =
            [json!(["marketing"]), json!(["marketing", "utility"]), json!(["marketing", "utility", "service"])];
        let double = [(75, json!([])), (20, json!(["marketing"])), (5, json!(["marketing", "service"]))];
        account.spec["policy"]["consent"] = json!({
            "stop_ends": dice.pick(&stop_ends),
            "valid_days": dice.weighted(&[(60, 0), (20, 1), (20, 3)]),
            "implied_utility_days": dice.weighted(&[(70, 0), (15, 1), (15, 2)]),
            "implied_marketing_days": dice.weighted(&[(80, 0), (20, 1)]),
            "double_opt_in": dice.weighted(&double),
            "confirm_hours": dice.weighted(&[(50, 6), (50, 48)]),
        });
    }
}

/// Puts it on the agenda.
pub(super) fn begin(world: &mut World) {
    let (start, span) = (world.now_ms, world.end_ms - world.now_ms);
    for _ in 0..world.consent_dice.between(20, 120) {
        let at = start + world.consent_dice.below(span);
        world.at(at, Due::Consent);
    }
}

/// One of them.
pub(super) fn act(world: &mut World) {
    let dice = &mut world.consent_dice;
    let a = dice.below(world.accounts.len() as u64) as usize;
    let p = dice.below(world.people.len() as u64) as usize;
    let (account, person) = (&world.accounts[a], &world.people[p]);
    let (id, now_ms) = (account.id.clone(), world.now_ms);
    match dice.below(100) {
        0..35 => {
            let mut consent = json!({"to": person.name, "state": "opt_in", "source": "web"});
            if dice.percent(50) {
                consent["category"] = json!(dice.pick(&["marketing", "utility", "authentication", "service"]));
            }
            if dice.percent(70) {
                consent["expires"] = json!(Time(now_ms + dice.between(1, 48) * 3_600_000));
            }
            if dice.percent(50) {
                consent["confirmed"] = json!(true);
            }
            world.command(json!({"command": "set_consent", "account": id, "consent": consent}));
        }
        35..50 => {
            let listed = dice.percent(60);
            let suppression = json!({"to": person.name, "listed": listed, "source": "complaint"});
            let command = json!({"command": "set_suppression", "account": id, "suppression": suppression});
            if listed && dice.percent(70) {
                let mut back = command.clone();
                back["suppression"]["listed"] = json!(false);
                let at = now_ms + dice.below(24 * 3_600_000);
                world.at(at, Due::Input(Input::Command(back)));
            }
            world.command(command);
        }
        50..65 => {
            let q = dice.below(world.people.len() as u64) as usize;
            let at_s = (now_ms / 1000).saturating_sub(dice.below(3_600));
            let to = world.people[q].to.clone();
            let event = json!({"event": "number_changed", "from": person.to, "to": to, "at_s": at_s});
            if dice.percent(40) {
                let again = Due::Input(Input::Event { account: id, event: event.clone() });
                let at = now_ms + dice.below(6 * 3_600_000);
                world.at(at, again);
            }
            world.event(a, event);
        }
        _ => {
            let words = ["yes", "Yes!", "Ｙｅｓ", "Stop all", "STOP-ALL.", "stop!", "Unsubscribe…", "yes please"];
            let (keyword, sender) = (*dice.pick(&words), dice.pick(&account.senders).clone());
            let at_s = (now_ms / 1000).saturating_sub(dice.below(30));
            let late = dice.below(5_000);
            let event =
                json!({"event": "inbound", "sender": sender, "from": person.to, "at_s": at_s, "keyword": keyword});
            world.platform.wrote(&sender, &person.name, at_s, false);
            world.writers.push((a, sender, p));
            world.at(now_ms + late, Due::Input(Input::Event { account: id, event }));
        }
    }
}
