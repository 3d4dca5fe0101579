//! The live state of accounts, senders, campaigns and lots, as the last snapshot had it.

use super::past;
use crate::ledger::{LedgerError, Reader, Sql};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use tollgate_quality::{Limit, Score, ScorePacing};
use tollgate_rate_card::Markup;
use tollgate_wire::command::{CampaignSpec, LimitScope};
use tollgate_wire::snapshot::{CampaignCounts, LeftOut};
use tollgate_wire::{Reason, Time};

/// A snapshot off the topic, owned. Fields as in `AccountSnapshot`.
#[derive(Deserialize)]
pub(super) struct Snapshot {
    pub(super) account: String,
    pub(super) as_of: Time,
    name: String,
    disabled: bool,
    pub(super) limit: Limit,
    pub(super) limit_scope: LimitScope,
    quota_used: u32,
    #[serde(default)]
    quota_next_return: Option<Time>,
    parked_messages: u64,
    parked_bytes: u64,
    #[serde(default)]
    pub(super) wabas: Vec<WabaZone>,
    pub(super) senders: Vec<SenderView>,
    pub(super) campaigns: Vec<CampaignView>,
    pub(super) lots: Vec<LotView>,
    /// What there is beside it.
    #[serde(default)]
    left_out: LeftOut,
}

/// A WABA's zone and mark-ups.
#[derive(Deserialize)]
pub(super) struct WabaZone {
    pub(super) id: String,
    pub(super) time_zone: String,
    /// Older versions tell neither currency nor mark-ups.
    #[serde(default)]
    pub(super) currency: Option<String>,
    /// Left out when there are none.
    #[serde(default)]
    pub(super) markup: Vec<Markup>,
}

/// A list with the time it holds for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listing<T> {
    /// When the snapshot was taken, on the engine's clock.
    pub as_of: Time,
    /// The items.
    pub items: Vec<T>,
    /// How many more there are that the snapshot leaves out, because it would be too large.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(left_out: &u64) -> bool {
    *left_out == 0
}

/// An account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountView {
    /// When the snapshot was taken, on the engine's clock.
    pub as_of: Time,
    /// Account id.
    pub account: String,
    /// Name for people.
    pub name: String,
    /// Stopped for good.
    pub disabled: bool,
    /// Messaging limit.
    pub limit: Limit,
    /// Who shares it.
    pub limit_scope: LimitScope,
    /// Unique users counted in the moving 24 h.
    pub quota_used: u32,
    /// When the next counted user ages out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_next_return: Option<Time>,
    /// Messages waiting.
    pub parked_messages: u64,
    /// Bytes waiting.
    pub parked_bytes: u64,
    /// Numbers.
    pub senders: usize,
    /// Campaigns, also those that the snapshot leaves out.
    pub campaigns: usize,
}

/// A number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SenderView {
    /// Phone number id.
    pub id: String,
    /// Number for people.
    pub display: String,
    /// WABA id.
    pub waba: String,
    /// Quality score.
    pub quality: Score,
    /// Messages a second as reported.
    pub throughput: u32,
    /// Messages a second in force after back-pressure.
    pub throughput_now: u32,
    /// Attempts without a result.
    pub in_flight: u32,
    /// Most attempts without a result.
    pub in_flight_limit: u32,
    /// Unique users counted for this number; absent where the whole portfolio shares the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_used: Option<u32>,
    /// When pacing gives the next marketing token; absent = now or not paced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_pacing_token: Option<Time>,
    /// Blocked by the operator or the platform.
    pub blocked: bool,
    /// Shares of the messaging limit at its quality, by the account's policy; absent as long as an older version decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing: Option<ScorePacing>,
}

/// A campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignView {
    /// When the snapshot was taken, on the engine's clock.
    #[serde(default)]
    pub as_of: Time,
    /// Settings.
    pub spec: CampaignSpec,
    /// `running`, `test`, `paused` or `cancelled`; `past` where the snapshot does not have it, but messages are told of it.
    pub state: String,
    /// Currency of the amounts; empty before the first estimate.
    pub currency: String,
    /// Reserved by attempts that are not final.
    pub reserved: Decimal,
    /// Charged so far.
    pub spent: Decimal,
    /// Messages by where they are now.
    pub counts: CampaignCounts,
}

/// A queue of waiting messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LotView {
    /// Its name, as `parked` outcomes carry it.
    #[serde(default)]
    pub lot: String,
    /// What they wait for.
    pub reason: Reason,
    /// Which one: sender, template, campaign …; empty for the account.
    pub resource: String,
    /// Language of the template waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// On the priority lane.
    pub priority: bool,
    /// `marketing`, `utility`, `authentication`, `service`.
    pub class: String,
    /// Campaign, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// The number they are to leave from.
    #[serde(default)]
    pub sender: String,
    /// How many.
    pub messages: u64,
    /// When the first of them can go, if time alone decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Time>,
    /// When the last of them will have gone at the present pace, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_by: Option<Time>,
}

impl Reader {
    /// Every account that has a snapshot, by id. `as_of` of the list is that of its oldest snapshot.
    pub fn accounts(&self) -> Result<Listing<AccountView>, LedgerError> {
        let mut items: Vec<AccountView> = Vec::new();
        self.each_snapshot(|snapshot| {
            items.push(snapshot.into());
            Ok(())
        })?;
        Ok(Listing { as_of: items.iter().map(|a| a.as_of).min().unwrap_or_default(), items, left_out: 0 })
    }

    /// Calls `each` with every account's snapshot, by id.
    pub(super) fn each_snapshot(
        &self,
        mut each: impl FnMut(Snapshot) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        self.read(|db| {
            let sql = "SELECT s.body FROM snapshots s JOIN accounts a ON a.ix = s.account ORDER BY a.name";
            db.rows(sql, &[], &mut |row| {
                each(parse(row.words(0)?)?)?;
                Ok(ControlFlow::Continue(()))
            })
        })
    }

    /// An account; `None` if it has no snapshot.
    pub fn account(&self, account: &str) -> Result<Option<AccountView>, LedgerError> {
        Ok(self.snapshot(account)?.map(AccountView::from))
    }

    /// The account's numbers; `None` if it has no snapshot.
    pub fn senders(&self, account: &str) -> Result<Option<Listing<SenderView>>, LedgerError> {
        Ok(self.snapshot(account)?.map(|s| Listing { as_of: s.as_of, items: s.senders, left_out: 0 }))
    }

    /// The account's campaigns; `None` if it has no snapshot.
    pub fn campaigns(&self, account: &str) -> Result<Option<Listing<CampaignView>>, LedgerError> {
        let listing = |s: Snapshot| Listing { as_of: s.as_of, items: s.campaigns, left_out: s.left_out.campaigns };
        Ok(self.snapshot(account)?.map(listing))
    }

    /// One campaign; `None` if the account has no snapshot or nothing was ever told of such a campaign.
    pub fn campaign(&self, account: &str, name: &str) -> Result<Option<CampaignView>, LedgerError> {
        self.read(|db| Ok(campaign(db, account, name)?.map(|(campaign, _)| campaign)))
    }

    /// Whom a campaign is tried on, in full; `None` if the account has no snapshot or no such campaign.
    pub fn test_recipients(&self, account: &str, name: &str) -> Result<Option<Listing<String>>, LedgerError> {
        let sql = "SELECT body FROM snapshots WHERE account = (SELECT ix FROM accounts WHERE name = ?1)";
        let whole = self.read(|db| db.first(sql, &[account.into()], |row| parse_whole(row.words(0)?)))?;
        Ok(whole.and_then(|whole| {
            let campaign = whole.campaigns.into_iter().find(|c| c.spec.name == name)?;
            Some(Listing { as_of: whole.as_of, items: campaign.spec.test_recipients, left_out: 0 })
        }))
    }

    /// The account's queues of waiting messages; `None` if it has no snapshot.
    pub fn lots(&self, account: &str) -> Result<Option<Listing<LotView>>, LedgerError> {
        Ok(self.snapshot(account)?.map(|s| Listing { as_of: s.as_of, left_out: s.left_out.lots, items: s.lots }))
    }

    pub(super) fn snapshot(&self, account: &str) -> Result<Option<Snapshot>, LedgerError> {
        self.read(|db| snapshot(db, account))
    }
}

/// The account's newest snapshot.
pub(super) fn snapshot(db: &dyn Sql, account: &str) -> Result<Option<Snapshot>, LedgerError> {
    let sql = "SELECT body FROM snapshots WHERE account = (SELECT ix FROM accounts WHERE name = ?1)";
    db.first(sql, &[account.into()], |row| parse(row.words(0)?))
}

/// A campaign of the account and when its snapshot was taken.
pub(super) fn campaign(db: &dyn Sql, account: &str, name: &str) -> Result<Option<(CampaignView, Time)>, LedgerError> {
    let Some(s) = snapshot(db, account)? else { return Ok(None) };
    let found = match s.campaigns.into_iter().find(|c| c.spec.name == name) {
        Some(campaign) => Some(campaign),
        None => past::campaign(db, account, name)?,
    };
    Ok(found.map(|campaign| (campaign, s.as_of)))
}

/// Campaigns of the account that are tried on a person.
pub(super) fn tested_by(db: &dyn Sql, account: &str, to: &str) -> Result<Vec<String>, LedgerError> {
    let sql = "SELECT body FROM snapshots WHERE account = (SELECT ix FROM accounts WHERE name = ?1)";
    let whole = db.first(sql, &[account.into()], |row| parse_whole(row.words(0)?))?;
    let campaigns = whole.into_iter().flat_map(|whole| whole.campaigns);
    let tested = campaigns.filter(|c| c.spec.test_recipients.iter().any(|known| known == to));
    Ok(tested.map(|c| c.spec.name).collect())
}

/// People whom a campaign is tried on are masked here, so that nobody shows them without asking.
fn parse(body: &str) -> Result<Snapshot, LedgerError> {
    let mut snapshot = parse_whole(body)?;
    for campaign in &mut snapshot.campaigns {
        campaign.as_of = snapshot.as_of;
        for person in &mut campaign.spec.test_recipients {
            *person = masked(person);
        }
    }
    Ok(snapshot)
}

fn parse_whole(body: &str) -> Result<Snapshot, LedgerError> {
    serde_json::from_str(body).map_err(|_| LedgerError::Stored { what: "snapshot", value: body.to_owned() })
}

/// A person by the last four signs of a number or id.
pub(crate) fn masked(person: &str) -> String {
    let from = person.char_indices().rev().nth(3).map(|(at, _)| at);
    match from.filter(|_| person.chars().count() > 6) {
        Some(from) => format!("…{}", &person[from..]),
        None => "…".to_owned(),
    }
}

impl Snapshot {
    /// The account's own figures.
    pub(super) fn account_view(&self) -> AccountView {
        AccountView {
            as_of: self.as_of,
            account: self.account.clone(),
            name: self.name.clone(),
            disabled: self.disabled,
            limit: self.limit,
            limit_scope: self.limit_scope,
            quota_used: self.quota_used,
            quota_next_return: self.quota_next_return,
            parked_messages: self.parked_messages,
            parked_bytes: self.parked_bytes,
            senders: self.senders.len(),
            campaigns: self.campaigns.len() + self.left_out.campaigns as usize,
        }
    }
}

impl From<Snapshot> for AccountView {
    fn from(s: Snapshot) -> Self {
        s.account_view()
    }
}
