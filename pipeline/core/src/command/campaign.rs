//! Campaigns: put, started, tested, paused, cancelled.

use crate::admission::campaign_bucket;
use crate::change::Change;
use crate::decide::Decision;
use crate::ids::CampaignIx;
use crate::record::{Account, CAMPAIGN_KEPT_DAYS, CAMPAIGNS_MOST, Campaign, CampaignState};
use crate::state::State;
use tollgate_quality::Bucket;
use tollgate_rate_card::Zone;
use tollgate_wire::command::{CampaignAction, CampaignSpec};

/// A campaign that does not exist yet.
pub(crate) fn new_campaign(state: &State, account: &Account, spec: CampaignSpec, run: CampaignState) -> Campaign {
    Campaign {
        ix: CampaignIx(state.campaigns.len().max(1) as u32),
        account: account.ix,
        zone: spec.hours.as_ref().and_then(|h| Zone::new(&h.time_zone).ok()),
        spec,
        state: run,
        spent: rust_decimal::Decimal::ZERO,
        reserved: rust_decimal::Decimal::ZERO,
        counts: tollgate_wire::snapshot::CampaignCounts::default(),
        bucket: Bucket::FULL,
        in_test: false,
        test_round: 0,
        said_day: 0,
    }
}

/// Whether the account may have one campaign more.
pub(crate) fn has_room(state: &State, account: &Account) -> bool {
    state.campaigns_of(account.ix).len() < CAMPAIGNS_MOST as usize
}

fn check_room(state: &State, account: &Account, name: &str) -> Result<(), String> {
    if has_room(state, account) {
        return Ok(());
    }
    let account = &account.spec.account;
    Err(format!("campaign {name:?} is new and {}", too_many(account)))
}

/// What is wrong with one campaign more, and what helps.
pub(crate) fn too_many(account: &str) -> String {
    format!(
        "account {account} has {CAMPAIGNS_MOST} campaigns, which is the most; use a name again, or none. One that has no \
         settings or was cancelled is forgotten after {CAMPAIGN_KEPT_DAYS} days without a message or command"
    )
}

pub(super) fn put_campaign(
    state: &State,
    account: &Account,
    spec: &CampaignSpec,
    now_ms: u64,
    out: &mut Decision,
) -> Result<(), String> {
    check_campaign(state, account, spec)?;
    let campaign = match state.campaign(account.ix, &spec.name) {
        Some(old) => {
            let fresh = new_campaign(state, account, spec.clone(), old.state);
            let bucket = campaign_bucket(old, spec, now_ms);
            let test_round = next_test_round(old, &spec.test_recipients);
            Campaign { ix: old.ix, spent: old.spent, bucket, in_test: old.in_test, test_round, ..fresh }
        }
        None => {
            check_room(state, account, &spec.name)?;
            let run = if spec.paused { CampaignState::Paused } else { CampaignState::Running };
            new_campaign(state, account, spec.clone(), run)
        }
    };
    out.changes.push(Change::Campaign(Box::new(campaign)));
    Ok(())
}

/// What waits for the start is looked through again when there is somebody new on the list.
fn next_test_round(old: &Campaign, people: &[String]) -> u8 {
    let more = people.iter().any(|to| !old.spec.test_recipients.contains(to));
    old.test_round.wrapping_add(u8::from(more))
}

fn check_campaign(state: &State, account: &Account, spec: &CampaignSpec) -> Result<(), String> {
    if spec.name.is_empty() || spec.name.len() > 128 {
        return Err(format!("campaign name {:?}: use 1 to 128 bytes", spec.name));
    }
    if spec.budget.is_some_and(|b| b.is_sign_negative()) {
        return Err(format!("campaign {}: budget is negative; use 0 or more", spec.name));
    }
    if let Some(h) = &spec.hours {
        if h.from >= h.to || h.to > 24 {
            return Err(format!(
                "campaign {}: hours {}–{}: from must lie before to, to at most 24",
                spec.name, h.from, h.to
            ));
        }
        Zone::new(&h.time_zone)
            .map_err(|_| format!("campaign {}: hours.time_zone {:?} is no IANA zone", spec.name, h.time_zone))?;
    }
    let mut currencies = account.wabas.iter().map(|w| state.waba_at(*w).currency);
    let first = currencies.next();
    if spec.budget.is_some() && currencies.any(|c| Some(c) != first) {
        return Err(format!(
            "campaign {}: a budget needs one currency, but the WABAs of account {} bill in several",
            spec.name, account.spec.account
        ));
    }
    Ok(())
}

pub(super) fn control_campaign(
    state: &State,
    account: &Account,
    name: &str,
    (action, people): (CampaignAction, &[String]),
    out: &mut Decision,
) -> Result<(), String> {
    let Some(old) = state.campaign(account.ix, name) else {
        if action == CampaignAction::Test && !people.is_empty() {
            let spec = CampaignSpec { test_recipients: people.to_vec(), ..CampaignSpec::named(name) };
            check_campaign(state, account, &spec)?;
            check_room(state, account, name)?;
            let campaign = new_campaign(state, account, spec, CampaignState::Running);
            out.changes.push(Change::Campaign(Box::new(Campaign { in_test: true, ..campaign })));
            return Ok(());
        }
        if action == CampaignAction::Start {
            let spec = CampaignSpec::named(name);
            check_campaign(state, account, &spec)?;
            check_room(state, account, name)?;
            let campaign = new_campaign(state, account, spec, CampaignState::Running);
            out.changes.push(Change::Campaign(Box::new(campaign)));
            return Ok(());
        }
        return Err(format!("campaign {name:?} is not known in account {}; start it first", account.spec.account));
    };
    let (to, in_test) = match (old.state, action) {
        (CampaignState::Cancelled, CampaignAction::Cancel) => return Ok(()),
        (CampaignState::Cancelled, _) => {
            return Err(format!("campaign {name} was cancelled, which is final; use a new name"));
        }
        (_, CampaignAction::Test) if people.is_empty() && old.spec.test_recipients.is_empty() => {
            return Err(format!("campaign {name} has no test recipients; set test_recipients first"));
        }
        (_, CampaignAction::Start) => (CampaignState::Running, false),
        (_, CampaignAction::Test) => (CampaignState::Running, true),
        (_, CampaignAction::Resume) => (CampaignState::Running, old.in_test),
        (_, CampaignAction::Pause) => (CampaignState::Paused, old.in_test),
        (_, CampaignAction::Cancel) => (CampaignState::Cancelled, old.in_test),
    };
    let other_list = !people.is_empty() && people != old.spec.test_recipients;
    if other_list || (to, in_test) != (old.state, old.in_test) {
        let mut campaign = Campaign { state: to, in_test, ..old.clone() };
        if other_list {
            campaign.test_round = next_test_round(old, people);
            campaign.spec.test_recipients = people.to_vec();
        }
        out.changes.push(Change::Campaign(Box::new(campaign)));
    }
    Ok(())
}
