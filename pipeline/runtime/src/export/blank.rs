//! Rows of nothing, which tell of what kind columns are before there is a row.

use crate::ledger::SummaryRow;
use tollgate_wire::ledger::LedgerEntry;

/// An entry with the fields that none lacks.
const ENTRY: &str = r#"{"entry":"","kind":"charge","revision":0,"account":"","waba":"","sender":"","origin":"own",
    "recipient_hash":"","wamid_hash":"","pricing_model":"PMP","quantity":0,"cost_currency":"","price_currency":"",
    "occurred_at":"1970-01-01T00:00:00.000Z","booked_at":"1970-01-01T00:00:00.000Z","usage_period":"",
    "billing_period":""}"#;

/// An entry.
pub(super) fn entry() -> LedgerEntry<'static> {
    serde_json::from_str(ENTRY).expect("a constant that a test reads")
}

/// A row of the summary.
pub(super) const SUMMARY: SummaryRow<'static> = SummaryRow {
    billing_period: "",
    usage_period: "",
    kind: "",
    account: "",
    account_name: "",
    legal_entity: "",
    waba: "",
    sender: "",
    campaign: None,
    cost_center: None,
    country: None,
    market: None,
    category: None,
    pricing_type: None,
    pricing_model: "",
    volume_band: None,
    band_basis: None,
    card: None,
    card_status: None,
    origin: "",
    entries: 0,
    messages: 0,
    quantity: 0,
    list_rate: None,
    cost_rate: None,
    list_cost: None,
    cost: None,
    cost_currency: "",
    fx_rate: None,
    markup_rule: None,
    markup: None,
    fee: None,
    price_ex_tax: None,
    price_currency: "",
    tax_code: None,
    invoice_id: None,
};
