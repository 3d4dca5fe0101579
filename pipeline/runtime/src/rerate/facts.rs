//! An entry back into the facts that were rated, as far as the ledger keeps them; what it does not keep is not guessed.

use super::Rules;
use tollgate_rate_card::{
    Category, Charging, Country, Currency, Date, PricingModel, PricingType, RatingInput, Reported, ReportedCategory,
    ReportedModel, ReportedType, Rulebook, UnpricedReason, YearMonth,
};
use tollgate_wire::ledger::LedgerEntry;

/// Why a charge has no price by the other rules, besides what a rating says: they charge by whether a window was open,
/// which the ledger does not keep and what was booked does not tell.
const WINDOW_UNKNOWN: &str = "window_unknown";

/// What was unpriced for these is so by any rules: the ledger does not keep the platform's strange word or the bid.
const STAYS: [UnpricedReason; 4] = [
    UnpricedReason::ModelNotSupported,
    UnpricedReason::UnknownCategory,
    UnpricedReason::UnknownType,
    UnpricedReason::Bid,
];

/// What rating an entry again needs of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Booked<'a> {
    pub reason: Option<&'a str>,
    pub currency: &'a str,
    pub rulebook: Option<&'a str>,
    pub country: Option<&'a str>,
    pub market: Option<&'a str>,
    pub category: Option<Category>,
    pub pricing_type: Option<PricingType>,
    pub expected_category: Option<Category>,
    pub reported_category: Option<Category>,
    pub reported_type: Option<PricingType>,
    pub reported_model: Option<PricingModel>,
}

impl<'a> Booked<'a> {
    pub(crate) fn of(entry: &'a LedgerEntry<'_>) -> Self {
        Self {
            reason: entry.reason.as_deref(),
            currency: &entry.cost_currency,
            rulebook: entry.rulebook.as_deref(),
            country: entry.country.as_deref(),
            market: entry.market.as_deref(),
            category: entry.category,
            pricing_type: entry.pricing_type,
            expected_category: entry.expected_category,
            reported_category: entry.reported_category,
            reported_type: entry.reported_type,
            reported_model: entry.reported_model,
        }
    }
}

/// The facts of a charge of a local day with no message before it, or why it has no price.
pub(crate) fn facts(rules: &Rules<'_>, entry: &Booked<'_>, own: Date) -> Result<RatingInput, &'static str> {
    if let Some(stays) = STAYS.iter().find(|stays| Some(stays.as_str()) == entry.reason) {
        return Err(stays.as_str());
    }
    let Some(currency) = Currency::new(entry.currency) else {
        return Err(UnpricedReason::NoCard.as_str());
    };
    let booked = entry.rulebook.and_then(|id| rules.booked(id));
    let date = rules.day(own);
    let reported = Reported {
        category: entry.reported_category.map(ReportedCategory::Known),
        pricing_type: charged(rules, entry, booked, date)?,
        model: entry.reported_model.map(ReportedModel::Known),
    };
    Ok(RatingInput {
        currency,
        date,
        country: country(rules, entry, own, date),
        category: entry.expected_category,
        // What the situation comes to is in the type.
        window_open: false,
        fep_open: false,
        // Whether it had begun for the recipient's country is not in the ledger, but what came of it is.
        auth_international: entry.category == Some(Category::AuthenticationInternational),
        allowance_used: 0,
        band_ordinal: None,
        bid: false,
        reported: Some(reported),
    })
}

/// The charge's local day: exact where the rules know the WABA's zone. Else the ledger has the instant, the local month
/// and the rulebook, so the day may be one off within them, which changes no rule and no market.
pub(super) fn own_day(rules: &Rules<'_>, entry: &LedgerEntry<'_>) -> Date {
    if let Some(zone) = rules.zone(&entry.waba) {
        return zone.local_date_at(i64::from(entry.occurred_at.secs()));
    }
    let utc = jiff::Timestamp::from_second(i64::from(entry.occurred_at.secs())).unwrap_or_default();
    let day = utc.to_zoned(jiff::tz::TimeZone::UTC).date();
    let month = entry.usage_period.parse::<YearMonth>().unwrap_or_else(|_| YearMonth::of(day));
    let day = day.clamp(month.first_day(), month.last_day());
    match entry.rulebook.as_deref().and_then(|id| rules.booked(id)) {
        Some(book) => day.clamp(book.validity.from(), book.validity.to().unwrap_or(Date::MAX)),
        None => day,
    }
}

/// The recipient's country. A recipient without a number has none in the ledger, but the market: any country of it
/// does, if all of them are in one market on the other day too.
fn country(rules: &Rules<'_>, entry: &Booked<'_>, own: Date, date: Date) -> Option<Country> {
    if let Some(code) = entry.country {
        return Country::new(code);
    }
    let map = rules.rates().map();
    let market = map.market_named(entry.market?)?;
    let mut of = map.countries().map(|(country, _)| country).filter(|&c| map.market(c, own) == Some(market));
    let first = of.next()?;
    of.all(|other| map.market(other, date) == map.market(first, date)).then_some(first)
}

/// What the message is charged as by the rules of a day, in the platform's words. The platform's word is of the rules
/// that it was said under, so it tells the situation (window, free entry point) and the other rules say what that
/// costs. Where it said what its rules do not, it stands.
fn charged(
    rules: &Rules<'_>,
    entry: &Booked<'_>,
    booked: Option<&Rulebook>,
    date: Date,
) -> Result<Option<ReportedType>, &'static str> {
    let said = entry.reported_type.or(entry.pricing_type).map(|word| match word {
        PricingType::Regular | PricingType::FreeAllowance => Charging::Charged,
        PricingType::FreeCustomerService => Charging::FreeCustomerService,
        PricingType::FreeEntryPoint => Charging::FreeEntryPoint,
    });
    let other = rules.rates().rulebook_at(date).map(|(_, book)| book);
    let category = entry.reported_category.or(entry.expected_category).or(entry.category);
    let (Some(other), Some(category)) = (other, category) else { return Ok(said.map(in_words)) };
    if said.is_some() && booked.is_some_and(|book| book.id == other.id) {
        return Ok(said.map(in_words));
    }
    let charging = match outcomes(booked, other, category, said).as_slice() {
        [] => said,
        [one] => Some(*one),
        _ => return Err(WINDOW_UNKNOWN),
    };
    Ok(charging.map(in_words))
}

/// What the other rules come to in each situation that can have been; none if none can.
fn outcomes(booked: Option<&Rulebook>, other: &Rulebook, category: Category, said: Option<Charging>) -> Vec<Charging> {
    let mut found = Vec::new();
    for (window, entry_point) in [(false, false), (true, false), (false, true)] {
        let was = booked.map(|book| book.rule(category).charging(window, entry_point));
        // It was delivered, so it was allowed.
        if was == Some(Charging::NotAllowed) || said.zip(was).is_some_and(|(said, was)| said != was) {
            continue;
        }
        let rule = other.rule(category);
        let is = match rule.charging(window, entry_point) {
            Charging::NotAllowed => rule.in_window,
            is => is,
        };
        if !found.contains(&is) {
            found.push(is);
        }
    }
    found
}

const fn in_words(charging: Charging) -> ReportedType {
    match charging {
        Charging::Charged | Charging::NotAllowed => ReportedType::Regular,
        Charging::FreeCustomerService => ReportedType::FreeCustomerService,
        Charging::FreeEntryPoint => ReportedType::FreeEntryPoint,
    }
}
