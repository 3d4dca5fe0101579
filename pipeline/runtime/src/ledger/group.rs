//! The summary, kept as entries arrive: which row an entry belongs to, and what it adds. Below a row are the terms of its
//! entries: what else many of them have in common, stored once.
//!
//! Sums of a batch are collected in memory and added to the rows once, before the batch commits.

use super::sql::{Sql, Value};
use super::{LedgerError, amount};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use tollgate_rate_card::{Category, ENTRY_DECIMALS, PricingModel, PricingType};
use tollgate_wire::ledger::{Cause, EntryKind, LedgerEntry};

/// Terms remembered at most; beyond it they are looked up again. About 700 bytes each.
const REMEMBERED_MAX: usize = 100_000;

/// The summary rows and terms met so far, and what the present batch adds to the rows.
#[derive(Default)]
pub(super) struct Groups {
    /// By summary columns and terms.
    known: HashMap<Box<[u8]>, Found, foldhash::fast::FixedState>,
    /// Places of summary rows, by summary columns.
    rows: HashMap<Box<[u8]>, usize, foldhash::fast::FixedState>,
    slots: Vec<Slot>,
    changed: Vec<usize>,
    key: Vec<u8>,
}

/// What an entry refers to.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// Place of its summary row here.
    pub(super) slot: usize,
    /// Number of its terms in the database.
    pub(super) terms: i64,
}

/// A summary row and what is to be added to it.
#[derive(Default)]
struct Slot {
    ix: i64,
    add: Sums,
}

/// What one entry, or a batch of them, adds to its summary row.
#[derive(Default)]
pub(crate) struct Sums {
    pub(super) entries: i64,
    pub(super) messages: i64,
    pub(super) quantity: i128,
    /// In units of 10^-10, in the order of [`AMOUNTS`].
    pub(super) amounts: [Option<i128>; 4],
}

/// The four summed amounts.
pub(super) const AMOUNTS: [&str; 4] = ["cost", "markup", "fee", "price_ex_tax"];

impl Sums {
    /// What the entry adds. Of what is counted and not booked its number alone, as messages: a row without entries is in no
    /// summary. An error text if an amount cannot be exact or is implausible.
    pub(super) fn of(e: &LedgerEntry<'_>) -> Result<Self, String> {
        if e.quantity.unsigned_abs() > amount::QUANTITY_MAX.unsigned_abs() {
            return Err(format!("quantity {} is beyond {} units", e.quantity, amount::QUANTITY_MAX));
        }
        if e.kind == EntryKind::Counted {
            return Ok(Self { messages: 1, ..Self::default() });
        }
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

    const fn is_none(&self) -> bool {
        self.entries == 0 && self.messages == 0
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
        EntryKind::Fee | EntryKind::Credit | EntryKind::Counted => 0,
    }
}

impl Groups {
    /// Finds or creates the entry's row and terms.
    pub(super) fn find(&mut self, tx: &dyn Sql, e: &LedgerEntry<'_>) -> Result<Found, LedgerError> {
        let summary = write_key(&mut self.key, e);
        if let Some(&found) = self.known.get(self.key.as_slice()) {
            return Ok(found);
        }
        let columns = &self.key[..summary];
        let slot = match self.rows.get(columns) {
            Some(&slot) => slot,
            None => {
                let find = "SELECT ix FROM entry_groups WHERE fingerprint = ?1";
                let ix = number(tx, columns, find, &|fingerprint| insert(tx, fingerprint, e))?;
                self.slots.push(Slot { ix, add: Sums::default() });
                self.rows.insert(columns.into(), self.slots.len() - 1);
                self.slots.len() - 1
            }
        };
        let group = self.slots[slot].ix;
        let find = "SELECT ix FROM entry_terms WHERE fingerprint = ?1";
        let terms = number(tx, &self.key, find, &|fingerprint| insert_terms(tx, fingerprint, group, e))?;
        let found = Found { slot, terms };
        self.known.insert(self.key.as_slice().into(), found);
        Ok(found)
    }

    /// Adds an entry that was booked.
    pub(super) fn add(&mut self, slot: usize, added: &Sums) {
        let row = &mut self.slots[slot];
        if row.add.is_none() {
            self.changed.push(slot);
        }
        row.add.add(added);
    }

    /// What the batch added, row by row in ascending order; to be written before its commit.
    pub(super) fn take_sums(&mut self) -> Vec<(i64, Sums)> {
        let slots = &mut self.slots;
        let sums = self.changed.drain(..).map(|slot| (slots[slot].ix, std::mem::take(&mut slots[slot].add)));
        let mut sums: Vec<_> = sums.collect();
        sums.sort_unstable_by_key(|(ix, _)| *ix);
        if self.known.len() > REMEMBERED_MAX {
            self.known.clear();
            self.rows.clear();
            self.slots.clear();
        }
        sums
    }
}

/// A stored sum in units. Unlike an entry's amount it may exceed [`super::AMOUNT_MAX`]; it has at most 10 decimals.
pub(super) fn stored_units(sum: Decimal) -> i128 {
    sum.mantissa() * 10i128.pow(ENTRY_DECIMALS.saturating_sub(sum.scale()))
}

/// The number of the row with such a key, found or made.
fn number(
    tx: &dyn Sql,
    key: &[u8],
    find: &str,
    insert: &dyn Fn(Value<'_>) -> Result<Option<i64>, LedgerError>,
) -> Result<i64, LedgerError> {
    let digest = Sha256::digest(key);
    let fingerprint = Value::Bytes(&digest[..16]);
    let find = || tx.number(find, &[fingerprint]);
    let ix = match find()? {
        Some(ix) => Some(ix),
        // Where another process was first its row is seen now.
        None => insert(fingerprint)?.map_or_else(find, |ix| Ok(Some(ix)))?,
    };
    ix.ok_or_else(|| LedgerError::Damaged { what: "fingerprint", place: hex::encode(&digest[..16]) })
}

/// Makes terms of a summary row; `None` if another process did meanwhile.
fn insert_terms(
    tx: &dyn Sql,
    fingerprint: Value<'_>,
    group: i64,
    e: &LedgerEntry<'_>,
) -> Result<Option<i64>, LedgerError> {
    let mut values = vec![fingerprint, group.into()];
    values.extend(terms(e).map(Value::from));
    tx.number(
        "INSERT INTO entry_terms (fingerprint, grp, cause, template, language, expected_category, expected_type, \
         expected_model, reported_category, reported_type, reported_model, rulebook, fx_source, fx_date) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (fingerprint) DO NOTHING RETURNING ix",
        &values,
    )
}

/// Makes a row; `None` if another process did meanwhile.
fn insert(tx: &dyn Sql, fingerprint: Value<'_>, e: &LedgerEntry<'_>) -> Result<Option<i64>, LedgerError> {
    tx.number(
        "INSERT INTO entry_groups (fingerprint, billing_period, usage_period, kind, account, account_name, \
         legal_entity, waba, sender, campaign, cost_center, country, market, category, pricing_type, pricing_model, \
         band, band_basis, card, card_status, origin, list_rate, cost_rate, cost_currency, fx_rate, markup_rule, \
         price_currency, tax_code, invoice_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
         ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29) ON CONFLICT (fingerprint) DO NOTHING RETURNING ix",
        &[
            fingerprint,
            e.billing_period.as_str().into(),
            e.usage_period.as_str().into(),
            e.kind.as_str().into(),
            e.account.as_str().into(),
            e.account_name.as_str().into(),
            e.legal_entity.as_str().into(),
            e.waba.as_str().into(),
            e.sender.as_str().into(),
            e.campaign.as_deref().into(),
            e.cost_center.as_deref().into(),
            e.country.as_deref().into(),
            e.market.as_deref().into(),
            e.category.map(Category::as_str).into(),
            e.pricing_type.map(PricingType::as_str).into(),
            e.pricing_model.as_str().into(),
            e.band.map(i64::from).into(),
            e.band_basis.as_deref().into(),
            e.card.as_deref().into(),
            e.card_status.as_deref().into(),
            e.origin.as_str().into(),
            e.list_rate.into(),
            e.cost_rate.into(),
            e.cost_currency.as_str().into(),
            e.fx_rate.into(),
            e.markup_rule.as_deref().into(),
            e.price_currency.as_str().into(),
            e.tax_code.as_deref().into(),
            e.invoice_id.as_deref().into(),
        ],
    )
}

/// The terms of an entry, in the order of their columns.
fn terms<'e>(e: &'e LedgerEntry<'_>) -> [Option<&'e str>; 12] {
    [
        e.cause.map(Cause::as_str),
        e.template.as_deref(),
        e.language.as_deref(),
        e.expected_category.map(Category::as_str),
        e.expected_type.map(PricingType::as_str),
        e.expected_model.map(PricingModel::as_str),
        e.reported_category.map(Category::as_str),
        e.reported_type.map(PricingType::as_str),
        e.reported_model.map(PricingModel::as_str),
        e.rulebook.as_deref(),
        e.fx_source.as_deref(),
        e.fx_date.as_deref(),
    ]
}

/// The summary columns of an entry and then its terms, each with its length, so that no two combinations look alike. How
/// long the first part is.
fn write_key(key: &mut Vec<u8>, e: &LedgerEntry<'_>) -> usize {
    fn write(key: &mut Vec<u8>, t: Option<&str>) {
        match t {
            None => key.extend_from_slice(&u32::MAX.to_le_bytes()),
            Some(t) => {
                key.extend_from_slice(&(t.len() as u32).to_le_bytes());
                key.extend_from_slice(t.as_bytes());
            }
        }
    }
    key.clear();
    let mut text = |t: Option<&str>| write(key, t);
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
    let summary = key.len();
    terms(e).into_iter().for_each(|t| write(key, t));
    summary
}
