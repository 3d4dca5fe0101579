//! The ledger's side: standing entries summed by the rows of the figures. What was taken back has a negative entry of
//! the same row, so the sums are of what stands.

use super::class::Class;
use super::scope::{Key, Place, REGULAR, Scope, civil_day};
use super::statement::Statement;
use super::{Known, ReconcileError, Request};
use crate::ledger::{is_withdrawal, messages_of};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_rate_card::{Category, PricingType, YearMonth, ZoneCache};
use tollgate_wire::ledger::{EntryKind, LedgerEntry, Origin};

/// The cell of a card that a row was priced by: card, market, category.
pub(super) type CardCell = (String, String, Category);

/// What the ledger has of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub messages: i64,
    pub cost: Decimal,
    /// Of other software, among the messages.
    pub foreign: i64,
    /// Of other software that the client pays for: not among the messages.
    pub counted: i64,
    /// Without a price, among the messages.
    pub unpriced: i64,
    /// Whether something has the list rate because bands are not known.
    pub listed: bool,
    pub cells: BTreeSet<CardCell>,
    /// Used in the month and billed in another: not among the messages.
    pub late: i64,
    /// Of the neighbouring month by the WABA's zone: not among the messages.
    pub beyond: i64,
}

/// Messages of no bucket of the figures, with the reason.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outside {
    pub messages: i64,
    pub cost: Decimal,
}

/// Adds entries up.
pub(super) struct Ours<'a> {
    statement: &'a Statement,
    known: &'a Known,
    month: YearMonth,
    period: String,
    by_usage: bool,
    caches: BTreeMap<String, ZoneCache>,
    pub rows: BTreeMap<Key, Row>,
    pub outside: BTreeMap<(Key, Class), Outside>,
    /// Numbers that have entries.
    pub senders: BTreeSet<String>,
    /// Currency by WABA, of the rows whose figures do not say it.
    pub currencies: BTreeMap<String, String>,
    /// Messages of WABAs that the figures do not have.
    pub not_compared: BTreeMap<String, i64>,
}

impl<'a> Ours<'a> {
    pub(super) fn new(statement: &'a Statement, request: &Request<'_>, known: &'a Known) -> Self {
        Self {
            statement,
            known,
            month: request.month,
            period: request.month.to_string(),
            by_usage: request.by_usage,
            caches: BTreeMap::new(),
            rows: BTreeMap::new(),
            outside: BTreeMap::new(),
            senders: BTreeSet::new(),
            currencies: BTreeMap::new(),
            not_compared: BTreeMap::new(),
        }
    }

    /// Takes the next entry. Fees and credits are ours alone and have no counterpart.
    pub(super) fn entry(&mut self, entry: &LedgerEntry<'_>) -> Result<(), ReconcileError> {
        if matches!(entry.kind, EntryKind::Fee | EntryKind::Credit) {
            return Ok(());
        }
        if entry.kind == EntryKind::Counted {
            return self.counted(entry);
        }
        let period = if self.by_usage { &entry.usage_period } else { &entry.billing_period };
        let counts = period.as_str() == self.period;
        let Some(scope) = self.statement.scope(&entry.waba, entry.pricing_model, &entry.sender) else {
            if counts {
                *self.not_compared.entry(entry.waba.to_string()).or_default() += messages_of(entry);
            }
            return Ok(());
        };
        let mut key = key(entry, scope);
        if !scope.free && key.pricing_type != REGULAR {
            return Ok(());
        }
        if !scope.grain.pricing_type {
            key.pricing_type = String::new();
        }
        self.senders.insert(entry.sender.to_string());
        let at = self.instant(entry, scope)?;
        let used = entry.usage_period.parse::<YearMonth>().unwrap_or(self.month);
        if !counts {
            let Some(bucket) = scope.bucket(at) else { return Ok(()) };
            (key.start, key.end) = bucket;
            let row = self.rows.entry(key).or_default();
            let of = if used == self.month { &mut row.late } else { &mut row.beyond };
            *of += messages_of(entry);
            return Ok(());
        }
        self.currency(entry, scope, &key)?;
        // Where the WABA has no day, that of the WABA that has the number now.
        let moved = || self.statement.of_phone(&entry.sender, key.model).and_then(|scope| scope.bucket(at));
        let bucket = scope.bucket(at).or_else(moved);
        let (bucket, class) = match bucket.map_or_else(|| scope.place(at), Place::In) {
            Place::In(of) if used == self.month || bucket.is_some() => (of, None),
            Place::In(_) => (scope.month, Some(Class::LateStatus)),
            Place::Edge(_) if used != self.month => (scope.month, Some(Class::LateStatus)),
            Place::Edge(edge) => (edge, Some(Class::ZoneCut)),
        };
        (key.start, key.end) = bucket;
        let (messages, cost) = (messages_of(entry), entry.cost.unwrap_or_default());
        let add = |sum: &mut Decimal| sum.checked_add(cost).map(|total| *sum = total).ok_or(ReconcileError::Overflow);
        if let Some(class) = class {
            let outside = self.outside.entry((key, class)).or_default();
            outside.messages += messages;
            return add(&mut outside.cost);
        }
        let row = self.rows.entry(key).or_default();
        row.messages += messages;
        row.foreign += if entry.origin == Origin::Foreign { messages } else { 0 };
        row.unpriced += if entry.cost.is_none() { messages } else { 0 };
        row.listed |= entry.band_basis.as_deref() == Some("list_unknown");
        if let (Some(card), Some(market), Some(category)) = (&entry.card, &entry.market, entry.category) {
            let cell = (card.to_string(), market.to_string(), category);
            if !row.cells.contains(&cell) {
                row.cells.insert(cell);
            }
        }
        add(&mut row.cost)
    }

    /// Takes what is counted and not booked: it is in the figures of its own month.
    fn counted(&mut self, entry: &LedgerEntry<'_>) -> Result<(), ReconcileError> {
        let Some(scope) = self.statement.scope(&entry.waba, entry.pricing_model, &entry.sender) else { return Ok(()) };
        let mut key = key(entry, scope);
        if !scope.free && key.pricing_type != REGULAR {
            return Ok(());
        }
        if !scope.grain.pricing_type {
            key.pricing_type = String::new();
        }
        self.senders.insert(entry.sender.to_string());
        let at = self.instant(entry, scope)?;
        if let Some(bucket) = scope.bucket(at) {
            (key.start, key.end) = bucket;
            let counted = if is_withdrawal(entry.kind, entry.cause) { -1 } else { 1 };
            self.rows.entry(key).or_default().counted += counted;
        }
        Ok(())
    }

    /// The charge instant on the clock of the buckets.
    fn instant(&mut self, entry: &LedgerEntry<'_>, scope: &Scope) -> Result<i64, ReconcileError> {
        if !scope.local {
            return Ok(i64::from(entry.occurred_at.secs()));
        }
        let zone = self.known.zones.get(&*entry.waba);
        let zone = zone.ok_or_else(|| ReconcileError::Zone { waba: entry.waba.to_string() })?;
        let cache = self.caches.entry(entry.waba.to_string()).or_default();
        let day = civil_day(entry, zone, cache);
        // The entry's own month counts, whatever the zone says of its day.
        let used = entry.usage_period.parse::<YearMonth>().map_or(scope.month, super::scope::civil_bounds);
        Ok(day.clamp(used.0, used.1 - 86_400))
    }

    /// Notes the currency of rows whose figures do not say it; there can be one only.
    fn currency(&mut self, entry: &LedgerEntry<'_>, scope: &Scope, key: &Key) -> Result<(), ReconcileError> {
        if scope.grain.currency {
            return Ok(());
        }
        match self.currencies.get(&key.waba) {
            Some(there) if **there != *entry.cost_currency => Err(ReconcileError::Currencies {
                of: if key.waba.is_empty() { "the invoice".to_owned() } else { format!("WABA {}", key.waba) },
                first: there.clone(),
                second: entry.cost_currency.to_string(),
            }),
            Some(_) => Ok(()),
            None => {
                self.currencies.insert(key.waba.clone(), entry.cost_currency.to_string());
                Ok(())
            }
        }
    }
}

/// The row of an entry, without its bucket and with its type. What has no price has the platform's word, else ours.
fn key(entry: &LedgerEntry<'_>, scope: &Scope) -> Key {
    let grain = scope.grain;
    let (ours, said) = (entry.pricing_type, entry.reported_type);
    // What we book is ours to tell; of what we do not, the platform's word is all there is.
    let pricing_type = if entry.kind == EntryKind::Counted { said.or(ours) } else { ours.or(said) };
    let pricing_type = pricing_type.or(entry.expected_type).map_or("", PricingType::as_str);
    let category = entry.category.or(entry.reported_category).or(entry.expected_category);
    let told = grain.category && (!grain.pricing_type || pricing_type == REGULAR);
    let when = |told: bool, text: &str| if told { text.to_owned() } else { String::new() };
    Key {
        waba: when(grain.waba, &entry.waba),
        model: scope.model.then_some(entry.pricing_model),
        start: 0,
        end: 0,
        phone: when(grain.phone, &entry.sender),
        country: when(grain.country, entry.country.as_deref().unwrap_or_default()),
        pricing_type: pricing_type.to_owned(),
        category: when(told, category.map_or("", Category::as_str)),
        currency: when(grain.currency, &entry.cost_currency),
    }
}
