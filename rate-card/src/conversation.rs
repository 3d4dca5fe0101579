//! Which conversation a delivered message belongs to, in the time in which the platform charged by conversation.
//!
//! Source: the platform's conversation-based pricing of 2023-06-01. A conversation opens, and is charged once, when a
//! message is *delivered*. A template is covered by an open conversation of its own category, a message that is no
//! template by one of any category; what nothing covers opens a new one beside those that are open. A free entry point
//! closes all others and covers everything until it ends. Lengths are the rulebook's, on the day of the opening: so one
//! that opened before the rules changed covers until its own end.
//!
//! The platform's word goes before these rules: of its conversation id, and of the kind of conversation.

use serde::{Deserialize, Serialize};

use crate::Category;

/// What a conversation covers. The two forms of authentication are one kind: they differ in rate alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Everything, free of charge: the business answered somebody who came from an advertisement.
    FreeEntryPoint,
    /// Messages that are no templates.
    Service,
    /// Marketing templates.
    Marketing,
    /// Utility templates.
    Utility,
    /// Authentication templates.
    Authentication,
}

impl ConversationKind {
    /// Number of kinds: so many conversations with one person are known at most.
    pub const COUNT: usize = 5;

    /// Every kind, in the order in which open ones are asked to cover a message that is no template.
    pub const ALL: [Self; Self::COUNT] =
        [Self::FreeEntryPoint, Self::Service, Self::Marketing, Self::Utility, Self::Authentication];

    /// The kind that a message of a category opens.
    #[must_use]
    pub const fn of(category: Category) -> Self {
        match category {
            Category::Marketing => Self::Marketing,
            Category::Utility => Self::Utility,
            Category::Authentication | Category::AuthenticationInternational => Self::Authentication,
            Category::Service => Self::Service,
        }
    }

    /// Position in [`ConversationKind::ALL`]: 0 to 4.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Name for people: `marketing`, `free_entry_point`, ….
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FreeEntryPoint => "free_entry_point",
            Self::Service => "service",
            Self::Marketing => "marketing",
            Self::Utility => "utility",
            Self::Authentication => "authentication",
        }
    }
}

/// How long conversations last, in seconds from their opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationLengths {
    /// Of a category.
    pub category_s: i64,
    /// Of a free entry point.
    pub entry_s: i64,
}

impl ConversationLengths {
    const fn of(self, kind: ConversationKind) -> i64 {
        match kind {
            ConversationKind::FreeEntryPoint => self.entry_s,
            _ => self.category_s,
        }
    }
}

/// A conversation of one WABA number with one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversation {
    /// What it covers.
    pub kind: ConversationKind,
    /// First second.
    pub opened_s: i64,
    /// First second after it.
    pub ends_s: i64,
    /// Hash of the platform's conversation id; 0 while the platform has not said one.
    pub id: u128,
    /// [`Delivery::message`] of the one that opened it, as long as there is no id; else 0.
    pub opener: u128,
}

impl Conversation {
    fn named(&mut self, id: u128) {
        if self.id == 0 && id != 0 {
            self.id = id;
            self.opener = 0;
        }
    }

    const fn spans(&self, at_s: i64) -> bool {
        self.opened_s <= at_s && at_s < self.ends_s
    }

    /// Whether a message opened it that was booked at a time. Without an id the message tells: its time, and what it covers,
    /// may have moved the opening back since, so that it ends before that time.
    const fn is_opened_by(&self, message: u128, at_s: i64) -> bool {
        if self.opener == 0 { self.spans(at_s) } else { self.opener == message }
    }

    /// Statuses come in any order: a delivery of less than one length before the opening would have opened it itself.
    const fn would_be_opened(&self, at_s: i64) -> bool {
        at_s < self.opened_s && self.opened_s < at_s + (self.ends_s - self.opened_s)
    }
}

/// A delivered message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// When it was delivered.
    pub at_s: i64,
    /// Category that we expect; [`Category::Service`] is everything that is no template.
    pub category: Category,
    /// Kind of conversation, if the platform says one. A free entry point is never guessed: whether the person came from
    /// an advertisement on a phone, and was answered in time, is the platform's to know.
    pub said: Option<ConversationKind>,
    /// Hash of the platform's conversation id; 0 if it says none.
    pub id: u128,
    /// Whatever tells the message from others: by it a conversation without an id knows who opened it. 0 = not known.
    pub message: u128,
}

impl Delivery {
    const fn kind(&self) -> ConversationKind {
        match self.said {
            Some(kind) => kind,
            None => ConversationKind::of(self.category),
        }
    }
}

/// Where a delivered message belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Into a conversation that another message opened: it costs nothing of its own.
    Covered(Conversation),
    /// It opens this conversation, which is charged.
    Opens(Conversation),
    /// Nothing covers it and the rules of its day open no conversation: it is charged by itself.
    Alone,
}

/// The conversations of one WABA number with one person: of each kind the latest, open or ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conversations([Option<Conversation>; ConversationKind::COUNT]);

impl Conversations {
    /// The latest conversation of each kind, by kind.
    pub fn iter(&self) -> impl Iterator<Item = &Conversation> {
        self.0.iter().flatten()
    }

    /// True if there never was one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Puts a conversation in the place of the one of its kind, as it was stored.
    pub fn restore(&mut self, conversation: Conversation) {
        self.0[conversation.kind.index()] = Some(conversation);
    }

    /// The conversation with an id that the platform said.
    #[must_use]
    pub fn named(&self, id: u128) -> Option<&Conversation> {
        self.iter().find(|c| id != 0 && c.id == id)
    }

    /// Places a delivery and remembers what it opens or tells of a conversation. `lengths` are those of the rulebook of
    /// its local day; `None` where that charges by message.
    ///
    /// Deliveries count in the order in which they come: one that is older than what it finds moves an opening back, but
    /// nothing that was placed before it is placed anew.
    pub fn place(&mut self, delivery: &Delivery, lengths: Option<ConversationLengths>) -> Placement {
        if let Some(kind) = self.covering(delivery) {
            return self.join(kind, delivery, lengths).map_or(Placement::Alone, Placement::Covered);
        }
        let Some(lengths) = lengths else { return Placement::Alone };
        let (kind, opened_s) = (delivery.kind(), delivery.at_s);
        let opener = if delivery.id == 0 { delivery.message } else { 0 };
        let opened = Conversation { kind, opened_s, ends_s: opened_s + lengths.of(kind), id: delivery.id, opener };
        self.open(opened);
        Placement::Opens(opened)
    }

    /// What became known of a message that had opened a conversation of kind `was` at `at_s`: an earlier delivery,
    /// another kind, the platform's id.
    pub fn revise(&mut self, was: ConversationKind, at_s: i64, now: &Delivery, lengths: Option<ConversationLengths>) {
        let same = |c: &Conversation| match c.id {
            0 => c.is_opened_by(now.message, at_s),
            id => id == now.id || now.id == 0 && c.spans(at_s),
        };
        let Some(mut c) = self.0[was.index()].take_if(|c| same(c)) else { return };
        c.named(now.id);
        if let Some(lengths) = lengths {
            let ends_s = |c: &Conversation| c.opened_s + lengths.of(c.kind);
            let cut = ends_s(&c) != c.ends_s;
            c.kind = now.kind();
            c.opened_s = c.opened_s.min(now.at_s);
            c.ends_s = if cut && c.kind == was { c.ends_s.min(ends_s(&c)) } else { ends_s(&c) };
        }
        self.open(c);
    }

    /// `message` had opened a conversation of kind `was` at `at_s`, of no id, and belongs to another one: it never was.
    pub fn withdraw(&mut self, was: ConversationKind, at_s: i64, message: u128) {
        self.0[was.index()].take_if(|c| c.id == 0 && c.is_opened_by(message, at_s));
    }

    /// The kind whose conversation covers a delivery.
    fn covering(&self, d: &Delivery) -> Option<ConversationKind> {
        if let Some(c) = self.named(d.id) {
            return Some(c.kind);
        }
        let spans = |kind: ConversationKind| {
            let c = self.0[kind.index()].filter(|c| c.id == 0 || d.id == 0);
            c.is_some_and(|c| c.spans(d.at_s)).then_some(kind)
        };
        let open = match d.said {
            Some(kind) => spans(kind),
            None if d.category == Category::Service => ConversationKind::ALL.into_iter().find_map(spans),
            None => spans(ConversationKind::FreeEntryPoint).or_else(|| spans(d.kind())),
        };
        open.or_else(|| {
            let c = self.0[d.kind().index()].filter(|c| c.id == 0 || d.id == 0)?;
            c.would_be_opened(d.at_s).then_some(c.kind)
        })
    }

    /// What a covered delivery tells of its conversation: the platform's id, an earlier opening.
    fn join(
        &mut self,
        kind: ConversationKind,
        d: &Delivery,
        lengths: Option<ConversationLengths>,
    ) -> Option<Conversation> {
        let c = self.0[kind.index()].as_mut()?;
        c.named(d.id);
        if let Some(lengths) = lengths.filter(|_| d.at_s < c.opened_s) {
            c.opened_s = d.at_s;
            c.ends_s = c.ends_s.min(d.at_s + lengths.of(kind));
        }
        let joined = *c;
        self.close_for(&joined);
        Some(joined)
    }

    /// Keeps the newer of two of a kind: it covers what comes.
    fn open(&mut self, new: Conversation) {
        let slot = &mut self.0[new.kind.index()];
        if slot.is_none_or(|c| c.opened_s <= new.opened_s) {
            *slot = Some(new);
        }
        self.close_for(&new);
    }

    /// A free entry point closes every conversation that is open when it opens.
    fn close_for(&mut self, entry: &Conversation) {
        if entry.kind != ConversationKind::FreeEntryPoint {
            return;
        }
        for c in self.0.iter_mut().flatten().filter(|c| c.kind != entry.kind && c.spans(entry.opened_s)) {
            c.ends_s = entry.opened_s;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConversationKind as Kind;

    const HOUR: i64 = 3600;
    const RULES: Option<ConversationLengths> = Some(ConversationLengths { category_s: 24 * HOUR, entry_s: 72 * HOUR });

    fn at(hour: i64, category: Category) -> Delivery {
        Delivery { at_s: hour * HOUR, category, said: None, id: 0, message: 0 }
    }

    fn named(hour: i64, category: Category, id: u128) -> Delivery {
        Delivery { said: Some(Kind::of(category)), id, ..at(hour, category) }
    }

    fn entry(hour: i64, id: u128) -> Delivery {
        Delivery { said: Some(Kind::FreeEntryPoint), id, ..at(hour, Category::Service) }
    }

    /// Kinds that open, in order; a covered delivery shows the kind that covers it in brackets.
    fn walk(deliveries: &[Delivery]) -> String {
        let mut open = Conversations::default();
        let words = deliveries.iter().map(|d| match open.place(d, RULES) {
            Placement::Opens(c) => c.kind.as_str().to_owned(),
            Placement::Covered(c) => format!("({})", c.kind.as_str()),
            Placement::Alone => "alone".to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_platforms_worked_example() {
        use Category::{Marketing, Service};
        // h4 the person writes; h5 a list message; h24 the marketing conversation ends; h25 and h26 texts.
        let day = [at(0, Marketing), at(5, Service), at(25, Service), at(26, Service)];
        assert_eq!(walk(&day), "marketing (marketing) service (service)");
    }

    #[test]
    fn a_conversation_covers_its_category_until_its_last_second() {
        use Category::{Authentication, AuthenticationInternational, Marketing, Service, Utility};
        let last = Delivery { at_s: 24 * HOUR - 1, ..at(0, Utility) };
        assert_eq!(walk(&[at(0, Utility), last, at(24, Utility)]), "utility (utility) utility");
        let parallel = [at(0, Utility), at(1, Marketing), at(2, Utility), at(2, Service), at(24, Service)];
        assert_eq!(walk(&parallel), "utility marketing (utility) (marketing) (marketing)");
        assert_eq!(walk(&[at(0, Service), at(1, Utility), at(2, Service)]), "service utility (service)");
        assert_eq!(
            walk(&[at(0, Authentication), at(1, AuthenticationInternational)]),
            "authentication (authentication)"
        );
    }

    #[test]
    fn a_free_entry_point_closes_all_others_and_nothing_opens_until_it_ends() {
        use Category::{Marketing, Service, Utility};
        let history = [at(0, Marketing), entry(1, 0), at(2, Marketing), at(3, Utility), at(72, Service)];
        assert_eq!(
            walk(&history),
            "marketing free_entry_point (free_entry_point) (free_entry_point) (free_entry_point)"
        );
        // It lasts from the answer; later messages do not lengthen it.
        let after = [at(60, Marketing), entry(61, 0), entry(100, 0), at(133, Marketing)];
        assert_eq!(walk(&after), "marketing free_entry_point (free_entry_point) marketing");
        // What it closed is not open again, were it shorter.
        let short = Some(ConversationLengths { category_s: 24 * HOUR, entry_s: 2 * HOUR });
        let mut open = Conversations::default();
        for (delivery, opens) in [(at(0, Marketing), true), (entry(1, 0), true), (at(3, Marketing), true)] {
            assert_eq!(matches!(open.place(&delivery, short), Placement::Opens(_)), opens, "{delivery:?}");
        }
    }

    #[test]
    fn the_platforms_id_is_the_conversation() {
        use Category::{Service, Utility};
        // Of one id, whatever the time; of another, although ours would cover it.
        assert_eq!(walk(&[named(0, Utility, 7), named(30, Utility, 7)]), "utility (utility)");
        assert_eq!(walk(&[named(0, Utility, 7), named(1, Utility, 8), at(2, Utility)]), "utility utility (utility)");
        assert_eq!(walk(&[named(0, Utility, 7), named(1, Service, 8)]), "utility service");
        // Said later, it belongs to what was open without one.
        assert_eq!(walk(&[at(0, Utility), named(1, Utility, 7), named(2, Utility, 8)]), "utility (utility) utility");
        // The word of a kind goes before ours, inside what we took for a free entry point too.
        assert_eq!(walk(&[entry(0, 0), named(1, Utility, 8)]), "free_entry_point utility");
    }

    #[test]
    fn an_older_delivery_moves_an_opening_back_and_opens_nothing_beside_it() {
        use Category::Utility;
        assert_eq!(walk(&[at(10, Utility), at(9, Utility), at(33, Utility)]), "utility (utility) utility");
        assert_eq!(walk(&[named(10, Utility, 7), named(9, Utility, 7), at(33, Utility)]), "utility (utility) utility");
        // More than a length before, it was another one, which ended before the one that is known.
        assert_eq!(walk(&[at(40, Utility), at(9, Utility), at(50, Utility)]), "utility utility (utility)");
    }

    #[test]
    fn what_opened_before_the_rules_changed_covers_until_it_ends() {
        use Category::{Marketing, Service, Utility};
        let mut open = Conversations::default();
        open.place(&at(0, Utility), RULES);
        for (delivery, covered) in [
            (at(1, Utility), true),
            (at(1, Service), true),
            (at(1, Marketing), false),
            (at(24, Utility), false),
            (named(24, Utility, 7), false),
        ] {
            let placed = open.place(&delivery, None);
            assert_eq!(matches!(placed, Placement::Covered(_)), covered, "{delivery:?}");
            assert_eq!(placed == Placement::Alone, !covered, "{delivery:?}");
        }
        assert_eq!(open.iter().count(), 1);
    }

    #[test]
    fn what_becomes_known_of_an_opening_changes_it() {
        use Category::{Marketing, Service, Utility};
        let mut open = Conversations::default();
        open.place(&at(10, Marketing), RULES);
        open.place(&at(10, Utility), RULES);
        // The platform says that it was a free entry point, and that it was earlier.
        open.revise(Kind::Marketing, 10 * HOUR, &entry(9, 7), RULES);
        let kept: Vec<_> = open.iter().map(|c| (c.kind, c.opened_s / HOUR, c.ends_s / HOUR, c.id)).collect();
        assert_eq!(kept, [(Kind::FreeEntryPoint, 9, 81, 7), (Kind::Utility, 10, 34, 0)]);
        assert_eq!(open.place(&at(20, Service), RULES), Placement::Covered(*open.named(7).expect("just said")));
        // What is not there any more changes nothing.
        let before = open;
        open.revise(Kind::Marketing, 10 * HOUR, &entry(9, 7), RULES);
        assert_eq!(open, before);
    }
}
