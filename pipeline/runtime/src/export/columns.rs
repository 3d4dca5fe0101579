//! Which columns an export has, in which order, and where each comes from: one line per column.

use super::cells::Cells;
use crate::ledger::SummaryRow;
use tollgate_rate_card::{Category, PricingModel, PricingType};
use tollgate_wire::ledger::{Cause, LedgerEntry};

/// A column of the summary.
pub(super) type SummaryColumn = (&'static str, fn(&SummaryRow<'_>, &mut dyn Cells));

/// A column of the detail.
pub(super) type DetailColumn = (&'static str, fn(&LedgerEntry<'_>, &mut dyn Cells));

/// The name of what is not there.
const NONE: &str = "";

/// Summary columns.
pub(super) const SUMMARY: &[SummaryColumn] = &[
    ("billing_period", |r, c| c.text(r.billing_period)),
    ("usage_period", |r, c| c.text(r.usage_period)),
    ("kind", |r, c| c.text(r.kind)),
    ("account", |r, c| c.text(r.account)),
    ("account_name", |r, c| c.text(r.account_name)),
    ("legal_entity", |r, c| c.text(r.legal_entity)),
    ("waba", |r, c| c.text(r.waba)),
    ("sender", |r, c| c.text(r.sender)),
    ("campaign", |r, c| c.maybe(r.campaign)),
    ("cost_center", |r, c| c.maybe(r.cost_center)),
    ("country", |r, c| c.maybe(r.country)),
    ("market", |r, c| c.maybe(r.market)),
    ("category", |r, c| c.maybe(r.category)),
    ("pricing_type", |r, c| c.maybe(r.pricing_type)),
    ("pricing_model", |r, c| c.text(r.pricing_model)),
    ("volume_band", |r, c| c.integer(r.volume_band.map(i64::from))),
    ("band_basis", |r, c| c.maybe(r.band_basis)),
    ("card", |r, c| c.maybe(r.card)),
    ("card_status", |r, c| c.maybe(r.card_status)),
    ("origin", |r, c| c.text(r.origin)),
    ("messages", |r, c| c.integer(Some(r.messages))),
    ("quantity", |r, c| c.integer(Some(r.quantity))),
    ("list_rate", |r, c| c.amount(r.list_rate)),
    ("cost_rate", |r, c| c.amount(r.cost_rate)),
    ("list_cost", |r, c| c.amount(r.list_cost)),
    ("cost", |r, c| c.amount(r.cost)),
    ("cost_currency", |r, c| c.text(r.cost_currency)),
    ("fx_rate", |r, c| c.fx_rate(r.fx_rate)),
    ("markup_rule", |r, c| c.maybe(r.markup_rule)),
    ("markup", |r, c| c.amount(r.markup)),
    ("fee", |r, c| c.amount(r.fee)),
    ("price_ex_tax", |r, c| c.amount(r.price_ex_tax)),
    ("price_currency", |r, c| c.text(r.price_currency)),
    ("tax_code", |r, c| c.maybe(r.tax_code)),
    ("invoice_id", |r, c| c.maybe(r.invoice_id)),
];

/// Detail columns: every ledger field.
pub(super) const DETAIL: &[DetailColumn] = &[
    ("entry", |e, c| c.text(&e.entry)),
    ("kind", |e, c| c.name(e.kind.as_str())),
    ("cause", |e, c| c.name(e.cause.map_or(NONE, Cause::as_str))),
    ("adjusts", |e, c| c.maybe(e.adjusts.as_deref())),
    ("revision", |e, c| c.integer(Some(e.revision.into()))),
    ("account", |e, c| c.text(&e.account)),
    ("waba", |e, c| c.text(&e.waba)),
    ("sender", |e, c| c.text(&e.sender)),
    ("origin", |e, c| c.name(e.origin.as_str())),
    ("message_uid", |e, c| c.integer(e.message_uid.map(number))),
    ("message", |e, c| c.maybe(e.message.as_deref())),
    ("attempt", |e, c| c.integer(e.attempt.map(i64::from))),
    ("recipient_hash", |e, c| c.text(&e.recipient_hash)),
    ("wamid_hash", |e, c| c.text(&e.wamid_hash)),
    ("campaign", |e, c| c.maybe(e.campaign.as_deref())),
    ("cost_center", |e, c| c.maybe(e.cost_center.as_deref())),
    ("template", |e, c| c.maybe(e.template.as_deref())),
    ("language", |e, c| c.maybe(e.language.as_deref())),
    ("country", |e, c| c.maybe(e.country.as_deref())),
    ("market", |e, c| c.maybe(e.market.as_deref())),
    ("category", |e, c| c.name(e.category.map_or(NONE, Category::as_str))),
    ("pricing_model", |e, c| c.name(e.pricing_model.as_str())),
    ("pricing_type", |e, c| c.name(e.pricing_type.map_or(NONE, PricingType::as_str))),
    ("expected_category", |e, c| c.name(e.expected_category.map_or(NONE, Category::as_str))),
    ("expected_type", |e, c| c.name(e.expected_type.map_or(NONE, PricingType::as_str))),
    ("expected_model", |e, c| c.name(e.expected_model.map_or(NONE, PricingModel::as_str))),
    ("reported_category", |e, c| c.name(e.reported_category.map_or(NONE, Category::as_str))),
    ("reported_type", |e, c| c.name(e.reported_type.map_or(NONE, PricingType::as_str))),
    ("reported_model", |e, c| c.name(e.reported_model.map_or(NONE, PricingModel::as_str))),
    ("conversation", |e, c| c.maybe(e.conversation.as_deref())),
    ("rulebook", |e, c| c.maybe(e.rulebook.as_deref())),
    ("card", |e, c| c.maybe(e.card.as_deref())),
    ("card_status", |e, c| c.maybe(e.card_status.as_deref())),
    ("band", |e, c| c.integer(e.band.map(i64::from))),
    ("band_basis", |e, c| c.maybe(e.band_basis.as_deref())),
    ("ordinal", |e, c| c.integer(e.ordinal.map(number))),
    ("list_rate", |e, c| c.amount(e.list_rate)),
    ("cost_rate", |e, c| c.amount(e.cost_rate)),
    ("quantity", |e, c| c.integer(Some(e.quantity))),
    ("cost", |e, c| c.amount(e.cost)),
    ("cost_currency", |e, c| c.text(&e.cost_currency)),
    ("markup_rule", |e, c| c.maybe(e.markup_rule.as_deref())),
    ("markup", |e, c| c.amount(e.markup)),
    ("fee", |e, c| c.amount(e.fee)),
    ("price_ex_tax", |e, c| c.amount(e.price_ex_tax)),
    ("price_currency", |e, c| c.text(&e.price_currency)),
    ("fx_rate", |e, c| c.fx_rate(e.fx_rate)),
    ("fx_source", |e, c| c.maybe(e.fx_source.as_deref())),
    ("fx_date", |e, c| c.maybe(e.fx_date.as_deref())),
    ("occurred_at", |e, c| c.time(e.occurred_at)),
    ("booked_at", |e, c| c.time(e.booked_at)),
    ("usage_period", |e, c| c.text(&e.usage_period)),
    ("billing_period", |e, c| c.text(&e.billing_period)),
    ("tax_code", |e, c| c.maybe(e.tax_code.as_deref())),
    ("invoice_id", |e, c| c.maybe(e.invoice_id.as_deref())),
    ("reason", |e, c| c.maybe(e.reason.as_deref())),
];

/// What `--with-recipients` adds at the end of the detail.
pub(super) const PEOPLE: &[DetailColumn] =
    &[("recipient", |e, c| c.maybe(e.recipient.as_deref())), ("wamid", |e, c| c.maybe(e.wamid.as_deref()))];

/// Message numbers and ordinals are booked only up to the largest `i64`.
fn number(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
