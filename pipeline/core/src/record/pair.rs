//! Pair: one person as one sender sees them.

use smallvec::SmallVec;
use tollgate_quality::{BackOff, Burst, Counted};
use tollgate_rate_card::Conversations;

/// (sender, person): window, conversations, pair rate, and the quota slot for accounts that are limited per number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// Last message or call of the person, platform's seconds; 0 = never.
    pub last_inbound_s: u32,
    /// The message that opened the window which the last one keeps open; 0 = the last one did.
    pub opened_s: u32,
    /// Pair rate.
    pub burst: Burst,
    /// Back-off after 131056.
    pub back_off: BackOff,
    /// Counted time of the number's quota.
    pub counted: Counted,
    /// The latest conversation of each kind, where the platform charged by conversation; apart, because hardly any pair has
    /// one any more. Never blank: `None` then.
    pub conversations: Option<Box<Conversations>>,
    /// What else the last month's charges need; apart, because most people write in one window a month. Never blank: `None`
    /// then.
    pub past: Option<Box<Past>>,
}

/// What was and is still asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Windows before the last one, of a month: in order, and with time between them.
    pub windows: SmallVec<[Window; 2]>,
    /// Delivered messages of which the platform has not said a type: what they cost follows from the window.
    pub untyped: SmallVec<[Untyped; 1]>,
}

impl Past {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.untyped.is_empty()
    }
}

/// A customer service window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// The first message.
    pub opened_s: u32,
    /// The first second after it.
    pub ends_s: u32,
}

/// A charge that stands without the platform's word for its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untyped {
    /// Keyed hash of the wamid.
    pub wamid: u128,
    /// The entry that stands.
    pub entry: u128,
}
