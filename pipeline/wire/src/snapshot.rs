//! Snapshots: the live state of an account as the views keep it, at most one a second per account; and, each time that it
//! changes, what a person consented to, a template, or what the platform allows a number or a portfolio; and that a person
//! wrote.

use crate::command::{CampaignSpec, ConsentState, LimitScope, TemplateSpec};
use crate::{Reason, Text, Time};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tollgate_quality::{Limit, Score, ScorePacing};
use tollgate_rate_card::{Markup, YearMonth};

/// One account, whole: what is not in it is gone, unless `left_out` counts it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountSnapshot<'a> {
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// Name for people.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// When it was taken, on the engine's clock.
    pub as_of: Time,
    /// Stopped for good.
    pub disabled: bool,
    /// Messaging limit.
    pub limit: Limit,
    /// Who shares it.
    pub limit_scope: LimitScope,
    /// Unique users counted in the moving 24 h (portfolio scope; the sum over numbers otherwise).
    pub quota_used: u32,
    /// When the next counted user ages out.
    #[serde(default)]
    pub quota_next_return: Option<Time>,
    /// Messages waiting.
    pub parked_messages: u64,
    /// Bytes waiting.
    pub parked_bytes: u64,
    /// Newest closed month: it and all before it are billed, what comes late for them is billed later. Absent when none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<YearMonth>,
    /// WABAs, also those that are no longer declared. Snapshots of older versions have none.
    #[serde(borrow, default)]
    pub wabas: Vec<WabaSnapshot<'a>>,
    /// Numbers.
    #[serde(borrow)]
    pub senders: Vec<SenderSnapshot<'a>>,
    /// Campaigns.
    #[serde(borrow)]
    pub campaigns: Vec<CampaignSnapshot<'a>>,
    /// Queues of waiting messages.
    #[serde(borrow)]
    pub lots: Vec<LotSnapshot<'a>>,
    /// What there is beside it, because no record takes more. Absent when nothing is left out.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
}

/// How much of an account is not in its snapshot, although it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeftOut {
    /// Campaigns: first those without a message that waits or is on the way, of which nothing was said for longest.
    pub campaigns: u64,
    /// Queues: those with the fewest messages.
    pub lots: u64,
}

impl LeftOut {
    /// Nothing is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One WABA: what its bills are made by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WabaSnapshot<'a> {
    /// WABA id.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// IANA time zone: days and months of bills are in it.
    #[serde(borrow)]
    pub time_zone: Text<'a>,
    /// ISO 4217 billing currency. Empty in snapshots of older versions.
    #[serde(borrow, default)]
    pub currency: Text<'a>,
    /// Mark-ups, as declared; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub markup: Vec<Markup>,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SenderSnapshot<'a> {
    /// Phone number id.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// Number for people.
    #[serde(borrow)]
    pub display: Text<'a>,
    /// WABA id.
    #[serde(borrow)]
    pub waba: Text<'a>,
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
    #[serde(default)]
    pub next_pacing_token: Option<Time>,
    /// Blocked by the operator or the platform.
    pub blocked: bool,
    /// Shares of the messaging limit at its quality, by the account's policy. Snapshots of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pacing: Option<ScorePacing>,
}

/// One campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignSnapshot<'a> {
    /// Settings.
    pub spec: CampaignSpec,
    /// `running`, `test`, `paused` or `cancelled`.
    #[serde(borrow)]
    pub state: Text<'a>,
    /// Currency of the amounts; empty before the first estimate.
    #[serde(borrow)]
    pub currency: Text<'a>,
    /// Reserved by attempts that are not final.
    pub reserved: Decimal,
    /// Charged so far.
    pub spent: Decimal,
    /// Messages by where they are now.
    pub counts: CampaignCounts,
}

/// Messages of a campaign: `requested` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CampaignCounts {
    /// Requests seen (duplicates not counted, nor what was refused at once before the campaign was there).
    pub requested: u64,
    /// Waiting.
    pub parked: u64,
    /// Ordered, accepted, held, in doubt or sent: on the way.
    pub on_the_way: u64,
    /// Delivered, not read.
    pub delivered: u64,
    /// Read.
    pub read: u64,
    /// Failed.
    pub failed: u64,
    /// Refused at a gate.
    pub refused: u64,
    /// Expired.
    pub expired: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// No delivery, or never known.
    pub undelivered: u64,
    /// Messages to test recipients: not among the others. Left out when there are none.
    #[serde(skip_serializing_if = "TestCounts::is_empty")]
    pub test: TestCounts,
}

/// Messages of a campaign that were ordered while it was in test. `requested` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TestCounts {
    /// All of them.
    pub requested: u64,
    /// On the way, or waiting for another attempt.
    pub on_the_way: u64,
    /// Delivered, not read.
    pub delivered: u64,
    /// Read.
    pub read: u64,
    /// Ended otherwise.
    pub failed: u64,
}

impl TestCounts {
    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One queue of waiting messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LotSnapshot<'a> {
    /// Its name, opaque and the same for as long as it exists: `parked` outcomes carry it.
    #[serde(borrow, default)]
    pub lot: Text<'a>,
    /// What they wait for.
    pub reason: Reason,
    /// Which one: sender, template, campaign …; empty for the account.
    #[serde(borrow)]
    pub resource: Text<'a>,
    /// Language of the template waited for.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Text<'a>>,
    /// On the priority lane.
    pub priority: bool,
    /// `marketing`, `utility`, `authentication`, `service`.
    #[serde(borrow)]
    pub class: Text<'a>,
    /// Campaign, if any.
    #[serde(borrow, default)]
    pub campaign: Option<Text<'a>>,
    /// The number they are to leave from.
    #[serde(borrow, default)]
    pub sender: Text<'a>,
    /// How many.
    pub messages: u64,
    /// When the first of them can go, if time alone decides.
    #[serde(default)]
    pub opens_at: Option<Time>,
    /// When the last of them will have gone at the present pace, if known.
    #[serde(default)]
    pub done_by: Option<Time>,
}

/// What a person consented to: all that holds now, and what the person said last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentSnapshot<'a> {
    /// The person: `+` and digits, or the business-scoped id. The name of the field tells the record from an account's.
    #[serde(borrow)]
    pub consents_of: Text<'a>,
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// When it was decided, on the engine's clock.
    pub as_of: Time,
    /// What holds now.
    pub holds: Consents,
    /// What was said.
    #[serde(borrow)]
    pub said: ConsentProof<'a>,
}

/// A person was erased: whoever keeps what was told of the person forgets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonErased<'a> {
    /// The person. The name of the field tells the record from the others.
    #[serde(borrow)]
    pub erased: Text<'a>,
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// When it was decided, on the engine's clock.
    pub as_of: Time,
    /// What the person refuses, which stays; absent when it is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<Consents>,
    /// Keyed hash of the person, as in ledger entries and outcomes. This and the next are absent in records of earlier
    /// versions.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub recipient_hash: Option<Text<'a>>,
    /// Greatest message number given until then: what has a greater one was requested afterwards, and is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_uid: Option<u64>,
}

/// A person's consents by category; `null` where the person was never asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consents {
    /// Marketing.
    pub marketing: Option<ConsentState>,
    /// Utility.
    pub utility: Option<ConsentState>,
    /// Authentication, international or not.
    pub authentication: Option<ConsentState>,
    /// Service.
    pub service: Option<ConsentState>,
    /// An opt-out of everything.
    pub stop_all: bool,
    /// On the account's suppression list. This and the rest is left out where there is none, so that earlier versions
    /// read the record.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suppressed: bool,
    /// When opt-ins end that do. One whose end has passed holds no longer.
    #[serde(default, skip_serializing_if = "ByCategory::is_empty")]
    pub ends: ByCategory,
    /// Until when the person may confirm an opt-in that waits for it.
    #[serde(default, skip_serializing_if = "ByCategory::is_empty")]
    pub pending: ByCategory,
    /// What was said to brands of the account, in order of their first declaration; those to which nothing was said are left
    /// out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brands: Vec<BrandConsents>,
}

/// What a person consented to with one brand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrandConsents {
    /// The brand.
    pub brand: String,
    /// What holds of it alone; the suppression list and brands are the account's.
    pub holds: Consents,
}

/// A time for some of the categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ByCategory {
    /// Marketing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marketing: Option<Time>,
    /// Utility.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utility: Option<Time>,
    /// Authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Time>,
    /// Service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Time>,
}

impl ByCategory {
    /// No category has a time.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(v: &bool) -> bool {
    !*v
}

/// What a person said once, with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentProof<'a> {
    /// `marketing`, `utility`, `authentication`, `service`, `all`, or `suppression`: the account's list, `opt_out` onto it
    /// and `opt_in` off it.
    #[serde(borrow)]
    pub category: Text<'a>,
    /// Yes or no.
    pub state: ConsentState,
    /// Where the person said so.
    #[serde(borrow)]
    pub source: Text<'a>,
    /// When the person said so.
    pub at: Time,
    /// Version of the text the person agreed to.
    #[serde(borrow)]
    pub text_version: Text<'a>,
    /// When this opt-in ends, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
    /// The opt-in waited for the person's confirmation, which has a proof of its own.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pending: bool,
    /// The brand that it was said to; absent = the account as a whole.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<Text<'a>>,
}

/// A template in one language, as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSnapshot<'a> {
    /// Its WABA. The name of the field tells the record from an account's.
    #[serde(borrow)]
    pub template_of: Text<'a>,
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// When it was decided, on the engine's clock.
    pub as_of: Time,
    /// The template.
    pub template: TemplateSpec,
}

/// What the platform allows a number or a portfolio, or thinks of it, when it changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelSnapshot<'a> {
    /// What changed. The name of the field tells the record from an account's.
    pub level_of: Level,
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// Phone number id; absent for what is the whole portfolio's.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Text<'a>>,
    /// When it was decided, on the engine's clock.
    pub at: Time,
    /// Before: a limit, a score, messages a second, `true` or `false`.
    #[serde(borrow)]
    pub from: Text<'a>,
    /// Since.
    #[serde(borrow)]
    pub to: Text<'a>,
}

/// What of a number or portfolio changes its pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Messaging limit.
    Limit,
    /// Quality score.
    Quality,
    /// Messages a second.
    Throughput,
    /// Whether nothing is sent.
    Blocked,
}

impl Level {
    /// Its name, as in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Quality => "quality",
            Self::Throughput => "throughput",
            Self::Blocked => "blocked",
        }
    }
}

/// A person wrote or called. The content is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplySnapshot<'a> {
    /// The person: `+` and digits, or the business-scoped id. The name of the field tells the record from an account's.
    #[serde(borrow)]
    pub reply_of: Text<'a>,
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// Phone number id that received it.
    #[serde(borrow)]
    pub sender: Text<'a>,
    /// When, by the platform's clock.
    pub at: Time,
    /// The person was never reached and has said nothing about consent: no result of anything. Left out where that is not
    /// so, so that earlier versions read the record.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stranger: bool,
    /// A word that ends consents: it asks for no answer, and nothing before it does any more. Whoever counts who waits for
    /// one takes the person off. Left out where that is not so, so that earlier versions read the record.
    #[serde(default, skip_serializing_if = "is_false")]
    pub settled: bool,
    /// A reaction: it opens the window and asks for no answer; what was asked before still does. Left out where that is not
    /// so.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reaction: bool,
}

/// A message left for a person who had written or called within the last day: whoever counts who waits for an answer takes
/// the person off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnsweredSnapshot<'a> {
    /// The person. The name of the field tells the record from the others.
    #[serde(borrow)]
    pub answered: Text<'a>,
    /// Account id.
    #[serde(borrow)]
    pub account: Text<'a>,
    /// Phone number id that it left from.
    #[serde(borrow)]
    pub sender: Text<'a>,
    /// When it was decided to send; of a message of other software, when the platform says that it was sent. It answers what
    /// was written up to then.
    pub at: Time,
}
