//! The resident state of a shard and the one `apply` through which all of it changes.
//!
//! Tables hold records; everything else (quota counts, lots, timers, slots, reservations, campaign counts) is
//! derived from them inside `apply`, by comparing the old record with the new one. So undoing a change is
//! applying the old record, and a load that applies every stored record rebuilds the same state.
//!
//! `read` how it is read · `apply` how it is changed, with `messages` and `owners` (accounts, WABAs, senders, templates,
//! campaigns) and what is derived from each · `days` local dates · this file says what is kept.

mod apply;
mod days;
mod messages;
mod owners;
mod read;

use self::days::Day;
use crate::change::CounterKey;
use crate::hashing::{Map, Set};
use crate::ids::{AccountIx, CampaignIx, SenderIx, TemplateIx, Uid, WabaIx};
use crate::lots::Lots;
use crate::people::People;
use crate::record::{Account, Campaign, Known, Message, Sender, SenderLive, Template, Waba};
use crate::seen::Seen;
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_quality::RollingCount;

pub use messages::lot_of;

/// The languages a template exists in.
type Languages = Vec<(Box<str>, TemplateIx)>;

/// A table of the shard is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this shard holds no more {0}; move accounts to another shard")]
pub struct LimitReached(pub &'static str);

/// Everything a decision may read.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) accounts: Vec<Arc<Account>>,
    pub(crate) account_by_id: Map<Box<str>, AccountIx>,
    pub(crate) wabas: Vec<Arc<Waba>>,
    /// What each account that has declared it has of a WABA.
    wabas_by_id: Map<Box<str>, SmallVec<[WabaIx; 1]>>,
    pub(crate) senders: Vec<Arc<Sender>>,
    pub(crate) sender_live: Vec<SenderLive>,
    /// The same of senders.
    senders_by_id: Map<Box<str>, SmallVec<[SenderIx; 1]>>,
    pub(crate) templates: Vec<Arc<Template>>,
    template_by_name: Map<(WabaIx, Box<str>), Languages>,
    /// Position 0 is "no campaign".
    pub(crate) campaigns: Vec<Arc<Campaign>>,
    campaign_by_name: Map<(AccountIx, Box<str>), CampaignIx>,
    /// Those of each account.
    campaigns_of: Map<AccountIx, BTreeSet<CampaignIx>>,
    people: People,
    pub(crate) messages: crate::seen::Recent<Uid, Box<Message>>,
    pub(crate) bodies: crate::seen::Recent<Uid, Arc<[u8]>>,
    pub(crate) counters: Map<CounterKey, u64>,
    pub(crate) seen: Seen,
    pub(crate) wamids: crate::seen::Recent<u128, Known>,
    scoped: Vec<Box<str>>,
    scoped_by_id: Map<Box<str>, u64>,
    // Derived.
    pub(crate) lots: Lots,
    pub(crate) timers: BTreeSet<(u64, Uid)>,
    account_quota: Vec<RollingCount>,
    sender_quota: Vec<RollingCount>,
    in_flight: Vec<u32>,
    next_uid: Uid,
    /// Local day of each WABA, refreshed when it is over.
    days: Vec<Day>,
    /// Changed since the last snapshot.
    pub(crate) touched: Set<AccountIx>,
}
