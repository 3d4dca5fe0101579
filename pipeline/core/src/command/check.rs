//! What a declaration of an account must be.

use crate::decide::Facts;
use crate::record::CampaignState;
use crate::state::State;
use tollgate_rate_card::{Currency, Zone};
use tollgate_wire::command::AccountSpec;
use tollgate_wire::request::Purpose;

/// Checks that WABAs which are new bill in a currency of the platform. It never changes, so a slip could not be put right.
pub(super) fn check_currencies(facts: &Facts<'_>, spec: &AccountSpec) -> Result<(), String> {
    let own = facts.state.account(&spec.account).map(|a| a.ix);
    let known = |id: &str| own.is_some_and(|own| facts.state.waba_of(own, id).is_some());
    for w in spec.wabas.iter().filter(|w| !known(&w.id)) {
        if Currency::new(&w.currency).and_then(|currency| facts.rates.minor_units(currency)).is_none() {
            let all: Vec<String> = facts.rates.currencies().map(|currency| currency.to_string()).collect();
            return Err(format!(
                "waba {}: currency {:?} is none that the platform bills in; use one of {}, or add it to currencies.csv in \
                 rates.directory",
                w.id,
                w.currency,
                all.join(" ")
            ));
        }
    }
    Ok(())
}

/// Checks that no WABA comes in another currency while a campaign has a budget, which is compared with costs of them all.
pub(super) fn check_budgets(facts: &Facts<'_>, spec: &AccountSpec) -> Result<(), String> {
    let state = facts.state;
    let Some(account) = state.account(&spec.account) else { return Ok(()) };
    let mut currencies = account.wabas.iter().map(|w| state.waba_at(*w).currency);
    // Where there are several already, no budget is taken.
    let Some(first) = currencies.next().filter(|first| currencies.all(|other| other == *first)) else { return Ok(()) };
    let Some(waba) = spec.wabas.iter().find(|w| w.currency != first.as_str()) else { return Ok(()) };
    let mut campaigns = state.campaigns_of(account.ix);
    match campaigns.find(|c| c.spec.budget.is_some() && c.state != CampaignState::Cancelled) {
        None => Ok(()),
        Some(campaign) => Err(format!(
            "waba {}: it bills in {}, but campaign {} has a budget in {first}; take the budget off, or declare the WABA in an \
             account of its own",
            waba.id, waba.currency, campaign.spec.name
        )),
    }
}

/// What can be done about what another account declares. Accounts of other shards are the same: a shard knows its own alone,
/// and the registry knows those of all.
fn taken_over_from(owner: &str) -> String {
    format!("take it out there first: here it begins anew, while quota, windows and bills so far stay {owner}'s")
}

/// Checks a declaration against itself and against what other accounts own.
///
/// # Errors
/// Field, value and remedy.
pub fn check_account(state: &State, spec: &AccountSpec) -> Result<(), String> {
    let id_ok = !spec.account.is_empty()
        && spec.account.len() <= 64
        && spec.account.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
    if !id_ok {
        return Err(format!("account {:?}: use 1 to 64 characters of a-z 0-9 . _ -", spec.account));
    }
    let own = state.account(&spec.account).map(|a| a.ix);
    if spec.wabas.is_empty() {
        return Err(format!("account {}: wabas is empty; declare at least one", spec.account));
    }
    spec.policy.pacing.validate().map_err(|e| format!("account {}: policy.pacing: {e}", spec.account))?;
    let mut seen: Vec<&str> = Vec::new();
    for w in &spec.wabas {
        if Currency::new(&w.currency).is_none() {
            return Err(format!("waba {}: currency {:?} is no ISO 4217 code such as USD", w.id, w.currency));
        }
        Zone::new(&w.time_zone).map_err(|e| format!("waba {}: time_zone: {e}", w.id))?;
        if let Some(owner) = state.declarer_of(&w.id).filter(|owner| Some(owner.ix) != own) {
            let owner = &owner.spec.account;
            return Err(format!(
                "waba {} belongs to account {owner}, which declares it; {}",
                w.id,
                taken_over_from(owner)
            ));
        }
        if let Some(old) = own.and_then(|own| state.waba_of(own, &w.id))
            && (old.currency.as_str() != w.currency || !old.zone.name().eq_ignore_ascii_case(&w.time_zone))
        {
            return Err(format!(
                "waba {}: currency and time_zone never change ({} {} is registered); declare a new WABA and move the numbers",
                w.id,
                old.currency.as_str(),
                old.zone.name()
            ));
        }
        for s in &w.senders {
            if seen.contains(&s.id.as_str()) {
                return Err(format!("sender {} is declared twice; a number belongs to one WABA", s.id));
            }
            seen.push(&s.id);
            if let Some(other) = state.sender(&s.id).filter(|s| Some(s.account) != own && !s.removed) {
                let owner = &state.account_at(other.account).spec.account;
                return Err(format!(
                    "sender {} belongs to account {owner}, which declares it; {}",
                    s.id,
                    taken_over_from(owner)
                ));
            }
            if s.throughput == 0 {
                return Err(format!("sender {}: throughput 0; the platform reports 20, 80 or 1000 a second", s.id));
            }
        }
        for t in &w.templates {
            if w.templates.iter().filter(|o| o.name == t.name && o.language == t.language).count() > 1 {
                return Err(format!("waba {}: template {} {} is declared twice", w.id, t.name, t.language));
            }
        }
    }
    if let Some(d) = &spec.default_sender
        && !seen.contains(&d.as_str())
        && !spec.pools.iter().any(|pool| pool.name == *d)
    {
        return Err(format!("account {}: default_sender {d} is none of its senders or pools", spec.account));
    }
    let doubt = &spec.policy.in_doubt;
    for (purpose, name) in [
        (Purpose::Authentication, "authentication"),
        (Purpose::Utility, "utility"),
        (Purpose::Marketing, "marketing"),
        (Purpose::Service, "service"),
    ] {
        let seconds = doubt.of(purpose).1;
        if !(1..=86_400).contains(&seconds) {
            return Err(format!(
                "account {}: policy.in_doubt.{name}_seconds {seconds} is not 1 to 86400",
                spec.account
            ));
        }
    }
    if spec.policy.marketing_cap as usize > crate::record::MARKETING_KEPT {
        return Err(format!("account {}: policy.marketing_cap {} is above 4", spec.account, spec.policy.marketing_cap));
    }
    Ok(())
}
