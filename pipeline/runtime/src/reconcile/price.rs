//! The rules about amounts: what the messages that both sides have cost on one and the other.

use super::class::Class;
use super::compare::Atom;
use super::report::Part;
use super::scope::REGULAR;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use tollgate_rate_card::{BandTable, Currency, RateCards, round_amount};

/// What the rules know.
pub(super) struct Prices<'a> {
    pub rates: &'a RateCards,
    /// What a row may differ by.
    pub tolerance: Decimal,
    /// By WABA, where the figures do not say it.
    pub currencies: &'a BTreeMap<String, String>,
}

/// Puts what differs beside the messages that differ into a class; `None` beyond the largest amount.
pub(super) fn class(atom: &mut Atom, prices: &Prices<'_>) -> Option<()> {
    if !atom.costs {
        return Some(());
    }
    let mut rest = atom.theirs.cost.checked_sub(atom.ours.cost)?;
    for part in &atom.parts {
        rest = rest.checked_sub(part.amount.unwrap_or_default())?;
    }
    if rest.is_zero() {
        return Some(());
    }
    let class = if rest.abs() <= prices.tolerance {
        Class::PlatformRounding
    } else if atom.theirs.messages != atom.ours.messages || atom.ours.unpriced != 0 {
        // Prices are compared where the messages are the same and all have one.
        Class::Unknown
    } else if band_lag(atom, rest, prices.rates) {
        Class::BandLag
    } else if rounded(atom, rest, prices) {
        Class::PlatformRounding
    } else {
        Class::Unknown
    };
    atom.parts.push(Part { class, messages: 0, amount: Some(rest) });
    Some(())
}

/// Whether some of the messages at the rate of another band of their card make the difference to the last digit; or we
/// have the list rate for want of bands, and the platform names a higher one and asks less.
fn band_lag(atom: &Atom, rest: Decimal, rates: &RateCards) -> bool {
    if atom.key.pricing_type != REGULAR {
        return false;
    }
    if atom.ours.listed && rest < Decimal::ZERO && atom.theirs.tier_from > 1 {
        return true;
    }
    atom.ours.cells.iter().any(|(card, market, category)| {
        let market = rates.map().market_named(market);
        let bands = rates.card_named(card).zip(market).and_then(|(card, market)| card.bands(market, *category));
        let Some(bands) = bands.map(BandTable::bands) else { return false };
        let rates = || bands.iter().map(|(_, rate)| *rate);
        rates().any(|theirs| rates().any(|ours| whole(rest, theirs - ours, atom.ours.messages)))
    })
}

/// Whether an amount is a step taken once to `most` times.
fn whole(amount: Decimal, step: Decimal, most: i64) -> bool {
    if step.is_zero() {
        return false;
    }
    let times = amount.checked_rem(step).filter(Decimal::is_zero).and_then(|_| amount.checked_div(step));
    times.is_some_and(|times| times >= Decimal::ONE && times <= Decimal::from(most))
}

/// Whether the platform rounds the row's total, or each of its messages, to the currency's minor unit.
fn rounded(atom: &Atom, rest: Decimal, prices: &Prices<'_>) -> bool {
    let code = match &*atom.key.currency {
        "" => prices.currencies.get(&atom.key.waba).map_or("", |code| code),
        code => code,
    };
    let Some(decimals) = Currency::new(code).and_then(|currency| prices.rates.minor_units(currency)) else {
        return false;
    };
    if atom.theirs.cost == round_amount(atom.ours.cost, decimals) {
        return true;
    }
    let messages = Decimal::from(atom.ours.messages);
    let Some(each) = atom.ours.cost.checked_div(messages) else { return false };
    let half = Decimal::new(5, decimals + 1);
    let within = half.checked_mul(messages).is_some_and(|most| rest.abs() <= most);
    within && round_amount(each, decimals).checked_mul(messages) == Some(atom.theirs.cost)
}
