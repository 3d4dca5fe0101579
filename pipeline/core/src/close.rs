//! The end of a month: when an account's month may be closed, and in which month a charge is billed from then on.
//!
//! Closed is what `Account::closed` says, one month for all WABAs of the account, and every month before it. A charge of a
//! closed month is priced and counted as it always was and billed in the month after the newest closed one. Nothing
//! else depends on it: kind, key and revision of an entry are those of its charge, so that what was booked before a close
//! is found and taken back after it.

use crate::change::Change;
use crate::decide::{Decision, Facts};
use crate::effect::{Closing, Effect};
use crate::fee;
use crate::record::{Account, Waba};
use tollgate_rate_card::{Date, YearMonth};
use tollgate_wire::ledger::Cause;

/// A month as accounts and counters keep it: months since year 0.
pub(crate) fn number(month: YearMonth) -> u32 {
    u32::from(month.year().unsigned_abs()) * 12 + u32::from(month.month().unsigned_abs()) - 1
}

/// The month of a number; `None` for 0, which is no month, and for what no date has.
pub(crate) fn month(number: u32) -> Option<YearMonth> {
    YearMonth::new(i16::try_from(number / 12).ok()?, i8::try_from(number % 12 + 1).ok()?)
}

/// The newest closed month.
pub(crate) fn closed(account: &Account) -> Option<YearMonth> {
    month(account.closed)
}

/// The month after the newest closed one, where the usage is of a closed month.
pub(crate) fn billed_later(account: &Account, usage: YearMonth) -> Option<YearMonth> {
    closed(account).filter(|closed| usage <= *closed).map(YearMonth::next)
}

/// Whether an instant is of a month that is closed.
pub(crate) fn is_closed(facts: &Facts<'_>, waba: &Waba, at_s: u32) -> bool {
    let usage = YearMonth::of(facts.state.day(waba.ix, at_s).0);
    billed_later(facts.state.account_at(waba.account), usage).is_some()
}

/// The month that bills what is charged at an instant, and the cause: `late` where usage of a closed month has no other.
/// Every entry asks here.
pub(crate) fn billed(facts: &Facts<'_>, waba: &Waba, at_s: u32, cause: Option<Cause>) -> (YearMonth, Option<Cause>) {
    let usage = YearMonth::of(facts.state.day(waba.ix, at_s).0);
    match billed_later(facts.state.account_at(waba.account), usage) {
        Some(later) => (later, cause.or(Some(Cause::Late))),
        None => (usage, cause),
    }
}

/// Closes a month, or says why not. The newest closed one again is no error and changes nothing, but its marker is written
/// again: the first may have been lost or set aside, and whoever asks may not know that it was heard.
pub(crate) fn close(
    facts: &Facts<'_>,
    account: &Account,
    asked: YearMonth,
    settle_days: u8,
    forced: Option<&str>,
    now_ms: u64,
    out: &mut Decision,
) {
    if closed(account) != Some(asked) {
        if let Err(why) = check(facts, account, asked, settle_days, forced.is_some(), now_ms) {
            out.rejected = Some(why);
            return;
        }
        out.changes.push(Change::Account(Box::new(Account { closed: number(asked), ..account.clone() })));
        fee::book(facts, account, asked, now_ms, out);
    }
    let forced = forced.map(Box::from);
    out.effects.push(Effect::MonthClosed(Box::new(Closing {
        account: account.ix,
        month: asked,
        at_ms: now_ms,
        forced,
    })));
}

/// WABAs that are no longer declared count too: their messages are still being delivered.
fn check(
    facts: &Facts<'_>,
    account: &Account,
    asked: YearMonth,
    settle_days: u8,
    forced: bool,
    now_ms: u64,
) -> Result<(), String> {
    let id = &account.spec.account;
    if let Some(newest) = closed(account).filter(|newest| asked < *newest) {
        return Err(format!(
            "month {asked}: account {id} is closed up to {newest}; close {} or leave it: what comes late is billed there",
            newest.next()
        ));
    }
    let now_s = (now_ms / 1000) as u32;
    let first = asked.next().first_day();
    let due = first.checked_add(jiff::Span::new().days(i64::from(settle_days))).unwrap_or(Date::MAX);
    for waba in facts.state.wabas().filter(|w| w.account == account.ix) {
        let (id, zone, today) = (&waba.id, waba.zone.name(), facts.state.day(waba.ix, now_s).0);
        if YearMonth::of(today) < asked {
            return Err(format!(
                "month {asked}: it is {today} for waba {id} in {zone}; a month that has not begun cannot be closed, wait for it"
            ));
        }
        if !forced && today < due {
            return Err(format!(
                "month {asked}: it is {today} for waba {id} in {zone}, and with settle_days {settle_days} it may be closed \
                 from {due} on; wait until then, or give a reason in `forced`"
            ));
        }
    }
    Ok(())
}
