//! Fees of a reseller: counted as things happen, booked when their month is closed.
//!
//! A message is counted for a fee where the mark-up in force at its instant asks one, in the month that would bill a charge
//! of that instant, under the first day of that mark-up: so a change of prices within a month is exact, and what comes
//! after a close is asked in the month after. Of a number is kept since when it is declared, and of what it was before,
//! in which months.
//!
//! One entry for each number, month, fee and mark-up, right before the marker of the month. The minimum of a month is not
//! known here: the ledger has the prices.

use crate::change::{Change, CounterKey};
use crate::close;
use crate::decide::{Decision, Facts};
use crate::effect::{Effect, FeeBooking};
use crate::ids::{SenderIx, WabaIx};
use crate::markup;
use crate::record::{Account, Waba};
use std::collections::BTreeMap;
use tollgate_rate_card::{Date, Fee, Markup, YearMonth, Zone};
use tollgate_wire::ledger::EntryKind;

/// The mark-up of a number's fee is found when it is booked, not counted under.
const NO_DAY: u32 = 0;

/// A first day as counters keep it: unlike a place in the list, it says by itself which mark-up is meant.
fn packed(day: Date) -> u32 {
    u32::from(day.year().cast_unsigned()) << 16
        | u32::from(day.month().unsigned_abs()) << 8
        | u32::from(day.day().unsigned_abs())
}

/// Where a message of a number is counted for a fee of the WABA that bills it; `None` where nothing is asked for it.
pub(crate) fn counter(facts: &Facts<'_>, waba: &Waba, sender: SenderIx, fee: Fee, at_s: u32) -> Option<CounterKey> {
    let markup = markup::in_force(facts, waba, at_s)?;
    if markup.fees.of(fee).is_zero() {
        return None;
    }
    let month = close::number(close::billed(facts, waba, at_s, None).0);
    Some(CounterKey::Fee { waba: waba.ix, sender, month, begun: packed(markup.valid_from), fee: fee.index() })
}

/// A number as an account declares it.
pub(crate) struct Declared {
    pub(crate) waba: WabaIx,
    pub(crate) sender: SenderIx,
    pub(crate) zone: Zone,
    /// Whether any mark-up of the WABA asks for numbers; else nothing is kept.
    pub(crate) asked: bool,
}

/// Whether the numbers of a month are booked, be it at 0: the ledger asks the minimum where there was a number.
pub(crate) fn asks_for_numbers(markup: &Markup) -> bool {
    !markup.fees.number.is_zero() || !markup.fees.minimum.is_zero()
}

/// Keeps since when numbers are declared, and the months of those that are no longer: also of a number that moved to
/// another WABA.
pub(crate) fn numbers(
    facts: &Facts<'_>,
    old: Option<&Account>,
    declared: &[Declared],
    now_ms: u64,
    out: &mut Vec<Change>,
) {
    let state = facts.state;
    let now = (now_ms / 1000) as i64;
    for d in declared.iter().filter(|d| d.asked) {
        let key = CounterKey::NumberSince(d.waba, d.sender);
        if state.counter(key) == 0 {
            let month = close::number(YearMonth::of(d.zone.local_date_at(now)));
            out.push(Change::Counter(key, u64::from(month)));
        }
    }
    let Some(old) = old else { return };
    for sender in &old.senders {
        let waba = state.waba_at(state.sender_at(*sender).waba);
        let since = state.counter(CounterKey::NumberSince(waba.ix, *sender));
        if since == 0 || declared.iter().any(|d| (d.waba, d.sender) == (waba.ix, *sender)) {
            continue;
        }
        let month = close::number(YearMonth::of(waba.zone.local_date_at(now)));
        for month in open_from(old, since)..=month {
            let key =
                CounterKey::Fee { waba: waba.ix, sender: *sender, month, begun: NO_DAY, fee: Fee::Number.index() };
            out.push(Change::Counter(key, 1));
        }
        out.push(Change::Counter(CounterKey::NumberSince(waba.ix, *sender), 0));
    }
}

/// The first month from `since` on that is not closed.
fn open_from(account: &Account, since: u64) -> u32 {
    u32::try_from(since).unwrap_or(u32::MAX).max(account.closed.saturating_add(1))
}

/// In the order in which fees are booked: month, WABA, number, fee, mark-up.
type Counts = BTreeMap<(u32, WabaIx, SenderIx, u8, u32), u64>;

/// Books the fees of a month that is being closed, and of those before it that close with it.
pub(crate) fn book(facts: &Facts<'_>, account: &Account, asked: YearMonth, now_ms: u64, out: &mut Decision) {
    let state = facts.state;
    let last = close::number(asked);
    let mut counts = Counts::new();
    for (key, count) in state.counters.iter().filter(|(_, count)| **count > 0) {
        match *key {
            CounterKey::Fee { waba, sender, month, begun, fee }
                if (account.closed + 1..=last).contains(&month) && state.waba_at(waba).account == account.ix =>
            {
                counts.insert((month, waba, sender, fee, begun), *count);
            }
            CounterKey::NumberSince(waba, sender) if state.waba_at(waba).account == account.ix => {
                for month in open_from(account, *count)..=last {
                    counts.insert((month, waba, sender, Fee::Number.index(), NO_DAY), 1);
                }
            }
            _ => {}
        }
    }
    for ((month, waba, sender, fee, begun), count) in counts {
        let (Some(month), Some(fee)) = (close::month(month), Fee::from_index(fee)) else { continue };
        let waba = state.waba_at(waba);
        let markup = match fee {
            Fee::Number => at_the_end(facts, waba, month, now_ms),
            // What has begun never changes, so it is there.
            _ => waba.spec.markup.iter().find(|m| packed(m.valid_from) == begun),
        };
        let asks = |m: &&Markup| !m.fees.of(fee).is_zero() || fee == Fee::Number && asks_for_numbers(m);
        if let Some(markup) = markup.filter(asks) {
            let booking = booking(facts, waba, markup, (sender, fee, month, count), now_ms);
            out.effects.push(Effect::Fee(Box::new(booking)));
        }
    }
}

/// The mark-up in force on the last day of a month; of one that is closed before its end, as far as it has come: what is
/// to begin may still change.
fn at_the_end<'a>(facts: &Facts<'_>, waba: &'a Waba, month: YearMonth, now_ms: u64) -> Option<&'a Markup> {
    let today = facts.state.day(waba.ix, (now_ms / 1000) as u32).0;
    Markup::in_force(&waba.spec.markup, month.last_day().min(today))
}

fn booking(
    facts: &Facts<'_>,
    waba: &Waba,
    markup: &Markup,
    (sender, fee, month, count): (SenderIx, Fee, YearMonth, u64),
    now_ms: u64,
) -> FeeBooking {
    let number = &facts.state.sender_at(sender).spec.id;
    let key = format!("{number}:{}:{month}:{}", fee.as_str(), markup.valid_from);
    let (_, end) = waba.zone.month_bounds(month);
    FeeBooking {
        entry: crate::charge::entry_id(&waba.id, EntryKind::Fee, &key, 0),
        waba: waba.ix,
        sender,
        fee,
        count,
        amount: markup.fees.of(fee),
        currency: markup.currency(waba.currency),
        month,
        at_s: u32::try_from(end - 1).unwrap_or(u32::MAX),
        booked_ms: now_ms,
    }
}
