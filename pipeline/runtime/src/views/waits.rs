//! What waits for what, now: a queue of the account's last snapshot with the figures that matter, and in words.

use super::snapshots::{AccountView, CampaignView, LotView, SenderView, Snapshot};
use crate::ledger::{LedgerError, Reader};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tollgate_quality::Limit;
use tollgate_wire::Reason;
use tollgate_wire::command::LimitScope;

/// A queue and what it waits for, all of one snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitView {
    /// The queue.
    pub lot: LotView,
    /// The account, with its limit.
    pub account: AccountView,
    /// The campaign that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignView>,
    /// The number that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<SenderView>,
}

impl Snapshot {
    /// The queue of a name; `None` if it is not in this snapshot.
    pub(super) fn waits_of(self, lot: &str) -> Option<WaitView> {
        self.waits().into_iter().find(|waits| waits.lot.lot == lot)
    }

    /// Its queues, each with what it waits for.
    pub(super) fn waits(mut self) -> Vec<WaitView> {
        let account = self.account_view();
        let (lots, senders) = (std::mem::take(&mut self.lots), std::mem::take(&mut self.senders));
        let campaigns = std::mem::take(&mut self.campaigns);
        let wait = |lot: LotView| WaitView {
            campaign: campaigns.iter().find(|c| of_campaign(lot.reason) && c.spec.name == lot.resource).cloned(),
            sender: senders.iter().find(|s| s.id == lot.resource).cloned(),
            account: account.clone(),
            lot,
        };
        lots.into_iter().map(wait).collect()
    }
}

fn of_campaign(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Budget | Reason::CampaignPaused | Reason::SendingHours | Reason::CampaignRate | Reason::CampaignTest
    )
}

impl Reader {
    /// The account's queues with what each waits for; `None` if it has no snapshot.
    pub fn waits(&self, account: &str) -> Result<Option<Vec<WaitView>>, LedgerError> {
        Ok(self.snapshot(account)?.map(Snapshot::waits))
    }
}

impl WaitView {
    /// Whether each of its messages waits for a time of its own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.lot.resource.is_empty() && self.lot.reason != Reason::Quota
    }

    /// What would free the messages, in plain words, without times.
    #[must_use]
    pub fn words(&self) -> String {
        let of = &self.lot.resource;
        match self.lot.reason {
            Reason::Budget => format!("budget of {of} to be raised{}", self.budget()),
            Reason::CampaignPaused => format!("campaign {of} to be resumed"),
            Reason::SendingHours => format!("sending hours of {of}{}", self.hours()),
            Reason::CampaignTest => format!("campaign {of}, which is in test, to be started"),
            Reason::CampaignRate => {
                let rate = self.campaign.as_ref().and_then(|c| c.spec.per_minute);
                format!("the rate of campaign {of}{}", rate.map(|n| format!(", {n} a minute")).unwrap_or_default())
            }
            Reason::TemplatePaused => {
                let language = self.lot.language.as_ref().map(|l| format!(" in {l}")).unwrap_or_default();
                format!("template {of}{language} to be approved or unpaused")
            }
            Reason::Quota => self.quota(),
            Reason::Pacing => self.pacing(),
            Reason::CountryBarred => {
                format!("the platform to take messages of WABA {of} again: applying the account again lifts the bar")
            }
            Reason::SenderBlocked if self.sender.as_ref().is_some_and(|s| !s.blocked) => {
                format!(
                    "marketing of number {of} to be allowed: a better quality, or applying the account again, frees it"
                )
            }
            Reason::SenderBlocked => format!("number {of} to be restored: applying the account again unblocks it"),
            Reason::Backoff if !of.is_empty() => format!("the pause that the platform asked of number {of}"),
            Reason::Throughput => {
                let rate = self.sender.as_ref().map(|s| format!(", {} messages a second now", s.throughput_now));
                format!("throughput of number {of}{}", rate.unwrap_or_default())
            }
            Reason::InFlight => {
                let calls =
                    self.sender.as_ref().map(|s| format!(", {} of {} under way", s.in_flight, s.in_flight_limit));
                format!("answers to calls of number {of}{}", calls.unwrap_or_default())
            }
            _ if self.is_own() => "each for its own time".to_owned(),
            other => format!("{other} {of}").trim_end().to_owned(),
        }
    }

    fn budget(&self) -> String {
        let Some(c) = &self.campaign else { return String::new() };
        let shown = |amount: Decimal| amount.normalize().to_string();
        let budget = c.spec.budget.map_or_else(|| "none".to_owned(), |b| format!("{} {}", shown(b), c.currency));
        format!(" ({budget}, {} spent, {} reserved)", shown(c.spent), shown(c.reserved))
    }

    fn hours(&self) -> String {
        let hours = self.campaign.as_ref().and_then(|c| c.spec.hours.as_ref());
        hours.map(|h| format!(" ({} to {} in {})", h.from, h.to, h.time_zone)).unwrap_or_default()
    }

    fn quota(&self) -> String {
        let used = match (self.account.limit_scope, &self.sender) {
            (LimitScope::Number, Some(sender)) => sender.quota_used.unwrap_or_default(),
            _ => self.account.quota_used,
        };
        let limit = match self.account.limit {
            Limit::Users(users) => users.to_string(),
            Limit::Unlimited => "no limit".to_owned(),
        };
        let whose = match (self.account.limit_scope, self.lot.resource.as_str()) {
            (LimitScope::Number, number) if !number.is_empty() => format!(" of number {number}"),
            _ => String::new(),
        };
        let kept = if self.lot.class == "marketing" { ", a part of it kept free for other categories" } else { "" };
        format!("a place in the 24-hour limit{whose} ({used} users counted of {limit}{kept})")
    }

    fn pacing(&self) -> String {
        let quality = self.sender.as_ref().map(|s| format!(" is {}", s.quality)).unwrap_or_default();
        let until = if self.lot.opens_at.is_none() { ", until its quality recovers" } else { "" };
        format!("its turn: number {}{quality}{until}", self.lot.resource)
    }
}
