//! The summary, kept as entries arrive: which row an entry belongs to, and what it adds.
//!
//! Sums of a batch are collected in memory and added to the rows once, before the batch commits.

use super::{LedgerError, amount};
use rusqlite::{OptionalExtension, Transaction, params};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use tollgate_rate_card::{Category, PricingType};
use tollgate_wire::ledger::{EntryKind, LedgerEntry};

/// Rows remembered at most; beyond it they are looked up again. About 400 bytes each.
const REMEMBERED_MAX: usize = 100_000;

/// The summary rows met so far, and what the present batch adds to them.
#[derive(Default)]
pub(super) struct Groups {
    known: HashMap<Box<[u8]>, usize, foldhash::fast::FixedState>,
    slots: Vec<Slot>,
    changed: Vec<usize>,
    key: Vec<u8>,
}

/// A summary row and what is to be added to it.
#[derive(Default)]
struct Slot {
    ix: i64,
    add: Added,
}

/// What one entry, or a batch of them, adds to its summary row.
#[derive(Default)]
pub(super) struct Added {
    entries: i64,
    messages: i64,
    quantity: i128,
    amounts: [Option<i128>; 4],
}

/// The four summed amounts, in the order of `Added::amounts`.
const AMOUNTS: [&str; 4] = ["cost", "markup", "fee", "price_ex_tax"];

impl Added {
    /// What the entry adds; an error text if an amount cannot be exact.
    pub(super) fn of(e: &LedgerEntry<'_>) -> Result<Self, String> {
        let mut amounts = [None; 4];
        for (slot, (what, amount)) in amounts.iter_mut().zip([
            ("cost", e.cost),
            ("markup", e.markup),
            ("fee", e.fee),
            ("price_ex_tax", e.price_ex_tax),
        ]) {
            *slot = amount.map(|a| amount::units(what, a)).transpose()?;
        }
        Ok(Self { entries: 1, messages: messages_of(e), quantity: i128::from(e.quantity), amounts })
    }

    fn add(&mut self, other: &Self) {
        self.entries += other.entries;
        self.messages += other.messages;
        self.quantity += other.quantity;
        for (sum, more) in self.amounts.iter_mut().zip(other.amounts) {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0) + more);
            }
        }
    }
}

/// Messages that an entry stands for: one for what was delivered, with the sign of a correction.
pub(crate) fn messages_of(e: &LedgerEntry<'_>) -> i64 {
    match e.kind {
        EntryKind::Charge | EntryKind::Free | EntryKind::Unpriced if e.quantity >= 0 => 1,
        EntryKind::Charge | EntryKind::Free | EntryKind::Unpriced => -1,
        EntryKind::Adjustment | EntryKind::TrueUp => e.quantity.signum(),
        EntryKind::Fee | EntryKind::Credit => 0,
    }
}

impl Groups {
    /// Finds or creates the entry's row. Answers its place here and its number in the database.
    pub(super) fn find(&mut self, tx: &Transaction<'_>, e: &LedgerEntry<'_>) -> Result<(usize, i64), LedgerError> {
        write_key(&mut self.key, e);
        if let Some(&slot) = self.known.get(self.key.as_slice()) {
            return Ok((slot, self.slots[slot].ix));
        }
        let fingerprint = Sha256::digest(&self.key);
        let found: Option<i64> = tx
            .prepare_cached("SELECT ix FROM entry_groups WHERE fingerprint = ?1")?
            .query_row([&fingerprint[..16]], |r| r.get(0))
            .optional()?;
        let ix = match found {
            Some(ix) => ix,
            None => insert(tx, &fingerprint[..16], e)?,
        };
        let slot = self.slots.len();
        self.slots.push(Slot { ix, add: Added::default() });
        self.known.insert(self.key.as_slice().into(), slot);
        Ok((slot, ix))
    }

    /// Adds an entry that was booked.
    pub(super) fn add(&mut self, slot: usize, added: &Added) {
        let row = &mut self.slots[slot];
        if row.add.entries == 0 {
            self.changed.push(slot);
        }
        row.add.add(added);
    }

    /// Writes what the batch added; to be called before its commit.
    pub(super) fn save(&mut self, tx: &Transaction<'_>) -> Result<(), LedgerError> {
        for slot in self.changed.drain(..) {
            let row = &mut self.slots[slot];
            save(tx, row.ix, &std::mem::take(&mut row.add))?;
        }
        if self.slots.len() > REMEMBERED_MAX {
            self.known.clear();
            self.slots.clear();
        }
        Ok(())
    }
}

fn save(tx: &Transaction<'_>, ix: i64, add: &Added) -> Result<(), LedgerError> {
    let mut read = tx
        .prepare_cached("SELECT quantity, cost, markup, fee, price_ex_tax, messages FROM entry_groups WHERE ix = ?1")?;
    let (quantity, old, messages) = read.query_row([ix], |r| {
        let amounts: [Option<String>; 4] = [r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?];
        Ok((r.get::<_, i64>(0)?, amounts, r.get::<_, i64>(5)?))
    })?;
    let quantity =
        i64::try_from(i128::from(quantity) + add.quantity).map_err(|_| LedgerError::Overflow { what: "quantity" })?;
    let mut sums: [Option<String>; 4] = Default::default();
    for (i, what) in AMOUNTS.into_iter().enumerate() {
        let before = old[i].as_deref().map(|t| stored_units(what, t)).transpose()?;
        sums[i] = match (before, add.amounts[i]) {
            (None, None) => None,
            (a, b) => Some(amount::decimal(what, a.unwrap_or(0) + b.unwrap_or(0))?.to_string()),
        };
    }
    tx.prepare_cached(
        "UPDATE entry_groups SET entries = entries + ?2, messages = ?3, quantity = ?4, \
         cost = ?5, markup = ?6, fee = ?7, price_ex_tax = ?8 WHERE ix = ?1",
    )?
    .execute(params![ix, add.entries, messages + add.messages, quantity, sums[0], sums[1], sums[2], sums[3]])?;
    Ok(())
}

/// A stored sum. Unlike an entry's amount it may exceed [`super::AMOUNT_MAX`]; it always has 10 decimals.
fn stored_units(what: &'static str, text: &str) -> Result<i128, LedgerError> {
    let sum = amount::parse(what, text)?;
    let missing = tollgate_rate_card::ENTRY_DECIMALS.saturating_sub(sum.scale());
    Ok(sum.mantissa() * 10i128.pow(missing))
}

fn insert(tx: &Transaction<'_>, fingerprint: &[u8], e: &LedgerEntry<'_>) -> Result<i64, LedgerError> {
    tx.prepare_cached(
        "INSERT INTO entry_groups (fingerprint, billing_period, usage_period, kind, account, account_name, \
         legal_entity, waba, sender, campaign, cost_center, country, market, category, pricing_type, pricing_model, \
         band, band_basis, card, card_status, origin, list_rate, cost_rate, cost_currency, fx_rate, markup_rule, \
         price_currency, tax_code, invoice_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
         ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)",
    )?
    .execute(params![
        fingerprint,
        e.billing_period.as_str(),
        e.usage_period.as_str(),
        e.kind.as_str(),
        e.account.as_str(),
        e.account_name.as_str(),
        e.legal_entity.as_str(),
        e.waba.as_str(),
        e.sender.as_str(),
        e.campaign.as_deref(),
        e.cost_center.as_deref(),
        e.country.as_deref(),
        e.market.as_deref(),
        e.category.map(Category::as_str),
        e.pricing_type.map(PricingType::as_str),
        e.pricing_model.as_str(),
        e.band,
        e.band_basis.as_deref(),
        e.card.as_deref(),
        e.card_status.as_deref(),
        e.origin.as_str(),
        e.list_rate.map(|r| r.normalize().to_string()),
        e.cost_rate.map(|r| r.normalize().to_string()),
        e.cost_currency.as_str(),
        e.fx_rate.map(|r| r.normalize().to_string()),
        e.markup_rule.as_deref(),
        e.price_currency.as_str(),
        e.tax_code.as_deref(),
        e.invoice_id.as_deref(),
    ])?;
    Ok(tx.last_insert_rowid())
}

/// The summary columns of an entry, each with its length, so that no two combinations look alike.
fn write_key(key: &mut Vec<u8>, e: &LedgerEntry<'_>) {
    key.clear();
    let mut text = |t: Option<&str>| match t {
        None => key.extend_from_slice(&u32::MAX.to_le_bytes()),
        Some(t) => {
            key.extend_from_slice(&(t.len() as u32).to_le_bytes());
            key.extend_from_slice(t.as_bytes());
        }
    };
    for t in [&e.billing_period, &e.usage_period, &e.account, &e.account_name, &e.legal_entity, &e.waba, &e.sender] {
        text(Some(t));
    }
    for t in [&e.campaign, &e.cost_center, &e.country, &e.market, &e.band_basis, &e.card, &e.card_status] {
        text(t.as_deref());
    }
    for t in [&e.markup_rule, &e.tax_code, &e.invoice_id] {
        text(t.as_deref());
    }
    text(Some(&e.cost_currency));
    text(Some(&e.price_currency));
    text(Some(e.kind.as_str()));
    text(Some(e.origin.as_str()));
    text(Some(e.pricing_model.as_str()));
    text(e.category.map(Category::as_str));
    text(e.pricing_type.map(PricingType::as_str));
    key.extend_from_slice(&e.band.map_or(u16::MAX, u16::from).to_le_bytes());
    for rate in [e.list_rate, e.cost_rate, e.fx_rate] {
        // A first byte of 1 tells "no rate" from any rate.
        key.push(u8::from(rate.is_none()));
        key.extend_from_slice(&rate.unwrap_or(Decimal::ZERO).normalize().serialize());
    }
}
