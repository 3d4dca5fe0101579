//! What tests and people order through the control paths.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::inbound::Inbound;
use super::{Outage, OutageManner, World};
use crate::config::account::MessagingLimit;
use crate::config::template::{Category, Rating, TemplateStatus};
use crate::graph::recipient::Recipient;
use crate::limits::throughput::Throughput;
use crate::webhook::batch::Update;
use crate::webhook::management;

/// Why an order could not be followed; the text names the field.
#[derive(Debug)]
pub(crate) enum ControlError {
    /// Something it names does not exist.
    Unknown(String),
    /// It contradicts itself or the format.
    Invalid(String),
}

/// `POST /sandbox/inbound`: a user writes, taps or changes a preference. Exactly one of `text`
/// (with or without `referral`), `button_of` with `text`, and `preference`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InboundOrder {
    sender: String,
    from: String,
    name: Option<String>,
    text: Option<String>,
    referral: Option<Box<RawValue>>,
    button_of: Option<String>,
    preference: Option<Preference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Preference {
    Stop,
    Resume,
}

/// Seconds until a category that is told of is there.
const DAY_S: u64 = 86_400;

/// `POST /sandbox/templates/status`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateOrder {
    /// Portfolio id or WABA id.
    account: String,
    name: String,
    language: String,
    /// The platform's event name.
    event: Option<String>,
    reason: Option<String>,
    /// Another category, now.
    category: Option<Category>,
    /// Another category a day from now, which is told and not done.
    next_category: Option<Category>,
    quality_score: Option<Rating>,
    /// No webhook tells it: what one that was lost leaves behind.
    #[serde(default)]
    quiet: bool,
}

/// `POST /sandbox/quality`: about a number (`sender` and `event`, or `quality_rating`, of which no webhook tells) or a
/// portfolio (`account` and `limit`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QualityOrder {
    sender: Option<String>,
    quality_rating: Option<Rating>,
    /// No webhook tells of a portfolio's limit.
    #[serde(default)]
    quiet: bool,
    event: Option<String>,
    throughput_mps: Option<u32>,
    account: Option<String>,
    limit: Option<MessagingLimit>,
}

/// `POST /sandbox/outage`; 0 seconds ends one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutageOrder {
    manner: OutageManner,
    seconds: f64,
}

impl World {
    /// Returns the id of the user's message; none for a preference.
    pub(crate) fn order_inbound(&mut self, order: InboundOrder, now_ms: u64) -> Result<Option<String>, ControlError> {
        let sender = self.known_sender(&order.sender)?;
        let from = Recipient::any(&order.from)
            .map_err(|_| ControlError::Invalid(format!("from: {:?} is no phone number or user id", order.from)))?;
        if let Some(preference) = order.preference {
            if order.text.is_some() || order.referral.is_some() || order.button_of.is_some() {
                let problem = "preference: give it alone, without text, referral or button_of";
                return Err(ControlError::Invalid(problem.to_owned()));
            }
            self.prefer(sender, &from, preference == Preference::Stop, now_ms);
            return Ok(None);
        }
        if order.referral.as_ref().is_some_and(|referral| !referral.get().starts_with('{')) {
            return Err(ControlError::Invalid("referral: give an object".to_owned()));
        }
        let text = match (order.text, &order.referral) {
            (Some(text), _) => text,
            (None, Some(_)) => "Hello! Can I get more info on this?".to_owned(),
            (None, None) => {
                return Err(ControlError::Invalid("text: give text, referral or preference".to_owned()));
            }
        };
        let mut inbound = Inbound::text(&text);
        inbound.referral = order.referral.map(|referral| referral.get().to_owned());
        inbound.button_of = order.button_of;
        if let Some(name) = order.name {
            inbound.profile = name;
        }
        Ok(Some(self.inbound(sender, &from, &inbound, now_ms)))
    }

    pub(crate) fn order_template(&mut self, order: &TemplateOrder, now_ms: u64) -> Result<(), ControlError> {
        let index = self.known_portfolio(&order.account)?;
        let portfolio = &mut self.portfolios[index];
        let Some(template) = portfolio.templates.get_mut(&order.name, &order.language) else {
            let problem = format!("name: no template {:?} in {:?}", order.name, order.language);
            return Err(ControlError::Unknown(problem));
        };
        let (before, now_s) = (template.clone(), now_ms / 1_000);
        let mut told = Vec::new();
        if let Some(event) = &order.event {
            template.status = match event.as_str() {
                "APPROVED" | "REINSTATED" | "UNARCHIVED" => TemplateStatus::Approved,
                "FLAGGED" | "LOCKED" | "LIMIT_EXCEEDED" => template.status,
                "PAUSED" => TemplateStatus::Paused,
                "DISABLED" => TemplateStatus::Disabled,
                "PENDING" | "IN_APPEAL" => TemplateStatus::Pending,
                "REJECTED" => TemplateStatus::Rejected,
                "DELETED" | "PENDING_DELETION" | "ARCHIVED" => TemplateStatus::Deleted,
                other => {
                    return Err(ControlError::Invalid(format!("event: {other:?} is no template event")));
                }
            };
            told.push(management::template_status(template, event, order.reason.as_deref(), now_s));
        }
        if let Some(category) = order.category {
            template.category = category;
            told.push(management::template_category(template, before.category));
        }
        if let Some(category) = order.next_category {
            told.push(management::template_category_to_come(template, category, now_s + DAY_S));
        }
        if let Some(score) = order.quality_score {
            template.quality_score = score;
            told.push(management::template_quality(template, before.quality_score));
        }
        if told.is_empty() {
            let problem = "event: give event, category, next_category or quality_score";
            return Err(ControlError::Invalid(problem.to_owned()));
        }
        if !order.quiet {
            told.into_iter().for_each(|json| self.announce(index, json));
        }
        Ok(())
    }

    pub(crate) fn order_quality(&mut self, order: &QualityOrder) -> Result<(), ControlError> {
        match (&order.sender, &order.account, order.limit) {
            (Some(sender), None, limit) => {
                if let Some(rating) = order.quality_rating {
                    let index = self.known_sender(sender)?;
                    self.senders[index].quality_rating = rating;
                    if order.event.is_none() && order.throughput_mps.is_none() && limit.is_none() {
                        return Ok(());
                    }
                }
                let Some(event) = &order.event else {
                    return Err(ControlError::Invalid("event: needed with sender".to_owned()));
                };
                self.change_sender(sender, event, order.throughput_mps, limit)
            }
            (None, Some(account), Some(limit)) if order.event.is_none() && order.throughput_mps.is_none() => {
                let index = self.known_portfolio(account)?;
                self.portfolios[index].unique_users.set_limit(limit.users());
                for sender in self.senders.iter_mut().filter(|sender| sender.portfolio == index) {
                    sender.unique_users.set_limit(limit.users());
                }
                if !order.quiet {
                    self.announce(index, management::capability(limit, self.graph_major));
                }
                Ok(())
            }
            _ => {
                let problem = "give either sender and event (with throughput_mps, limit) or account and limit";
                Err(ControlError::Invalid(problem.to_owned()))
            }
        }
    }

    pub(crate) fn order_outage(&mut self, order: &OutageOrder, now_ms: u64) -> Result<(), ControlError> {
        if !(0.0..=86_400.0).contains(&order.seconds) {
            return Err(ControlError::Invalid(format!("seconds: {} is not 0 to 86400", order.seconds)));
        }
        self.outage = Some(Outage { manner: order.manner, until_ms: now_ms + (order.seconds * 1_000.0) as u64 });
        Ok(())
    }

    fn change_sender(
        &mut self,
        sender: &str,
        event: &str,
        mps: Option<u32>,
        limit: Option<MessagingLimit>,
    ) -> Result<(), ControlError> {
        let index = self.known_sender(sender)?;
        if mps.is_some_and(|mps| !(1..=100_000).contains(&mps)) {
            return Err(ControlError::Invalid("throughput_mps: 1 to 100000".to_owned()));
        }
        if let Some(limit) = limit {
            self.unique_users(index).set_limit(limit.users());
        }
        let limit = match self.unique_users(index).limit() {
            Some(users) => MessagingLimit::Users(users),
            None => MessagingLimit::Unlimited,
        };
        let slack = self.config.limits.throughput_slack_percent;
        let number = &mut self.senders[index];
        if let Some(mps) = mps {
            number.throughput = Throughput::new(mps, slack);
            number.throughput_mps = mps;
        }
        let json = management::quality(&number.display_phone_number, event, limit, self.graph_major);
        let portfolio = number.portfolio;
        self.announce(portfolio, json);
        Ok(())
    }

    pub(super) fn announce(&mut self, portfolio: usize, change: String) {
        self.emit(Update::Portfolio { portfolio, json: change });
    }

    pub(super) fn known_sender(&self, id: &str) -> Result<usize, ControlError> {
        self.sender(id).ok_or_else(|| ControlError::Unknown(format!("sender: no phone number id {id:?}")))
    }

    fn known_portfolio(&self, id: &str) -> Result<usize, ControlError> {
        self.portfolio(id).ok_or_else(|| ControlError::Unknown(format!("account: no portfolio or WABA {id:?}")))
    }
}
