//! Every way in which a data file can be wrong, with the message that its author gets.

mod bands;
mod cards;
mod map;
mod rules;

use tollgate_rate_card::{RateCards, Source, Sources};

/// The message for the embedded files with one text replaced in one of them.
fn message(file: &str, find: &str, put: &str) -> String {
    let mut sources = Sources::embedded();
    let rules = [&sources.rulebooks, &sources.charging_rules, &sources.bars, &sources.currency_deadlines];
    let found = rules
        .into_iter()
        .chain([&sources.market_map, &sources.currencies])
        .chain(&sources.numbering)
        .chain(&sources.cards)
        .chain(&sources.bands)
        .find(|source| source.name == file)
        .unwrap_or_else(|| panic!("{file}"));
    assert!(found.text.contains(find), "`{find}` is in {file}");
    let text = found.text.replacen(find, put, 1);
    assert!(sources.replace(&Source::new(file, text)));
    match RateCards::from_sources(&sources) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn check(file: &str, cases: &[(&str, &str, &str)]) {
    for (find, put, expected) in cases {
        assert_eq!(message(file, find, put), format!("{file}:{expected}"));
    }
}
