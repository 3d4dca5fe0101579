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

/// What lots of one lane take together that wait for the same.
#[derive(Clone, Copy, Default)]
struct Part {
    /// Until each would be done alone, one after the other.
    takes_ms: u64,
    messages: u64,
}

/// What waits for the same as a lot: reason, resource and, of our pacing, class.
type Waits<'s> = (u16, &'s str, bool);

fn waits<'s>(lot: &'s LotSnapshot<'_>) -> Waits<'s> {
    let apart = lot.reason == Reason::Pacing && class(lot) == CategoryClass::Marketing;
    (lot.reason as u16, &lot.resource, apart)
}

fn left(state: &State, ix: AccountIx, snapshot: &AccountSnapshot<'_>) -> Left {
    let now_ms = snapshot.as_of.0;
    let alone = |lot: &LotSnapshot<'_>| lot.done_by.or(lot.opens_at).map_or(0, |at| at.0.saturating_sub(now_ms));
    let mut shared: BTreeMap<Waits<'_>, [Part; Lane::ALL.len()]> = BTreeMap::new();
    for lot in &snapshot.lots {
        let part = &mut shared.entry(waits(lot)).or_default()[lane(lot) as usize];
        part.takes_ms += alone(lot);
        part.messages += lot.messages;
    }
    let mut left = Left::default();
    for lot in &snapshot.lots {
        let Some(who) = waits_for(lot.reason) else { continue };
        // Each lot says when it would be done alone; what shares its resource and goes before it or in turn with it
        // takes its time too.
        let parts = shared.get(&waits(lot)).copied().unwrap_or_default();
        let goes_before = |to: &Lane| *to == Lane::Priority || !lot.priority;
        let shares = || Lane::ALL.iter().filter(|to| goes_before(to)).map(|to| parts[*to as usize]);
        let takes_ms = match lot.reason {
            Reason::Pacing | Reason::Throughput | Reason::InFlight | Reason::CampaignRate => {
                shares().map(|part| part.takes_ms).sum()
            }
            Reason::Quota => {
                let messages = shares().map(|part| part.messages).sum();
                quota_ms(state, ix, lot, messages, now_ms).unwrap_or_else(|| alone(lot))
            }
            _ => alone(lot),
        };
        let last_ms = &mut left[lane(lot) as usize][who as usize];
        *last_ms = (*last_ms).max(now_ms + takes_ms);
    }
    left
}

fn lane(lot: &LotSnapshot<'_>) -> Lane {
    if lot.priority { Lane::Priority } else { Lane::Bulk }
}

fn class(lot: &LotSnapshot<'_>) -> CategoryClass {
    if &*lot.class == "marketing" { CategoryClass::Marketing } else { CategoryClass::Utility }
}

/// How long until so many messages have had a token of the quota that a lot waits for; `None` where that is not known.
fn quota_ms(state: &State, ix: AccountIx, lot: &LotSnapshot<'_>, messages: u64, now_ms: u64) -> Option<u64> {
    let account = state.account_at(ix);
    let count = match state.sender_of(ix, &lot.resource) {
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

    fn snapshot(lots: Vec<LotSnapshot<'static>>) -> AccountSnapshot<'static> {
        AccountSnapshot {
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
            lots,
            left_out: tollgate_wire::snapshot::LeftOut::default(),
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
        let state = State::default();
        let snapshot = snapshot(lots.to_vec());
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

    /// Lots of many campaigns are looked at once each; what comes of it is what comparing each with each says.
    #[test]
    fn many_lots_are_told_like_few() {
        let reasons = [Reason::Pacing, Reason::Throughput, Reason::CampaignRate, Reason::InFlight, Reason::Scheduled];
        let lots = (0..400_u64).map(|n| {
            let resource = ["1", "2", "3"][(n % 3) as usize];
            let mut lot = lot(reasons[(n % 5) as usize], resource, n % 7 == 0, n * n % 97);
            if n % 2 == 0 {
                lot.class = "utility".into();
            }
            lot
        });
        let snapshot = snapshot(lots.collect());
        let now_ms = snapshot.as_of.0;
        let shares = |lot: &LotSnapshot<'_>, other: &LotSnapshot<'_>| {
            let same_class = lot.reason != Reason::Pacing || class(lot) == class(other);
            let same = (lot.reason, &lot.resource) == (other.reason, &other.resource);
            same && same_class && (other.priority || !lot.priority)
        };
        let mut expected = Left::default();
        for lot in &snapshot.lots {
            let alone = |lot: &LotSnapshot<'_>| lot.done_by.expect("said").0 - now_ms;
            let others = snapshot.lots.iter().filter(|other| shares(lot, other));
            let takes_ms = if lot.reason == Reason::Scheduled { alone(lot) } else { others.map(alone).sum() };
            let last = &mut expected[lane(lot) as usize][waits_for(lot.reason).expect("of time") as usize];
            *last = (*last).max(now_ms + takes_ms);
        }
        assert_eq!(left(&State::default(), AccountIx(0), &snapshot), expected);
    }
}
