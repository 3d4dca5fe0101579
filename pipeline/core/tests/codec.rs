//! Stored records: what is written is read back whole; what is not ours, cut or changed is refused, never guessed.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
#[path = "codec/records.rs"]
mod records;
#[path = "codec/settings.rs"]
mod settings;

use proptest::prelude::*;
use records::{contact, foreign, live, message, pair};
use std::sync::Arc;
use tollgate_core::change::{CounterKey, Proof};
use tollgate_core::codec::{self, CodecError, VERSION};
use tollgate_core::ids::{AccountIx, BrandIx, BrandKey, ContactKey, SenderIx, User, WabaIx};
use tollgate_core::record::{Booked, Contact, Known, Message, Pair, Tail, Unit};
use tollgate_quality::Burst;
use tollgate_rate_card::Conversation;
use tollgate_wire::command::ConsentState;

fn bytes(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out);
    out
}

/// No version of any record.
const UNKNOWN: u8 = 99;

/// Whole, it reads as it was; of another version, cut anywhere or with more behind it, it is refused.
fn holds<T: PartialEq + std::fmt::Debug>(
    record: &T,
    written: &[u8],
    read: fn(&[u8]) -> Result<T, CodecError>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(&read(written).unwrap(), record);
    let mut other = written.to_vec();
    other[0] = UNKNOWN;
    prop_assert_eq!(read(&other).unwrap_err(), CodecError::Version(UNKNOWN));
    for cut in 0..written.len() {
        prop_assert!(read(&written[..cut]).is_err(), "cut to {} of {}", cut, written.len());
    }
    let mut longer = written.to_vec();
    longer.push(0);
    prop_assert!(read(&longer).is_err(), "one byte more");
    Ok(())
}

proptest! {
    #[test]
    fn contacts(r in contact()) {
        holds(&r, &bytes(|b| codec::put_contact(&r, b)), codec::contact)?;
    }

    /// As older versions wrote it, and read it: for as long as there is nothing else to say.
    #[test]
    fn a_contact_is_written_in_the_oldest_format_that_says_it(c in contact()) {
        let first = |c: &Contact| bytes(|b| codec::put_contact(c, b))[0];
        let old = Contact {
            suppressed: false,
            terms: Default::default(),
            pending: Default::default(),
            moved: None,
            capped_until_s: 0,
            ..c
        };
        prop_assert_eq!(first(&old), if old.opt_out_s == [0; 5] { 1 } else { 2 });
        prop_assert_eq!(first(&Contact { opt_out_s: [0; 5], ..old }), 1);
        prop_assert_eq!(first(&c), if c == old { first(&old) } else { 3 });
    }

    /// Of a contact what is about consents, and nothing else.
    #[test]
    fn what_was_said_to_a_brand(c in contact()) {
        let said = Contact {
            consent: c.consent,
            stop_all: c.stop_all,
            opt_out_s: c.opt_out_s,
            terms: c.terms,
            pending: c.pending,
            ..Contact::default()
        };
        let written = bytes(|b| codec::put_brand(&c, b));
        holds(&said, &written, codec::brand)?;
        let (user, brand) = (User::from_raw(u64::from(c.opt_out_s[0])), BrandIx(c.marketing_s[0] as u8));
        let key = BrandKey { contact: ContactKey::new(AccountIx(7), user), brand };
        prop_assert_eq!(BrandKey::from_bytes(key.to_bytes()), key);
        prop_assert!(key.to_bytes().starts_with(&key.contact.0.to_be_bytes()));
    }

    #[test]
    fn pairs(r in pair()) {
        holds(&r, &bytes(|b| codec::put_pair(&r, b)), codec::pair)?;
    }

    /// What stands for a key under the platform's id of a conversation.
    #[test]
    fn a_key(key: u128) {
        let written = bytes(|b| codec::put_known(&Known::Key(key), b));
        prop_assert!(matches!(codec::known(&written).unwrap(), Known::Key(read) if read == key));
        prop_assert!(codec::known(&written[..written.len() - 1]).is_err());
        prop_assert!(codec::known(&[&written[..], &[0]].concat()).is_err());
        let mut numbered = written;
        numbered[3] = 1;
        prop_assert!(codec::known(&numbered).is_err());
    }

    /// What is kept of other software's messages: behind the numbers that earlier versions read alone.
    #[test]
    fn foreign_messages(f in foreign()) {
        let written = bytes(|b| codec::put_known(&Known::Foreign(Box::new(f)), b));
        prop_assert!(matches!(codec::known(&written).unwrap(), Known::Foreign(read) if *read == f));
        let (kept, price_said) = Known::Foreign(Box::new(f)).numbers();
        prop_assert!(matches!(codec::known(&written[..9]).unwrap(), Known::Numbers(k, p) if (k, p) == (kept, price_said)));
        for cut in (0..written.len()).filter(|cut| *cut != 9) {
            prop_assert!(codec::known(&written[..cut]).is_err(), "cut to {} of {}", cut, written.len());
        }
        prop_assert!(codec::known(&[&written[..], &[0]].concat()).is_err());
        let mut other = written;
        other[9] = UNKNOWN;
        prop_assert_eq!(codec::known(&other).unwrap_err(), CodecError::Version(UNKNOWN));
    }

    /// What an older version wrote, and reads: the first format, for as long as there is nothing else to say.
    #[test]
    fn a_pair_is_written_in_the_oldest_format_that_says_it(p in pair()) {
        let openers = p.conversations.iter().flat_map(|all| all.iter()).any(|c| c.opener != 0);
        let past = p.opened_s != 0 || p.past.is_some();
        let first = match (p.conversations.is_some(), p.burst != Burst::NONE) {
            (false, _) if past => 6,
            (true, _) if past => 7,
            _ if openers => 5,
            (false, false) => VERSION,
            (true, false) => 2,
            (false, true) => 3,
            (true, true) => 4,
        };
        prop_assert_eq!(bytes(|b| codec::put_pair(&p, b))[0], first);
    }

    /// Older versions kept a bucket's time in nanoseconds where the burst is now: nothing goes before it.
    #[test]
    fn what_an_older_version_knew_to_be_owed_is_paid_back(p in pair(), tat_ns: u64) {
        // They kept no openers and nothing past, but two times that are not read any more.
        let mut p = Pair { burst: Burst::NONE, opened_s: 0, past: None, ..p };
        let conversations = p.conversations.as_deref_mut();
        if let Some(all) = conversations {
            all.iter().copied().collect::<Vec<_>>().into_iter().for_each(|c| all.restore(Conversation { opener: 0, ..c }));
        }
        let mut written = bytes(|b| codec::put_pair(&p, b));
        written[5..13].copy_from_slice(&tat_ns.to_be_bytes());
        written[13..21].copy_from_slice(&tat_ns.to_le_bytes());
        let read = codec::pair(&written).unwrap();
        prop_assert_eq!(read, Pair { burst: Burst { began_ms: tat_ns.div_ceil(1_000_000), ..Burst::NONE }, ..p });
    }

    /// Two bytes for the WABA, four for the card of what is booked, four where the word is of another time than the
    /// delivery, 17 where a conversation is known.
    #[test]
    fn a_message_pays_for_what_it_has(m in message()) {
        let len = |m: &Message| bytes(|b| codec::put_message(m, b)).len();
        let mut plain = m.clone();
        let mut more = 0;
        for a in &mut plain.attempts {
            more += usize::from(a.said_s != a.delivered_s) * 4;
            more += usize::from(a.conversation != 0 || a.booked.is_some_and(|b| b.unit != Unit::Message)) * 17;
            (a.said_s, a.conversation) = (a.delivered_s, 0);
            a.booked = a.booked.map(|b| Booked { unit: Unit::Message, named: false, ..b });
        }
        prop_assert_eq!(len(&m), len(&plain) + more);
    }

    #[test]
    fn live_values(r in live()) {
        holds(&r, &bytes(|b| codec::put_live(&r, b)), codec::live)?;
    }

    #[test]
    fn messages(r in message()) {
        holds(&r, &bytes(|b| codec::put_message(&r, b)), codec::message)?;
    }

    /// What no trace is recorded of is written as before, for versions that know no traces.
    #[test]
    fn a_message_says_nothing_of_a_trace_that_is_not_recorded(r in message()) {
        let traced = r.tail.trace.is_some();
        let written = bytes(|b| codec::put_message(&r, b));
        prop_assert_eq!(written[0], if traced { 4 } else { 3 });
        let plain = Message { tail: Arc::new(Tail { trace: None, ..(*r.tail).clone() }), ..r.clone() };
        let before = bytes(|b| codec::put_message(&plain, b));
        prop_assert_eq!(&written[1..before.len()], &before[1..]);
        prop_assert_eq!(written.len() - before.len(), if traced { 24 } else { 0 });
    }

    #[test]
    fn proofs(
        contact: u64,
        category in 0..6_u8,
        at_ms: u64,
        ends_s: u32,
        pending: bool,
        brand: u8,
        source in ".{0,40}",
        text_version in "[a-z0-9]{0,9}",
    ) {
        let state = ConsentState::OptOut;
        let r = Proof { contact, category, state, source, at_ms, text_version, ends_s, pending, brand };
        holds(&r, &codec::put_proof(&r), codec::proof)?;
    }

    #[test]
    fn counters(ix: u16, month: u32, market: u16, category: u8, begun: u32) {
        for key in [
            CounterKey::Allowance(SenderIx(ix), month, category),
            CounterKey::WabaAllowance(WabaIx(ix), month, category),
            CounterKey::Band(AccountIx(ix), month, market, category),
            CounterKey::BandReached(AccountIx(ix), month, market, category),
            CounterKey::Fee { waba: WabaIx(market), sender: SenderIx(ix), month, begun, fee: category },
            CounterKey::NumberSince(WabaIx(market), SenderIx(ix)),
        ] {
            let b = codec::counter_key(key);
            prop_assert_eq!(codec::counter_from_key(&b).unwrap(), key);
            prop_assert!(codec::counter_from_key(&b[..b.len() - 1]).is_err());
        }
    }

    /// Any bytes at all: an answer, never a panic; and what is taken is written back as it was read.
    #[test]
    fn random_bytes(mut b in prop::collection::vec(any::<u8>(), 0..400), version in prop::option::of(VERSION..=5)) {
        if let (Some(version), false) = (version, b.is_empty()) {
            b[0] = version;
        }
        let _ = (codec::contact(&b), codec::pair(&b), codec::live(&b), codec::counter_from_key(&b));
        let _ = (codec::account(&b).is_ok(), codec::waba(&b).is_ok(), codec::sender(&b), codec::template(&b));
        let _ = (codec::campaign(&b).is_ok(), codec::proof(&b), codec::brand(&b));
        if let Ok(m) = codec::message(&b) {
            prop_assert_eq!(codec::message(&bytes(|o| codec::put_message(&m, o))).unwrap(), m);
        }
    }

    /// One flipped bit: either refused, or another record that is written as it was read.
    #[test]
    fn a_flipped_bit(r in message(), at: prop::sample::Index, bit in 0..8_u8) {
        let mut b = bytes(|o| codec::put_message(&r, o));
        let at = at.index(b.len());
        b[at] ^= 1 << bit;
        if let Ok(m) = codec::message(&b) {
            let again = codec::message(&bytes(|o| codec::put_message(&m, o))).unwrap();
            prop_assert_eq!(format!("{again:?}"), format!("{m:?}"));
        }
    }
}
