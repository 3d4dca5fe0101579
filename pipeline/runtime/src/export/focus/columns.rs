//! The columns of a FOCUS export: FOCUS's own in the order of the alphabet, then ours, which begin with `x_`.

use super::charge::{Category, Charge};
use crate::export::cells::Cells;
use tollgate_rate_card::ENTRY_DECIMALS;

/// Whose service is billed, and who bills it to those who pay the platform themselves.
pub(super) const PLATFORM: &str = "Meta";
const SERVICE: &str = "WhatsApp Business Platform";

/// A column.
pub(super) type Column = (&'static str, fn(&Charge<'_>, &mut dyn Cells));

/// All columns.
pub(super) const COLUMNS: &[Column] = &[
    ("BilledCost", |c, o| o.amount(Some(c.billed))),
    ("BillingAccountId", |c, o| o.text(c.r.account)),
    // FOCUS wants a name: an account without one is known by its id.
    ("BillingAccountName", |c, o| o.text(if c.r.account_name.is_empty() { c.r.account } else { c.r.account_name })),
    ("BillingCurrency", |c, o| o.text(c.currency)),
    ("BillingPeriodEnd", |c, o| o.second(c.bounds.billing.1)),
    ("BillingPeriodStart", |c, o| o.second(c.bounds.billing.0)),
    ("ChargeCategory", |c, o| {
        o.text(match c.category {
            Category::Usage => "Usage",
            Category::Credit => "Credit",
            Category::Adjustment => "Adjustment",
        });
    }),
    ("ChargeClass", |c, o| o.maybe(c.correction.then_some("Correction"))),
    ("ChargeDescription", |c, o| o.text(&c.description())),
    ("ChargeFrequency", |c, o| o.text(if c.is_usage() { "Usage-Based" } else { "One-Time" })),
    ("ChargePeriodEnd", |c, o| o.second(c.bounds.usage.1)),
    ("ChargePeriodStart", |c, o| o.second(c.bounds.usage.0)),
    // Always empty: there are no commitments. FOCUS defines when a quantity may be missing by this column.
    ("CommitmentDiscountStatus", |_, o| o.maybe(None)),
    ("ConsumedQuantity", |c, o| quantity(o, c.is_usage().then_some(c.r.messages))),
    ("ConsumedUnit", |c, o| o.maybe(c.is_usage().then_some("Messages"))),
    ("ContractedCost", |c, o| o.decimal(Some(c.contracted_cost), ENTRY_DECIMALS)),
    ("ContractedUnitPrice", |c, o| o.decimal(c.prices.as_ref().map(|p| p.contracted), ENTRY_DECIMALS)),
    ("EffectiveCost", |c, o| o.amount(Some(c.billed))),
    ("InvoiceId", |c, o| o.maybe(c.invoice)),
    ("InvoiceIssuerName", |c, o| o.text(c.issuer)),
    ("ListCost", |c, o| o.decimal(Some(c.list_cost), ENTRY_DECIMALS)),
    ("ListUnitPrice", |c, o| o.decimal(c.prices.as_ref().map(|p| p.list), ENTRY_DECIMALS)),
    ("PricingCategory", |c, o| o.maybe(c.is_usage().then_some("Standard"))),
    ("PricingCurrency", |c, o| o.text(c.pricing_currency)),
    ("PricingCurrencyContractedUnitPrice", |c, o| {
        o.decimal(c.prices.as_ref().map(|p| p.pricing_contracted), ENTRY_DECIMALS);
    }),
    ("PricingCurrencyEffectiveCost", |c, o| o.decimal(Some(c.pricing_billed), ENTRY_DECIMALS)),
    ("PricingCurrencyListUnitPrice", |c, o| o.decimal(c.prices.as_ref().map(|p| p.pricing_list), ENTRY_DECIMALS)),
    ("PricingQuantity", |c, o| quantity(o, c.quantity())),
    ("PricingUnit", |c, o| o.maybe(c.quantity().map(|_| c.unit()))),
    // Who sells it. FOCUS has a bill of somebody else cost nothing, as on a marketplace.
    ("ProviderName", |c, o| o.text(c.issuer)),
    ("PublisherName", |_, o| o.text(PLATFORM)),
    ("ServiceCategory", |_, o| o.text("Integration")),
    ("ServiceName", |_, o| o.text(SERVICE)),
    ("ServiceSubcategory", |_, o| o.text("Messaging")),
    ("SkuId", |c, o| o.maybe(c.prices.as_ref().map(super::charge::Prices::sku).as_deref())),
    ("SkuMeter", |c, o| o.maybe(c.prices.as_ref().map(|p| c.meter(Some(p.category))).as_deref())),
    ("SkuPriceDetails", |c, o| o.maybe(c.prices.as_ref().map(|p| p.details(c.r.volume_band)).as_deref())),
    ("SkuPriceId", |c, o| o.maybe(c.prices.as_ref().map(|p| p.sku_price(c.r.volume_band)).as_deref())),
    // The platform's ids are digits only, and what guesses types, a spreadsheet or FOCUS's validator, takes them for
    // numbers; `x_Waba` has the bare one.
    ("SubAccountId", |c, o| o.text(&format!("waba:{}", c.r.waba))),
    ("SubAccountName", |c, o| o.text(&format!("WABA {}", c.r.waba))),
    ("Tags", |c, o| o.text(&c.tags())),
    ("x_BandBasis", |c, o| o.maybe(c.r.band_basis)),
    ("x_BillingPeriod", |c, o| o.text(c.r.billing_period)),
    ("x_CardStatus", |c, o| o.maybe(c.r.card_status)),
    ("x_Category", |c, o| o.maybe(c.r.category)),
    ("x_Country", |c, o| o.maybe(c.r.country)),
    ("x_Kind", |c, o| o.text(c.r.kind)),
    ("x_LegalEntity", |c, o| o.text(c.r.legal_entity)),
    ("x_Market", |c, o| o.maybe(c.r.market)),
    ("x_Messages", |c, o| o.integer(Some(c.r.messages))),
    ("x_Origin", |c, o| o.text(c.r.origin)),
    ("x_PricingModel", |c, o| o.text(c.r.pricing_model)),
    ("x_PricingType", |c, o| o.maybe(c.r.pricing_type)),
    ("x_TaxCode", |c, o| o.maybe(c.r.tax_code)),
    ("x_UsagePeriod", |c, o| o.text(c.r.usage_period)),
    ("x_Waba", |c, o| o.text(c.r.waba)),
];

/// FOCUS's quantities are decimals: one decimal says so to what guesses types.
fn quantity(out: &mut dyn Cells, quantity: Option<i64>) {
    out.decimal(quantity.map(Into::into), 1);
}
