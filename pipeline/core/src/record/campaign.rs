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
    /// The day, counted from 1970, of the last message or command that was about it; 0 where an earlier version stored it.
    pub said_day: u32,
}

/// Campaigns that an account may have.
pub const CAMPAIGNS_MOST: u32 = 10_000;
/// Days without a message or a command about it, after which a campaign that is over is forgotten. What its messages told is
/// forgotten before.
pub const CAMPAIGN_KEPT_DAYS: u32 = 90;

impl Campaign {
    /// Forgotten: its place stays empty, so that its number is never given again.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.spec.name.is_empty()
    }

    /// Whether any of its messages waits or is on the way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let n = &self.counts;
        n.parked + n.on_the_way + n.test.on_the_way != 0 || !self.reserved.is_zero()
    }

    /// Whether it can be forgotten today. Where somebody gave it settings or stopped it, it stays: the next request would not
    /// be decided as it was meant. Only what was cancelled is over at last.
    #[must_use]
    pub fn is_over(&self, today: u32) -> bool {
        let as_made = || {
            (self.state, self.in_test) == (CampaignState::Running, false)
                && self.spec == CampaignSpec::named(&self.spec.name)
        };
        self.said_day.saturating_add(CAMPAIGN_KEPT_DAYS) < today
            && !self.is_open()
            && (self.state == CampaignState::Cancelled || as_made())
    }

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
