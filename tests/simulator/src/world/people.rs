//! The people: a small population in many countries, so that the same ones are met again and again.

use serde_json::{Value, json};
use tollgate_tests::Dice;

/// Prefix and subscriber digits of the countries that people live in: own markets, regions, markets that stand
/// alone only from October 2026 on, a country whose marketing is barred, and one that the map does not list.
const PLACES: &[(&str, &str)] = &[
    ("55", "11900000000"),
    ("1", "2125550000"),
    ("1", "4165550000"),
    ("52", "5500000000"),
    ("44", "7700900000"),
    ("49", "15100000000"),
    ("91", "9800000000"),
    ("82", "1000000000"),
    ("64", "210000000"),
    ("965", "50000000"),
    ("212", "600000000"),
    ("972", "500000000"),
    ("234", "8000000000"),
    ("62", "8100000000"),
    ("380", "500000000"),
    ("966", "500000000"),
    ("852", "50000000"),
    ("48", "500000000"),
    ("51", "900000000"),
    ("27", "600000000"),
    ("230", "50000000"),
    ("57", "3000000000"),
    ("77", "700000000"),
    ("880", "1700000000"),
];
/// People per place, at most.
const PER_PLACE: u64 = 16;
/// Countries of people who are known by a business-scoped id only.
const SCOPED: &[&str] = &["BR", "IN", "DE"];

/// One person.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// As requests and statuses name them.
    pub to: Value,
    /// As outcomes name them.
    pub name: String,
}

/// The digits of every number that a person can have.
pub(crate) fn all_numbers() -> Vec<u64> {
    let number = |place: &(&str, &str), i: u64| {
        let base: u64 = place.1.parse().expect("digits");
        format!("{}{}", place.0, base + i).parse().expect("digits")
    };
    PLACES.iter().flat_map(|p| (0..PER_PLACE).map(move |i| number(p, i))).collect()
}

/// The population of a run.
pub(crate) fn population(dice: &mut Dice) -> Vec<Person> {
    let all = all_numbers();
    let n = dice.between(50, 384) as usize;
    let mut people: Vec<Person> = (0..n)
        .map(|i| {
            let name = format!("+{}", all[(i * 37 + i / 24) % all.len()]);
            Person { to: json!(name), name }
        })
        .collect();
    for i in 0..dice.between(0, 6) {
        let name = format!("user.{i}.{}", dice.below(10_000));
        let to = if dice.percent(80) {
            json!({"bsuid": name, "country": dice.pick(SCOPED)})
        } else {
            json!({"bsuid": name})
        };
        people.push(Person { to, name });
    }
    people
}
