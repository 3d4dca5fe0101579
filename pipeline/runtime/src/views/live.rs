//! An account's live state as a whole: everything of one snapshot, so that its parts agree.

use super::snapshots::{AccountView, CampaignView, SenderView};
use super::waits::WaitView;
use crate::ledger::{LedgerError, Reader};

/// An account with its numbers, its campaigns and what waits.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveView {
    /// The account; `as_of` holds for all of it.
    pub account: AccountView,
    /// Its numbers.
    pub senders: Vec<SenderView>,
    /// Its campaigns.
    pub campaigns: Vec<CampaignView>,
    /// Its queues, each with what it waits for.
    pub waits: Vec<WaitView>,
}

impl Reader {
    /// An account's live state; `None` if it has no snapshot.
    pub fn live(&self, account: &str) -> Result<Option<LiveView>, LedgerError> {
        Ok(self.snapshot(account)?.map(|snapshot| LiveView {
            account: snapshot.account_view(),
            senders: snapshot.senders.clone(),
            campaigns: snapshot.campaigns.clone(),
            waits: snapshot.waits(),
        }))
    }
}
