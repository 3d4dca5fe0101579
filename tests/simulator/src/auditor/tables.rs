//! The price tables, read from the data files by the simplest parser that will do.

use crate::money::Units;
use std::collections::BTreeMap;
use tollgate_rate_card::Sources;

/// One cell of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Rate(Units),
    Unknown,
    NotOffered,
}

#[derive(Debug)]
struct Card {
    currency: String,
    from: u32,
    to: u32,
    cells: BTreeMap<(String, String), Cell>,
}

/// How a category is charged in a period.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub in_window: String,
    pub outside: String,
    pub in_entry: String,
    /// Free messages a month and number.
    pub allowance: Option<u64>,
    /// Free messages use it up too.
    pub counts_delivered: bool,
    pub volume_bands: bool,
    pub instead: Option<String>,
}

/// All tables.
#[derive(Debug)]
pub(crate) struct Tables {
    cards: Vec<Card>,
    /// First day and rulebook.
    books: Vec<(u32, String)>,
    rules: BTreeMap<(String, String), Rule>,
    /// Prefix → country and market per period.
    prefixes: BTreeMap<String, (String, Vec<String>)>,
    /// First days of the periods of the map.
    periods: Vec<u32>,
    /// Country → currency, and the last day of another.
    currencies: BTreeMap<String, (String, u32)>,
}

/// `YYYY-MM-DD` or `YYYY_MM_DD` as a number; `open` is far away.
fn day(text: &str) -> u32 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(99_999_999)
}

/// Cells of the lines after the comments; the first line is the header. Quotes appear in notes only.
fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).map(|l| l.split(',').collect())
}

impl Tables {
    pub fn read(sources: &Sources) -> Self {
        let cards = sources.cards.iter().map(|s| card(&s.text)).collect();
        let books = lines(&sources.rulebooks.text).skip(1).map(|l| (day(l[2]), l[0].to_owned())).collect();
        let some = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        let rules = lines(&sources.charging_rules.text).skip(1).map(|l| {
            let rule = Rule {
                outside: l[2].to_owned(),
                in_window: l[3].to_owned(),
                in_entry: l[4].to_owned(),
                allowance: l[5].parse().ok(),
                counts_delivered: l[7] == "delivered",
                volume_bands: l[8] == "yes",
                instead: some(l[9]),
            };
            ((l[0].to_owned(), l[1].to_owned()), rule)
        });
        let mut map = lines(&sources.market_map.text);
        let header = map.next().expect("the map has a header");
        let columns = 3..header.len() - 2;
        let periods = header[columns.clone()].iter().map(|c| day(c)).collect();
        let prefixes = map.map(|l| {
            let markets = l[columns.clone()].iter().map(|m| (*m).to_owned()).collect();
            (l[0].to_owned(), (l[1].to_owned(), markets))
        });
        let currencies = lines(&sources.currency_deadlines.text).skip(1);
        let currencies = currencies.map(|l| (l[0].to_owned(), (l[1].to_owned(), day(l[2])))).collect();
        Self { cards, books, rules: rules.collect(), prefixes: prefixes.collect(), periods, currencies }
    }

    /// Market of a number on a day, by its longest prefix.
    pub fn market(&self, digits: &str, date: u32) -> Option<String> {
        let (_, markets) = (0..=digits.len()).rev().find_map(|n| self.prefixes.get(&digits[..n]))?;
        self.of_period(markets, date)
    }

    /// Country of a number, by its longest prefix; none where several share one.
    pub fn country(&self, digits: &str) -> Option<String> {
        if digits.starts_with(['1', '7']) {
            return None;
        }
        (1..=digits.len()).rev().find_map(|n| self.prefixes.get(digits.get(..n)?)).map(|(country, _)| country.clone())
    }

    /// Market of a country on a day.
    pub fn market_of_country(&self, country: &str, date: u32) -> Option<String> {
        let (_, markets) = self.prefixes.values().find(|(c, _)| c == country)?;
        self.of_period(markets, date)
    }

    /// Whether what is sold to a country may bill in a currency on a day.
    pub fn is_taken(&self, sold_to: &str, currency: &str, date: u32) -> bool {
        self.currencies.get(sold_to).is_none_or(|(asked, last_day)| asked == currency || date <= *last_day)
    }

    fn of_period(&self, markets: &[String], date: u32) -> Option<String> {
        let period = self.periods.iter().rposition(|from| *from <= date)?;
        markets.get(period).cloned()
    }

    pub fn rule(&self, date: u32, category: &str) -> &Rule {
        let book = self.books.iter().rev().find(|(from, _)| *from <= date).expect("the run lies within the rulebooks");
        &self.rules[&(book.1.clone(), category.to_owned())]
    }

    pub fn cell(&self, currency: &str, date: u32, market: &str, category: &str) -> Option<&Cell> {
        let card = self.cards.iter().find(|c| c.currency == currency && c.from <= date && date <= c.to)?;
        card.cells.get(&(market.to_owned(), category.to_owned()))
    }
}

fn card(text: &str) -> Card {
    let first = text.lines().next().unwrap_or_default();
    let declared = |key: &str| {
        let words = first.split([' ', ';']);
        words.filter_map(|w| w.split_once('=')).find(|(k, _)| *k == key).map_or("", |(_, v)| v)
    };
    let cells = lines(text).skip(1).map(|l| {
        let cell = match l[3] {
            "unknown" => Cell::Unknown,
            "not_offered" => Cell::NotOffered,
            _ => Cell::Rate(Units::parse(l[2])),
        };
        ((l[0].to_owned(), l[1].to_owned()), cell)
    });
    Card {
        currency: declared("currency").to_owned(),
        from: day(declared("valid_from")),
        to: day(declared("valid_to")),
        cells: cells.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_read_in_the_files() {
        let t = Tables::read(&Sources::embedded());
        assert_eq!(t.market("5511987654321", 20261101).as_deref(), Some("Brazil"));
        assert_eq!(t.market("96550000000", 20260930).as_deref(), Some("Rest of Middle East"));
        assert_eq!(t.market("96550000000", 20261001).as_deref(), Some("Kuwait"));
        assert_eq!(t.cell("USD", 20261001, "Argentina", "utility"), Some(&Cell::Rate(Units::parse("0.0260"))));
        assert_eq!(t.cell("EUR", 20261001, "Argentina", "utility"), None);
        assert_eq!(t.rule(20260930, "utility").in_window, "free_customer_service");
        assert_eq!(t.rule(20261001, "service").allowance, Some(1000));
        assert!(
            t.is_taken("IN", "USD", 20261231)
                && !t.is_taken("IN", "USD", 20270101)
                && t.is_taken("IN", "INR", 20270101)
        );
    }
}
