//! Errors on order: any code, as the answer of a send, as its `failed` status, or as the answer of a question, for a part
//! of them and for a time.

use serde::Deserialize;

use super::World;
use super::control::ControlError;
use crate::dice::Dice;
use crate::graph::error::PlatformError;

/// Orders in force at most.
const ORDERS_MAX: usize = 64;
/// The largest code: the platform's have six digits.
const CODE_MAX: u32 = 999_999;
/// The longest order, in seconds.
const SECONDS_MAX: f64 = 86_400.0;

/// How an error reaches the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// The send is refused and not processed.
    #[default]
    Call,
    /// The send is accepted, and fails.
    Status,
    /// A question to the management API is refused; of no number, so `sender` does not go with it.
    Question,
}

/// `POST /sandbox/errors`. The same `code`, `way` and `sender` again replaces the order; 0 seconds ends it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorOrder {
    code: u32,
    #[serde(default)]
    way: Way,
    seconds: f64,
    /// Part of the sends that meet it, above 0 and at most 1; all of them without it.
    share: Option<f64>,
    /// Phone number id; every number without it.
    sender: Option<String>,
    /// `Retry-After` of the answer.
    retry_after_seconds: Option<u32>,
}

/// An order in force.
#[derive(Debug, Clone)]
pub(crate) struct OrderedError {
    code: u32,
    way: Way,
    until_ms: u64,
    share: f64,
    sender: Option<usize>,
    retry_after_s: Option<u32>,
    /// Sends that it was thrown for.
    thrown: u64,
}

impl World {
    pub(crate) fn order_error(&mut self, order: &ErrorOrder, now_ms: u64) -> Result<(), ControlError> {
        let invalid = |problem: String| Err(ControlError::Invalid(problem));
        if order.code > CODE_MAX {
            return invalid(format!("code: {} is not 0 to {CODE_MAX}", order.code));
        }
        if !(0.0..=SECONDS_MAX).contains(&order.seconds) {
            return invalid(format!("seconds: {} is not 0 to 86400", order.seconds));
        }
        let share = order.share.unwrap_or(1.0);
        if !(share > 0.0 && share <= 1.0) {
            return invalid(format!("share: {share} is not above 0 and at most 1"));
        }
        if order.way == Way::Status && order.retry_after_seconds.is_some() {
            return invalid("retry_after_seconds: a status has no such header; leave it out".to_owned());
        }
        if order.way == Way::Question && order.sender.is_some() {
            return invalid("sender: a question is of no number; leave it out".to_owned());
        }
        let sender = order.sender.as_deref().map(|id| self.known_sender(id)).transpose()?;
        self.errors.retain(|e| now_ms < e.until_ms && (e.code, e.way, e.sender) != (order.code, order.way, sender));
        if order.seconds == 0.0 {
            return Ok(());
        }
        if self.errors.len() >= ORDERS_MAX {
            return invalid(format!("{ORDERS_MAX} errors are in force already; end one with seconds 0"));
        }
        self.errors.push(OrderedError {
            code: order.code,
            way: order.way,
            until_ms: now_ms + (order.seconds * 1_000.0) as u64,
            share,
            sender,
            retry_after_s: order.retry_after_seconds,
            thrown: 0,
        });
        Ok(())
    }

    /// The answer that is ordered for a send of `sender`, if any: the first order whose share it falls into.
    pub(crate) fn ordered_refusal(&mut self, sender: usize, now_ms: u64) -> Option<PlatformError> {
        Some(self.ordered_error(Some(sender), Way::Call, now_ms)?.refusal())
    }

    /// The answer that is ordered for a question, if any.
    pub(crate) fn ordered_answer(&mut self, now_ms: u64) -> Option<PlatformError> {
        Some(self.ordered_error(None, Way::Question, now_ms)?.refusal())
    }

    /// The code with which an accepted send of `sender` is to fail, if any.
    pub(crate) fn ordered_failure(&mut self, sender: usize, now_ms: u64) -> Option<u32> {
        self.ordered_error(Some(sender), Way::Status, now_ms).map(|error| error.code)
    }

    fn ordered_error(&mut self, sender: Option<usize>, way: Way, now_ms: u64) -> Option<OrderedError> {
        let seed = self.config.seed;
        let in_force =
            |e: &&mut OrderedError| e.way == way && now_ms < e.until_ms && (e.sender.is_none() || e.sender == sender);
        for error in self.errors.iter_mut().filter(in_force) {
            error.thrown += 1;
            let keys: [&[u8]; 3] = [b"ordered error", &error.code.to_le_bytes(), &error.thrown.to_le_bytes()];
            if Dice::new(seed, &keys).chance(error.share) {
                return Some(error.clone());
            }
        }
        None
    }
}

impl OrderedError {
    fn refusal(&self) -> PlatformError {
        let mut refusal = PlatformError::new(self.code, "The sandbox was asked to answer with this");
        refusal.retry_after_s = self.retry_after_s;
        refusal
    }
}
