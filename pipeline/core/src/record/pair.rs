//! Pair: one person as one sender sees them.

use tollgate_quality::{BackOff, Burst, Counted};
use tollgate_rate_card::Conversations;

/// (sender, person): window, free entry point, conversations, pair rate, and the quota slot for accounts that are limited
/// per number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    /// Last message or call of the person, platform's seconds; 0 = never.
    pub last_inbound_s: u32,
    /// Last message that came from an advertisement; 0 = never.
    pub referral_s: u32,
    /// End of the free entry point as the platform confirmed it; 0 = none.
    pub fep_until_s: u32,
    /// Pair rate.
    pub burst: Burst,
    /// Back-off after 131056.
    pub back_off: BackOff,
    /// Counted time of the number's quota.
    pub counted: Counted,
    /// The latest conversation of each kind, where the platform charged by conversation; apart, because hardly any pair has
    /// one any more. Never blank: `None` then.
    pub conversations: Option<Box<Conversations>>,
}
