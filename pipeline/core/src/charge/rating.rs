//! What a charge costs, and what one that is booked did cost: on the card that it was rated on, or, where the catalogue does
//! not have that card any more or gives another amount on it, by the cost and kind that were kept.
//!
//! Cards are corrected and imported later, and bands too. What stands is taken back as it was booked all the same, or
//! the sum of both would be an amount that nobody was ever asked for, and the id that of an entry that never was.

use super::kind_of;
use crate::decide::Facts;
use crate::record::{Booked, Stands, Waba};
use rust_decimal::Decimal;
use tollgate_rate_card::{
    AuthInternational, BandBasis, Category, Priced, PricingType, Rated, RatingInput, Unpriced, UnpricedReason,
};
use tollgate_wire::ledger::EntryKind;

fn input(facts: &Facts<'_>, waba: &Waba, category: Option<Category>, b: &Booked) -> RatingInput {
    let date = facts.state.day(waba.ix, b.at_s).0;
    let (starts, location) = (&waba.spec.auth_international, waba.spec.location);
    RatingInput {
        currency: waba.currency,
        date,
        country: b.country,
        category,
        window_open: b.window_open,
        fep_open: b.fep_open,
        // What the platform says of the category goes before it.
        auth_international: AuthInternational::applies(starts, location, b.country, date),
        allowance_used: b.allowance_used,
        band_ordinal: (b.ordinal > 0).then_some(b.ordinal),
        bid: false,
        reported: Some(b.reported),
    }
}

/// Rates what is to be booked, by the catalogue as it is. Depends on nothing but the booked facts and the cards.
pub(super) fn rate(facts: &Facts<'_>, waba: &Waba, category: Option<Category>, b: &Booked) -> Rated {
    facts.rates.rate(&input(facts, waba, category, b))
}

/// The type that our own facts come to, without a word of the platform; none where they give no price.
pub(super) fn expected_type(
    facts: &Facts<'_>,
    waba: &Waba,
    category: Option<Category>,
    b: &Booked,
) -> Option<PricingType> {
    match facts.rates.rate(&RatingInput { reported: None, ..input(facts, waba, category, b) }) {
        Rated::Priced(p) => Some(p.pricing_type),
        Rated::Unpriced(_) => None,
    }
}

/// Rates by the card that was booked on; none if there was none. Where it was not kept, by the catalogue as it is.
pub(super) fn rate_on_kept(facts: &Facts<'_>, waba: &Waba, category: Option<Category>, b: &Booked) -> Rated {
    match b.stands {
        Stands::NotKept => rate(facts, waba, category, b),
        _ => facts.rates.rate_on(&input(facts, waba, category, b), facts.rates.card_of_digest(b.card)),
    }
}

/// What stands: kind and amount are those that were booked, whatever the catalogue has become.
pub(super) fn standing(facts: &Facts<'_>, waba: &Waba, category: Option<Category>, b: &Booked) -> Rated {
    let rated = rate_on_kept(facts, waba, category, b);
    match (stood_as(b, &rated), rated) {
        (EntryKind::Unpriced, Rated::Priced(p)) => Rated::Unpriced(Unpriced {
            reason: if b.card == 0 { UnpricedReason::NoCard } else { UnpricedReason::UnknownRate },
            category: p.category,
            market: Some(p.market),
            rulebook: Some(p.rulebook),
            card: if b.card == 0 { None } else { p.card },
            counts_for_allowance: p.counts_for_allowance,
            counts_for_band: p.counts_for_band,
        }),
        (EntryKind::Charge, Rated::Priced(p)) if (p.pricing_type, p.cost) != (PricingType::Regular, b.cost) => {
            Rated::Priced(at_cost(p, PricingType::Regular, b.cost))
        }
        (EntryKind::Free, Rated::Priced(p)) if p.pricing_type == PricingType::Regular => {
            Rated::Priced(at_cost(p, free_type(b), Decimal::ZERO))
        }
        (kind @ (EntryKind::Charge | EntryKind::Free), Rated::Unpriced(u)) => {
            let pricing_type = if kind == EntryKind::Charge { PricingType::Regular } else { free_type(b) };
            priced(facts, u, pricing_type, b.cost).unwrap_or(rated)
        }
        _ => rated,
    }
}

/// The kind of the entry that stands, which is part of its id. Of what an earlier version booked, the amount tells: only
/// what is charged costs something, and what costs something now and did not then had no price.
pub(super) fn stood_as(b: &Booked, rated: &Rated) -> EntryKind {
    match (b.stands, kind_of(rated)) {
        (Stands::Charge, _) => EntryKind::Charge,
        (Stands::Free, _) => EntryKind::Free,
        (Stands::Unpriced, _) => EntryKind::Unpriced,
        (Stands::NotKept, _) if !b.cost.is_zero() => EntryKind::Charge,
        (Stands::NotKept, EntryKind::Charge) if super::cost(rated) != b.cost => EntryKind::Unpriced,
        (Stands::NotKept, kind) => kind,
    }
}

/// Keeps with a charge what [`standing`] needs of its rating.
pub(super) fn keep(b: &mut Booked, facts: &Facts<'_>, rated: &Rated) {
    let card = match rated {
        Rated::Priced(p) => p.card,
        Rated::Unpriced(u) => u.card,
    };
    b.card = card.map_or(0, |id| facts.rates.card(id).digest());
    b.cost = super::cost(rated);
    b.stands = match kind_of(rated) {
        EntryKind::Charge => Stands::Charge,
        EntryKind::Free => Stands::Free,
        _ => Stands::Unpriced,
    };
}

/// The amount that was booked, in place of the one that the card gives.
fn at_cost(p: Priced, pricing_type: PricingType, cost: Decimal) -> Priced {
    let banded = p.counts_for_band && pricing_type == PricingType::Regular;
    let band_basis = if banded { BandBasis::ListUnknown } else { BandBasis::NotBanded };
    Priced { pricing_type, cost_rate: cost, cost, band: None, band_basis, ..p }
}

/// The same without the card that had priced it; `None` where not even the market is known any more.
fn priced(facts: &Facts<'_>, u: Unpriced, pricing_type: PricingType, cost: Decimal) -> Option<Rated> {
    let (market, rulebook) = u.market.zip(u.rulebook)?;
    let p = Priced {
        pricing_type,
        category: u.category,
        model: facts.rates.rulebook(rulebook).model,
        market,
        list_rate: None,
        cost_rate: cost,
        cost,
        card: None,
        card_status: None,
        band: None,
        band_basis: BandBasis::NotBanded,
        rulebook,
        counts_for_allowance: u.counts_for_allowance,
        counts_for_band: u.counts_for_band,
    };
    Some(Rated::Priced(at_cost(p, pricing_type, cost)))
}

/// Why it was free, by what is kept of it: for rules that were put right after it was booked.
fn free_type(b: &Booked) -> PricingType {
    match b {
        Booked { fep_open: true, .. } => PricingType::FreeEntryPoint,
        Booked { window_open: true, .. } => PricingType::FreeCustomerService,
        _ => PricingType::FreeAllowance,
    }
}
