//! Message and its attempts. Rank, reservations and charge belong to the attempt and only move forward.

use crate::ids::{AccountIx, CampaignIx, SenderIx, TemplateIx, Uid, User, WabaIx};
use crate::lots::Resource;
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::sync::Arc;
use tollgate_rate_card::{Category, Country, Reported};
use tollgate_wire::Reason;
use tollgate_wire::outcome::OutcomeKind;
use tollgate_wire::request::{ContentKind, Purpose};
use tollgate_wire::trace::SpanRef;

/// One message. Fixed part plus `tail`; the body is kept apart and only while it can still be needed.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its number.
    pub uid: Uid,
    /// Account.
    pub account: AccountIx,
    /// Sender chosen at the latest admission try.
    pub sender: SenderIx,
    /// Person.
    pub user: User,
    /// Campaign.
    pub campaign: CampaignIx,
    /// Priority lane.
    pub priority: bool,
    /// Purpose stated.
    pub purpose: Purpose,
    /// Where it is.
    pub state: MessageState,
    /// When the request was read, in seconds.
    pub created_s: u32,
    /// Useless after this instant.
    pub expires_ms: u64,
    /// Bytes of its body while stored.
    pub body_bytes: u32,
    /// What it waits for, while parked.
    pub park: Option<Park>,
    /// Attempts so far, oldest first; of those that never left only the latest, of refused ones the newest.
    pub attempts: SmallVec<[Attempt; 1]>,
    /// What outcomes echo.
    pub tail: Arc<Tail>,
    /// Ordered while its campaign was in test, at the latest order.
    pub test: bool,
}

/// What outcomes echo: never changes.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// Request id.
    pub id: Box<str>,
    /// Metadata as given (JSON).
    pub metadata: Option<Box<RawValue>>,
    /// The span of the first decision, where the trace is recorded: the parent of all that comes later.
    pub trace: Option<Box<SpanRef>>,
}

impl PartialEq for Tail {
    fn eq(&self, other: &Self) -> bool {
        let text = |t: &Self| t.metadata.as_ref().map(|m| m.get().to_owned());
        self.id == other.id && text(self) == text(other) && self.trace == other.trace
    }
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum MessageState {
    /// Waits.
    Parked = 0,
    /// Admitted; an attempt is on its way and decides.
    Open = 1,
    /// Delivered or read (the attempt says which).
    Delivered = 2,
    /// Failed for good.
    Failed = 3,
    /// Refused at a gate.
    Refused = 4,
    /// Expired while waiting.
    Expired = 5,
    /// Its campaign was cancelled.
    Cancelled = 6,
    /// Not delivered within its time to live.
    Undelivered = 7,
    /// Never known.
    Unknown = 8,
}

impl MessageState {
    /// From the stored byte.
    #[must_use]
    pub fn from_byte(b: u8) -> Option<Self> {
        use MessageState as S;
        [S::Parked, S::Open, S::Delivered, S::Failed, S::Refused, S::Expired, S::Cancelled, S::Undelivered, S::Unknown]
            .get(usize::from(b))
            .copied()
    }

    /// `true` while it waits or is on its way.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Parked | Self::Open)
    }
}

/// What a parked message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Park {
    /// What to tell people.
    pub reason: Reason,
    /// What frees it.
    pub resource: Resource,
    /// When to look again, for a wait of its own; `u64::MAX` when only the resource can free it.
    pub until_ms: u64,
    /// When `parked` was last emitted, in seconds.
    pub told_s: u32,
}

/// One decision to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number, from 1, never used again: orders, callbacks and charges name it.
    pub number: u8,
    /// How far it came.
    pub state: AttemptState,
    /// Sender used.
    pub sender: SenderIx,
    /// The sender's WABA when it was ordered, which is billed also after the number has moved; `None` where an earlier
    /// version kept none: then it is the sender's.
    pub waba: Option<WabaIx>,
    /// Template and language; `None` for what only goes inside the window.
    pub template: Option<TemplateIx>,
    /// Position in the request's `content`.
    pub alternative: u8,
    /// Category expected.
    pub category: Category,
    /// The window was open at admission.
    pub window_open: bool,
    /// A quota reservation is held.
    pub reserved_user: bool,
    /// An in-flight slot is held.
    pub slot: bool,
    /// Budget reserved.
    pub reserved: Decimal,
    /// When it was admitted.
    pub admitted_ms: u64,
    /// The call must start before this.
    pub leave_by_ms: u64,
    /// When its state is looked at again if nothing comes; `u64::MAX` = never.
    pub check_ms: u64,
    /// Keyed hash of its wamid; 0 = not known.
    pub wamid: u128,
    /// Platform's error code of a failure; 0 = none.
    pub code: u32,
    /// Smallest of the platform's delivered, read and played times; 0 = none.
    pub delivered_s: u32,
    /// What the platform said about the price.
    pub reported: Reported,
    /// When it last said so, by its own time; 0 = not said.
    pub said_s: u32,
    /// How far the message was by that word: what is said of one instant is ordered by it.
    pub said_rank: SaidRank,
    /// Hash of the conversation id that the platform said, where it did not say that it charges by message; 0 = none.
    pub conversation: u128,
    /// What was booked.
    pub booked: Option<Booked>,
    /// What was sent.
    pub kind: ContentKind,
    /// How long the platform tries to deliver it, in seconds.
    pub ttl_s: u32,
}

/// What was booked for an attempt: enough to rate it again and take it back exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booked {
    /// What is charged.
    pub unit: Unit,
    /// The platform had said a conversation id by then.
    pub named: bool,
    /// Charge instant booked; of what is covered, when its conversation opened (0 = not known).
    pub at_s: u32,
    /// Country that priced it; a later status may not name it again.
    pub country: Option<Country>,
    /// What the platform had said by then.
    pub reported: Reported,
    /// The window was open at the charge instant as far as we knew.
    pub window_open: bool,
    /// The platform said that a free entry point covers it.
    pub fep_open: bool,
    /// Messages counted for the allowance before this one.
    pub allowance_used: u64,
    /// Position in the volume band, from 1.
    pub ordinal: u64,
    /// Revision of the entry that stands.
    pub revision: u32,
    /// Its cost; zero when free or unpriced.
    pub cost: Decimal,
    /// Digest of the card that it was rated on; 0 = none. Not its position: catalogues change.
    pub card: u32,
    /// What its entry is.
    pub stands: Stands,
    /// The charge key of a message is made of the hash of its wamid, because its wamid was not at hand when it was booked
    /// again.
    pub by_hash: bool,
}

/// What the entry of a booked charge is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Stands {
    /// Not kept by an earlier version, nor is the card; or there is no entry.
    #[default]
    NotKept = 0,
    /// `unpriced`.
    Unpriced = 1,
    /// `free`.
    Free = 2,
    /// `charge`.
    Charge = 3,
}

impl Stands {
    /// From the lowest two bits of a byte.
    #[must_use]
    pub fn from_bits(b: u8) -> Self {
        [Self::NotKept, Self::Unpriced, Self::Free, Self::Charge][usize::from(b & 3)]
    }
}

/// How far a message was by a status that said a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SaidRank {
    /// Held, or nothing was said.
    #[default]
    Held = 0,
    /// Sent or failed.
    Sent = 1,
    /// Delivered.
    Delivered = 2,
    /// Read or played.
    Read = 3,
}

impl SaidRank {
    /// From the lowest two bits of a byte.
    #[must_use]
    pub fn from_bits(b: u8) -> Self {
        [Self::Held, Self::Sent, Self::Delivered, Self::Read][usize::from(b & 3)]
    }
}

/// What is charged for an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Unit {
    /// The message.
    #[default]
    Message = 0,
    /// The conversation that it opened, of which the platform had said no id: its wamid is the key.
    Conversation = 1,
    /// The conversation that it opened, by the platform's id.
    NamedConversation = 2,
    /// Nothing: a conversation that another message opened covers it.
    Covered = 3,
}

impl Unit {
    /// From the stored byte.
    #[must_use]
    pub fn from_byte(b: u8) -> Option<Self> {
        [Self::Message, Self::Conversation, Self::NamedConversation, Self::Covered].get(usize::from(b)).copied()
    }

    /// `true` where an entry stands for it.
    #[must_use]
    pub fn is_charged(self) -> bool {
        self != Self::Covered
    }

    /// `true` for a conversation that the attempt opened.
    #[must_use]
    pub fn is_opened(self) -> bool {
        matches!(self, Self::Conversation | Self::NamedConversation)
    }
}

/// How far an attempt came, in order of rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum AttemptState {
    /// Ordered; no result yet.
    Ordered = 0,
    /// No result in time.
    InDoubt = 1,
    /// Closed without a result.
    Unknown = 2,
    /// Certainly not sent.
    NotSent = 3,
    /// The platform took it.
    Accepted = 4,
    /// Held for quality assessment.
    Held = 5,
    /// Left the platform.
    Sent = 6,
    /// Failed.
    Failed = 7,
    /// Reached the device.
    Delivered = 8,
    /// Read or played.
    Read = 9,
}

impl AttemptState {
    /// From the stored byte.
    #[must_use]
    pub fn from_byte(b: u8) -> Option<Self> {
        use AttemptState as A;
        [
            A::Ordered,
            A::InDoubt,
            A::Unknown,
            A::NotSent,
            A::Accepted,
            A::Held,
            A::Sent,
            A::Failed,
            A::Delivered,
            A::Read,
        ]
        .get(usize::from(b))
        .copied()
    }

    /// The outcome that announces this state.
    #[must_use]
    pub fn outcome(self) -> OutcomeKind {
        match self {
            Self::Ordered => OutcomeKind::Admitted,
            Self::InDoubt => OutcomeKind::InDoubt,
            Self::Unknown => OutcomeKind::Unknown,
            Self::NotSent => OutcomeKind::NotSent,
            Self::Accepted => OutcomeKind::Accepted,
            Self::Held => OutcomeKind::Held,
            Self::Sent => OutcomeKind::Sent,
            Self::Failed => OutcomeKind::Failed,
            Self::Delivered => OutcomeKind::Delivered,
            Self::Read => OutcomeKind::Read,
        }
    }
}

impl Message {
    /// The latest attempt.
    #[must_use]
    pub fn last(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Number of the latest attempt; 0 before the first.
    #[must_use]
    pub fn last_number(&self) -> u8 {
        self.last().map_or(0, |a| a.number)
    }

    /// Position of an attempt in `attempts`; `None` when it never was, or never left and is forgotten.
    #[must_use]
    pub fn position(&self, number: u8) -> Option<usize> {
        self.attempts.iter().position(|a| a.number == number)
    }

    /// `true` while a timer or a lot still holds the message: it must be known from the start.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state.is_open() || self.attempts.iter().any(|a| a.check_ms != u64::MAX)
    }

    /// The instant at which the message must be looked at again; `None` once nothing is pending.
    #[must_use]
    pub fn timer_ms(&self) -> Option<u64> {
        let mut at = self.attempts.iter().map(|a| a.check_ms).min().unwrap_or(u64::MAX);
        if self.state == MessageState::Parked {
            at = at.min(self.expires_ms).min(self.park.map_or(u64::MAX, |p| p.until_own_ms()));
        }
        (at != u64::MAX).then_some(at)
    }
}

impl Park {
    /// The message's own wake-up; `u64::MAX` when it waits in a shared lot, which has its own alarm.
    #[must_use]
    pub fn until_own_ms(&self) -> u64 {
        if self.resource == Resource::Own { self.until_ms } else { u64::MAX }
    }
}
