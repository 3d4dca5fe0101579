//! The crate from outside, on its own data files and on bad ones.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod allowance;
mod bad_files;
mod bands;
mod calling_codes;
mod card_edge;
mod conversations;
mod data;
mod diff;
mod explain;
mod markup;
mod published;
mod refusals;
mod rules;
mod versions;
mod worst_case;
mod zones;

use std::sync::LazyLock;

use tollgate_rate_card::{
    Category, Country, Currency, Date, Decimal, Priced, RateCards, Rated, RatingInput, Reported, ReportedCategory,
    ReportedModel, ReportedType, UnpricedReason,
};

static CARDS: LazyLock<RateCards> = LazyLock::new(|| RateCards::embedded().unwrap());

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A plain message outside window and entry point, nothing reported.
fn message(country: &str, category: Category, date: &str) -> RatingInput {
    RatingInput {
        currency: Currency::new("USD").unwrap(),
        date: day(date),
        country: Country::new(country),
        category: Some(category),
        window_open: false,
        fep_open: false,
        auth_international: false,
        allowance_used: 0,
        band_ordinal: None,
        bid: false,
        reported: None,
    }
}

fn reported(category: &str, pricing_type: &str, model: &str) -> Option<Reported> {
    let said = |word: &str| !word.is_empty();
    Some(Reported {
        category: said(category).then(|| ReportedCategory::parse(category)),
        pricing_type: said(pricing_type).then(|| ReportedType::parse(pricing_type)),
        model: said(model).then(|| ReportedModel::parse(model)),
    })
}

fn priced(input: &RatingInput) -> Priced {
    match CARDS.rate(input) {
        Rated::Priced(priced) => priced,
        Rated::Unpriced(unpriced) => panic!("{}: {input:?}", unpriced.reason.as_str()),
    }
}

fn reason(input: &RatingInput) -> UnpricedReason {
    match CARDS.rate(input) {
        Rated::Priced(priced) => panic!("priced at {}: {input:?}", priced.cost),
        Rated::Unpriced(unpriced) => unpriced.reason,
    }
}
