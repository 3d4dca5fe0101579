//! The seam: what any ledger database does. SQLite is one; another one implements the same two traits.

use super::{Ingested, LedgerError, Record};
use rust_decimal::Decimal;
use std::ops::ControlFlow;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tollgate_wire::ledger::LedgerEntry;

/// Books the records of the `ledger` topic. One writer at a time.
///
/// Contract:
/// - A batch is one transaction: entries, sums and positions are all kept or none. One with an entry that is too much for the sum
///   of its row becomes several, each so, and that entry is set aside.
/// - Records below the stored position of their partition are skipped, and an entry id that is booked already
///   changes nothing, so any batch may be given again.
/// - A record that does not parse, or whose amounts cannot be exact or added, is kept with partition, offset, reason and
///   bytes, and counted; it never stops the others.
/// - Sums are exact, to 10 decimals.
pub trait LedgerStore {
    /// Books a batch that was read from the topic at `read_at`. An empty batch records the time alone.
    fn ingest(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError>;

    /// Next offset of a partition; 0 before the first record.
    fn position(&self, partition: u32) -> Result<u64, LedgerError>;
}

/// Reads the ledger while it is being written. Every call sees one consistent state and streams: rows are lent
/// to `each` one by one, in the stated order, and reading ends early when it breaks.
pub trait LedgerReader {
    /// Entries of a billing month, of one account or of all. Reads the summary only.
    fn entry_count(&self, month: YearMonth, account: Option<&str>) -> Result<u64, LedgerError>;

    /// The summary of a billing month: one row per combination of the summary columns, sorted by those columns
    /// from left to right. Takes time by rows of the summary, not by entries.
    fn summary(
        &self,
        month: YearMonth,
        account: Option<&str>,
        each: &mut dyn FnMut(&SummaryRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError>;

    /// The entries of a billing month by account, charge instant and entry id. `recipient` and `wamid` are set
    /// only `with_people`, and only where they were not erased.
    fn detail(
        &self,
        month: YearMonth,
        account: Option<&str>,
        with_people: bool,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError>;

    /// The same without people, and with the entries of kind `counted`, which are part of no bill and of no detail. What has none
    /// gives the detail.
    fn detail_and_counted(
        &self,
        month: YearMonth,
        account: Option<&str>,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        self.detail(month, account, false, each)
    }

    /// When a billing month was closed, of one account or of all that have entries in it; `None` while one is open.
    fn closed_at(&self, month: YearMonth, account: Option<&str>) -> Result<Option<Time>, LedgerError>;

    /// The entries of one message by booking time and entry id, without people's data.
    fn of_message(
        &self,
        account: &str,
        message_uid: u64,
        each: &mut dyn FnMut(&LedgerEntry<'_>) -> ControlFlow<()>,
    ) -> Result<(), LedgerError>;
}

/// One row of the summary. Meaning of the columns: billing CSV, `summary`.
#[derive(Clone, Debug, PartialEq)]
pub struct SummaryRow<'a> {
    /// `YYYY-MM` billed in.
    pub billing_period: &'a str,
    /// `YYYY-MM` of the charge instant.
    pub usage_period: &'a str,
    /// Kind of entry.
    pub kind: &'a str,
    /// Account id.
    pub account: &'a str,
    /// Account's name.
    pub account_name: &'a str,
    /// Account's legal entity.
    pub legal_entity: &'a str,
    /// WABA id.
    pub waba: &'a str,
    /// Phone number id.
    pub sender: &'a str,
    /// Campaign.
    pub campaign: Option<&'a str>,
    /// Cost centre.
    pub cost_center: Option<&'a str>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<&'a str>,
    /// Pricing market.
    pub market: Option<&'a str>,
    /// Category charged.
    pub category: Option<&'a str>,
    /// Regular or a free type.
    pub pricing_type: Option<&'a str>,
    /// `CBP` or `PMP`.
    pub pricing_model: &'a str,
    /// Volume band, from 0 = list.
    pub volume_band: Option<u8>,
    /// How the band was found.
    pub band_basis: Option<&'a str>,
    /// Card id.
    pub card: Option<&'a str>,
    /// Status of the card's cell.
    pub card_status: Option<&'a str>,
    /// `own` or `foreign`.
    pub origin: &'a str,
    /// Entries in the row.
    pub entries: u64,
    /// Messages: entries of kind charge, free and unpriced, and corrections, counted negative when they take
    /// back; fees and credits count none.
    pub messages: i64,
    /// Units.
    pub quantity: i64,
    /// List rate of one unit.
    pub list_rate: Option<Decimal>,
    /// Rate after bands of one unit.
    pub cost_rate: Option<Decimal>,
    /// List rate times quantity.
    pub list_cost: Option<Decimal>,
    /// Exact to 10 decimals; absent when unpriced.
    pub cost: Option<Decimal>,
    /// ISO 4217.
    pub cost_currency: &'a str,
    /// Exchange rate.
    pub fx_rate: Option<Decimal>,
    /// Mark-up rule.
    pub markup_rule: Option<&'a str>,
    /// Mark-up amount.
    pub markup: Option<Decimal>,
    /// Fee amount.
    pub fee: Option<Decimal>,
    /// Price before tax.
    pub price_ex_tax: Option<Decimal>,
    /// ISO 4217.
    pub price_currency: &'a str,
    /// Tax code.
    pub tax_code: Option<&'a str>,
    /// Invoice.
    pub invoice_id: Option<&'a str>,
}
