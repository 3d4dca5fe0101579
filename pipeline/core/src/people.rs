//! Contacts and pairs as they are resident: 16 bytes for what nearly everybody has, and a tail for the few that
//! have more. Records are whole everywhere else.

use crate::hashing::Map;
use crate::ids::{ContactKey, PairKey};
use crate::record::{Consent, Contact, MARKETING_KEPT, OPT_OUTS, Pair};
use tollgate_quality::{BackOff, Bucket, Counted};
use tollgate_rate_card::Conversations;

/// Everybody of a shard.
#[derive(Debug, Default)]
pub(crate) struct People {
    contacts: Map<ContactKey, ContactHead>,
    contact_tails: Map<ContactKey, ContactTail>,
    /// Of those who ever said no.
    opt_outs: Map<ContactKey, [u32; OPT_OUTS]>,
    pairs: Map<PairKey, PairHead>,
    pair_tails: Map<PairKey, PairTail>,
    /// Of those who were delivered to while conversations were charged.
    conversations: Map<PairKey, Box<Conversations>>,
}

#[derive(Clone, Copy, Debug)]
struct ContactHead {
    counted: Counted,
    /// Two bits for each consent, from the lowest; then `STOP_ALL`, `HAS_TAIL`, `HAS_OPT_OUTS`.
    flags: u16,
}

const STOP_ALL: u16 = 1 << 8;
const HAS_TAIL: u16 = 1 << 9;
const HAS_OPT_OUTS: u16 = 1 << 10;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ContactTail {
    off_platform_until_s: u32,
    marketing_s: [u32; MARKETING_KEPT],
    capped_until_s: u32,
}

#[derive(Clone, Copy, Debug)]
struct PairHead {
    bucket: Bucket,
    last_inbound_s: u32,
    has_tail: bool,
    has_conversations: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PairTail {
    referral_s: u32,
    fep_until_s: u32,
    back_off: BackOff,
    counted: Counted,
}

impl People {
    /// A contact, blank when never seen.
    pub fn contact(&self, key: ContactKey) -> Contact {
        let Some(head) = self.contacts.get(&key) else { return Contact::default() };
        let consent = |n: u16| match head.flags >> (2 * n) & 3 {
            1 => Consent::In,
            2 => Consent::Out,
            _ => Consent::None,
        };
        let tail = match head.flags & HAS_TAIL {
            0 => ContactTail::default(),
            _ => self.contact_tails.get(&key).copied().unwrap_or_default(),
        };
        Contact {
            counted: head.counted,
            consent: [consent(0), consent(1), consent(2), consent(3)],
            stop_all: head.flags & STOP_ALL != 0,
            off_platform_until_s: tail.off_platform_until_s,
            marketing_s: tail.marketing_s,
            capped_until_s: tail.capped_until_s,
            opt_out_s: match head.flags & HAS_OPT_OUTS {
                0 => [0; OPT_OUTS],
                _ => self.opt_outs.get(&key).copied().unwrap_or_default(),
            },
        }
    }

    /// Puts a contact; a blank one takes no room.
    pub fn put_contact(&mut self, key: ContactKey, c: &Contact) {
        let mut flags = c.consent.iter().rev().fold(0, |bits, consent| bits << 2 | *consent as u16);
        if c.stop_all {
            flags |= STOP_ALL;
        }
        let tail = ContactTail {
            off_platform_until_s: c.off_platform_until_s,
            marketing_s: c.marketing_s,
            capped_until_s: c.capped_until_s,
        };
        if tail != ContactTail::default() {
            flags |= HAS_TAIL;
            self.contact_tails.insert(key, tail);
        } else if !self.contact_tails.is_empty() {
            self.contact_tails.remove(&key);
        }
        if c.opt_out_s != [0; OPT_OUTS] {
            flags |= HAS_OPT_OUTS;
            self.opt_outs.insert(key, c.opt_out_s);
        } else if !self.opt_outs.is_empty() {
            self.opt_outs.remove(&key);
        }
        if *c == Contact::default() {
            self.contacts.remove(&key);
        } else {
            self.contacts.insert(key, ContactHead { counted: c.counted, flags });
        }
    }

    /// A pair, blank when never seen.
    pub fn pair(&self, key: PairKey) -> Pair {
        let Some(head) = self.pairs.get(&key) else { return Pair::default() };
        let tail = match head.has_tail {
            false => PairTail::default(),
            true => self.pair_tails.get(&key).copied().unwrap_or_default(),
        };
        Pair {
            last_inbound_s: head.last_inbound_s,
            referral_s: tail.referral_s,
            fep_until_s: tail.fep_until_s,
            bucket: head.bucket,
            back_off: tail.back_off,
            counted: tail.counted,
            conversations: match head.has_conversations {
                false => None,
                true => self.conversations.get(&key).cloned(),
            },
        }
    }

    /// Puts a pair; a blank one takes no room.
    pub fn put_pair(&mut self, key: PairKey, p: &Pair) {
        let tail =
            PairTail { referral_s: p.referral_s, fep_until_s: p.fep_until_s, back_off: p.back_off, counted: p.counted };
        let has_tail = tail != PairTail::default();
        if has_tail {
            self.pair_tails.insert(key, tail);
        } else if !self.pair_tails.is_empty() {
            self.pair_tails.remove(&key);
        }
        let has_conversations = p.conversations.is_some();
        if let Some(conversations) = &p.conversations {
            self.conversations.insert(key, conversations.clone());
        } else if !self.conversations.is_empty() {
            self.conversations.remove(&key);
        }
        if *p == Pair::default() {
            self.pairs.remove(&key);
        } else {
            let head = PairHead { bucket: p.bucket, last_inbound_s: p.last_inbound_s, has_tail, has_conversations };
            self.pairs.insert(key, head);
        }
    }

    /// Contacts and pairs.
    pub fn sizes(&self) -> (usize, usize) {
        (self.contacts.len(), self.pairs.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountIx, SenderIx, User};
    use tollgate_rate_card::{Category, Conversation, ConversationKind};

    #[test]
    fn what_is_put_is_got_and_a_blank_takes_no_room() {
        let user = User::from_digits(5_511_987_654_321).expect("a number");
        let (ck, pk) = (ContactKey::new(AccountIx(3), user), PairKey::new(SenderIx(3), user));
        let mut contact = Contact::default();
        contact.opt_in(Some(Category::Utility), 7);
        let said_no = Contact { consent: [Consent::None, Consent::In, Consent::None, Consent::Out], ..contact };
        let counted = contact.counted.reserve(7);
        let mut conversations = Conversations::default();
        conversations.restore(Conversation { kind: ConversationKind::Service, opened_s: 1, ends_s: 2, id: 3 });
        let contacts = [
            contact,
            said_no,
            Contact { opt_out_s: [0, 0, 0, 8, 0], ..said_no },
            Contact { opt_out_s: [1, 2, 3, 4, 5], ..Contact::default() },
            Contact { counted, ..contact },
            Contact { stop_all: true, ..Contact::default() },
            Contact { marketing_s: [4, 3, 2, 1], ..contact },
            Contact { off_platform_until_s: 9, ..Contact::default() },
            Contact { capped_until_s: 9, ..contact },
            Contact::default(),
        ];
        let pairs = [
            Pair { last_inbound_s: 5, ..Pair::default() },
            Pair { bucket: Bucket { tat_ns: 6 }, fep_until_s: 1, ..Pair::default() },
            Pair { counted, ..Pair::default() },
            Pair { last_inbound_s: 5, referral_s: 5, ..Pair::default() },
            Pair { conversations: Some(Box::new(conversations)), ..Pair::default() },
            Pair { last_inbound_s: 5, conversations: Some(Box::new(conversations)), ..Pair::default() },
            Pair::default(),
        ];
        let mut people = People::default();
        for c in contacts {
            people.put_contact(ck, &c);
            assert_eq!(people.contact(ck), c);
        }
        for p in pairs {
            people.put_pair(pk, &p);
            assert_eq!(people.pair(pk), p);
        }
        assert_eq!(people.sizes(), (0, 0));
        assert!(people.contact_tails.is_empty() && people.pair_tails.is_empty() && people.opt_outs.is_empty());
        assert!(people.conversations.is_empty());
        assert!(size_of::<(ContactKey, ContactHead)>() <= 24 && size_of::<(PairKey, PairHead)>() <= 24);
    }
}
