//! What entries have in common, of their terms and their summary row, held once while many of them are read.

use super::LedgerError;
use super::entry::Columns;
use super::sql::Row;
use rust_decimal::Decimal;
use std::collections::HashMap;
use tollgate_rate_card::{Category, PricingModel, PricingType};
use tollgate_wire::Text;
use tollgate_wire::ledger::{Cause, EntryKind, Origin};

macro_rules! shared {
    () => {
        "g.kind, g.account, g.account_name, g.legal_entity, g.waba, g.sender, g.origin, g.campaign, g.cost_center, \
         g.country, g.market, g.category, g.pricing_model, g.pricing_type, g.card, g.card_status, g.band, g.band_basis, \
         g.list_rate, g.cost_rate, g.cost_currency, g.markup_rule, g.price_currency, g.fx_rate, g.usage_period, \
         g.billing_period, g.tax_code, g.invoice_id, t.cause, t.template, t.language, t.expected_category, \
         t.expected_type, t.expected_model, t.reported_category, t.reported_type, t.reported_model, t.rulebook, \
         t.fx_source, t.fx_date"
    };
}

pub(super) use shared;

/// The number of terms and what their entries have from them, for [`Shared::numbered`].
pub(super) const SHARED: &str = concat!("t.ix, ", shared!());

/// Terms by their number.
pub(super) type KnownTerms = HashMap<i64, Shared<'static>, foldhash::fast::FixedState>;

/// What an entry has from its terms and their summary row.
pub(super) struct Shared<'a> {
    pub(super) kind: EntryKind,
    pub(super) account: Text<'a>,
    pub(super) account_name: Text<'a>,
    pub(super) legal_entity: Text<'a>,
    pub(super) waba: Text<'a>,
    pub(super) sender: Text<'a>,
    pub(super) origin: Origin,
    pub(super) campaign: Option<Text<'a>>,
    pub(super) cost_center: Option<Text<'a>>,
    pub(super) country: Option<Text<'a>>,
    pub(super) market: Option<Text<'a>>,
    pub(super) category: Option<Category>,
    pub(super) pricing_model: PricingModel,
    pub(super) pricing_type: Option<PricingType>,
    pub(super) card: Option<Text<'a>>,
    pub(super) card_status: Option<Text<'a>>,
    pub(super) band: Option<u8>,
    pub(super) band_basis: Option<Text<'a>>,
    pub(super) list_rate: Option<Decimal>,
    pub(super) cost_rate: Option<Decimal>,
    pub(super) cost_currency: Text<'a>,
    pub(super) markup_rule: Option<Text<'a>>,
    pub(super) price_currency: Text<'a>,
    pub(super) fx_rate: Option<Decimal>,
    pub(super) usage_period: Text<'a>,
    pub(super) billing_period: Text<'a>,
    pub(super) tax_code: Option<Text<'a>>,
    pub(super) invoice_id: Option<Text<'a>>,
    pub(super) cause: Option<Cause>,
    pub(super) template: Option<Text<'a>>,
    pub(super) language: Option<Text<'a>>,
    pub(super) expected_category: Option<Category>,
    pub(super) expected_type: Option<PricingType>,
    pub(super) expected_model: Option<PricingModel>,
    pub(super) reported_category: Option<Category>,
    pub(super) reported_type: Option<PricingType>,
    pub(super) reported_model: Option<PricingModel>,
    pub(super) rulebook: Option<Text<'a>>,
    pub(super) fx_source: Option<Text<'a>>,
    pub(super) fx_date: Option<Text<'a>>,
}

impl<'a> Shared<'a> {
    pub(super) fn read(c: &mut Columns<'a>) -> Result<Self, LedgerError> {
        let missing = |what| LedgerError::Stored { what, value: String::new() };
        Ok(Self {
            kind: c.name("kind")?.ok_or_else(|| missing("kind"))?,
            account: c.required()?.into(),
            account_name: c.required()?.into(),
            legal_entity: c.required()?.into(),
            waba: c.required()?.into(),
            sender: c.required()?.into(),
            origin: c.name("origin")?.ok_or_else(|| missing("origin"))?,
            campaign: c.owned()?,
            cost_center: c.owned()?,
            country: c.owned()?,
            market: c.owned()?,
            category: c.name("category")?,
            pricing_model: c.name("pricing_model")?.ok_or_else(|| missing("pricing_model"))?,
            pricing_type: c.name("pricing_type")?,
            card: c.owned()?,
            card_status: c.owned()?,
            band: c.small()?,
            band_basis: c.owned()?,
            list_rate: c.amount("list_rate")?,
            cost_rate: c.amount("cost_rate")?,
            cost_currency: c.required()?.into(),
            markup_rule: c.owned()?,
            price_currency: c.required()?.into(),
            fx_rate: c.amount("fx_rate")?,
            usage_period: c.required()?.into(),
            billing_period: c.required()?.into(),
            tax_code: c.owned()?,
            invoice_id: c.owned()?,
            cause: c.name("cause")?,
            template: c.owned()?,
            language: c.owned()?,
            expected_category: c.name("expected_category")?,
            expected_type: c.name("expected_type")?,
            expected_model: c.name("expected_model")?,
            reported_category: c.name("reported_category")?,
            reported_type: c.name("reported_type")?,
            reported_model: c.name("reported_model")?,
            rulebook: c.owned()?,
            fx_source: c.owned()?,
            fx_date: c.owned()?,
        })
    }

    /// The number of terms, and what their entries have from them, in a row of [`SHARED`].
    pub(super) fn numbered(row: &'a dyn Row) -> Result<(i64, Self), LedgerError> {
        let mut c = Columns::new(row);
        Ok((c.integer()?.unwrap_or(0), Self::read(&mut c)?))
    }

    /// Independent of the row that it was read from.
    pub(super) fn into_owned(self) -> Shared<'static> {
        let own = |text: Option<Text<'_>>| text.map(Text::into_owned);
        Shared {
            kind: self.kind,
            account: self.account.into_owned(),
            account_name: self.account_name.into_owned(),
            legal_entity: self.legal_entity.into_owned(),
            waba: self.waba.into_owned(),
            sender: self.sender.into_owned(),
            origin: self.origin,
            campaign: own(self.campaign),
            cost_center: own(self.cost_center),
            country: own(self.country),
            market: own(self.market),
            category: self.category,
            pricing_model: self.pricing_model,
            pricing_type: self.pricing_type,
            card: own(self.card),
            card_status: own(self.card_status),
            band: self.band,
            band_basis: own(self.band_basis),
            list_rate: self.list_rate,
            cost_rate: self.cost_rate,
            cost_currency: self.cost_currency.into_owned(),
            markup_rule: own(self.markup_rule),
            price_currency: self.price_currency.into_owned(),
            fx_rate: self.fx_rate,
            usage_period: self.usage_period.into_owned(),
            billing_period: self.billing_period.into_owned(),
            tax_code: own(self.tax_code),
            invoice_id: own(self.invoice_id),
            template: own(self.template),
            language: own(self.language),
            rulebook: own(self.rulebook),
            fx_source: own(self.fx_source),
            fx_date: own(self.fx_date),
            cause: self.cause,
            expected_category: self.expected_category,
            expected_type: self.expected_type,
            expected_model: self.expected_model,
            reported_category: self.reported_category,
            reported_type: self.reported_type,
            reported_model: self.reported_model,
        }
    }

    /// The same, lent to an entry.
    pub(super) fn lend(&self) -> Shared<'_> {
        fn lent<'t>(text: &'t Option<Text<'_>>) -> Option<Text<'t>> {
            text.as_deref().map(Text::from)
        }
        Shared {
            kind: self.kind,
            account: self.account.as_str().into(),
            account_name: self.account_name.as_str().into(),
            legal_entity: self.legal_entity.as_str().into(),
            waba: self.waba.as_str().into(),
            sender: self.sender.as_str().into(),
            origin: self.origin,
            campaign: lent(&self.campaign),
            cost_center: lent(&self.cost_center),
            country: lent(&self.country),
            market: lent(&self.market),
            category: self.category,
            pricing_model: self.pricing_model,
            pricing_type: self.pricing_type,
            card: lent(&self.card),
            card_status: lent(&self.card_status),
            band: self.band,
            band_basis: lent(&self.band_basis),
            list_rate: self.list_rate,
            cost_rate: self.cost_rate,
            cost_currency: self.cost_currency.as_str().into(),
            markup_rule: lent(&self.markup_rule),
            price_currency: self.price_currency.as_str().into(),
            fx_rate: self.fx_rate,
            usage_period: self.usage_period.as_str().into(),
            billing_period: self.billing_period.as_str().into(),
            tax_code: lent(&self.tax_code),
            invoice_id: lent(&self.invoice_id),
            template: lent(&self.template),
            language: lent(&self.language),
            rulebook: lent(&self.rulebook),
            fx_source: lent(&self.fx_source),
            fx_date: lent(&self.fx_date),
            cause: self.cause,
            expected_category: self.expected_category,
            expected_type: self.expected_type,
            expected_model: self.expected_model,
            reported_category: self.reported_category,
            reported_type: self.reported_type,
            reported_model: self.reported_model,
        }
    }
}
