//! The generated recipients: who, where, by which number, and in which order the requests come.

use std::collections::HashSet;

use super::cast::ACCOUNTS;
use super::countries::{COUNTRIES, choose};
use super::dice::Dice;
use super::parts::{PARTS, Part, Person, sizes};
use tollgate_wire::request::Purpose;

/// One request to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Number of the request, from 0.
    pub(super) n: u32,
    /// Index into [`PARTS`].
    pub(super) part: u8,
    /// Index of the account's sender.
    pub(super) sender: u8,
    /// Index into [`COUNTRIES`].
    pub(super) country: u8,
    /// Digits of the recipient.
    pub(super) to: u64,
}

impl Line {
    pub(super) fn part(&self) -> &'static Part {
        &PARTS[usize::from(self.part)]
    }

    /// Request id.
    pub(super) fn id(&self) -> String {
        format!("{}-{:06}", ACCOUNTS[self.part().account].id, self.n)
    }
}

/// All requests.
#[derive(Debug, Default)]
pub(super) struct Population {
    /// Bulk lane, in the order in which they are sent in.
    pub(super) bulk: Vec<Line>,
    /// One-time codes, which come in waves while the bulk is under way.
    pub(super) codes: Vec<Line>,
    /// Bulk that comes one by one while the rest is under way.
    pub(super) stream: Vec<Line>,
    /// Bulk that comes last: what happens to it holds its number up for a while.
    pub(super) late: Vec<Line>,
    /// Of the bulk: sent in a second time.
    pub(super) repeated: Vec<Line>,
    /// Different countries.
    pub(super) countries: usize,
}

/// Endings of numbers that order a behaviour of the sandbox, with their weights among the unusual ones. What each
/// does is in the sandbox's README. 016 is left out: it drops a template, which rightly stops every message that uses it.
const UNUSUAL: [(u64, u32); 13] =
    [(1, 3), (2, 4), (3, 4), (4, 4), (5, 10), (6, 6), (7, 4), (8, 1), (10, 1), (13, 4), (14, 6), (15, 3), (17, 4)];
/// Calls without an answer and 130429 hold a whole number up: only the account of this index meets them.
const TROUBLE: [u64; 3] = [9, 11, 12];
const TROUBLED: usize = 1;
/// Of 10,000 recipients of a lively part, so many behave unusually.
const UNUSUAL_PER_10_000: u64 = 150;
/// Every so many requests of the bulk, one is sent in twice.
const REPEATED_EVERY: usize = 300;

/// Generates the population.
pub(super) fn generate(seed: u64, recipients: u32) -> Population {
    let mut dice = Dice::new(seed);
    let mut known = HashSet::with_capacity(recipients as usize);
    let mut all: Vec<Line> = Vec::with_capacity(recipients as usize);
    let mut first_part = 0;
    let mut n = 0;
    for (part, size) in sizes(recipients).enumerate() {
        let rule = &PARTS[part];
        for _ in 0..size {
            let sender = dice.below(ACCOUNTS[rule.account].senders.len() as u64) as u8;
            let (country, to) = match (rule.person, all.first()) {
                (Person::Again, Some(Line { part: 0, .. })) => {
                    let again: &Line = &all[dice.below(first_part) as usize];
                    (again.country, again.to)
                }
                (person, _) => someone(&mut dice, &mut known, rule, person),
            };
            all.push(Line { n, part: part as u8, sender, country, to });
            n += 1;
            first_part += u64::from(part == 0);
        }
    }
    let country = |line: &Line| COUNTRIES[usize::from(line.country)].iso;
    let countries = all.iter().map(country).collect::<HashSet<_>>().len();
    dice.shuffle(&mut all);
    let mut population = Population { countries, ..Population::default() };
    for line in all {
        let part = line.part();
        match part.purpose {
            Purpose::Authentication => population.codes.push(line),
            _ if part.streamed => population.stream.push(line),
            _ if TROUBLE.contains(&(line.to % 1_000)) => population.late.push(line),
            _ => population.bulk.push(line),
        }
    }
    // The smallest limit is soon used up: its codes come first, as they would before a campaign.
    population.codes.sort_by_key(|line| std::cmp::Reverse(line.part().account));
    let valid = |line: &&Line| line.part().person != Person::Malformed;
    population.repeated = population.bulk.iter().filter(valid).step_by(REPEATED_EVERY).copied().collect();
    population
}

impl Population {
    /// Every request once.
    pub(super) fn everybody(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.bulk.iter().chain(&self.stream).chain(&self.late).chain(&self.codes)
    }
}

fn someone(dice: &mut Dice, known: &mut HashSet<u64>, rule: &Part, person: Person) -> (u8, u64) {
    loop {
        let country = choose(dice, ACCOUNTS[rule.account].prefers);
        let to = match person {
            // No country has the calling code 999.
            Person::Nobody => 999_000_000_000 + dice.below(100_000_000),
            _ => {
                let ending = ending(dice, rule);
                COUNTRIES[country].number(dice, ending)
            }
        };
        if known.insert(to) {
            return (country as u8, to);
        }
    }
}

fn ending(dice: &mut Dice, rule: &Part) -> Option<u64> {
    if !rule.lively || dice.below(10_000) >= UNUSUAL_PER_10_000 {
        return None;
    }
    if rule.account == TROUBLED && dice.below(15) == 0 {
        return Some(TROUBLE[dice.below(TROUBLE.len() as u64) as usize]);
    }
    Some(UNUSUAL[dice.weighted(UNUSUAL.iter().map(|(_, weight)| *weight))].0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_population() {
        let one = generate(7, 5_000);
        let key = |p: &Population| p.everybody().map(|l| (l.n, l.to, l.sender)).collect::<Vec<_>>();
        assert_eq!(key(&one), key(&generate(7, 5_000)));
        assert_ne!(key(&one), key(&generate(8, 5_000)));
        assert_eq!(one.everybody().count(), 5_000);
        assert!(one.countries >= 40, "{}", one.countries);
        assert_eq!(one.repeated.len(), one.bulk.len().div_ceil(REPEATED_EVERY));
        let numbers: HashSet<u64> = one.everybody().map(|line| line.to).collect();
        let again = one.everybody().filter(|line| line.part().person == Person::Again).count();
        assert!(again > 0 && numbers.len() >= 5_000 - again);
    }

    #[test]
    fn one_recipient_is_enough() {
        assert_eq!(generate(1, 1).everybody().count(), 1);
    }
}
