//! What is kept of a message that other software sent.

use super::{Booked, SaidRank};
use crate::ids::{SenderIx, Uid, User};

/// A message that other software sent from a number of ours and that was booked or counted: enough to correct it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Its WABA, charge instant and whether the client pays, as they are kept in place of a message's number.
    pub kept: Uid,
    /// Whether a price was said, in place of an attempt's number.
    pub price_said: u8,
    /// The number that it was sent from.
    pub sender: SenderIx,
    /// Message and attempt of ours that its status named, where that message was forgotten.
    pub forgotten: Option<(Uid, u8)>,
    /// The person, where it is of a conversation.
    pub user: Option<User>,
    /// Hash of the conversation's id; 0 = none, or charged by itself.
    pub conversation: u128,
    /// Smallest of the platform's delivered, read and played times.
    pub delivered_s: u32,
    /// When the platform last said a price, by its own time, and how far the message was by then.
    pub said: (u32, SaidRank),
    /// What was booked.
    pub booked: Booked,
}

/// What is kept under the platform's id of a message or a conversation.
#[derive(Clone, Debug)]
pub enum Known {
    /// Number and attempt of a message, or what stands in their place.
    Numbers(Uid, u8),
    /// A message that other software sent, with what was booked of it.
    Foreign(Box<Foreign>),
    /// Of a conversation: the wamid's hash of what other software sent and opened it. Under the charge key of one that was opened
    /// without an id: the id that a message which it covers said.
    Key(u128),
}

impl Known {
    /// Number and attempt, or what stands in their place.
    #[must_use]
    pub fn numbers(&self) -> (Uid, u8) {
        match self {
            Self::Numbers(uid, attempt) => (*uid, *attempt),
            Self::Foreign(f) => (f.kept, f.price_said),
            Self::Key(_) => (0, 0),
        }
    }
}
