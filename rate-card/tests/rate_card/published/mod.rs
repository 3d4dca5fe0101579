//! The platform's own files: what is read, what is refused, and that nothing is lost on the way.

mod bad_base;
mod bad_tiers;
mod base;
mod markets;
mod tiers;

use tollgate_rate_card::{Card, Category, Currency, Published, PublishedFaults, Source};

use crate::{CARDS, day};

fn read(text: &str, from: &str, currency: Option<&str>) -> Result<Published, PublishedFaults> {
    let source = Source::new("rates.csv", text);
    Published::read(&source, &CARDS, day(from), currency.map(|code| Currency::new(code).unwrap()))
}

/// A known card in the published layout, as the platform writes it.
fn layout(card: &Card, currency: &str) -> String {
    let mut text = "Cost per message in this currency,,,,,,\n# effective this day,,,,,,\n\
                    Market,Currency,Marketing,Utility,Authentication,\"Authentication-\nInternational\",Service\n"
        .to_owned();
    for market in card.markets() {
        let rates = Category::ALL.map(|category| {
            card.cell(market, category).unwrap().rate().map_or_else(|| "n/a".to_owned(), |rate| rate.to_string())
        });
        text.push_str(&format!("{},{currency},{}\n", CARDS.map().market_name(market), rates.join(",")));
    }
    text
}

/// What is said of a text that must not be read; `line: problem; remedy` a line.
fn said(read: Result<Published, PublishedFaults>) -> String {
    let faults = read.expect_err("faults");
    let text = faults.to_string();
    text.lines().map(|line| line.strip_prefix("rates.csv:").unwrap()).collect::<Vec<_>>().join("\n")
}
