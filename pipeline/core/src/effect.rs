//! Effects: what leaves the shard, as small values. Names are looked up when they are written (`emit`).

use crate::admission::{Gate, Trace};
use crate::change::Proof;
use crate::ids::{AccountIx, ContactKey, SenderIx, TemplateIx, Uid, User};
use rust_decimal::Decimal;
use tollgate_rate_card::{
    Category, Country, Currency, Exchange, Fee, Market, Price, PricingType, Rated, Reported, YearMonth,
};
use tollgate_wire::Reason;
use tollgate_wire::ledger::{Cause, EntryKind};
use tollgate_wire::outcome::OutcomeKind;
use tollgate_wire::snapshot::Level;

/// Something that leaves the shard.
#[derive(Clone, Debug)]
pub enum Effect {
    /// An order for the dispatcher; its content stands in the request at hand.
    Order {
        /// Message.
        uid: Uid,
        /// Alternative chosen.
        alternative: u8,
        /// Language chosen.
        language: u8,
    },
    /// A move of a message.
    Outcome(Box<OutcomeFx>),
    /// A ledger entry.
    Ledger(Box<Booking>),
    /// A fee of a month that ends; a ledger entry too.
    Fee(Box<FeeBooking>),
    /// A month ended; stands among the ledger entries.
    MonthClosed(Box<Closing>),
    /// What finance credits; a ledger entry too.
    Credit(Box<CreditBooking>),
    /// A volume band that the platform says is reached; stands among the ledger entries.
    BandReached(Box<Reached>),
    /// The account's registry entry changed.
    Registry(AccountIx),
    /// A person said yes or no.
    Consent(Box<Proof>),
    /// A person was erased.
    Erased(ContactKey),
    /// A template is as it is now.
    Template(TemplateIx),
    /// What a number or a portfolio may do changed.
    Level(Box<LevelChange>),
    /// A person wrote or called, or a message left for one who did.
    Reply(Box<Reply>),
}

/// What happened between a person and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// The person, who was reached before or has said something about consent, wrote or called.
    Wrote,
    /// Somebody else did.
    StrangerWrote,
    /// A message left for the person, who had written within a window's length.
    Answered,
}

/// A person wrote or called, or has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Which.
    pub kind: ReplyKind,
    /// Number that received or sent it.
    pub sender: SenderIx,
    /// Person.
    pub user: User,
    /// The platform's time; of an answer of ours, when it was admitted.
    pub at_s: u32,
    /// A word that ends consents: nothing is to be answered any more.
    pub settled: bool,
    /// A reaction: it asks for no answer itself.
    pub reaction: bool,
}

/// A change of what a number or a portfolio may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelChange {
    /// What changed.
    pub level: Level,
    /// Account.
    pub account: AccountIx,
    /// Number; `None` for what is the whole portfolio's.
    pub sender: Option<SenderIx>,
    /// Before.
    pub from: Box<str>,
    /// Since.
    pub to: Box<str>,
}

/// A move of a message.
#[derive(Clone, Debug)]
pub struct OutcomeFx {
    /// Message.
    pub uid: Uid,
    /// Attempt number; 0 before the first order.
    pub attempt: u8,
    /// When: engine time, or the platform's for its statuses.
    pub at_ms: u64,
    /// Where it went.
    pub kind: OutcomeKind,
    /// Why.
    pub reason: Option<Reason>,
    /// Platform's error code, when the reason is `platform`.
    pub code: u32,
    /// Gate that stopped it.
    pub stopped: Option<Gate>,
    /// What the gates saw, for moves that come from admission.
    pub trace: Option<Trace>,
    /// Why alternatives were not usable.
    pub rejections: crate::admission::RejectionList,
    /// When the next try is due; 0 = unknown.
    pub retry_ms: u64,
    /// Worst-case price, when admitted.
    pub estimate: Option<Decimal>,
    /// What was booked by this move: entry id and amount (`None` = unpriced).
    pub charge: Option<(u128, Option<Decimal>)>,
    /// The platform's message id, when this move carries it.
    pub wamid: Option<Box<str>>,
    /// Until when the platform may deliver it, where that is after the request's `expires_at`; 0 = it is not.
    pub outlives_ms: u64,
}

impl OutcomeFx {
    /// A move with nothing but its kind.
    #[must_use]
    pub fn new(uid: Uid, attempt: u8, at_ms: u64, kind: OutcomeKind) -> Self {
        Self {
            uid,
            attempt,
            at_ms,
            kind,
            reason: None,
            code: 0,
            stopped: None,
            trace: None,
            rejections: crate::admission::RejectionList::new(),
            retry_ms: 0,
            estimate: None,
            charge: None,
            wamid: None,
            outlives_ms: 0,
        }
    }
}

/// A ledger entry before names are looked up.
#[derive(Clone, Debug)]
pub struct Booking {
    /// Entry id.
    pub entry: u128,
    /// Kind.
    pub kind: EntryKind,
    /// Cause.
    pub cause: Option<Cause>,
    /// Entry that this one corrects.
    pub adjusts: Option<u128>,
    /// Revision of the charge key.
    pub revision: u32,
    /// `+1`, or `-1` to take an entry back.
    pub sign: i8,
    /// Sender.
    pub sender: crate::ids::SenderIx,
    /// The WABA that is billed, which the sender may have left.
    pub waba: crate::ids::WabaIx,
    /// Person.
    pub user: crate::ids::User,
    /// Our message and attempt; `None` for foreign traffic.
    pub own: Option<(Uid, u8)>,
    /// Where the platform says that foreign traffic is a message and attempt of ours: it is one that is forgotten. The ledger
    /// knows by it whether the same was booked while it was known.
    pub forgotten: Option<(Uid, u8)>,
    /// The platform's message id; `None` where another message's status moved the charge, and only its hash is at hand.
    pub wamid: Option<Box<str>>,
    /// Its keyed hash.
    pub wamid_hash: u128,
    /// The cost.
    pub rated: Rated,
    /// Currency of the price.
    pub price_currency: Currency,
    /// The price, where a mark-up makes one; else it is the cost.
    pub price: Option<Price>,
    /// Category we expected.
    pub expected: Option<tollgate_rate_card::Category>,
    /// Type that our own facts come to; `None` for foreign traffic.
    pub expected_type: Option<PricingType>,
    /// Where the person is, by number or by the business-scoped id.
    pub country: Option<Country>,
    /// What the platform said.
    pub reported: Reported,
    /// The platform's conversation id.
    pub conversation: Option<Box<str>>,
    /// Position in the allowance or band group.
    pub ordinal: Option<u64>,
    /// Charge instant.
    pub at_s: u32,
    /// Engine time.
    pub booked_ms: u64,
    /// The month that bills it: that of the charge instant, or a later one where that is closed.
    pub billed: YearMonth,
}

/// A fee before names are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeBooking {
    /// Entry id.
    pub entry: u128,
    /// WABA.
    pub waba: crate::ids::WabaIx,
    /// Number.
    pub sender: crate::ids::SenderIx,
    /// What it is asked for.
    pub fee: Fee,
    /// How often.
    pub count: u64,
    /// What is asked for each.
    pub amount: Decimal,
    /// Currency of the amount.
    pub currency: Currency,
    /// The month, used and billed.
    pub month: YearMonth,
    /// Last second of the month in the WABA's zone.
    pub at_s: u32,
    /// Engine time.
    pub booked_ms: u64,
}

/// A credit before names are looked up. Amounts as they are added to the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditBooking {
    /// Entry id.
    pub entry: u128,
    /// WABA.
    pub waba: crate::ids::WabaIx,
    /// Id that was given with it.
    pub id: Box<str>,
    /// In the WABA's currency.
    pub cost: Decimal,
    /// In `currency`.
    pub price: Decimal,
    /// What the price is more than the cost.
    pub markup: Decimal,
    /// Currency of the price.
    pub currency: Currency,
    /// Exchange of the mark-up in force, where currencies differ.
    pub fx: Option<Exchange>,
    /// Why, with reference and who gave it.
    pub reason: Box<str>,
    /// Month that it is about.
    pub month: YearMonth,
    /// Month that bills it.
    pub billed: YearMonth,
    /// Last second of the month in the WABA's zone.
    pub at_s: u32,
    /// Engine time.
    pub booked_ms: u64,
}

/// A volume band that the platform says is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Account.
    pub account: AccountIx,
    /// Market.
    pub market: Market,
    /// Category.
    pub category: Category,
    /// Month that is counted.
    pub month: YearMonth,
    /// First message of the band.
    pub first: u64,
    /// The platform's time.
    pub at_s: u32,
    /// Fewer are counted here than the band begins with.
    pub behind: bool,
}

/// The end of an account's month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Account.
    pub account: AccountIx,
    /// The month.
    pub month: YearMonth,
    /// Engine time.
    pub at_ms: u64,
    /// Why it was closed before its time, where it was.
    pub forced: Option<Box<str>>,
}
