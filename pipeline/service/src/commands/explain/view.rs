//! The message's view as it is read back from the service. The compiler holds the fields equal to the view's.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tollgate_runtime::views::{
    AmountView, ChargeView, ChosenView, EntryView, GatesView, MessageView, MoveView, OptOutView, PriceLine, WaitView,
};
use tollgate_wire::Time;
use tollgate_wire::outcome::OutcomeKind;

/// A message's view.
#[derive(Deserialize)]
pub struct Message(#[serde(with = "MessageFields")] pub MessageView);

#[derive(Deserialize)]
#[serde(remote = "MessageView")]
struct MessageFields {
    as_of: Time,
    account: String,
    id: String,
    message_uid: u64,
    campaign: Option<String>,
    to: String,
    metadata: Option<Box<RawValue>>,
    outcome: OutcomeKind,
    reason: Option<String>,
    at: Time,
    attempt: u8,
    detail: Option<String>,
    retry_at: Option<Time>,
    waits: Option<WaitView>,
    opt_out: Option<OptOutView>,
    sender: Option<String>,
    gates: Option<GatesView>,
    content: Option<ChosenView>,
    wamid: Option<String>,
    estimate: Option<AmountView>,
    charge: Option<ChargeView>,
    moves: Vec<MoveView>,
    #[serde(deserialize_with = "price_lines")]
    ledger: Vec<PriceLine>,
}

/// An entry's view.
#[derive(Deserialize)]
pub struct Entry(#[serde(with = "EntryFields")] pub EntryView);

#[derive(Deserialize)]
#[serde(remote = "EntryView")]
struct EntryFields {
    as_of: Time,
    account: String,
    entry: String,
    waba: String,
    sender: String,
    origin: String,
    #[serde(deserialize_with = "price_lines")]
    ledger: Vec<PriceLine>,
}

#[derive(Deserialize)]
#[serde(remote = "PriceLine")]
struct PriceFields {
    entry: String,
    kind: String,
    cause: Option<String>,
    adjusts: Option<String>,
    attempt: Option<u8>,
    country: Option<String>,
    market: Option<String>,
    category: Option<String>,
    pricing_model: String,
    pricing_type: Option<String>,
    reported_category: Option<String>,
    reported_type: Option<String>,
    rulebook: Option<String>,
    card: Option<String>,
    card_status: Option<String>,
    band: Option<u8>,
    band_basis: Option<String>,
    ordinal: Option<u64>,
    list_rate: Option<Decimal>,
    cost_rate: Option<Decimal>,
    quantity: i64,
    cost: Option<Decimal>,
    cost_currency: String,
    markup_rule: Option<String>,
    markup: Option<Decimal>,
    fee: Option<Decimal>,
    price_ex_tax: Option<Decimal>,
    price_currency: String,
    fx_rate: Option<Decimal>,
    fx_source: Option<String>,
    fx_date: Option<String>,
    occurred_at: Time,
    booked_at: Time,
    usage_period: String,
    billing_period: String,
    reason: Option<String>,
}

fn price_lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PriceLine>, D::Error> {
    #[derive(Deserialize)]
    struct Line(#[serde(with = "PriceFields")] PriceLine);
    Ok(Vec::<Line>::deserialize(deserializer)?.into_iter().map(|line| line.0).collect())
}
