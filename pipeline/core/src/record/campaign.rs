//! Campaign: settings, state and money.

use crate::ids::{AccountIx, CampaignIx};
use rust_decimal::Decimal;
use tollgate_quality::Bucket;
use tollgate_wire::command::CampaignSpec;
use tollgate_wire::snapshot::CampaignCounts;

/// A campaign of one account.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Its number.
    pub ix: CampaignIx,
    /// Its account.
    pub account: AccountIx,
    /// Settings.
    pub spec: CampaignSpec,
    /// Zone of its sending hours.
    pub zone: Option<tollgate_rate_card::Zone>,
    /// Running, paused or cancelled.
    pub state: CampaignState,
    /// Charged so far, in the currency of the account's WABAs.
    pub spent: Decimal,
    /// Reserved by attempts that are not final. Derived from messages.
    pub reserved: Decimal,
    /// Messages by where they are. Kept by `State::apply`.
    pub counts: CampaignCounts,
    /// Own rate. Changes with every message that it lets go.
    pub bucket: Bucket,
    /// While it runs only messages to its test recipients go.
    pub in_test: bool,
    /// Goes up, and round, each time that somebody becomes a test recipient: the queue of what waits for the end of the
    /// test may hold messages to that person, and is looked through.
    pub test_round: u8,
}

impl Campaign {
    /// Where it stands, for people.
    #[must_use]
    pub fn stands(&self) -> &'static str {
        if self.in_test && self.state == CampaignState::Running { "test" } else { self.state.as_str() }
    }
}

/// State of a campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// Messages are admitted.
    #[default]
    Running,
    /// Messages wait.
    Paused,
    /// Ended for good.
    Cancelled,
}

impl CampaignState {
    /// Name for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
        }
    }
}
