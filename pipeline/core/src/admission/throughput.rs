//! Gate 11: pair rate, throughput, in-flight slot, in this order. The pair concerns one person and waits alone;
//! the other two are shared.

use super::{Candidate, Verdict};
use crate::lots::Resource;
use crate::record::{Account, Sender, SenderLive};
use std::num::NonZeroU32;
use tollgate_quality::{Bucket, Burst, Lane, PairPolicy, Rate, ThroughputPolicy};
use tollgate_wire::Reason;

/// Messages a second that a sender may use now: reported, less headroom, less back-pressure.
pub(crate) fn effective(account: &Account, sender: &Sender, live: &SenderLive, now_ms: u64) -> NonZeroU32 {
    let headroom = u32::from(account.spec.policy.throughput_headroom_percent.min(90));
    let usable = u64::from(sender.spec.throughput) * u64::from(100 - headroom) / 100;
    let limit = NonZeroU32::new(usable as u32).unwrap_or(NonZeroU32::MIN);
    ThroughputPolicy::default().effective(limit, live.factor, now_ms)
}

/// The admission bucket's rate of a sender.
pub(crate) fn rate(account: &Account, sender: &Sender, live: &SenderLive, now_ms: u64) -> Rate {
    ThroughputPolicy::default().admission_rate(effective(account, sender, live, now_ms))
}

/// Most attempts of a sender without a result at its full rate: set, or half a second's throughput, at least 16.
pub(crate) fn in_flight_limit(account: &Account, sender: &Sender) -> u32 {
    match account.spec.policy.in_flight {
        0 => (sender.spec.throughput / 2).max(16),
        n => n,
    }
}

/// The same as back-pressure leaves it: in an outage one question of each lane.
pub(crate) fn window(account: &Account, sender: &Sender, live: &SenderLive, now_ms: u64) -> u32 {
    ThroughputPolicy::default().window(in_flight_limit(account, sender), live.factor, now_ms)
}

pub(super) fn check(c: &Candidate<'_>) -> (Verdict, Bucket, Burst) {
    let (bucket, burst) = (c.live.throughput, c.pair.burst);
    let Some(sender) = c.sender else { return (Verdict::Refuse(Reason::SenderUnknown), bucket, burst) };
    let pair = match PairPolicy::default().check(burst, c.pair.back_off, c.now_ms) {
        Ok(taken) => taken,
        Err(wait) => {
            let park = Verdict::Park { reason: Reason::PairRate, resource: Resource::Own, until_ms: wait.until_ms };
            return (park, bucket, burst);
        }
    };
    let throughput = Resource::Throughput(sender.ix);
    let in_flight = Resource::InFlight(sender.ix);
    if let Some(wait) = c.behind(throughput).or_else(|| c.behind(in_flight)) {
        return (wait, bucket, burst);
    }
    let policy = ThroughputPolicy::default();
    let rate = rate(c.account, sender, &c.live, c.now_ms);
    let lane = if c.priority { Lane::Priority } else { Lane::Bulk };
    let taken = match bucket.check_keeping(rate, NonZeroU32::MIN, policy.keep(lane, rate), c.now_ms) {
        Ok(taken) => taken,
        Err(wait) => {
            let park = Verdict::Park { reason: Reason::Throughput, resource: throughput, until_ms: wait.until_ms };
            return (park, bucket, burst);
        }
    };
    let full = in_flight_limit(c.account, sender);
    let limit = policy.window(full, c.live.factor, c.now_ms);
    let limit = if c.priority { limit } else { (u64::from(limit) * 4 / 5).max(1) as u32 };
    if c.state.in_flight(sender.ix) >= limit {
        let grows_ms = policy.window_grows_ms(full, c.live.factor, c.now_ms);
        let park = Verdict::Park { reason: Reason::InFlight, resource: in_flight, until_ms: grows_ms };
        return (park, bucket, burst);
    }
    (Verdict::Pass, taken, pair)
}
