//! What an account's snapshot says, as gauges.

use rust_decimal::Decimal;
use tollgate_core::State;
use tollgate_metrics::{BudgetState, Metrics, QualityLevel, QuotaState};
use tollgate_quality::{Limit, Score};
use tollgate_wire::snapshot::{AccountSnapshot, CampaignSnapshot};

/// Sets the gauges of an account.
pub(super) fn set(m: &Metrics, s: &AccountSnapshot<'_>) {
    m.set_quota_users(&s.account, QuotaState::Used, s.quota_used.into());
    if let Limit::Users(limit) = s.limit {
        m.set_quota_users(&s.account, QuotaState::Limit, limit.into());
    }
    for sender in &s.senders {
        let level = match sender.quality {
            Score::Green => QualityLevel::Green,
            Score::Yellow => QualityLevel::Yellow,
            Score::Red => QualityLevel::Red,
            Score::Unknown => QualityLevel::Unknown,
        };
        m.set_quality(&s.account, &sender.id, level);
        m.set_throughput_limit(&sender.id, sender.throughput_now);
        m.set_in_flight_orders(&sender.id, sender.in_flight.into());
    }
    s.campaigns.iter().for_each(|campaign| budget(m, &s.account, campaign));
}

/// A campaign that has ended frees its place.
fn budget(m: &Metrics, account: &str, c: &CampaignSnapshot<'_>) {
    let over = &*c.state == "cancelled";
    let Some(limit) = c.spec.budget.filter(|_| !over) else { return m.forget_campaign(account, &c.spec.name) };
    let set = |state, amount: Decimal| m.set_budget(account, &c.spec.name, &c.currency, state, amount);
    set(BudgetState::Limit, limit);
    set(BudgetState::Spent, c.spent);
    set(BudgetState::Reserved, c.reserved);
}

/// Drops the gauges of a partition that another process decides for from now on.
pub(super) fn forget(m: &Metrics, state: &State, partition: u32) {
    for account in state.accounts() {
        account.senders.iter().for_each(|s| m.forget_sender(&state.sender_at(*s).spec.id));
        m.forget_account(&account.spec.account);
    }
    m.forget_partition(partition as i32);
}
