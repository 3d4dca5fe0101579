//! The backlog as people feel it: how long until the last parked message of a lane will have left, by whom it waits for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::State;
use tollgate_core::ids::AccountIx;
use tollgate_metrics::{Lane, Metrics, WaitsFor};
use tollgate_quality::{CategoryClass, Limit};
use tollgate_wire::Reason;
use tollgate_wire::snapshot::{AccountSnapshot, LotSnapshot};

/// When the last of an account's messages will have left, by lane and whom it waits for; 0 = none waits.
type Left = [[u64; WaitsFor::ALL.len()]; Lane::ALL.len()];

/// Seconds from one round of the quota to the next.
const ROUND_MS: u64 = 86_401_000;

/// The backlogs of one shard's accounts.
pub(super) struct Backlog {
    metrics: Arc<Metrics>,
    partition: u32,
    /// Accounts of which something waits.
    left: BTreeMap<AccountIx, Left>,
}

impl Backlog {
    pub(super) fn new(metrics: &Arc<Metrics>, partition: u32) -> Self {
        Self { metrics: Arc::clone(metrics), partition, left: BTreeMap::new() }
    }

    /// Takes over what an account's snapshot says.
    pub(super) fn account(&mut self, state: &State, ix: AccountIx, snapshot: &AccountSnapshot<'_>) {
        if snapshot.lots.is_empty() {
            self.left.remove(&ix);
        } else {
            self.left.insert(ix, left(state, ix, snapshot));
        }
    }

    /// Sets the gauge: the worst account, as of now.
    pub(super) fn show(&self, now_ms: u64) {
        for (lane, to_lane) in Lane::ALL.iter().enumerate() {
            for (who, to_whom) in WaitsFor::ALL.iter().enumerate() {
                let last_ms = self.left.values().map(|left| left[lane][who]).max().unwrap_or(0);
                let until = Duration::from_millis(last_ms.saturating_sub(now_ms));
                self.metrics.set_backlog(self.partition, *to_lane, *to_whom, until);
            }
        }
    }
}

/// Whom messages wait for; `None` where a person must act, so that no time can be told.
fn waits_for(reason: Reason) -> Option<WaitsFor> {
    match reason {
        Reason::Quota | Reason::Throughput | Reason::PairRate | Reason::Backoff => Some(WaitsFor::PlatformLimit),
        Reason::Pacing => Some(WaitsFor::OurPacing),
        Reason::Scheduled
        | Reason::SendingHours
        | Reason::FrequencyCapped
        | Reason::QuietHours
        | Reason::CampaignRate => Some(WaitsFor::Customer),
        Reason::CampaignPaused
        | Reason::CampaignTest
        | Reason::TemplatePaused
        | Reason::CountryBarred
        | Reason::Budget
        | Reason::SenderBlocked => None,
        _ => Some(WaitsFor::Us),
    }
}

fn left(state: &State, ix: AccountIx, snapshot: &AccountSnapshot<'_>) -> Left {
    let now_ms = snapshot.as_of.0;
    let mut left = Left::default();
    for lot in &snapshot.lots {
        let Some(who) = waits_for(lot.reason) else { continue };
        // Each lot says when it would be done alone; what shares its resource and goes before it or in turn with it
        // takes its time too.
        let shares = || snapshot.lots.iter().filter(|other| shares(lot, other));
        let alone = |lot: &LotSnapshot<'_>| lot.done_by.or(lot.opens_at).map_or(0, |at| at.0.saturating_sub(now_ms));
        let takes_ms = match lot.reason {
            Reason::Pacing | Reason::Throughput | Reason::InFlight | Reason::CampaignRate => shares().map(alone).sum(),
            Reason::Quota => {
                let messages = shares().map(|lot| lot.messages).sum();
                quota_ms(state, ix, lot, messages, now_ms).unwrap_or_else(|| alone(lot))
            }
            _ => alone(lot),
        };
        let lane = if lot.priority { Lane::Priority } else { Lane::Bulk };
        let last_ms = &mut left[lane as usize][who as usize];
        *last_ms = (*last_ms).max(now_ms + takes_ms);
    }
    left
}

/// Whether another lot (or the lot itself) uses what a lot waits for, not behind it.
fn shares(lot: &LotSnapshot<'_>, other: &LotSnapshot<'_>) -> bool {
    let same_class = lot.reason != Reason::Pacing || class(lot) == class(other);
    (lot.reason, &lot.resource) == (other.reason, &other.resource) && same_class && (other.priority || !lot.priority)
}

fn class(lot: &LotSnapshot<'_>) -> CategoryClass {
    if &*lot.class == "marketing" { CategoryClass::Marketing } else { CategoryClass::Utility }
}

/// How long until so many messages have had a token of the quota that a lot waits for; `None` where that is not known.
fn quota_ms(state: &State, ix: AccountIx, lot: &LotSnapshot<'_>, messages: u64, now_ms: u64) -> Option<u64> {
    let account = state.account_at(ix);
    let count = match state.sender(&lot.resource) {
        Some(sender) => state.sender_quota(sender.ix),
        None => state.account_quota(ix),
    };
    let Limit::Users(ceiling) = account.spec.policy.pacing.quota_ceiling(account.spec.limit, class(lot)) else {
        return Some(0);
    };
    let ceiling = u64::from(ceiling);
    // Whole rounds of the ceiling take a day each; the rest waits for that many returns of this round.
    let (rounds, rest) = (messages.checked_sub(1)?.checked_div(ceiling)?, (messages - 1) % ceiling);
    let first_s = count.second_when_below((ceiling - rest) as u32, (now_ms / 1000) as u32)?;
    Some((u64::from(first_s) * 1000).saturating_sub(now_ms) + rounds * ROUND_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_wire::Time;

    fn lot(reason: Reason, resource: &'static str, priority: bool, seconds: u64) -> LotSnapshot<'static> {
        LotSnapshot {
            lot: "".into(),
            reason,
            resource: resource.into(),
            language: None,
            priority,
            class: "marketing".into(),
            campaign: None,
            sender: "".into(),
            messages: 10,
            opens_at: None,
            done_by: Some(Time(1_000_000 + seconds * 1000)),
        }
    }

    #[test]
    fn what_shares_a_resource_goes_one_after_the_other_and_priority_first() {
        let lots = [
            lot(Reason::Pacing, "1", false, 100),
            lot(Reason::Pacing, "1", false, 20),
            lot(Reason::Pacing, "1", true, 7),
            lot(Reason::Pacing, "2", false, 50),
            lot(Reason::Throughput, "1", false, 3),
            lot(Reason::Scheduled, "", false, 500),
            lot(Reason::Budget, "spring", false, 900),
        ];
        let with = |lot: &LotSnapshot<'_>| lots.iter().filter(|other| shares(lot, other)).count();
        assert_eq!((with(&lots[0]), with(&lots[2]), with(&lots[3]), with(&lots[4])), (3, 1, 1, 1));
        let state = State::default();
        let snapshot = AccountSnapshot {
            account: "acme".into(),
            name: "".into(),
            as_of: Time(1_000_000),
            disabled: false,
            limit: Limit::Unlimited,
            limit_scope: tollgate_wire::command::LimitScope::Portfolio,
            quota_used: 0,
            quota_next_return: None,
            parked_messages: 70,
            parked_bytes: 0,
            closed: None,
            wabas: Vec::new(),
            senders: Vec::new(),
            campaigns: Vec::new(),
            lots: lots.to_vec(),
            left_out: tollgate_wire::snapshot::LeftOut::default(),
        };
        let metrics = Arc::new(Metrics::new("test", tollgate_metrics::Limits::default()).expect("sound"));
        let mut backlog = Backlog::new(&metrics, 0);
        backlog.account(&state, AccountIx(0), &snapshot);
        let shown = |backlog: &Backlog, now_ms| {
            backlog.show(now_ms);
            let text = String::from_utf8(metrics.encode().expect("metrics encode")).expect("text");
            let lines = text.lines().filter_map(|line| line.strip_prefix("tollgate_backlog_seconds"));
            lines.filter(|line| !line.ends_with(" 0")).map(str::to_owned).collect::<Vec<_>>()
        };
        let told = [
            "{lane=\"bulk\",waits_for=\"customer\"} 490",
            "{lane=\"bulk\",waits_for=\"our_pacing\"} 117",
            "{lane=\"priority\",waits_for=\"our_pacing\"} 0.5",
        ];
        assert_eq!(shown(&backlog, 1_010_000)[..2], told[..2]);
        assert_eq!(shown(&backlog, 1_006_500).last().map(String::as_str), Some(told[2]));
        backlog.account(&state, AccountIx(0), &AccountSnapshot { lots: Vec::new(), ..snapshot });
        assert!(shown(&backlog, 1_010_000).is_empty());
    }
}
