//! What users do: messages, taps, marketing preferences.

use super::World;
use crate::graph::recipient::Recipient;
use crate::graph::wamid::Direction;
use crate::webhook::batch::Update;
use crate::webhook::shapes::{self, InboundContent};

/// A user's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inbound {
    pub(crate) profile: String,
    pub(crate) text: String,
    /// JSON of the `referral` object, for a user who came from an advert.
    pub(crate) referral: Option<String>,
    /// The template message whose quick reply was tapped.
    pub(crate) button_of: Option<String>,
}

impl Inbound {
    pub(crate) fn text(text: &str) -> Self {
        Self { profile: "Sandbox user".to_owned(), text: text.to_owned(), referral: None, button_of: None }
    }

    pub(crate) fn advert(text: &str) -> Self {
        Self { referral: Some(shapes::sample_referral()), ..Self::text(text) }
    }

    pub(crate) fn button(text: &str, wamid: &str) -> Self {
        Self { button_of: Some(wamid.to_owned()), ..Self::text(text) }
    }
}

impl World {
    /// A user writes to a number: opens the window, counts towards throughput, emits the
    /// webhook. Returns the message id.
    pub(crate) fn inbound(&mut self, sender: usize, from: &Recipient, inbound: &Inbound, now_ms: u64) -> String {
        let now_s = now_ms / 1_000;
        let pair = self.pairs.touch(sender, &from.user, now_ms);
        pair.user_wrote(inbound.referral.is_some(), now_s);
        let wamid = self.next_wamid(&from.user, Direction::Inbound);
        let number = &mut self.senders[sender];
        number.throughput.note_inbound(now_ms);
        let content = InboundContent { wamid: &wamid, from, now_s, inbound, ids: self.config.webhooks.user_ids };
        let json = shapes::inbound_change(number, &content);
        self.counters.inbound += 1;
        self.emit(Update::Number { sender, json });
        wamid
    }

    /// A user stops or resumes marketing. Says so once per change.
    pub(crate) fn prefer(&mut self, sender: usize, user: &Recipient, stop: bool, now_ms: u64) {
        let pair = self.pairs.touch(sender, &user.user, now_ms);
        if pair.stopped == stop {
            return;
        }
        pair.stopped = stop;
        let number = &self.senders[sender];
        let json = shapes::preference_change(number, user, stop, now_ms / 1_000, self.config.webhooks.user_ids);
        self.emit(Update::Number { sender, json });
    }
}
