//! A move as it is stored: the outcome without what the message's row says already.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_wire::outcome::{Amount, Charge, Chosen, Gates, Outcome, OutcomeKind, ReasonText};
use tollgate_wire::{Text, Time};

/// What a message's moves have in common, from its row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Common<'a> {
    pub(super) message_uid: u64,
    pub(super) campaign: Option<&'a str>,
    pub(super) to: &'a str,
    pub(super) metadata: Option<&'a str>,
}

/// The stored JSON. The last four before `test` are present only where they differ from the message's row.
#[derive(Serialize, Deserialize)]
pub(super) struct Body<'a> {
    attempt: u8,
    outcome: OutcomeKind,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    reason: Option<ReasonText<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    sender: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    detail: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    gates: Option<Gates<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_at: Option<Time>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    lot: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    wamid: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    content: Option<Chosen<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    estimate: Option<Amount<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    charge: Option<Charge<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_uid: Option<u64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    campaign: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    to: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
}

impl<'a> Body<'a> {
    /// Takes from the outcome what the row does not say.
    pub(super) fn of(o: &Outcome<'a>, row: Common<'_>) -> Self {
        Self {
            attempt: o.attempt,
            outcome: o.outcome,
            reason: o.reason.clone(),
            sender: o.sender.clone(),
            detail: o.detail.clone(),
            gates: o.gates.clone(),
            retry_at: o.retry_at,
            lot: o.lot.clone(),
            wamid: o.wamid.clone(),
            content: o.content.clone(),
            estimate: o.estimate.clone(),
            charge: o.charge.clone(),
            message_uid: Some(o.message_uid).filter(|uid| *uid != row.message_uid),
            campaign: o.campaign.clone().filter(|c| Some(c.as_str()) != row.campaign),
            to: Some(o.to.clone()).filter(|to| to.as_str() != row.to),
            metadata: o.metadata.filter(|m| Some(m.get()) != row.metadata),
            test: o.test,
        }
    }

    /// Without what names the person.
    pub(super) fn nameless(self) -> Self {
        Self { wamid: None, to: None, metadata: None, ..self }
    }

    /// The outcome again. `metadata` is the row's, checked.
    pub(super) fn outcome(
        self,
        account: &'a str,
        id: &'a str,
        at: Time,
        row: Common<'a>,
        metadata: Option<&'a RawValue>,
    ) -> Outcome<'a> {
        Outcome {
            id: id.into(),
            message_uid: self.message_uid.unwrap_or(row.message_uid),
            attempt: self.attempt,
            account: account.into(),
            campaign: self.campaign.or_else(|| row.campaign.map(Text::from)),
            sender: self.sender,
            to: self.to.unwrap_or_else(|| row.to.into()),
            at,
            outcome: self.outcome,
            reason: self.reason,
            detail: self.detail,
            gates: self.gates,
            retry_at: self.retry_at,
            lot: self.lot,
            wamid: self.wamid,
            content: self.content,
            estimate: self.estimate,
            charge: self.charge,
            metadata: self.metadata.or(metadata),
            test: self.test,
            recipient_hash: None,
        }
    }
}

/// What the gates saw at one admission try. Meaning: outcome, `gates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatesView {
    /// How many gates passed, in order; 11 = all.
    pub passed: u8,
    /// Name of the gate that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// End of the customer service window as relied on; absent = closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_until: Option<Time>,
    /// Unique users counted in the moving 24 h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_used: Option<u32>,
    /// The ceiling for this category; absent = unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_ceiling: Option<u32>,
    /// The account's limit, where the ceiling lies below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_limit: Option<u32>,
    /// `free`, `counted` or `token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_use: Option<String>,
    /// The brand whose consents count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
}

/// The alternative that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenView {
    /// Position in the request's `content`, from 0.
    pub alternative: u8,
    /// Template name; absent for what only goes inside the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Language code taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Pricing category.
    pub category: String,
    /// Of a split: the person's own alternative, which was not usable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<u8>,
    /// What was sent, where it is no template: `text`, `interactive`, `image` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountView {
    /// Exact decimal.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
}

/// What a move booked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeView {
    /// Ledger entry id.
    pub entry: String,
    /// Exact decimal; absent when unpriced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// ISO 4217.
    pub currency: String,
    /// Category charged.
    pub category: String,
    /// Regular or one of the free types; absent when unpriced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing_type: Option<String>,
}
