//! How long the platform tries to deliver a message, and how long a delivery is waited for.
//!
//! The time to live is of the template and cannot be set of one message: 10 minutes for one-time codes and 30 days for the
//! rest unless the template says otherwise. What marketing templates say holds by the call for marketing alone. A message
//! that is over leaves no word; a delivery may be reported late, so something is waited beyond it.

use crate::record::{Account, Attempt, Template};
use tollgate_rate_card::Category;

/// The longest time to live, in seconds: what everything but one-time codes has by default.
const LONGEST_S: u32 = 30 * 86_400;
/// Of one-time codes by default, in seconds.
const CODE_S: u32 = 600;
/// Waited beyond the time to live at least, in seconds; a day beyond the longest.
const SLACK_S: u32 = 300;

/// Of a category whose template says nothing, in seconds.
#[must_use]
pub fn default_s(category: Category) -> u32 {
    match category {
        Category::Authentication | Category::AuthenticationInternational => CODE_S,
        Category::Marketing | Category::Utility | Category::Service => LONGEST_S,
    }
}

/// Of a message that leaves now, in seconds.
pub(crate) fn of(account: &Account, template: Option<&Template>, category: Category) -> u32 {
    let heard = category != Category::Marketing || account.spec.policy.marketing_api.call().is_some();
    template.filter(|_| heard).and_then(|t| t.spec.ttl_s).unwrap_or_else(|| default_s(category))
}

/// When a delivery of this attempt is not waited for any more: it may have left as late as it might.
pub(super) fn over_ms(a: &Attempt) -> u64 {
    let slack_s = (a.ttl_s / 30).max(SLACK_S);
    a.leave_by_ms.max(a.admitted_ms) + (u64::from(a.ttl_s) + u64::from(slack_s)) * 1000
}
