//! Gate 11, the campaign's own rate: a bucket of the campaign, whichever numbers, lanes and categories its messages use.
//!
//! Predicate `campaign_rate_per_minute`: of a campaign with a rate no minute sees more admissions than the rate says,
//! wherever it begins.

use super::{Candidate, Verdict};
use crate::lots::Resource;
use crate::record::Campaign;
use std::num::NonZeroU32;
use std::time::Duration;
use tollgate_quality::{Bucket, Rate};
use tollgate_wire::Reason;
use tollgate_wire::command::CampaignSpec;

/// A bucket holds one message and what half a second brings: the engine looks at it that often also when it is busy.
const BURSTS_A_MINUTE: u32 = 120;

/// The bucket's rate. It fills more slowly by what the burst adds, so that no minute holds more than was asked for: by at
/// most 0.84 percent.
pub(crate) fn rate(spec: &CampaignSpec) -> Option<Rate> {
    let per_minute = spec.per_minute?;
    let burst = NonZeroU32::MIN.saturating_add(per_minute.get() / BURSTS_A_MINUTE);
    let sustained = NonZeroU32::new(per_minute.get() + 1 - burst.get()).unwrap_or(NonZeroU32::MIN);
    Some(Rate::new(sustained, Duration::from_secs(60), burst))
}

/// The bucket under other settings: a change of the rate holds at once and brings no burst. What had no rate begins empty.
pub(crate) fn changed(old: &Campaign, new: &CampaignSpec, now_ms: u64) -> Bucket {
    match (rate(&old.spec), rate(new)) {
        (_, None) => Bucket::FULL,
        (None, Some(new)) => Bucket::empty_at(new, now_ms),
        (Some(old_rate), Some(new)) if old_rate == new => old.bucket,
        // At most one token lies ready, whatever the old rate had saved up.
        (Some(_), Some(new)) => {
            let one_ready = Bucket { tat_ns: Bucket::empty_at(new, now_ms).tat_ns - new.interval_ns() };
            old.bucket.capped(new, now_ms).max(one_ready)
        }
    }
}

pub(super) fn check(c: &Candidate<'_>) -> (Verdict, Option<Bucket>) {
    let Some(campaign) = c.campaign else { return (Verdict::Pass, None) };
    let Some(rate) = rate(&campaign.spec) else { return (Verdict::Pass, None) };
    let resource = Resource::CampaignRate(campaign.ix);
    if let Some(wait) = c.behind(resource) {
        return (wait, None);
    }
    match campaign.bucket.check(rate, c.now_ms) {
        Ok(taken) => (Verdict::Pass, Some(taken)),
        Err(wait) => (Verdict::Park { reason: Reason::CampaignRate, resource, until_ms: wait.until_ms }, None),
    }
}
