//! Contacts and pairs as they are resident: 16 bytes for what nearly everybody has, and a tail for the few that
//! have more. Records are whole everywhere else.

mod times;

use self::times::{Times, apart, put_apart};
use crate::hashing::Map;
use crate::ids::{BrandKey, ContactKey, PairKey};
use crate::record::{Contact, MARKETING_KEPT, Moved, Pair, Past};
use tollgate_quality::{BackOff, Burst, Counted};
use tollgate_rate_card::Conversations;

/// Everybody of a shard.
#[derive(Debug, Default)]
pub(crate) struct People {
    contacts: Map<ContactKey, ContactHead>,
    contact_tails: Map<ContactKey, ContactTail>,
    of_account: Times<ContactKey>,
    /// What was said to brands, as in a contact's flags.
    brands: Map<BrandKey, u16>,
    of_brands: Times<BrandKey>,
    /// Of those who have another number.
    moved: Map<ContactKey, Moved>,
    pairs: Map<PairKey, PairHead>,
    pair_tails: Map<PairKey, PairTail>,
    /// Of those who were delivered to while conversations were charged.
    conversations: Map<PairKey, Box<Conversations>>,
    /// Of those who wrote in more than one window of a month, or got what has no type.
    past: Map<PairKey, Box<Past>>,
}

#[derive(Clone, Copy, Debug)]
struct ContactHead {
    counted: Counted,
    /// What was said, as [`Times`] has it, and what else there is of the person.
    flags: u16,
}

// Beside those of [`Times`].
const HAS_TAIL: u16 = 1 << 9;
const SUPPRESSED: u16 = 1 << 11;
const HAS_MOVED: u16 = 1 << 14;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ContactTail {
    off_platform_until_s: u32,
    marketing_s: [u32; MARKETING_KEPT],
    capped_until_s: u32,
}

/// Of a pair there is more in the table of tails, in that of conversations, or in that of what is past.
const PAIR_TAIL: u8 = 1;
const PAIR_CONVERSATIONS: u8 = 2;
const PAIR_PAST: u8 = 4;

#[derive(Clone, Copy, Debug)]
struct PairHead {
    began_ms: u64,
    last_inbound_s: u32,
    late_ms: u16,
    sent: u8,
    /// [`PAIR_TAIL`], [`PAIR_CONVERSATIONS`] and [`PAIR_PAST`].
    parts: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PairTail {
    opened_s: u32,
    back_off: BackOff,
    counted: Counted,
}

impl People {
    /// A contact, blank when never seen.
    pub fn contact(&self, key: ContactKey) -> Contact {
        let Some(head) = self.contacts.get(&key) else { return Contact::default() };
        let tail = apart(&self.contact_tails, key, head.flags & HAS_TAIL);
        Contact {
            counted: head.counted,
            off_platform_until_s: tail.off_platform_until_s,
            marketing_s: tail.marketing_s,
            capped_until_s: tail.capped_until_s,
            suppressed: head.flags & SUPPRESSED != 0,
            moved: match head.flags & HAS_MOVED {
                0 => None,
                _ => self.moved.get(&key).copied(),
            },
            ..self.of_account.get(key, head.flags)
        }
    }

    /// Puts a contact; a blank one takes no room.
    pub fn put_contact(&mut self, key: ContactKey, c: &Contact) {
        let mut flags = self.of_account.put(key, c);
        if c.suppressed {
            flags |= SUPPRESSED;
        }
        let tail = ContactTail {
            off_platform_until_s: c.off_platform_until_s,
            marketing_s: c.marketing_s,
            capped_until_s: c.capped_until_s,
        };
        flags |= put_apart(&mut self.contact_tails, key, tail, HAS_TAIL);
        match c.moved {
            Some(moved) => {
                flags |= HAS_MOVED;
                self.moved.insert(key, moved);
            }
            None if !self.moved.is_empty() => {
                self.moved.remove(&key);
            }
            None => {}
        }
        if *c == Contact::default() {
            self.contacts.remove(&key);
        } else {
            self.contacts.insert(key, ContactHead { counted: c.counted, flags });
        }
    }

    /// What a person said to a brand, blank when that is nothing.
    pub fn brand(&self, key: BrandKey) -> Contact {
        self.brands.get(&key).map_or_else(Contact::default, |flags| self.of_brands.get(key, *flags))
    }

    /// Puts what a person said to a brand; of the record only what is about consents. A blank one takes no room.
    pub fn put_brand(&mut self, key: BrandKey, c: &Contact) {
        match self.of_brands.put(key, c) {
            0 => self.brands.remove(&key),
            flags => self.brands.insert(key, flags),
        };
    }

    /// A pair, blank when never seen.
    pub fn pair(&self, key: PairKey) -> Pair {
        let Some(head) = self.pairs.get(&key) else { return Pair::default() };
        let tail = match head.parts & PAIR_TAIL != 0 {
            false => PairTail::default(),
            true => self.pair_tails.get(&key).copied().unwrap_or_default(),
        };
        Pair {
            last_inbound_s: head.last_inbound_s,
            opened_s: tail.opened_s,
            burst: Burst { began_ms: head.began_ms, late_ms: head.late_ms, sent: head.sent },
            back_off: tail.back_off,
            counted: tail.counted,
            conversations: match head.parts & PAIR_CONVERSATIONS != 0 {
                false => None,
                true => self.conversations.get(&key).cloned(),
            },
            past: match head.parts & PAIR_PAST != 0 {
                false => None,
                true => self.past.get(&key).cloned(),
            },
        }
    }

    /// Puts a pair; a blank one takes no room.
    pub fn put_pair(&mut self, key: PairKey, p: &Pair) {
        let tail = PairTail { opened_s: p.opened_s, back_off: p.back_off, counted: p.counted };
        let has_tail = tail != PairTail::default();
        if has_tail {
            self.pair_tails.insert(key, tail);
        } else if !self.pair_tails.is_empty() {
            self.pair_tails.remove(&key);
        }
        put_part(&mut self.conversations, key, &p.conversations);
        put_part(&mut self.past, key, &p.past);
        if *p == Pair::default() {
            self.pairs.remove(&key);
        } else {
            let head = PairHead {
                began_ms: p.burst.began_ms,
                last_inbound_s: p.last_inbound_s,
                late_ms: p.burst.late_ms,
                sent: p.burst.sent,
                parts: (u8::from(has_tail) * PAIR_TAIL)
                    | (u8::from(p.conversations.is_some()) * PAIR_CONVERSATIONS)
                    | (u8::from(p.past.is_some()) * PAIR_PAST),
            };
            self.pairs.insert(key, head);
        }
    }

    /// Contacts that count at a second or have something reserved, in order.
    pub fn counted_contacts(&self, now_s: u32, of: impl Fn(ContactKey) -> bool) -> Vec<ContactKey> {
        held(self.contacts.iter().map(|(key, head)| (*key, head.counted)), now_s, of)
    }

    /// The same of pairs.
    pub fn counted_pairs(&self, now_s: u32, of: impl Fn(PairKey) -> bool) -> Vec<PairKey> {
        held(self.pair_tails.iter().map(|(key, tail)| (*key, tail.counted)), now_s, of)
    }

    /// Contacts and pairs.
    pub fn sizes(&self) -> (usize, usize) {
        (self.contacts.len(), self.pairs.len())
    }
}

/// Puts what hardly any pair has, or takes it away.
fn put_part<T: Clone>(table: &mut Map<PairKey, T>, key: PairKey, part: &Option<T>) {
    match part {
        Some(part) => {
            table.insert(key, part.clone());
        }
        None if !table.is_empty() => {
            table.remove(&key);
        }
        None => {}
    }
}

/// Keys whose person counts at a second or has something reserved, in order.
fn held<K: Copy + Ord>(all: impl Iterator<Item = (K, Counted)>, now_s: u32, of: impl Fn(K) -> bool) -> Vec<K> {
    let held = all.filter(|(key, c)| (c.is_counted(now_s) || c.reserved_n > 0) && of(*key));
    let mut keys: Vec<K> = held.map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AccountIx, BrandIx, SenderIx, User};
    use crate::record::{Consent, Pending, Term, Untyped};
    use smallvec::smallvec;
    use tollgate_rate_card::{Category, Conversation, ConversationKind};

    #[test]
    fn what_is_put_is_got_and_a_blank_takes_no_room() {
        let user = User::from_digits(5_511_987_654_321).expect("a number");
        let (ck, pk) = (ContactKey::new(AccountIx(3), user), PairKey::new(SenderIx(3), user));
        let mut contact = Contact::default();
        contact.opt_in(Some(Category::Utility), 7, 0);
        let said_no = Contact { consent: [Consent::None, Consent::In, Consent::None, Consent::Out], ..contact };
        let counted = contact.counted.reserve(7);
        let mut conversations = Conversations::default();
        conversations.restore(Conversation {
            kind: ConversationKind::Service,
            opened_s: 1,
            ends_s: 2,
            id: 3,
            opener: 0,
        });
        let past = Past { untyped: smallvec![Untyped { wamid: 1, entry: 2 }], ..Past::default() };
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
            Contact { suppressed: true, ..said_no },
            Contact { terms: [Term { said_s: 7, ends_s: 8 }; 4], ..contact },
            Contact { pending: [Pending { asked_s: 7, ends_s: 0 }; 4], ..Contact::default() },
            Contact { moved: Some(Moved { to: user, at_s: 7 }), stop_all: true, ..Contact::default() },
            Contact::default(),
        ];
        let pairs = [
            Pair { last_inbound_s: 5, ..Pair::default() },
            Pair { burst: Burst { began_ms: 6, late_ms: 7, sent: 1 }, opened_s: 1, ..Pair::default() },
            Pair { counted, ..Pair::default() },
            Pair { last_inbound_s: 5, opened_s: 5, ..Pair::default() },
            Pair { conversations: Some(Box::new(conversations)), ..Pair::default() },
            Pair { last_inbound_s: 5, conversations: Some(Box::new(conversations)), ..Pair::default() },
            Pair { past: Some(Box::new(past)), ..Pair::default() },
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
        let times = people.of_account;
        assert!(people.contact_tails.is_empty() && people.pair_tails.is_empty() && times.opt_outs.is_empty());
        assert!(times.terms.is_empty() && times.pending.is_empty() && people.moved.is_empty());
        assert!(people.conversations.is_empty() && people.past.is_empty());
        assert!(size_of::<(ContactKey, ContactHead)>() <= 24 && size_of::<(PairKey, PairHead)>() <= 24);
    }

    #[test]
    fn what_is_said_to_brands_is_kept_by_brand() {
        let user = User::from_digits(5_511_987_654_321).expect("a number");
        let contact = ContactKey::new(AccountIx(3), user);
        let [one, other] = [1, 2].map(|brand| BrandKey { contact, brand: BrandIx(brand) });
        let mut people = People::default();
        let mut said = Contact::default();
        let mut all = vec![said];
        said.opt_in(Some(Category::Utility), 7, 9);
        all.push(said);
        said.opt_out(Some(Category::Marketing), 8);
        all.push(said);
        said.await_confirmation(Category::Service, 9, 0);
        all.push(said);
        said.opt_out(None, 10);
        all.extend([said, Contact::default()]);
        for c in all {
            people.put_brand(one, &c);
            assert_eq!(
                (people.brand(one), people.brand(other), people.contact(contact)),
                (c, Contact::default(), Contact::default())
            );
        }
        let times = &people.of_brands;
        assert!(
            people.brands.is_empty() && times.opt_outs.is_empty() && times.terms.is_empty() && times.pending.is_empty()
        );
        // Known after a restart, and told apart from every other.
        assert_eq!(BrandKey::from_bytes(other.to_bytes()), other);
        assert!(size_of::<(BrandKey, u16)>() <= 24);
    }
}
