//! The live state of an account as the views keep it.

mod fit;

pub use fit::{SNAPSHOT_BYTES_MOST, fit};

use crate::admission::{campaign_rate, effective_throughput, in_flight_window, pace};
use crate::close;
use crate::ids::AccountIx;
use crate::lots::{Lot, LotKey, Resource};
use crate::record::{Account, Campaign, Sender, Waba};
use crate::state::State;
use std::num::NonZeroU32;
use tollgate_quality::{Bucket, CategoryClass, Limit, Pace};
use tollgate_wire::command::LimitScope;
use tollgate_wire::snapshot::{AccountSnapshot, CampaignSnapshot, LeftOut, LotSnapshot, SenderSnapshot, WabaSnapshot};
use tollgate_wire::{Reason, Text, Time};

/// One account, whole.
#[must_use]
pub fn account(state: &State, ix: AccountIx, now_ms: u64) -> AccountSnapshot<'_> {
    let a = state.account_at(ix);
    let now_s = (now_ms / 1000) as u32;
    let parked = state.lots().parked(ix);
    let (used, next) = match a.spec.limit_scope {
        LimitScope::Portfolio => {
            let q = state.account_quota(ix);
            (q.count(now_s), q.next_return_s(now_s))
        }
        LimitScope::Number => {
            let qs = || a.senders.iter().map(|s| state.sender_quota(*s));
            (qs().map(|q| q.count(now_s)).sum(), qs().filter_map(|q| q.next_return_s(now_s)).min())
        }
    };
    AccountSnapshot {
        account: a.spec.account.as_str().into(),
        name: a.spec.name.as_str().into(),
        as_of: Time(now_ms),
        disabled: a.spec.disabled,
        limit: a.spec.limit,
        limit_scope: a.spec.limit_scope,
        quota_used: used,
        quota_next_return: next.map(Time::from_secs),
        parked_messages: parked.messages,
        parked_bytes: parked.bytes,
        closed: close::closed(a),
        wabas: state.wabas().filter(|w| w.account == ix).map(waba).collect(),
        senders: a.senders.iter().map(|s| sender(state, a, state.sender_at(*s), now_ms)).collect(),
        campaigns: state.campaigns_of(ix).map(|c| campaign(state, a, c)).collect(),
        lots: state.lots().of_account(ix).into_iter().map(|(k, l)| lot(state, a, k, l, now_ms)).collect(),
        left_out: LeftOut::default(),
    }
}

fn waba(w: &Waba) -> WabaSnapshot<'_> {
    WabaSnapshot {
        id: w.id.as_str().into(),
        time_zone: w.zone.name().into(),
        currency: w.currency.as_str().into(),
        markup: w.spec.markup.clone(),
    }
}

fn sender<'a>(state: &'a State, a: &'a Account, s: &'a Sender, now_ms: u64) -> SenderSnapshot<'a> {
    let live = state.live(s.ix);
    let next_pacing_token = match pace(state, a, s, CategoryClass::Marketing) {
        Pace::Unlimited => None,
        Pace::Rate(rate) => live.pacing[CategoryClass::Marketing as usize]
            .peek(rate, NonZeroU32::MIN, 0, now_ms)
            .err()
            .map(|w| Time(w.until_ms)),
        Pace::Blocked => Some(Time(u64::MAX / 2_000_000)),
    };
    SenderSnapshot {
        id: s.spec.id.as_str().into(),
        display: s.spec.display.as_str().into(),
        waba: state.waba_at(s.waba).id.as_str().into(),
        quality: s.spec.quality,
        throughput: s.spec.throughput,
        throughput_now: effective_throughput(a, s, &live, now_ms).get(),
        in_flight: state.in_flight(s.ix),
        in_flight_limit: in_flight_window(a, s, &live, now_ms),
        quota_used: (a.spec.limit_scope == LimitScope::Number)
            .then(|| state.sender_quota(s.ix).count((now_ms / 1000) as u32)),
        next_pacing_token,
        blocked: s.spec.blocked || s.removed,
        pacing: Some(*a.spec.policy.pacing.at(s.spec.quality)),
    }
}

fn campaign<'a>(state: &'a State, a: &Account, c: &'a Campaign) -> CampaignSnapshot<'a> {
    let currency = a.wabas.first().map_or("", |w| state.waba_at(*w).currency.as_str());
    CampaignSnapshot {
        spec: c.spec.clone(),
        state: c.stands().into(),
        currency: currency.into(),
        reserved: c.reserved,
        spent: c.spent,
        counts: c.counts,
    }
}

fn lot<'a>(state: &'a State, a: &'a Account, key: &LotKey, lot: &Lot, now_ms: u64) -> LotSnapshot<'a> {
    let waits_for = lot.waits_for().unwrap_or(key.resource);
    let resource: Text<'a> = match waits_for {
        Resource::Own | Resource::Quota(_) => "".into(),
        Resource::Campaign(c) | Resource::Budget(c) | Resource::CampaignRate(c) | Resource::CampaignTest(c, _) => {
            state.campaign_at(c).map_or("", |c| c.spec.name.as_str()).into()
        }
        Resource::Sender(s)
        | Resource::Pacing(s)
        | Resource::NumberQuota(s)
        | Resource::Throughput(s)
        | Resource::InFlight(s) => state.sender_at(s).spec.id.as_str().into(),
        Resource::Template(t, _) => state.template_at(t).spec.name.as_str().into(),
        Resource::Barred(w, country) => format!("{} to {country}", state.waba_at(w).id).into(),
    };
    let language = match waits_for {
        Resource::Template(t, _) => Some(state.template_at(t).spec.language.as_str().into()),
        _ => None,
    };
    let messages = lot.members.len() as u64;
    LotSnapshot {
        lot: key.name().into(),
        reason: lot.reason.unwrap_or(Reason::Internal),
        resource,
        language,
        priority: key.priority,
        class: key.class_name().into(),
        campaign: state.campaign_at(key.campaign).map(|c| c.spec.name.as_str().into()),
        // A message that waits before its sender was looked for names none.
        sender: if a.senders.contains(&key.sender) { state.sender_at(key.sender).spec.id.as_str() } else { "" }.into(),
        messages,
        opens_at: lot.opens_ms().map(Time),
        done_by: done_by_ms(state, a, key, lot, waits_for, now_ms).map(Time),
    }
}

/// When the last message of a lot will have gone, if it alone uses the resource from now on. `None` where a
/// person decides (a pause, a budget, a template).
fn done_by_ms(state: &State, a: &Account, key: &LotKey, lot: &Lot, waits_for: Resource, now_ms: u64) -> Option<u64> {
    let messages = lot.members.len() as u64;
    let class = if key.class == 3 { CategoryClass::Marketing } else { CategoryClass::Utility };
    let now_s = (now_ms / 1000) as u32;
    match waits_for {
        Resource::Own => lot.last_own_ms(),
        Resource::Throughput(s) | Resource::InFlight(s) => {
            let s = state.sender_at(s);
            let rate = effective_throughput(a, s, &state.live(s.ix), now_ms);
            Some(now_ms + messages * 1000 / u64::from(rate.get()))
        }
        // The platform holds the number's marketing.
        Resource::Pacing(_) if lot.reason == Some(Reason::SenderBlocked) => None,
        Resource::Pacing(s) => {
            let s = state.sender_at(s);
            match pace(state, a, s, class) {
                Pace::Rate(rate) => {
                    let tat_ms = Bucket::tokens(state.live(s.ix).pacing[class as usize], rate, now_ms);
                    let waiting = messages.saturating_sub(u64::from(tat_ms));
                    Some(now_ms + (u128::from(waiting) * u128::from(rate.interval_ns()) / 1_000_000) as u64)
                }
                Pace::Unlimited => Some(now_ms),
                Pace::Blocked => None,
            }
        }
        Resource::Quota(_) | Resource::NumberQuota(_) => {
            let count = match waits_for {
                Resource::NumberQuota(s) => state.sender_quota(s),
                _ => state.account_quota(a.ix),
            };
            let Limit::Users(ceiling) = a.spec.policy.pacing.quota_ceiling(a.spec.limit, class) else {
                return Some(now_ms);
            };
            if ceiling == 0 {
                return None;
            }
            // Whole rounds of the ceiling take a day each; the rest waits for that many returns of this round.
            let (days, rest) = ((messages - 1) / u64::from(ceiling), (messages - 1) % u64::from(ceiling));
            let below = ceiling - rest as u32;
            let first_s = count.second_when_below(below, now_s)?;
            Some(u64::from(first_s) * 1000 + days * 86_401_000)
        }
        Resource::CampaignRate(c) => {
            let campaign = state.campaign_at(c)?;
            let Some(rate) = campaign_rate(&campaign.spec) else { return Some(now_ms) };
            let ready = campaign.bucket.tokens(rate, now_ms);
            let waiting = messages.saturating_sub(u64::from(ready));
            Some(now_ms + (u128::from(waiting) * u128::from(rate.interval_ns()) / 1_000_000) as u64)
        }
        _ => None,
    }
}
