//! What finance credits by hand: one entry, at the end of the month that it is about.
//!
//! The id that is given with it makes the entry's id, so the same credit said twice is the same entry, and the ledger has
//! it once.

use crate::charge::entry_id;
use crate::close;
use crate::decide::{Decision, Facts};
use crate::effect::{CreditBooking, Effect};
use crate::record::Account;
use rust_decimal::Decimal;
use tollgate_rate_card::{ENTRY_DECIMALS, Markup, Price, YearMonth, round_amount};
use tollgate_wire::event::Credit;
use tollgate_wire::ledger::EntryKind;

/// The charge key of a credit.
#[must_use]
pub fn key(account: &str, month: YearMonth, id: &str) -> String {
    format!("{account}:{month}:{id}")
}

/// Books a credit, or says why not.
pub(crate) fn book(facts: &Facts<'_>, account: &Account, c: &Credit<'_>, now_ms: u64, out: &mut Decision) {
    let state = facts.state;
    let id = &account.spec.account;
    let waba = state.waba_of(account.ix, &c.waba);
    let Some(waba) = waba else {
        out.rejected =
            Some(format!("credit {:?}: waba {:?} is not one of account {id}; name one of it", &*c.id, &*c.waba));
        return;
    };
    let today = state.day(waba.ix, (now_ms / 1000) as u32).0;
    if YearMonth::of(today) < c.month {
        out.rejected =
            Some(format!("credit {:?}: {} has not begun for waba {}; name a month that has", &*c.id, c.month, waba.id));
        return;
    }
    // As for fees: of what is to begin nothing is in force.
    let markup = Markup::in_force(&waba.spec.markup, c.month.last_day().min(today));
    let fx = markup.and_then(|markup| markup.fx.clone());
    let currency = markup.map_or(waba.currency, |markup| markup.currency(waba.currency));
    // One amount of two currencies is two amounts. Whoever asked may not have known of the mark-up yet.
    if c.both && currency != waba.currency {
        out.rejected = Some(format!(
            "credit {:?}: cost of waba {} is in {}, its price in {currency}; credit each by an amount of its own",
            &*c.id, waba.id, waba.currency
        ));
        return;
    }
    // Without the sign that a zero would keep.
    let taken_off = |amount: Decimal| if amount.is_zero() { Decimal::ZERO } else { -amount };
    let (cost, price) = (taken_off(c.cost), taken_off(c.price));
    let (_, end) = waba.zone.month_bounds(c.month);
    out.effects.push(Effect::Credit(Box::new(CreditBooking {
        entry: entry_id(&waba.id, EntryKind::Credit, &key(id, c.month, &c.id), 0),
        waba: waba.ix,
        id: c.id.as_str().into(),
        cost,
        price,
        markup: round_amount(price - Price::converted(cost, fx.as_ref()), ENTRY_DECIMALS),
        currency,
        fx,
        reason: reason(&c.reason, c.reference.as_deref(), c.by.as_deref()).into(),
        month: c.month,
        billed: close::billed_later(account, c.month).unwrap_or(c.month),
        at_s: u32::try_from(end - 1).unwrap_or(u32::MAX),
        booked_ms: now_ms,
    })));
}

/// What the entry says of why it is there.
#[must_use]
pub fn reason(why: &str, reference: Option<&str>, by: Option<&str>) -> String {
    let mut text = why.to_owned();
    for (word, what) in [("reference", reference), ("by", by)] {
        if let Some(what) = what {
            text.push_str("; ");
            text.push_str(word);
            text.push(' ');
            text.push_str(what);
        }
    }
    text
}
