//! Changes: what a decision wants the state to be. Each is one whole record, so that applying it, undoing it
//! (the old record), writing it to the store and writing it to a changelog are the same thing.

use crate::ids::{BrandKey, CampaignIx, ContactKey, PairKey, SenderIx, Uid, WabaIx};
use crate::record::{Account, Campaign, Contact, Foreign, Message, Pair, Sender, SenderLive, Template, Waba};
use rust_decimal::Decimal;
use std::sync::Arc;
use tollgate_quality::Bucket;
use tollgate_wire::command::ConsentState;

/// One record's new value.
#[derive(Clone, Debug)]
pub enum Change {
    /// A contact.
    Contact(ContactKey, Contact),
    /// What a person said to a brand.
    Brand(BrandKey, Contact),
    /// A pair.
    Pair(PairKey, Pair),
    /// Live values of a sender.
    SenderLive(SenderIx, SenderLive),
    /// A message; its lots, timers, slots and reservations follow by themselves.
    Message(Box<Message>),
    /// A message's request as received; `None` once it cannot be needed again.
    Body(Uid, Option<Arc<[u8]>>),
    /// A counter of an allowance, a volume band or a fee.
    Counter(CounterKey, u64),
    /// A request id was seen.
    Seen(u128, Uid),
    /// The wamid of an attempt, or a conversation's id and the attempt that opened it.
    Wamid(u128, Uid, u8),
    /// A message that other software sent, by its wamid, with what was booked of it.
    Foreign(u128, Box<Foreign>),
    /// What is kept of a conversation in place of an attempt: see [`crate::record::Known::Key`].
    Key(u128, u128),
    /// Settings and state of a campaign (its counts and reservations are kept by `State::apply`).
    Campaign(Box<Campaign>),
    /// What a campaign was charged so far.
    Spent(CampaignIx, Decimal),
    /// How full the bucket of a campaign's own rate is.
    CampaignBucket(CampaignIx, Bucket),
    /// Settings of an account.
    Account(Box<Account>),
    /// Settings of a WABA.
    Waba(Box<Waba>),
    /// Settings of a sender.
    Sender(Box<Sender>),
    /// A template.
    Template(Box<Template>),
    /// The proof of a consent; written, never read by a decision.
    Proof(Box<Proof>),
    /// A person's proofs are forgotten; whoever keeps the store does it.
    Erased(ContactKey),
    /// A business-scoped id was interned at this position.
    Scoped(u64, Box<str>),
}

/// What an allowance, a volume band or a fee counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CounterKey {
    /// Messages of a category counted for the allowance of one number in one month (`year * 12 + month - 1`).
    Allowance(SenderIx, u32, u8),
    /// The same for an allowance that the numbers of a WABA share.
    WabaAllowance(WabaIx, u32, u8),
    /// Charged messages of one portfolio, month, market and category.
    Band(crate::ids::AccountIx, u32, u16, u8),
    /// Messages before the highest band that the platform says is reached; the rest as above.
    BandReached(crate::ids::AccountIx, u32, u16, u8),
    /// What a reseller asks a fee for.
    Fee {
        /// WABA.
        waba: WabaIx,
        /// Number.
        sender: SenderIx,
        /// Month that bills it, as above.
        month: u32,
        /// First day of the mark-up that asks it, packed; 0 for that of a number.
        begun: u32,
        /// Which fee, by its place in [`tollgate_rate_card::Fee::ALL`].
        fee: u8,
    },
    /// Month since which a number is declared in a WABA whose mark-ups ask for numbers; 0 = it is not.
    NumberSince(WabaIx, SenderIx),
}

/// Proof of a consent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Proof {
    /// Packed contact key.
    pub contact: u64,
    /// Category as 0 to 3, [`Proof::ALL`] or [`Proof::SUPPRESSION`].
    pub category: u8,
    /// Opted in or out.
    pub state: ConsentState,
    /// Where the person said so.
    pub source: String,
    /// When, milliseconds since the epoch.
    pub at_ms: u64,
    /// Version of the text.
    pub text_version: String,
    /// When an opt-in ends by itself, in seconds; 0 = it does not. This and the next are left out when blank, so that the
    /// same consent said to an earlier version is the same proof.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ends_s: u32,
    /// The opt-in was to be confirmed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pending: bool,
    /// Number of the brand that it was said to; 0 = the account as a whole.
    #[serde(default, skip_serializing_if = "is_none")]
    pub brand: u8,
}

impl Proof {
    /// Everything.
    pub const ALL: u8 = 4;
    /// The account's suppression list: opted out onto it, opted in off it.
    pub const SUPPRESSION: u8 = 5;
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(v: &u32) -> bool {
    *v == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(v: &u8) -> bool {
    *v == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(v: &bool) -> bool {
    !*v
}
