//! A stored entry back into the shape it had on the topic.

use super::hash::unpack;
use super::sql::{Row, Value};
use super::{LedgerError, amount};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::value::{Error as NameError, StrDeserializer};
use tollgate_wire::ledger::LedgerEntry;
use tollgate_wire::{Text, Time};

/// The columns that [`entry`] reads, in its order; `e` is `entries`, `g` is `entry_groups`.
pub(super) const COLUMNS: &str = "e.entry, g.kind, e.cause, e.adjusts, e.revision, g.account, g.account_name, \
    g.legal_entity, g.waba, g.sender, g.origin, e.message_uid, e.message, e.attempt, e.recipient_hash, \
    e.wamid_hash, g.campaign, g.cost_center, e.template, e.language, g.country, g.market, g.category, \
    g.pricing_model, g.pricing_type, e.expected_category, e.expected_type, e.expected_model, \
    e.reported_category, e.reported_type, e.reported_model, e.conversation, e.rulebook, g.card, g.card_status, \
    g.band, g.band_basis, e.ordinal, g.list_rate, g.cost_rate, e.quantity, e.cost, g.cost_currency, \
    g.markup_rule, e.markup, e.fee, e.price_ex_tax, g.price_currency, g.fx_rate, e.fx_source, e.fx_date, \
    e.occurred_at, e.booked_at, g.usage_period, g.billing_period, g.tax_code, g.invoice_id, e.reason";

/// Reads columns from left to right.
pub(super) struct Columns<'r> {
    row: &'r dyn Row,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn new(row: &'r dyn Row) -> Self {
        Self { row, next: 0 }
    }

    fn step(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    pub(super) fn text(&mut self) -> Result<Option<&'r str>, LedgerError> {
        let at = self.step();
        self.row.text(at)
    }

    /// Text that the schema never leaves out.
    pub(super) fn required(&mut self) -> Result<&'r str, LedgerError> {
        Ok(self.text()?.unwrap_or_default())
    }

    pub(super) fn integer(&mut self) -> Result<Option<i64>, LedgerError> {
        let at = self.step();
        self.row.integer(at)
    }

    pub(super) fn amount(&mut self, what: &'static str) -> Result<Option<Decimal>, LedgerError> {
        let at = self.step();
        match self.row.value(at)? {
            Value::Null => Ok(None),
            Value::Amount(amount) => Ok(Some(amount)),
            Value::Text(text) => amount::parse(what, text).map(Some),
            other => Err(LedgerError::Stored { what, value: format!("{other:?}") }),
        }
    }

    fn owned(&mut self) -> Result<Option<Text<'r>>, LedgerError> {
        Ok(self.text()?.map(Text::from))
    }

    fn hash(&mut self) -> Result<Option<Text<'r>>, LedgerError> {
        let at = self.step();
        Ok(unpack(self.row.value(at)?).map(Text::from))
    }

    fn name<T: Deserialize<'r>>(&mut self, what: &'static str) -> Result<Option<T>, LedgerError> {
        self.text()?.map(|t| named(what, t)).transpose()
    }

    fn small(&mut self) -> Result<Option<u8>, LedgerError> {
        Ok(self.integer()?.map(|n| n as u8))
    }
}

/// A value of a closed list from its name on the wire.
pub(crate) fn named<'a, T: Deserialize<'a>>(what: &'static str, name: &'a str) -> Result<T, LedgerError> {
    T::deserialize(StrDeserializer::<NameError>::new(name))
        .map_err(|_| LedgerError::Stored { what, value: name.to_owned() })
}

/// The entry in a row that starts with [`COLUMNS`], then recipient and wamid `with_people`.
pub(super) fn entry<'r>(row: &'r dyn Row, with_people: bool) -> Result<LedgerEntry<'r>, LedgerError> {
    let mut c = Columns::new(row);
    let missing = |what| LedgerError::Stored { what, value: String::new() };
    Ok(LedgerEntry {
        entry: c.hash()?.unwrap_or_default(),
        kind: c.name("kind")?.ok_or_else(|| missing("kind"))?,
        cause: c.name("cause")?,
        adjusts: c.hash()?,
        revision: c.integer()?.unwrap_or(0) as u32,
        account: c.required()?.into(),
        account_name: c.required()?.into(),
        legal_entity: c.required()?.into(),
        waba: c.required()?.into(),
        sender: c.required()?.into(),
        origin: c.name("origin")?.ok_or_else(|| missing("origin"))?,
        message_uid: c.integer()?.map(|n| n as u64),
        message: c.owned()?,
        attempt: c.small()?,
        recipient_hash: c.hash()?.unwrap_or_default(),
        wamid_hash: c.hash()?.unwrap_or_default(),
        campaign: c.owned()?,
        cost_center: c.owned()?,
        template: c.owned()?,
        language: c.owned()?,
        country: c.owned()?,
        market: c.owned()?,
        category: c.name("category")?,
        pricing_model: c.name("pricing_model")?.ok_or_else(|| missing("pricing_model"))?,
        pricing_type: c.name("pricing_type")?,
        expected_category: c.name("expected_category")?,
        expected_type: c.name("expected_type")?,
        expected_model: c.name("expected_model")?,
        reported_category: c.name("reported_category")?,
        reported_type: c.name("reported_type")?,
        reported_model: c.name("reported_model")?,
        conversation: c.owned()?,
        rulebook: c.owned()?,
        card: c.owned()?,
        card_status: c.owned()?,
        band: c.small()?,
        band_basis: c.owned()?,
        ordinal: c.integer()?.map(|n| n as u64),
        list_rate: c.amount("list_rate")?,
        cost_rate: c.amount("cost_rate")?,
        quantity: c.integer()?.unwrap_or(0),
        cost: c.amount("cost")?,
        cost_currency: c.required()?.into(),
        markup_rule: c.owned()?,
        markup: c.amount("markup")?,
        fee: c.amount("fee")?,
        price_ex_tax: c.amount("price_ex_tax")?,
        price_currency: c.required()?.into(),
        fx_rate: c.amount("fx_rate")?,
        fx_source: c.owned()?,
        fx_date: c.owned()?,
        occurred_at: Time(c.integer()?.unwrap_or(0) as u64),
        booked_at: Time(c.integer()?.unwrap_or(0) as u64),
        usage_period: c.required()?.into(),
        billing_period: c.required()?.into(),
        tax_code: c.owned()?,
        invoice_id: c.owned()?,
        reason: c.owned()?,
        recipient: if with_people { c.owned()? } else { None },
        wamid: if with_people { c.owned()? } else { None },
    })
}
