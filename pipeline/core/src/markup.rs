//! The mark-ups of a WABA: which is in force at a charge, what it asks, and that it stays as it was.
//!
//! Of a booked charge cost alone is kept. Its price is made again from the mark-up of its day whenever the charge is
//! taken back. That gives what was booked because a mark-up that has begun never changes: see [`check`].

use crate::decide::Facts;
use crate::inbound::AHEAD_S;
use crate::record::Waba;
use tollgate_rate_card::{Currency, Markup, Price, Rated};
use tollgate_wire::command::AccountSpec;

/// The mark-up in force at a charge instant.
pub(crate) fn in_force<'a>(facts: &Facts<'_>, waba: &'a Waba, at_s: u32) -> Option<&'a Markup> {
    let all = &waba.spec.markup;
    // Most WABAs have none; they do not pay for the date.
    if all.is_empty() { None } else { Markup::in_force(all, facts.state.day(waba.ix, at_s).0) }
}

/// Currency and price of what is charged; no price where there is no cost, or no mark-up: then the price is the cost.
pub(crate) fn price(facts: &Facts<'_>, waba: &Waba, rated: &Rated, at_s: u32) -> (Currency, Option<Price>) {
    let Some(markup) = in_force(facts, waba, at_s) else { return (waba.currency, None) };
    let price = match rated {
        Rated::Priced(p) => markup.price(p, facts.rates.map().market_name(p.market)),
        Rated::Unpriced(_) => None,
    };
    (markup.currency(waba.currency), price)
}

/// Checks the mark-ups of a declaration: their markets exist, and those of a known WABA that have begun are as they were.
pub(crate) fn check(facts: &Facts<'_>, spec: &AccountSpec, now_ms: u64) -> Result<(), String> {
    let state = facts.state;
    let own = state.account(&spec.account).map(|a| a.ix);
    for w in &spec.wabas {
        for (i, rule) in w.markup.iter().enumerate().flat_map(|(i, m)| m.rules.iter().map(move |rule| (i, rule))) {
            if let Some(market) = rule.market.as_deref().filter(|m| facts.rates.map().market_named(m).is_none()) {
                return Err(format!(
                    "waba {}: markup[{i}]: rule {:?}: market {market:?} is on no rate card; use a name of the cards, such as {:?}",
                    w.id,
                    rule.name,
                    facts.rates.map().markets().first().map_or("", String::as_str)
                ));
            }
        }
        let Some(old) = own.and_then(|own| state.waba_of(own, &w.id)) else { continue };
        // The last day on which something may be booked already.
        let today = state.day(old.ix, (now_ms / 1000) as u32 + AHEAD_S).0;
        if let Some(day) = Markup::first_changed(&old.spec.markup, &w.markup, today) {
            return Err(format!(
                "waba {}: markup: the one of {day} is not as it was, and prices of {today} and before may be booked; \
                 leave it as it is and add one with valid_from after {today}",
                w.id
            ));
        }
    }
    Ok(())
}
