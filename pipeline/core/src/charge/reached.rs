//! Volume bands that the platform says are reached. The portfolio may send by other software and other providers too, so
//! what is counted here is not all of it; a band that is reached is a lower bound.

use crate::change::{Change, CounterKey};
use crate::close;
use crate::decide::{Decision, Facts};
use crate::effect::{Effect, Reached};
use crate::record::Account;
use tollgate_wire::event::BandReached;

/// Keeps the bound for the positions to come, and tells the ledger, which settles by it. A region that is no market is
/// refused, so that somebody sees it.
pub(crate) fn reached(facts: &Facts<'_>, account: &Account, r: &BandReached<'_>, out: &mut Decision) {
    let Some(market) = facts.rates.map().market_folded(&r.region) else {
        out.rejected = Some(format!(
            "volume band: {:?} is no market of the market map, so it counts for no message; correct the map or the names \
             of its markets and replay this",
            &*r.region
        ));
        return;
    };
    let category = r.category.band_counter();
    let (month, market_ix, of) = (close::number(r.month), market.index() as u16, category.index() as u8);
    let bound = CounterKey::BandReached(account.ix, month, market_ix, of);
    // Messages before the first of the band.
    let before = r.first.saturating_sub(1);
    if facts.state.counter(bound) < before {
        out.changes.push(Change::Counter(bound, before));
    }
    out.effects.push(Effect::BandReached(Box::new(Reached {
        account: account.ix,
        market,
        category,
        month: r.month,
        first: r.first,
        at_s: r.at_s,
        behind: facts.state.counter(CounterKey::Band(account.ix, month, market_ix, of)) < before,
    })));
}

/// The bound of a counter of bands.
pub(super) const fn bound(key: CounterKey) -> Option<CounterKey> {
    match key {
        CounterKey::Band(account, month, market, category) => {
            Some(CounterKey::BandReached(account, month, market, category))
        }
        _ => None,
    }
}
