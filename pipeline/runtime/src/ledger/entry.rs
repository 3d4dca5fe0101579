//! A stored entry back into the shape it had on the topic.

use super::hash::unpack;
use super::shared::{KnownTerms, Shared, shared};
use super::sql::{Row, Value};
use super::{LedgerError, amount};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::value::{Error as NameError, StrDeserializer};
use tollgate_wire::ledger::LedgerEntry;
use tollgate_wire::{Text, Time};

macro_rules! own {
    () => {
        "e.entry, e.adjusts, e.revision, e.message_uid, e.message, e.attempt, e.recipient_hash, e.wamid_hash, \
         e.conversation, e.ordinal, e.quantity, e.cost, e.markup, e.fee, e.price_ex_tax, e.occurred_at, e.booked_at, \
         e.reason"
    };
}

/// The columns that [`entry`] reads, in its order: what entry `e` has of its own, then what it has from its terms `t` and
/// their summary row `g`.
pub(super) const COLUMNS: &str = concat!(own!(), ", ", shared!());
/// The first of them alone, with the terms' number behind them, for [`own_entry`].
pub(super) const OWN: &str = concat!(own!(), ", e.terms");
/// Joins an entry's terms and summary row to it.
pub(crate) const SHARING: &str = "JOIN entry_terms t ON t.ix = e.terms JOIN entry_groups g ON g.ix = t.grp";
/// The same with a condition to follow. SQLite's outer loop stays on the entries, whose key is the order.
pub(super) const SHARING_WHERE: &str =
    "CROSS JOIN entry_terms t CROSS JOIN entry_groups g WHERE t.ix = e.terms AND g.ix = t.grp AND";

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

    pub(super) fn owned(&mut self) -> Result<Option<Text<'r>>, LedgerError> {
        Ok(self.text()?.map(Text::from))
    }

    fn hash(&mut self) -> Result<Option<Text<'r>>, LedgerError> {
        let at = self.step();
        Ok(unpack(self.row.value(at)?).map(Text::from))
    }

    pub(super) fn name<T: Deserialize<'r>>(&mut self, what: &'static str) -> Result<Option<T>, LedgerError> {
        self.text()?.map(|t| named(what, t)).transpose()
    }

    pub(super) fn small(&mut self) -> Result<Option<u8>, LedgerError> {
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
    let own = Own::read(&mut c)?;
    let shared = Shared::read(&mut c)?;
    whole(own, shared, &mut c, with_people)
}

/// The entry in a row that starts with [`OWN`], then recipient and wamid `with_people`; its terms are among those that are
/// known.
pub(super) fn own_entry<'r>(
    row: &'r dyn Row,
    known: &'r KnownTerms,
    with_people: bool,
) -> Result<LedgerEntry<'r>, LedgerError> {
    let mut c = Columns::new(row);
    let own = Own::read(&mut c)?;
    let terms = c.integer()?.unwrap_or(0);
    let shared = known.get(&terms).ok_or_else(|| LedgerError::Damaged { what: "terms", place: terms.to_string() })?;
    whole(own, shared.lend(), &mut c, with_people)
}

/// What an entry has of its own.
struct Own<'a> {
    entry: Text<'a>,
    adjusts: Option<Text<'a>>,
    revision: u32,
    message_uid: Option<u64>,
    message: Option<Text<'a>>,
    attempt: Option<u8>,
    recipient_hash: Text<'a>,
    wamid_hash: Text<'a>,
    conversation: Option<Text<'a>>,
    ordinal: Option<u64>,
    quantity: i64,
    cost: Option<Decimal>,
    markup: Option<Decimal>,
    fee: Option<Decimal>,
    price_ex_tax: Option<Decimal>,
    occurred_at: Time,
    booked_at: Time,
    reason: Option<Text<'a>>,
}

impl<'a> Own<'a> {
    fn read(c: &mut Columns<'a>) -> Result<Self, LedgerError> {
        Ok(Self {
            entry: c.hash()?.unwrap_or_default(),
            adjusts: c.hash()?,
            revision: c.integer()?.unwrap_or(0) as u32,
            message_uid: c.integer()?.map(|n| n as u64),
            message: c.owned()?,
            attempt: c.small()?,
            recipient_hash: c.hash()?.unwrap_or_default(),
            wamid_hash: c.hash()?.unwrap_or_default(),
            conversation: c.owned()?,
            ordinal: c.integer()?.map(|n| n as u64),
            quantity: c.integer()?.unwrap_or(0),
            cost: c.amount("cost")?,
            markup: c.amount("markup")?,
            fee: c.amount("fee")?,
            price_ex_tax: c.amount("price_ex_tax")?,
            occurred_at: Time(c.integer()?.unwrap_or(0) as u64),
            booked_at: Time(c.integer()?.unwrap_or(0) as u64),
            reason: c.owned()?,
        })
    }
}

fn whole<'a>(
    own: Own<'a>,
    shared: Shared<'a>,
    c: &mut Columns<'a>,
    with_people: bool,
) -> Result<LedgerEntry<'a>, LedgerError> {
    Ok(LedgerEntry {
        entry: own.entry,
        kind: shared.kind,
        cause: shared.cause,
        adjusts: own.adjusts,
        revision: own.revision,
        account: shared.account,
        account_name: shared.account_name,
        legal_entity: shared.legal_entity,
        waba: shared.waba,
        sender: shared.sender,
        origin: shared.origin,
        message_uid: own.message_uid,
        message: own.message,
        attempt: own.attempt,
        recipient_hash: own.recipient_hash,
        wamid_hash: own.wamid_hash,
        campaign: shared.campaign,
        cost_center: shared.cost_center,
        template: shared.template,
        language: shared.language,
        country: shared.country,
        market: shared.market,
        category: shared.category,
        pricing_model: shared.pricing_model,
        pricing_type: shared.pricing_type,
        expected_category: shared.expected_category,
        expected_type: shared.expected_type,
        expected_model: shared.expected_model,
        reported_category: shared.reported_category,
        reported_type: shared.reported_type,
        reported_model: shared.reported_model,
        conversation: own.conversation,
        rulebook: shared.rulebook,
        card: shared.card,
        card_status: shared.card_status,
        band: shared.band,
        band_basis: shared.band_basis,
        ordinal: own.ordinal,
        list_rate: shared.list_rate,
        cost_rate: shared.cost_rate,
        quantity: own.quantity,
        cost: own.cost,
        cost_currency: shared.cost_currency,
        markup_rule: shared.markup_rule,
        markup: own.markup,
        fee: own.fee,
        price_ex_tax: own.price_ex_tax,
        price_currency: shared.price_currency,
        fx_rate: shared.fx_rate,
        fx_source: shared.fx_source,
        fx_date: shared.fx_date,
        occurred_at: own.occurred_at,
        booked_at: own.booked_at,
        usage_period: shared.usage_period,
        billing_period: shared.billing_period,
        tax_code: shared.tax_code,
        invoice_id: shared.invoice_id,
        reason: own.reason,
        recipient: if with_people { c.owned()? } else { None },
        wamid: if with_people { c.owned()? } else { None },
    })
}
