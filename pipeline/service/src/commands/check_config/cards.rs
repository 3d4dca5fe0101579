//! Until when there are prices in the currencies that WABAs are billed in.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use tollgate_rate_card::{Card, Category, Currency, Date, RateCards};
use tollgate_runtime::ledger::{Options, Place};
use tollgate_runtime::node::{Priced, day_of, newest_card, priced};
use tollgate_wire::Time;

use super::DAYS_BEFORE;
use crate::commands::accounts;
use crate::config::{Config, Fault, load_rates};

/// From which day of a quarter's last month on a card is missed that begins with the next quarter.
pub(super) const LOOKED_FOR_FROM_DAY: i8 = 17;
/// Markets with a category that a finding names; the others are counted.
const PAIRS_SHOWN: usize = 5;

/// The currencies that were looked at.
#[derive(serde::Serialize)]
#[serde(transparent)]
pub(super) struct Cards {
    currencies: Vec<Prices>,
    /// Why there are none.
    #[serde(skip)]
    none: &'static str,
}

#[derive(serde::Serialize)]
struct Prices {
    currency: String,
    /// First day without a price; none when the newest card has no end.
    until: Option<String>,
    /// First day of the newest card.
    newest_from: Option<String>,
}

impl fmt::Display for Cards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.currencies.is_empty() {
            return f.write_str(self.none);
        }
        for (n, prices) in self.currencies.iter().enumerate() {
            let Prices { currency, until, newest_from } = prices;
            let comma = if n == 0 { "" } else { ", " };
            match (until, newest_from) {
                (_, None) => write!(f, "{comma}{currency} none")?,
                (Some(day), _) => write!(f, "{comma}{currency} until {day}")?,
                (None, Some(from)) => write!(f, "{comma}{currency} from {from} onwards")?,
            }
        }
        Ok(())
    }
}

/// Looks at each currency in use; what has no price, or soon none, is a finding.
///
/// # Errors
/// The file of accounts cannot be read or used, or the rate cards cannot.
pub(super) fn look(
    config: &Config,
    file: Option<&Path>,
    now: Time,
    findings: &mut Vec<Fault>,
) -> anyhow::Result<Cards> {
    let (used, none) = in_use(config, file, findings)?;
    let rates = load_rates(config.rates.as_deref())?;
    let today = day_of(now);
    let place = config.rates.as_ref().map_or_else(|| "the rate cards".to_owned(), |path| path.display().to_string());
    let mut cards = Cards { currencies: Vec::new(), none };
    for name in used {
        let Ok(currency) = name.parse::<Currency>() else { continue };
        let told = of_currency(&rates, currency, today);
        findings.extend(told.into_iter().map(|(problem, remedy)| Fault { place: place.clone(), problem, remedy }));
        let until = match priced(&rates, currency, today) {
            Priced::Not => Some(today.to_string()),
            Priced::Until(day) => Some(day.to_string()),
            Priced::Onwards => None,
        };
        let newest_from = newest_card(&rates, currency).map(|day| day.to_string());
        cards.currencies.push(Prices { currency: name, until, newest_from });
    }
    Ok(cards)
}

/// Currencies of the WABAs, and why none is known.
fn in_use(
    config: &Config,
    file: Option<&Path>,
    findings: &mut Vec<Fault>,
) -> anyhow::Result<(BTreeSet<String>, &'static str)> {
    const NOBODY: &str = "not looked at: no account is known here; name a file of them with --accounts";
    if let Some(file) = file {
        let specs = accounts::read_accounts(file).context("--accounts")?;
        let used = specs.iter().flat_map(|spec| &spec.wabas).map(|waba| waba.currency.as_str().to_owned()).collect();
        return Ok((used, "not looked at: the accounts have no WABA"));
    }
    let Place::File(ledger) = &config.ledger else {
        return Ok((
            BTreeSet::new(),
            "not looked at: the database is not asked; name a file of accounts with --accounts",
        ));
    };
    if !ledger.exists() {
        return Ok((BTreeSet::new(), NOBODY));
    }
    match config.ledger.reader(Options::default()).and_then(|reader| reader.currencies()) {
        Ok(used) => Ok((used, NOBODY)),
        Err(error) => {
            findings.push(Fault {
                place: ledger.display().to_string(),
                problem: format!("the accounts cannot be read from it: {error}"),
                remedy:
                    "run this as the service's user and with its version, or name a file of accounts with --accounts"
                        .to_owned(),
            });
            Ok((BTreeSet::new(), "not looked at"))
        }
    }
}

/// What is to be done for a currency: problems and remedies.
fn of_currency(rates: &RateCards, currency: Currency, today: Date) -> Vec<(String, String)> {
    let import = "import the published rates with `tollgate rates import`, set rates.directory and restart".to_owned();
    let mut told = Vec::new();
    match priced(rates, currency, today) {
        Priced::Not => {
            let problem = format!("there is no rate card in {currency}: deliveries are booked as unpriced");
            return vec![(problem, import)];
        }
        Priced::Until(day) => {
            let days = i64::from(today.until(day).map_or(0, |until| until.get_days()));
            if days < DAYS_BEFORE {
                told.push((
                    format!("there is no rate card in {currency} from {day} on, in {days} days"),
                    import.clone(),
                ));
            }
        }
        Priced::Onwards => {}
    }
    let ends_a_quarter = today.month() % 3 == 0 && today.day() >= LOOKED_FOR_FROM_DAY;
    if ends_a_quarter && newest_card(rates, currency).is_some_and(|from| from <= today) {
        let problem = format!("no rate card in {currency} begins with the next quarter; the present one would go on");
        told.push((problem, import.clone()));
    }
    let now = rates.card_at(currency, today).map(|card| rates.card(card));
    let later = rates.cards().iter().filter(|card| card.currency() == currency && card.validity().from() > today);
    if let (Some(now), Some(next)) = (now, later.min_by_key(|card| card.validity().from())) {
        let without = without_price(rates, now, next);
        if !without.is_empty() {
            let shown = without.iter().take(PAIRS_SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = match without.len().saturating_sub(PAIRS_SHOWN) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            let problem = format!("card {} has no price for {shown}{more}, which {} has", next.id(), now.id());
            told.push((
                problem,
                "compare them with `tollgate rates diff`, and import the whole publication".to_owned(),
            ));
        }
    }
    told
}

/// Markets and categories that a card prices and the next one does not.
fn without_price(rates: &RateCards, now: &Card, next: &Card) -> Vec<String> {
    let prices = |card: &Card, market, category| card.cell(market, category).is_some_and(|cell| cell.rate().is_some());
    let pairs = now.markets().flat_map(|market| Category::ALL.map(|category| (market, category)));
    let lost = pairs.filter(|(market, category)| prices(now, *market, *category) && !prices(next, *market, *category));
    lost.map(|(market, category)| format!("{} {}", rates.map().market_name(market), category.as_str())).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use tollgate_rate_card::{Source, Sources};

    /// The cards that come with Tollgate, the newest in USD ending so, and perhaps another after it.
    fn rates(valid_to: &str, next: Option<&dyn Fn(&str) -> String>) -> RateCards {
        let mut sources = Sources::embedded();
        let newest = sources.cards.iter_mut().find(|card| card.name.ends_with("pmp_usd_2026-10-01.csv")).unwrap();
        let text = newest.text.clone().into_owned();
        newest.text = text.replacen("valid_to=open", &format!("valid_to={valid_to}"), 1).into();
        if let Some(next) = next {
            let text = text.replace("2026-10-01", "2027-01-01");
            sources.cards.push(Source::new("next.csv".to_owned(), next(&text)));
        }
        RateCards::from_sources(&sources).unwrap()
    }

    fn told(rates: &RateCards, currency: &str, day: &str) -> Vec<String> {
        let told = of_currency(rates, currency.parse().unwrap(), day.parse().unwrap());
        told.into_iter().map(|(problem, _)| problem).collect()
    }

    #[test]
    fn what_ends_soon_is_told() {
        let open = rates("open", None);
        assert_eq!(told(&open, "USD", "2026-11-29"), Vec::<String>::new());
        assert_eq!(told(&open, "USD", "2026-12-16"), Vec::<String>::new());
        let missing = "no rate card in USD begins with the next quarter; the present one would go on";
        assert_eq!(told(&open, "USD", "2026-12-17"), [missing]);
        assert_eq!(
            told(&open, "IDR", "2026-11-29"),
            ["there is no rate card in IDR: deliveries are booked as unpriced"]
        );
        let ends = rates("2026-12-31", None);
        assert_eq!(told(&ends, "USD", "2026-12-11"), Vec::<String>::new());
        assert_eq!(told(&ends, "USD", "2026-12-12"), ["there is no rate card in USD from 2027-01-01 on, in 20 days"]);
    }

    #[test]
    fn the_next_card_has_the_prices_of_this_one() {
        let whole = rates("2026-12-31", Some(&str::to_owned));
        assert_eq!(told(&whole, "USD", "2026-12-20"), Vec::<String>::new());
        let unknown = |text: &str| {
            let row = |row: &str| match row.starts_with("Brazil,marketing,") {
                true => "Brazil,marketing,,unknown,\n".to_owned(),
                false => format!("{row}\n"),
            };
            text.lines().map(row).collect::<String>()
        };
        let less = rates("2026-12-31", Some(&unknown));
        let problem = "card pmp-usd-2027-01-01 has no price for Brazil marketing, which pmp-usd-2026-10-01 has";
        assert_eq!(told(&less, "USD", "2026-12-20"), [problem]);
    }
}
