//! What a delivery is charged as, while the platform charges by conversation: the conversation that it opens, or nothing
//! because one that is charged already covers it.
//!
//! A conversation is charged once, by an entry of the message that opened it; what it covers has no entry, because there
//! is nothing to pay for it, and its outcome says which conversation covers it. Which one that is follows the
//! platform's words first, then its rules ([`Conversations::place`]), in the order in which deliveries come.
//!
//! The platform's conversation ids are remembered beside its message ids, so that a message that comes after its
//! conversation has ended, or long after another one was opened, does not open it anew.

use super::waba_of;
use crate::decide::Facts;
use crate::hashing;
use crate::life::Draft;
use crate::record::{Booked, Pair, Unit, Waba};
use tollgate_rate_card::{
    Category, ConversationKind, ConversationLengths, Conversations, Delivery, Placement, PricingModel, Reported,
    ReportedCategory, ReportedModel, ReportedType,
};
use tollgate_wire::event::{Pricing, Status, StatusKind};

/// Hash of the platform's conversation id; also its charge key, therefore without a secret.
#[must_use]
pub fn conversation_id(waba: &str, id: &str) -> u128 {
    hashing::public(&[b"conversation", waba.as_bytes(), id.as_bytes()]).max(1)
}

/// The id that a status says, if its conversations may be charged: where messages are, each has an id of its own that
/// means nothing.
#[must_use]
pub(crate) fn said_id(waba: &Waba, pricing: Option<&Pricing<'_>>) -> u128 {
    let id = pricing.filter(|p| p.model != Some(PricingModel::Pmp)).and_then(|p| p.conversation.as_deref());
    id.map_or(0, |id| conversation_id(&waba.id, id))
}

/// Keeps the id that a status says. That of the delivery counts: when the message was sent, another conversation may
/// have been open. What is booked keeps its id.
pub(crate) fn note_id(d: &mut Draft<'_, '_>, n: usize, s: &Status<'_>) {
    let state = d.facts.state;
    let a = &mut d.message.attempts[n];
    let id = said_id(waba_of(state, a), s.pricing.as_ref());
    let delivered = matches!(s.status, StatusKind::Delivered | StatusKind::Read | StatusKind::Played);
    if id != 0 && (a.conversation == 0 || delivered && a.booked.is_none()) {
        a.conversation = id;
    }
}

/// What the platform says about the kind of conversation.
enum Said {
    Nothing,
    Kind(ConversationKind),
    /// A word that we do not know.
    Unknown,
}

fn said(reported: &Reported) -> Said {
    match (reported.category, reported.pricing_type) {
        (Some(ReportedCategory::ReferralConversion), _) | (_, Some(ReportedType::FreeEntryPoint)) => {
            Said::Kind(ConversationKind::FreeEntryPoint)
        }
        (Some(ReportedCategory::Known(category)), _) => Said::Kind(ConversationKind::of(category)),
        (Some(ReportedCategory::Unknown), _) => Said::Unknown,
        (None, _) => Said::Nothing,
    }
}

/// Whether the platform says that a free entry point covers it.
pub(super) fn is_free_entry(reported: &Reported) -> bool {
    matches!(said(reported), Said::Kind(ConversationKind::FreeEntryPoint))
}

/// A delivery, and what the platform said of it.
pub(super) struct Delivered<'a> {
    pub waba: &'a Waba,
    pub at_s: u32,
    /// Category that we expect; `None` of messages that other software sent.
    pub category: Option<Category>,
    pub reported: Reported,
    /// Hash of the platform's conversation id; 0 = not said.
    pub id: u128,
    /// Hash of its wamid.
    pub message: u128,
}

/// What is charged, and when the conversation that is charged or covers it opened (0 = not known).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    pub unit: Unit,
    pub opened_s: u32,
    /// Hash of the wamid that opened it without an id, which is the one that is said now; 0 = not known, or another case.
    pub bound: u128,
}

impl Placed {
    pub(super) const fn of(unit: Unit) -> Self {
        Self { unit, opened_s: 0, bound: 0 }
    }
}

/// Places a delivery; remembers what it opens in the pair.
pub(super) fn place(facts: &Facts<'_>, m: &Delivered<'_>, pair: &mut Pair) -> Placed {
    const BY_CONVERSATION: Option<ReportedModel> = Some(ReportedModel::Known(PricingModel::Cbp));
    let by_conversation = m.reported.model == BY_CONVERSATION;
    if m.reported.model.is_some() && !by_conversation {
        return Placed::of(Unit::Message);
    }
    let lengths = lengths(facts, m);
    // Types came with charges by message.
    let by_message = lengths.is_none() && (pair.conversations.is_none() || m.reported.pricing_type.is_some());
    if by_message && !by_conversation {
        return Placed::of(Unit::Message);
    }
    let known = m.id != 0 && facts.state.wamid(m.id).is_some();
    let opens = match m.id {
        0 => Unit::Conversation,
        _ => Unit::NamedConversation,
    };
    let said = match (said(&m.reported), m.category) {
        (Said::Kind(kind), _) => Some(kind),
        (Said::Nothing, Some(_)) => None,
        // What kind it is nobody knows; by its id it is one conversation all the same.
        _ if known => return Placed::of(Unit::Covered),
        _ if m.id == 0 => return Placed::of(Unit::Message),
        _ => return Placed { unit: opens, opened_s: m.at_s, bound: 0 },
    };
    let category = m.category.unwrap_or(Category::Service);
    let delivery = Delivery { at_s: m.at_s.into(), category, said, id: m.id, message: m.message };
    let mut conversations = pair.conversations.as_deref().copied().unwrap_or_default();
    if known && conversations.named(m.id).is_none() {
        return Placed::of(Unit::Covered);
    }
    let before = conversations;
    let placed = match conversations.place(&delivery, lengths) {
        Placement::Covered(c) => {
            let named = m.id != 0 && before.named(m.id).is_none();
            let opener = before.iter().find(|b| b.kind == c.kind).map_or(0, |b| b.opener);
            let opened_s = u32::try_from(c.opened_s).unwrap_or(0);
            Placed { unit: Unit::Covered, opened_s, bound: if named { opener } else { 0 } }
        }
        Placement::Opens(_) => Placed { unit: opens, opened_s: m.at_s, bound: 0 },
        // It opened before the rules changed, and the message that opened it has not come.
        Placement::Alone if by_conversation && m.id != 0 => Placed { unit: opens, opened_s: m.at_s, bound: 0 },
        Placement::Alone => Placed::of(Unit::Message),
    };
    keep(pair, conversations);
    placed
}

/// How long what opens on the day of a delivery lasts; `None` where messages are charged.
fn lengths(facts: &Facts<'_>, m: &Delivered<'_>) -> Option<ConversationLengths> {
    let date = facts.state.day(m.waba.ix, m.at_s).0;
    facts.rates.rulebook_at(date)?.1.conversation_lengths()
}

fn keep(pair: &mut Pair, conversations: Conversations) {
    pair.conversations = (!conversations.is_empty()).then(|| Box::new(conversations));
}

/// Whether the pair has the conversation of an id.
pub(super) fn is_kept(pair: &Pair, id: u128) -> bool {
    pair.conversations.as_deref().is_some_and(|all| all.named(id).is_some())
}

/// What a message seemed to have opened belongs to a conversation that another one opened.
pub(super) fn withdraw(m: &Delivered<'_>, old: &Booked, pair: &mut Pair) {
    let mut conversations = pair.conversations.as_deref().copied().unwrap_or_default();
    conversations.withdraw(conversation_kind(m, &old.reported), old.at_s.into(), m.message);
    keep(pair, conversations);
}

/// Kind of conversation by what is said, else by what we expect.
fn conversation_kind(m: &Delivered<'_>, reported: &Reported) -> ConversationKind {
    match said(reported) {
        Said::Kind(kind) => kind,
        Said::Nothing | Said::Unknown => ConversationKind::of(m.category.unwrap_or(Category::Service)),
    }
}

/// Tells the pair what became known of a conversation that was opened.
pub(super) fn revise(facts: &Facts<'_>, m: &Delivered<'_>, old: &Booked, pair: &mut Pair) {
    let Some(conversations) = pair.conversations.as_deref_mut() else { return };
    let category = m.category.unwrap_or(Category::Service);
    let now = Delivery {
        at_s: m.at_s.into(),
        category,
        said: Some(conversation_kind(m, &m.reported)),
        id: m.id,
        message: m.message,
    };
    conversations.revise(conversation_kind(m, &old.reported), old.at_s.into(), &now, lengths(facts, m));
}
