//! Commands: registry, campaigns, consents and templates, as the `commands` topic carries them.

mod brand;
mod consent;
mod marketing;
mod parse;
mod tagged;
mod template;

pub use brand::BRANDS_MAX;
pub use consent::{BrandSpec, ConsentPolicy, ConsentSpec, ConsentState, SuppressionSpec};
pub use marketing::{MarketingApi, MarketingCall, MarketingEndpoint, ProductPolicy};
pub use parse::{MAX_BYTES, MAX_MARKETING_CAP, check, check_account, parse};
pub use template::{
    BUTTONS_MAX, ButtonKind, ButtonSpec, CARDS_MAX, CardSpec, HeaderFormat, NextCategory, TTL_S, TemplateComponents,
    TemplateSpec, TemplateStatus,
};

use crate::request::Purpose;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use tollgate_quality::{Limit, PacingPolicy, Score};
use tollgate_rate_card::{AuthInternational, Country, Markup};

/// One command for one account, told apart by the field `command`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Creates or replaces the account's registry entry.
    ApplyAccount {
        /// The whole entry; what is left out is removed or reset to its default.
        spec: Box<AccountSpec>,
    },
    /// Creates a campaign or changes its settings.
    PutCampaign {
        /// Account id.
        account: String,
        /// Settings.
        spec: CampaignSpec,
    },
    /// Starts, tests, pauses, resumes or cancels a campaign.
    ControlCampaign {
        /// Account id.
        account: String,
        /// Campaign name.
        campaign: String,
        /// What to do.
        action: CampaignAction,
        /// With `test` alone: who gets its messages while it is in test, in place of all that were named before. A campaign
        /// that does not exist yet is created with them. Left out, so that earlier versions read the command, the list stays.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        test_recipients: Vec<String>,
    },
    /// Records a consent.
    SetConsent {
        /// Account id.
        account: String,
        /// The consent.
        consent: ConsentSpec,
    },
    /// Puts a person on the account's suppression list or takes the person off it.
    SetSuppression {
        /// Account id.
        account: String,
        /// Whom, and which.
        suppression: SuppressionSpec,
    },
    /// Forgets a person: agreements, what was kept of messages for its rules, and proofs. What the person refuses stays,
    /// and so does a place on the suppression list.
    ErasePerson {
        /// Account id.
        account: String,
        /// E.164 or business-scoped id.
        to: String,
    },
    /// Creates or changes a template.
    PutTemplate {
        /// Account id.
        account: String,
        /// WABA id.
        waba: String,
        /// The template.
        template: TemplateSpec,
    },
}

impl Command {
    /// The account the command is for: its key on the log.
    #[must_use]
    pub fn account(&self) -> &str {
        match self {
            Self::ApplyAccount { spec } => &spec.account,
            Self::PutCampaign { account, .. }
            | Self::ControlCampaign { account, .. }
            | Self::SetConsent { account, .. }
            | Self::SetSuppression { account, .. }
            | Self::ErasePerson { account, .. }
            | Self::PutTemplate { account, .. } => account,
        }
    }
}

/// A business portfolio as the operator declares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSpec {
    /// Account id, 1 to 64 of `a-z 0-9 . _ -`.
    pub account: String,
    /// Name for people and exports.
    #[serde(default)]
    pub name: String,
    /// Legal entity for exports.
    #[serde(default)]
    pub legal_entity: String,
    /// Messaging limit: unique users outside the window in a moving 24 h.
    pub limit: Limit,
    /// Whether the limit counts per portfolio or per number.
    #[serde(default)]
    pub limit_scope: LimitScope,
    /// `true` stops the account for good.
    #[serde(default)]
    pub disabled: bool,
    /// App whose secret signs this account's webhooks and whose token sends.
    #[serde(default = "default_app")]
    pub app: String,
    /// WhatsApp Business accounts, at least one.
    pub wabas: Vec<WabaSpec>,
    /// Sender used when a request names none: a phone number id, or a pool; the first one by default.
    #[serde(default)]
    pub default_sender: Option<String>,
    /// Our own rules.
    #[serde(default)]
    pub policy: Policy,
    /// Numbers that write together, each under a name that requests give as `sender`. Left out while there are none, so that
    /// earlier versions read the entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<PoolSpec>,
}

/// Numbers of a pool at most: all may be looked at for a message.
pub const POOL_MAX: usize = 50;

/// Numbers that write together. A person stays with one of them: the one whose window is open, else the one that wrote
/// last, else one that follows from the person, by the numbers' weights. A number that is blocked, asked to wait or, with a
/// limit of its own, full is passed over while another can write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolSpec {
    /// Name, written like a phone number id and none of them.
    pub name: String,
    /// Phone number ids of the account, at most 50.
    pub senders: Vec<String>,
}

fn default_app() -> String {
    "default".to_owned()
}

/// Who shares a messaging limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// All numbers of the portfolio (the platform's rule since 2025-10-07).
    #[default]
    Portfolio,
    /// Each number on its own (the older rule).
    Number,
}

/// A WhatsApp Business account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WabaSpec {
    /// The platform's WABA id.
    pub id: String,
    /// ISO 4217 billing currency; never changes.
    pub currency: String,
    /// IANA time zone; never changes.
    pub time_zone: String,
    /// Who pays the platform.
    #[serde(default)]
    pub funding: Funding,
    /// Business phone numbers.
    pub senders: Vec<SenderSpec>,
    /// Templates known beforehand (sync and webhooks keep them current).
    #[serde(default)]
    pub templates: Vec<TemplateSpec>,
    /// How prices are made of costs, in order of their first days; before the first a price is the cost. What has begun
    /// never changes. Left out when empty, so that earlier versions read the entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markup: Vec<Markup>,
    /// Country of the primary business location, as far as the platform has verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Country>,
    /// Since when authentication is charged as authentication-international, by country of the recipient; not where the
    /// business is. What is left out has not begun. These two are left out when blank, as the mark-ups are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth_international: Vec<AuthInternational>,
    /// Country that the platform sells it to, which may ask for a billing currency. Left out when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_to: Option<Country>,
}

/// Who pays the platform for a WABA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Funding {
    /// We do: foreign traffic is booked too.
    #[default]
    WePay,
    /// The client pays the platform directly.
    ClientPays,
}

/// A business phone number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderSpec {
    /// The platform's phone number id.
    pub id: String,
    /// The number for people.
    #[serde(default)]
    pub display: String,
    /// Messages a second, inbound and outbound together.
    #[serde(default = "default_throughput")]
    pub throughput: u32,
    /// Quality score.
    #[serde(default = "default_score")]
    pub quality: Score,
    /// Share of the portfolio's quota for pacing, against the other senders' weights.
    #[serde(default = "one")]
    pub weight: u32,
    /// `true` parks everything for this number.
    #[serde(default)]
    pub blocked: bool,
}

fn default_throughput() -> u32 {
    80
}
fn default_score() -> Score {
    Score::Unknown
}
fn one() -> u32 {
    1
}

/// Our own rules for an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Quality pacing.
    pub pacing: PacingPolicy,
    /// Marketing messages to one person within `marketing_cap_hours`; 0 = no cap; at most 4.
    pub marketing_cap: u8,
    /// Length of the marketing cap's period in hours.
    pub marketing_cap_hours: u16,
    /// Seconds after admission by which an order must leave.
    pub leave_by_seconds: u32,
    /// Attempts without a result per sender; 0 = from the throughput.
    pub in_flight: u32,
    /// Most parked messages.
    pub waiting_messages: u64,
    /// Most bytes of parked messages.
    pub waiting_bytes: u64,
    /// Words that end what `consent.stop_ends` names, in any language: typed alone, or the payload or label of a button.
    /// Case, accents, width and signs around them do not matter.
    pub stop_words: Vec<String>,
    /// Days a person known to be off the platform is remembered.
    pub not_on_platform_days: u16,
    /// Percent of a sender's throughput that is left unused, for traffic that is not ours.
    pub throughput_headroom_percent: u8,
    /// What becomes of a call whose result is not known. Left out when it is the default, so that earlier versions read
    /// the entry.
    #[serde(skip_serializing_if = "InDoubt::is_default")]
    pub in_doubt: InDoubt,
    /// What consents do besides being said. Left out while all is as by default, so that earlier versions read the entry.
    #[serde(skip_serializing_if = "ConsentPolicy::is_default")]
    pub consent: ConsentPolicy,
    /// By which call marketing templates leave. Left out when it is the default, so that earlier versions read the entry.
    #[serde(skip_serializing_if = "MarketingApi::is_default")]
    pub marketing_api: MarketingApi,
    /// Hours in which no marketing is sent, by the clock of the person; none = always. Left out while there are none, so
    /// that earlier versions read the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Brands, each with numbers and consents of its own; at most [`BRANDS_MAX`]. What a person says to a brand is kept apart
    /// from what is said to the account, and holds for messages of that brand. Left out while there are none, so that earlier
    /// versions read the entry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub brands: Vec<BrandSpec>,
}

/// Daily hours in which no marketing is sent, where the person is: by the area of the number as far as it tells, by the
/// country otherwise. Where that leaves several time zones, it is quiet while it is in any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// First hour, 0 to 23.
    pub from: u8,
    /// The hour at which they end, 0 to 23: past midnight when it is before the first.
    pub to: u8,
}

/// What becomes of a message whose call has no known result, by the purpose of the message. The platform has no key that
/// would make a second call safe: to try again is to send twice at times, not to is to lose some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InDoubt {
    /// One-time codes.
    pub authentication: Doubted,
    /// How long a status is waited for, in seconds, 1 to 86,400.
    pub authentication_seconds: u32,
    /// What a customer asked for or must know.
    pub utility: Doubted,
    /// How long a status is waited for, in seconds.
    pub utility_seconds: u32,
    /// Offers.
    pub marketing: Doubted,
    /// How long a status is waited for, in seconds.
    pub marketing_seconds: u32,
    /// Answers in a conversation.
    pub service: Doubted,
    /// How long a status is waited for, in seconds.
    pub service_seconds: u32,
}

impl Default for InDoubt {
    fn default() -> Self {
        Self {
            authentication: Doubted::TryAgain,
            authentication_seconds: 30,
            utility: Doubted::TryAgain,
            utility_seconds: 600,
            marketing: Doubted::GiveUp,
            marketing_seconds: 3600,
            service: Doubted::GiveUp,
            service_seconds: 3600,
        }
    }
}

impl InDoubt {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What becomes of a message of this purpose, and after how many seconds.
    #[must_use]
    pub fn of(&self, purpose: Purpose) -> (Doubted, u32) {
        match purpose {
            Purpose::Authentication => (self.authentication, self.authentication_seconds),
            Purpose::Utility => (self.utility, self.utility_seconds),
            Purpose::Marketing => (self.marketing, self.marketing_seconds),
            Purpose::Service => (self.service, self.service_seconds),
        }
    }
}

/// What becomes of a message in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubted {
    /// It ends as `unknown`: it may be lost, and is never sent twice.
    GiveUp,
    /// It is sent again while it is still of use: it may arrive twice, and is not lost.
    TryAgain,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            pacing: PacingPolicy::default(),
            marketing_cap: 0,
            marketing_cap_hours: 24,
            leave_by_seconds: 5,
            in_flight: 0,
            waiting_messages: 5_000_000,
            waiting_bytes: 4 << 30,
            stop_words: vec!["STOP".to_owned(), "UNSUBSCRIBE".to_owned()],
            not_on_platform_days: 7,
            throughput_headroom_percent: 5,
            in_doubt: InDoubt::default(),
            consent: ConsentPolicy::default(),
            quiet_hours: None,
            marketing_api: MarketingApi::default(),
            brands: Vec::new(),
        }
    }
}

/// A campaign's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignSpec {
    /// Name, unique in the account.
    pub name: String,
    /// Budget in the currency of the account's WABAs; none = unlimited.
    #[serde(default)]
    pub budget: Option<Decimal>,
    /// Weight among the account's campaigns that wait for the same thing.
    #[serde(default = "one")]
    pub weight: u32,
    /// Daily sending hours; none = always.
    #[serde(default)]
    pub hours: Option<SendingHours>,
    /// Cost centre for exports.
    #[serde(default)]
    pub cost_center: Option<String>,
    /// Starts paused.
    #[serde(default)]
    pub paused: bool,
    /// Most messages in any minute, 1 to [`MAX_PER_MINUTE`]; none = as fast as the account may. Left out when it is none,
    /// so that earlier versions read the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<NonZeroU32>,
    /// Who gets its messages while it is in test, numbers in E.164 or business-scoped ids; at most [`MAX_TEST_RECIPIENTS`].
    /// Personal data: shown only where it is asked for. Left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_recipients: Vec<String>,
    /// Shares of the alternatives of requests that choose `split`, in order; one that is left out has none. Equal when
    /// empty. Left out then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<u32>,
}

/// Greatest share of a split.
pub const MAX_SHARE: u32 = 1_000_000;

/// Most test recipients of a campaign.
pub const MAX_TEST_RECIPIENTS: usize = 50;

/// Fastest rate of a campaign: what a hundred numbers send in a minute.
pub const MAX_PER_MINUTE: u32 = 6_000_000;

impl CampaignSpec {
    /// A campaign of this name with nothing set.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            budget: None,
            weight: 1,
            hours: None,
            cost_center: None,
            paused: false,
            per_minute: None,
            test_recipients: Vec::new(),
            split: Vec::new(),
        }
    }
}

/// Daily sending hours in a time zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendingHours {
    /// First hour, 0 to 23.
    pub from: u8,
    /// Hour at which sending ends, 1 to 24, after `from`.
    pub to: u8,
    /// IANA time zone.
    pub time_zone: String,
}

/// What to do with a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignAction {
    /// Creates it when needed and lets it run for everybody.
    Start,
    /// Parks what would leave.
    Pause,
    /// Lets it run again: for its test recipients alone, if it was paused in test.
    Resume,
    /// Ends it for good; what waits ends as `cancelled`.
    Cancel,
    /// Lets it run for its test recipients alone; the others' messages wait until it is started.
    Test,
}
