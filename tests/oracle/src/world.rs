//! The world at its beginning: accounts with WABAs in several zones, currencies and mark-ups, and the people.

use crate::options::{Era, Options};
use serde_json::{Value, json};
use tollgate_rate_card::Zone;
use tollgate_tests::Dice;

const ZONES: [&str; 4] = ["Asia/Seoul", "America/Sao_Paulo", "Pacific/Auckland", "America/Los_Angeles"];
/// Name and category of the templates that every WABA has.
pub(crate) const TEMPLATES: [(&str, &str); 3] =
    [("promo", "marketing"), ("shipped", "utility"), ("code", "authentication")];
pub(crate) const CAMPAIGNS: [&str; 3] = ["spring", "autumn", "=sum(a1)"];
/// What numbers begin with, and how many digits follow: bands, allowances, markets that leave their region, area codes
/// of two countries, islands, and a number of no country at all.
const NUMBERS: [(&str, u32); 22] = [
    ("5511", 9),
    ("5521", 9),
    ("521", 10),
    ("5255", 8),
    ("502", 8),
    ("506", 8),
    ("1809", 7),
    ("1212", 7),
    ("1416", 7),
    ("57", 10),
    ("54911", 8),
    ("9198", 8),
    ("628", 9),
    ("234", 10),
    ("49151", 8),
    ("8210", 8),
    ("852", 8),
    ("380", 9),
    ("263", 9),
    ("964", 10),
    ("1876", 7),
    ("247", 6),
];
const SCOPED: [&str; 4] = ["BR", "MX", "US", "ZZ"];

/// A number that sends.
#[derive(Debug)]
pub(crate) struct Sender {
    pub id: String,
    pub waba: String,
    pub account: usize,
    pub zone: usize,
}

/// Everything that is there before the first message.
#[derive(Debug)]
pub(crate) struct World {
    pub accounts: Vec<Value>,
    pub senders: Vec<Sender>,
    pub zones: Vec<Zone>,
    /// As requests name them.
    pub people: Vec<Value>,
}

impl World {
    /// A random one.
    pub fn new(options: &Options, first_day: &str, later_day: &str, dice: &mut Dice) -> Result<Self, String> {
        let zones = ZONES.iter().map(|z| Zone::new(z).map_err(|e| e.to_string())).collect::<Result<_, _>>()?;
        let mut world = Self { accounts: Vec::new(), senders: Vec::new(), zones, people: Vec::new() };
        for number in 0..dice.between(2, 3) {
            let account = account(options, number, first_day, later_day, dice, &mut world.senders);
            world.accounts.push(account);
        }
        let people = (options.messages / 6).clamp(20, 20_000);
        world.people = (0..people).map(|n| person(dice, n)).collect();
        Ok(world)
    }
}

/// How a person is called on the platform's side.
pub(crate) fn name(person: &Value) -> &str {
    person.as_str().or_else(|| person["bsuid"].as_str()).unwrap_or_default()
}

fn person(dice: &mut Dice, n: u64) -> Value {
    if dice.percent(4) {
        let country = *dice.pick(&SCOPED);
        return match dice.below(3) {
            0 => json!({"bsuid": format!("u{n}")}),
            _ => json!({"bsuid": format!("{country}.{}", 1_000_000 + n), "country": country}),
        };
    }
    // Bands are known for the first few.
    let (prefix, digits) = if dice.percent(50) { NUMBERS[dice.below(7) as usize] } else { *dice.pick(&NUMBERS) };
    let rest = 10_u64.pow(digits - 1) + n;
    json!(format!("+{prefix}{rest}"))
}

fn account(
    options: &Options,
    number: u64,
    first_day: &str,
    later_day: &str,
    dice: &mut Dice,
    senders: &mut Vec<Sender>,
) -> Value {
    let id = format!("acct-{number}");
    let mut wabas = Vec::new();
    for w in 0..dice.between(2, 3) {
        let zone = dice.below(ZONES.len() as u64) as usize;
        let currency = currency(options, dice);
        let waba = format!("10{number}0{w}");
        let specs: Vec<Value> = (0..dice.between(1, 2))
            .map(|s| {
                let sender = format!("{waba}7{s}");
                senders.push(Sender { id: sender.clone(), waba: waba.clone(), account: number as usize, zone });
                json!({"id": sender, "throughput": 1000, "quality": "GREEN"})
            })
            .collect();
        let templates: Vec<Value> = TEMPLATES
            .iter()
            .map(|(name, category)| json!({"name": name, "language": "en_US", "category": category}))
            .collect();
        let funding = if dice.percent(85) { "we_pay" } else { "client_pays" };
        let mut spec = json!({"id": waba, "currency": currency, "time_zone": ZONES[zone], "funding": funding,
            "senders": specs, "templates": templates});
        // Without dice, so that the world of a seed is what it was.
        if w % 2 == 0 {
            spec["auth_international"] = json!([{"country": "IN", "valid_from": later_day},
                {"country": "NG", "valid_from": first_day}, {"country": "ID", "valid_from": first_day}]);
            spec["location"] = json!("ID");
        }
        if dice.percent(70) {
            spec["markup"] = markup(currency, first_day, later_day, dice);
        }
        wabas.push(spec);
    }
    json!({"account": id, "name": "=Acme, Inc.", "legal_entity": "Acme \"Ltda\"", "limit": "UNLIMITED", "wabas": wabas,
        "policy": {"throughput_headroom_percent": 0}})
}

fn currency(options: &Options, dice: &mut Dice) -> &'static str {
    match dice.below(10) {
        0..2 if options.small => "BRL",
        2..4 if options.era == Era::Switch2 => "EUR",
        _ => "USD",
    }
}

fn amount(dice: &mut Dice, whole: u64, decimals: usize) -> String {
    let digits = 10_u64.pow(decimals as u32);
    format!("{}.{:0decimals$}", dice.below(whole), dice.below(digits))
}

/// One mark-up from the beginning or a little later on, mostly another one after it.
fn markup(currency: &str, first_day: &str, later_day: &str, dice: &mut Dice) -> Value {
    let mut all = Vec::new();
    for day in [first_day, later_day] {
        if dice.percent(25) {
            continue;
        }
        let mut rules = vec![json!({"name": "standard", "percent": amount(dice, 30, 4)})];
        if dice.percent(60) {
            rules.push(
                json!({"name": "utility", "category": "utility", "percent": "-3.25", "fixed": amount(dice, 1, 5)}),
            );
        }
        if dice.percent(60) {
            rules.push(json!({"name": "mexico", "market": "Mexico", "fixed": amount(dice, 1, 10), "on_free": dice.percent(50)}));
        }
        if dice.percent(60) {
            rules.push(json!({"name": "own", "market": "Brazil", "category": "marketing", "price": amount(dice, 1, 6),
                "on_free": dice.percent(50)}));
        }
        if dice.percent(40) {
            rules.push(json!({"name": "service", "category": "service", "price": amount(dice, 1, 3),
                "on_free": dice.percent(50)}));
        }
        let mut markup = json!({"valid_from": day, "rules": rules});
        if dice.percent(40) && currency != "GBP" {
            markup["currency"] = json!("GBP");
            markup["fx"] = json!({"rate": format!("0.{}", dice.between(1_000_001, 9_999_999)), "source": "ECB",
                "date": "2024-01-31"});
        }
        if dice.percent(50) {
            markup["decimals"] = json!(dice.between(2, 9));
        }
        all.push(markup);
    }
    json!(all)
}
