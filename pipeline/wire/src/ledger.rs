//! Ledger entries: immutable, keyed by what the platform charges. Meaning: `docs/finance.md`.

use crate::reason::names;
use crate::{Text, Time};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tollgate_rate_card::{Category, PricingModel, PricingType};

names! {
    /// Kind of entry.
    EntryKind {
        /// A charge.
        Charge = "charge",
        /// Delivered free of charge.
        Free = "free",
        /// Delivered; no price is known.
        Unpriced = "unpriced",
        /// Corrects an earlier entry.
        Adjustment = "adjustment",
        /// Difference found when a month is settled.
        TrueUp = "true_up",
        /// A fee of our own.
        Fee = "fee",
        /// A credit.
        Credit = "credit",
        /// Sent by other software where the client pays for it: it has its positions in allowances and bands, and no amount.
        /// It is part of no bill: quantity is 0. With cause `reversal` it takes the one back that it names in `adjusts`, which is
        /// of the same month.
        Counted = "counted",
    }
}

names! {
    /// What made an entry necessary besides the delivery itself.
    Cause {
        /// Usage of a closed month.
        Late = "late",
        /// A second delivered attempt of one message.
        Resend = "resend",
        /// The platform said another category or type than was booked.
        Reclassified = "reclassified",
        /// An earlier delivery time crossed a card's, a mark-up's or a month's edge, or a card was corrected.
        Card = "card",
        /// Settling.
        Settle = "settle",
        /// Takes an earlier entry back.
        Reversal = "reversal",
        /// By hand.
        Manual = "manual",
    }
}

/// One ledger entry. Amounts are exact decimals in strings; hashes are keyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry<'a> {
    /// `hash(waba, kind, charge key, revision)`, 32 hex digits: booking it twice changes nothing.
    #[serde(borrow)]
    pub entry: Text<'a>,
    /// Kind.
    pub kind: EntryKind,
    /// Cause, when not the delivery itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Entry that this one corrects.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub adjusts: Option<Text<'a>>,
    /// 0 for the first booking of a charge key, then counted up.
    pub revision: u32,
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// Account's name.
    #[serde(borrow, default)]
    pub account_name: Text<'a>,
    /// Account's legal entity.
    #[serde(borrow, default)]
    pub legal_entity: Text<'a>,
    /// WABA id.
    #[serde(borrow)]
    pub waba: Text<'a>,
    /// Phone number id.
    #[serde(borrow)]
    pub sender: Text<'a>,
    /// `own` or `foreign`.
    pub origin: Origin,
    /// Message number inside the shard; absent for foreign traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_uid: Option<u64>,
    /// Request id; absent for foreign traffic.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Text<'a>>,
    /// Attempt number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u8>,
    /// Keyed hash of the recipient, 32 hex digits.
    #[serde(borrow)]
    pub recipient_hash: Text<'a>,
    /// Keyed hash of the wamid, 32 hex digits.
    #[serde(borrow)]
    pub wamid_hash: Text<'a>,
    /// Recipient for the erasable side table: `+` and digits or business-scoped id.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Text<'a>>,
    /// wamid for the erasable side table.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub wamid: Option<Text<'a>>,
    /// Campaign name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Text<'a>>,
    /// Cost centre.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub cost_center: Option<Text<'a>>,
    /// Template name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Text<'a>>,
    /// Language.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Text<'a>>,
    /// ISO 3166-1 alpha-2; absent when unknown.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Text<'a>>,
    /// Pricing market; absent when unknown.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub market: Option<Text<'a>>,
    /// Category charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Model charged by.
    pub pricing_model: PricingModel,
    /// Regular or free; absent when unpriced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing_type: Option<PricingType>,
    /// Category we expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_category: Option<Category>,
    /// Type we expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_type: Option<PricingType>,
    /// Model we expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_model: Option<PricingModel>,
    /// Category the platform reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_category: Option<Category>,
    /// Type the platform reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_type: Option<PricingType>,
    /// Model the platform reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_model: Option<PricingModel>,
    /// The platform's conversation id.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Text<'a>>,
    /// Rulebook id.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub rulebook: Option<Text<'a>>,
    /// Card id.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Text<'a>>,
    /// Status of the card's cell.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub card_status: Option<Text<'a>>,
    /// Volume band, from 0 = list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<u8>,
    /// How the band was found: `none`, `own_count`, `list_unknown`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub band_basis: Option<Text<'a>>,
    /// Position in the band or allowance group, from 1; provisional while the month is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u64>,
    /// List rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_rate: Option<Decimal>,
    /// Rate after bands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_rate: Option<Decimal>,
    /// Units; negative takes back.
    pub quantity: i64,
    /// Exact to 10 decimals; absent when unpriced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Decimal>,
    /// ISO 4217.
    #[serde(borrow)]
    pub cost_currency: Text<'a>,
    /// Mark-up rule; absent where no mark-up is in force: then the price is the cost.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub markup_rule: Option<Text<'a>>,
    /// Mark-up amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markup: Option<Decimal>,
    /// Fee amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Decimal>,
    /// Price before tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_ex_tax: Option<Decimal>,
    /// ISO 4217.
    #[serde(borrow)]
    pub price_currency: Text<'a>,
    /// Exchange rate, where currencies differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fx_rate: Option<Decimal>,
    /// Its source.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub fx_source: Option<Text<'a>>,
    /// Its date.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub fx_date: Option<Text<'a>>,
    /// The charge instant: the platform's delivery time.
    pub occurred_at: Time,
    /// When it was booked.
    pub booked_at: Time,
    /// `YYYY-MM` of the charge instant in the WABA's time zone.
    #[serde(borrow)]
    pub usage_period: Text<'a>,
    /// `YYYY-MM` it is billed in: later than the usage where that month was closed.
    #[serde(borrow)]
    pub billing_period: Text<'a>,
    /// Tax code, attached later.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub tax_code: Option<Text<'a>>,
    /// Invoice, attached later.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<Text<'a>>,
    /// Why it has no price, or why it was corrected.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<'a>>,
}

names! {
    /// Who sent the message.
    Origin {
        /// Tollgate.
        Own = "own",
        /// Other software on the same number.
        Foreign = "foreign",
    }
}

/// The end of a month, among the entries of the `ledger` topic: what of the account stands before it in its partition is
/// in the bill of the month, what comes after is billed later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonthClosed<'a> {
    /// The month, `YYYY-MM`. The name of the field tells the record from an entry.
    #[serde(borrow)]
    pub month_closed: Text<'a>,
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// When the engine closed it.
    pub at: Time,
    /// Why it was closed before its time, where it was.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Text<'a>>,
}

/// A volume band that the platform says is reached, among the entries of the `ledger` topic: positions of the account's
/// messages to the market are no lower from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BandReached<'a> {
    /// First message of the band, from 1. The name of the field tells the record from an entry.
    pub band_reached: u64,
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// Pricing market.
    #[serde(borrow)]
    pub market: Text<'a>,
    /// Category; authentication for its international form too.
    pub category: Category,
    /// Month that is counted, `YYYY-MM`.
    #[serde(borrow)]
    pub month: Text<'a>,
    /// The platform's time.
    pub at: Time,
}
