//! What makes the bill besides messages: volume bands that the platform says are reached, and what finance credits.
//!
//! With dice of their own, so that the messages of a seed are what they were.

use crate::options::Options;
use crate::world::World;
use serde_json::{Value, json};
use tollgate_rate_card::{YearMonth, ZoneCache};
use tollgate_tests::Dice;

/// Markets as the platform may write them, and one that there is not.
const REGIONS: [&str; 8] = [
    "Mexico",
    "MEXICO",
    "Rest of Latin America",
    "rest of latin america",
    "India",
    "Brazil",
    "North America",
    "Atlantis",
];
const CATEGORIES: [&str; 4] =
    ["UTILITY", "AUTHENTICATION", "AUTHENTICATION_INTERNATIONAL", "authentication-international"];
/// First messages of bands, which are a few hundred apart where they are small.
const FIRST: [u64; 7] = [0, 2, 11, 41, 301, 1_001, 10_001];

/// Something that is said, and when.
pub(crate) enum Extra {
    /// A webhook.
    Webhook(String),
    /// What is credited: the account, and the event.
    Credit(String, Value),
}

/// What happens in a span of seconds, with the milliseconds at which it is told.
pub(crate) fn plan(options: &Options, world: &World, (start_s, end_s): (i64, i64)) -> Vec<(u64, Extra)> {
    let mut dice = Dice::new(options.seed, 7);
    let mut all = Vec::new();
    let span = (end_s - start_s) as u64;
    for n in 0..6 + options.messages / 500 {
        let at_s = start_s + 60 + dice.below(span) as i64;
        let who = &world.senders[dice.below(world.senders.len() as u64) as usize];
        let zone = &world.zones[who.zone];
        let month = YearMonth::of(zone.local_date(at_s, &mut ZoneCache::default()));
        if dice.percent(70) {
            let first = *dice.pick(&FIRST);
            // What is said of another month bounds nothing of this one.
            let of = if dice.percent(10) { month.previous() } else { month };
            let (region, category) = (*dice.pick(&REGIONS), *dice.pick(&CATEGORIES));
            let late = if options.in_order { 0 } else { dice.below(20 * 3_600_000) };
            for again in 0..=dice.below(2) as i64 {
                // A duplicate may give a later time: the earliest counts.
                let body = reached(&who.waba, (region, category), first, &of.to_string(), at_s + again * 40);
                all.push((at_s as u64 * 1000 + late + again as u64 * 900_000, Extra::Webhook(body)));
            }
        } else {
            let account = world.accounts[who.account]["account"].as_str().unwrap_or_default().to_owned();
            let of = if dice.percent(20) { month.previous() } else { month };
            // Never nothing.
            let cents = (dice.below(5_000) as i64 - 1_000) | 1;
            let mut event = json!({"event": "credit", "id": format!("CR-{n}"), "waba": who.waba, "month": of.to_string(),
                "price": format!("{}.{:02}", cents / 100, (cents % 100).abs()), "reason": "an outage, \"long\""});
            if dice.percent(60) {
                event["cost"] = json!(format!("0.{:010}", dice.between(1, 9_999_999_999)));
            } else if dice.percent(60) {
                // Refused where the WABA's mark-up is in a currency of its own by then.
                event["cost"] = event["price"].clone();
                event["both"] = json!(true);
            }
            for _ in 0..=dice.below(2) {
                all.push((at_s as u64 * 1000, Extra::Credit(account.clone(), event.clone())));
            }
        }
    }
    all
}

fn reached(waba: &str, (region, category): (&str, &str), first: u64, month: &str, at_s: i64) -> String {
    let high = if first == 0 { "750000".to_owned() } else { "MAX".to_owned() };
    let value = json!({"event": "VOLUME_BASED_PRICING_TIER_UPDATE", "volume_tier_info": {"tier_update_time": at_s,
        "pricing_category": category, "tier": format!("{first}:{high}"), "effective_month": month, "region": region}});
    json!({"object": "whatsapp_business_account",
        "entry": [{"id": waba, "changes": [{"field": "account_update", "value": value}]}]})
    .to_string()
}
