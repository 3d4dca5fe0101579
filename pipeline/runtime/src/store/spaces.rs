//! The key spaces of the state store and their stable names on disk.

/// One key space of the state store: its own ordered key range, written atomically together with the others.
///
/// The name on disk never changes; a new space is added at the end of [`Space::ALL`] and is created at the next open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Positions, the last committed time, the state format: a few small records.
    Meta,
    /// Accounts, senders, campaigns, templates, aggregates: small, read whole at start.
    Entities,
    /// One record per (account, user).
    Contacts,
    /// One record per (sender, user).
    Pairs,
    /// One record per message that waits or is on its way, with its attempts, without body: read whole at start.
    Messages,
    /// Message bodies, kept only while parked or retryable.
    Bodies,
    /// Request ids already seen, by keyed hash.
    Ids,
    /// Platform message id to message.
    Wamids,
    /// Messages that have ended, kept 30 days.
    Closed,
    /// Proofs of consent.
    Proofs,
    /// One record per (account, user, brand) of what was said to a brand.
    Brands,
}

impl Space {
    /// Every space, in declaration order.
    pub const ALL: [Self; 11] = [
        Self::Meta,
        Self::Entities,
        Self::Contacts,
        Self::Pairs,
        Self::Messages,
        Self::Bodies,
        Self::Ids,
        Self::Wamids,
        Self::Closed,
        Self::Proofs,
        Self::Brands,
    ];

    /// Stable name on disk and in the changelog, lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Entities => "entities",
            Self::Contacts => "contacts",
            Self::Pairs => "pairs",
            Self::Messages => "messages",
            Self::Bodies => "bodies",
            Self::Ids => "ids",
            Self::Wamids => "wamids",
            Self::Closed => "closed",
            Self::Proofs => "proofs",
            Self::Brands => "brands",
        }
    }

    /// The space of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|space| space.name() == name)
    }

    /// Position in [`Space::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_name_agree_with_the_list() {
        for (index, space) in Space::ALL.into_iter().enumerate() {
            assert_eq!(space.index(), index);
            assert_eq!(Space::from_name(space.name()), Some(space));
        }
        assert_eq!(Space::from_name("elsewhere"), None);
    }
}
