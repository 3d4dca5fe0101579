//! Admission: the eleven gates, in order. Gates only read. A refusal at any gate beats any wait; otherwise the
//! first wait in order names the lot; only when all pass is anything taken, together, by [`Admission`].

mod budget;
mod campaign;
mod campaign_rate;
mod candidate;
mod choice;
mod content;
mod frequency;
mod pacing;
mod parameters;
mod quiet;
mod quota;
mod recipient;
mod request;
mod sender;
mod throughput;

pub(crate) use campaign_rate::{changed as campaign_bucket, rate as campaign_rate};
pub use candidate::Candidate;
pub use content::{Rejection, Rejections as RejectionList, Usable, purpose_allows};
pub(crate) use pacing::{class, pace, pace_of, weights as pacing_weights};
pub use quota::QuotaUse;
pub use request::default_life_ms;
pub(crate) use throughput::{
    effective as effective_throughput, in_flight_limit, rate as throughput_rate, window as in_flight_window,
};

use crate::ids::{BrandIx, CampaignIx};
use crate::lots::Resource;
use crate::record::{Contact, Pair, SenderLive};
use tollgate_quality::Bucket;
use tollgate_wire::Reason;

/// What a gate says. Values, so that each says what would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Goes on.
    Pass,
    /// Waits for `resource`, or until `until_ms` (`u64::MAX` = the resource alone decides).
    Park {
        /// Why.
        reason: Reason,
        /// What frees it.
        resource: Resource,
        /// When to look again.
        until_ms: u64,
    },
    /// Never.
    Refuse(Reason),
}

/// The gates, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Gate {
    /// Well-formed, not expired, room to wait, not before its time.
    Request = 1,
    /// Running, inside its hours.
    Campaign = 2,
    /// Registered, billed in a currency that is taken, not blocked.
    Sender = 3,
    /// A person the platform can reach.
    Recipient = 4,
    /// Legal form, template, parameters, bar, consent, purpose, rate.
    Content = 5,
    /// One of the usable alternatives.
    Choice = 6,
    /// Quality pacing.
    Pacing = 7,
    /// Unique-user quota.
    Quota = 8,
    /// Frequency cap.
    Frequency = 9,
    /// Budget.
    Budget = 10,
    /// Campaign's own rate, pair rate, throughput, in-flight slot.
    Throughput = 11,
}

impl Gate {
    /// All gates in order.
    pub const ALL: [Self; 11] = [
        Self::Request,
        Self::Campaign,
        Self::Sender,
        Self::Recipient,
        Self::Content,
        Self::Choice,
        Self::Pacing,
        Self::Quota,
        Self::Frequency,
        Self::Budget,
        Self::Throughput,
    ];

    /// Name on outcomes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Campaign => "campaign",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Content => "content",
            Self::Choice => "choice",
            Self::Pacing => "pacing",
            Self::Quota => "quota",
            Self::Frequency => "frequency",
            Self::Budget => "budget",
            Self::Throughput => "throughput",
        }
    }
}

/// What the gates saw; travels on the outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Gates passed before the first that did not.
    pub passed: u8,
    /// End of the window relied on, in seconds; 0 = closed.
    pub window_until_s: u32,
    /// Users counted when the quota gate looked.
    pub quota_used: Option<u32>,
    /// Ceiling for this category.
    pub quota_ceiling: Option<u32>,
    /// How the quota was used.
    pub quota_use: Option<QuotaUse>,
    /// The person's own alternative of a split, where another was chosen.
    pub instead_of: Option<u8>,
    /// The brand that writes.
    pub brand: BrandIx,
}

/// Proof that every gate passed, and all that is to be taken, ready to be written. Only [`admit`] makes one.
#[derive(Clone, Debug)]
pub struct Admission {
    chosen: Usable,
    quota: QuotaUse,
    contact: Contact,
    pair: Pair,
    live: SenderLive,
    leave_by_ms: u64,
    campaign_bucket: Option<(CampaignIx, Bucket)>,
}

impl Admission {
    /// The alternative that was chosen.
    #[must_use]
    pub fn chosen(&self) -> &Usable {
        &self.chosen
    }
    /// How the quota is used.
    #[must_use]
    pub fn quota(&self) -> QuotaUse {
        self.quota
    }
    /// The contact with what was taken.
    #[must_use]
    pub fn contact(&self) -> Contact {
        self.contact
    }
    /// The pair with what was taken.
    #[must_use]
    pub fn pair(&self) -> Pair {
        self.pair.clone()
    }
    /// The sender's live values with what was taken.
    #[must_use]
    pub fn live(&self) -> SenderLive {
        self.live
    }
    /// The call must start before this.
    #[must_use]
    pub fn leave_by_ms(&self) -> u64 {
        self.leave_by_ms
    }
    /// The bucket of the campaign's own rate with what was taken, where it has one.
    #[must_use]
    pub fn campaign_bucket(&self) -> Option<(CampaignIx, Bucket)> {
        self.campaign_bucket
    }
}

/// How admission ended.
#[derive(Clone, Debug)]
pub enum Admitted {
    /// Every gate passed.
    Yes(Box<Admission>),
    /// It waits.
    Parked {
        /// Gate that stopped it.
        gate: Gate,
        /// Why.
        reason: Reason,
        /// What frees it.
        resource: Resource,
        /// When to look again.
        until_ms: u64,
    },
    /// Never.
    Refused {
        /// Gate that refused it.
        gate: Gate,
        /// Why.
        reason: Reason,
    },
}

/// Asks the gates, in order.
#[must_use]
pub fn admit(c: &Candidate<'_>) -> (Admitted, Trace, Option<content::Rejections>) {
    let mut trace = Trace { brand: c.brand, ..Trace::default() };
    let mut first_park: Option<(Gate, Reason, Resource, u64)> = None;
    let mut rejections = None;
    macro_rules! ask {
        ($gate:expr, $verdict:expr) => {
            match $verdict {
                Verdict::Pass => {
                    if first_park.is_none() {
                        trace.passed = $gate as u8;
                    }
                }
                Verdict::Park { reason, resource, until_ms } => {
                    first_park.get_or_insert(($gate, reason, resource, until_ms));
                }
                Verdict::Refuse(reason) => return (Admitted::Refused { gate: $gate, reason }, trace, rejections),
            }
        };
    }
    ask!(Gate::Request, request::check(c));
    ask!(Gate::Campaign, campaign::check(c));
    ask!(Gate::Sender, sender::check(c));
    ask!(Gate::Recipient, recipient::check(c));
    trace.window_until_s = c.window_until_s().unwrap_or(0);
    let content::Found { verdict, usable, rejected, waits, waiting } = content::check(c);
    rejections = Some(rejected);
    ask!(Gate::Content, verdict);
    let Some((chosen, instead_of)) = choice::choose(c, &usable) else {
        // Content parked: what the later gates would say depends on which alternative comes free.
        let (gate, reason, resource, until_ms) =
            first_park.unwrap_or((Gate::Content, Reason::Internal, Resource::Own, c.now_ms + 60_000));
        return (Admitted::Parked { gate, reason, resource, until_ms }, trace, rejections);
    };
    trace.instead_of = instead_of;
    ask!(Gate::Choice, Verdict::Pass);
    let (pacing_verdict, pacing) = pacing::check(c, &chosen, &waiting);
    ask!(Gate::Pacing, pacing_verdict);
    let (quota_verdict, quota) = quota::check(c, &chosen, &mut trace);
    ask!(Gate::Quota, quota_verdict);
    // What the person may not have in time is no end while another alternative may come free.
    let or_waits = |verdict: Verdict| match (verdict, waits) {
        (Verdict::Refuse(_), Some(waits)) => waits,
        _ => verdict,
    };
    ask!(Gate::Frequency, or_waits(frequency::check(c, &chosen)));
    ask!(Gate::Frequency, or_waits(quiet::check(c, &chosen)));
    ask!(Gate::Budget, budget::check(c, &chosen));
    let (campaign_verdict, campaign_bucket) = campaign_rate::check(c);
    ask!(Gate::Throughput, campaign_verdict);
    let (rate_verdict, throughput, burst) = throughput::check(c);
    ask!(Gate::Throughput, rate_verdict);
    if let Some((gate, reason, resource, until_ms)) = first_park {
        return (Admitted::Parked { gate, reason, resource, until_ms }, trace, rejections);
    }
    let admission = c.take(chosen, quota, pacing, (throughput, burst, campaign_bucket));
    (Admitted::Yes(Box::new(admission)), trace, rejections)
}
