//! Records of the `ledger` topic that no message makes: credits, and volume bands that are reached.

use super::blank_fee;
use crate::effect::{CreditBooking, Reached};
use crate::hashing::Hex;
use crate::state::State;
use rust_decimal::Decimal;
use tollgate_rate_card::{Fee, RateCards};
use tollgate_wire::ledger::{BandReached, Cause, EntryKind, LedgerEntry};
use tollgate_wire::{Text, Time};

/// Writes a credit.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn credit(state: &State, c: &CreditBooking, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let waba = state.waba_at(c.waba);
    let account = state.account_at(waba.account);
    let entry = Hex::new(c.entry);
    let (usage, billed) = (c.month.to_string(), c.billed.to_string());
    let fx_date = c.fx.as_ref().map(|fx| fx.date.to_string());
    let entry = LedgerEntry {
        entry: entry.as_str().into(),
        kind: EntryKind::Credit,
        cause: Some(Cause::Manual),
        account: account.spec.account.as_str().into(),
        account_name: account.spec.name.as_str().into(),
        legal_entity: account.spec.legal_entity.as_str().into(),
        waba: waba.id.as_str().into(),
        message: Some((&*c.id).into()),
        quantity: 1,
        cost: Some(c.cost),
        cost_currency: waba.currency.as_str().into(),
        markup_rule: None,
        markup: Some(c.markup),
        fee: Some(Decimal::ZERO),
        price_ex_tax: Some(c.price),
        price_currency: c.currency.as_str().into(),
        fx_rate: c.fx.as_ref().map(|fx| fx.rate),
        fx_source: c.fx.as_ref().map(|fx| fx.source.as_str().into()),
        fx_date: fx_date.as_deref().map(Text::from),
        occurred_at: Time::from_secs(c.at_s),
        booked_at: Time(c.booked_ms),
        usage_period: usage.as_str().into(),
        billing_period: billed.as_str().into(),
        reason: Some((&*c.reason).into()),
        // For no message and no person either.
        ..blank_fee(Fee::Number)
    };
    serde_json::to_writer(out, &entry)
}

/// Writes a band that is reached.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn band_reached(state: &State, rates: &RateCards, r: &Reached, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let month = r.month.to_string();
    let record = BandReached {
        band_reached: r.first,
        account: state.account_at(r.account).spec.account.as_str().into(),
        market: rates.map().market_name(r.market).into(),
        category: r.category,
        month: month.as_str().into(),
        at: Time::from_secs(r.at_s),
    };
    serde_json::to_writer(out, &record)
}
