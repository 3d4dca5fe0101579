//! The manifest beside an export: what must be in the file, to the last digit.

use rust_decimal::Decimal;
use serde::Serialize;
use tollgate_wire::Time;

/// Describes one export. The same ledger and request give the same manifest, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Version of the manifest's own format.
    pub manifest_version: u32,
    /// Name of the CSV file, without folder.
    pub file: String,
    /// `summary`, `detail` or `focus`.
    pub format: &'static str,
    /// Version of FOCUS that the file follows; absent in other formats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focus_version: Option<&'static str>,
    /// `provider` or `customer`; absent in other formats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<&'static str>,
    /// `YYYY-MM`.
    pub billing_period: String,
    /// The account asked for; absent = all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Holds people's data: outside the promise of equal bytes, since people can be erased.
    pub with_recipients: bool,
    /// Rows name the invoices that were attached when it was written: outside the promise of equal bytes, since they are
    /// attached later; absent = they do not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub with_invoices: bool,
    /// `open`: later entries may still change the month; or `closed`, where all its accounts are.
    pub state: &'static str,
    /// When the ledger was last read, given by the caller; of a closed month when it was closed, so that the same bytes
    /// come of it whenever it is exported.
    pub as_of: Time,
    /// Rows without the header.
    pub rows: u64,
    /// Ledger entries behind the rows.
    pub entries: u64,
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Decimals of amounts in the file.
    pub amount_decimals: u32,
    /// How amounts were rounded to them.
    pub rounding: &'static str,
    /// What the platform charges, per currency and kind.
    pub cost_totals: Vec<Total>,
    /// What clients pay before tax, per currency and kind.
    pub price_totals: Vec<Total>,
    /// Cards that the entries were priced by, with their cells' status.
    pub cards: Vec<CardUse>,
    /// What is not certain yet.
    pub flags: Flags,
}

/// Control total of one currency and kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// ISO 4217.
    pub currency: String,
    /// Kind of entry.
    pub kind: String,
    /// Ledger entries.
    pub entries: u64,
    /// Messages.
    pub messages: i64,
    /// Units.
    pub quantity: i64,
    /// Exact sum, 10 decimals.
    pub exact: String,
    /// Sum of the rows as they are in the file.
    pub rows: String,
    /// What rounding the rows lost: `exact` less `rows`, 10 decimals.
    pub remainder: String,
}

/// A card that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CardUse {
    /// Card id.
    pub card: String,
    /// Status of the cells.
    pub status: String,
    /// Entries priced by them.
    pub entries: u64,
}

/// Messages whose price may still change or must be looked at: of those that stand, what was taken back is not
/// counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flags {
    /// Delivered without a known price.
    pub unpriced: u64,
    /// Priced at list because the volume bands are not known.
    pub band_list_unknown: u64,
    /// Priced by a rate with a single source.
    pub card_unverified: u64,
}

impl Manifest {
    /// The file's text: JSON, indented, one LF at the end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings and numbers into memory cannot fail");
        text.push('\n');
        text
    }
}

/// Sum so far of one currency and kind.
#[derive(Default)]
pub(super) struct Sum {
    pub(super) entries: u64,
    pub(super) messages: i64,
    pub(super) quantity: i64,
    pub(super) exact: Decimal,
    pub(super) rows: Decimal,
}
