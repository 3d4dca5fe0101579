//! Stored records: what is written is read back whole; what is not ours, cut or changed is refused, never guessed.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use std::sync::Arc;
use tollgate_core::change::{CounterKey, Proof};
use tollgate_core::codec::{self, CodecError, VERSION};
use tollgate_core::engine::Table;
use tollgate_core::ids::{AccountIx, BrandIx, BrandKey, CampaignIx, ContactKey, SenderIx, TemplateIx, User, WabaIx};
use tollgate_core::lots::Resource;
use tollgate_core::record::{
    Attempt, AttemptState, Booked, Consent, Contact, Message, MessageState, Moved, Pair, Park, Pauses, Pending,
    SaidRank, Sender, SenderLive, Stands, Tail, Template, Term, Unit,
};
use tollgate_quality::{BackOff, Bucket, Burst, Counted, RateFactor};
use tollgate_rate_card::{
    Category, Conversation, ConversationKind, Conversations, Country, PricingModel, Reported, ReportedCategory,
    ReportedModel, ReportedType,
};
use tollgate_wire::Reason;
use tollgate_wire::command::ConsentState;
use tollgate_wire::request::{ContentKind, Purpose};
use tollgate_wire::trace::SpanRef;

fn counted() -> impl Strategy<Value = Counted> {
    any::<(u32, u32, u16)>().prop_map(|(confirmed_at_s, reserved_at_s, reserved_n)| Counted {
        confirmed_at_s,
        reserved_at_s,
        reserved_n,
    })
}

fn contact() -> impl Strategy<Value = Contact> {
    let consent = || prop_oneof![Just(Consent::None), Just(Consent::In), Just(Consent::Out)];
    type Rest = (Option<[(u32, u32); 4]>, Option<[(u32, u32); 4]>, Option<(u64, u32)>, bool, Option<u32>);
    (
        counted(),
        [consent(), consent(), consent(), consent()],
        any::<(bool, u32, [u32; 4], Option<[u32; 5]>)>(),
        any::<Rest>(),
    )
        .prop_map(|(counted, consent, (stop_all, off_platform_until_s, marketing_s, opt_outs), rest)| {
            let (terms, pending, moved, suppressed, capped) = rest;
            Contact {
                counted,
                consent,
                stop_all,
                off_platform_until_s,
                marketing_s,
                opt_out_s: opt_outs.unwrap_or_default(),
                suppressed,
                capped_until_s: capped.unwrap_or_default(),
                terms: terms.unwrap_or_default().map(|(said_s, ends_s)| Term { said_s, ends_s }),
                pending: pending.unwrap_or_default().map(|(asked_s, ends_s)| Pending { asked_s, ends_s }),
                moved: moved.map(|(to, at_s)| Moved { to: User::from_raw(to), at_s }),
            }
        })
}

fn conversations() -> impl Strategy<Value = Option<Box<Conversations>>> {
    prop::collection::vec((0..ConversationKind::COUNT, any::<(i64, i64, u128)>()), 0..9).prop_map(|kept| {
        let mut all = Conversations::default();
        for (kind, (opened_s, ends_s, id)) in kept {
            all.restore(Conversation { kind: ConversationKind::ALL[kind], opened_s, ends_s, id });
        }
        (!all.is_empty()).then(|| Box::new(all))
    })
}

fn pair() -> impl Strategy<Value = Pair> {
    (any::<(u32, u32, u32, Option<(u64, u16, u8)>, u32, u8)>(), counted(), conversations()).prop_map(
        |((a, b, c, burst, not_before_s, exponent), counted, conversations)| Pair {
            last_inbound_s: a,
            referral_s: b,
            fep_until_s: c,
            burst: burst.map_or(Burst::NONE, |(began_ms, late_ms, sent)| Burst { began_ms, late_ms, sent }),
            back_off: BackOff { not_before_s, exponent },
            counted,
            conversations,
        },
    )
}

fn live() -> impl Strategy<Value = SenderLive> {
    any::<(u64, [u64; 4], u16, u64, u64, Option<u16>)>().prop_map(
        |(t, p, permille, halved_at_ms, back_off_until_ms, ceiling)| SenderLive {
            throughput: Bucket { tat_ns: t },
            pacing: p.map(|tat_ns| Bucket { tat_ns }),
            factor: RateFactor { permille, halved_at_ms, ceiling_permille: ceiling.unwrap_or(1000) },
            back_off_until_ms,
        },
    )
}

fn decimal() -> impl Strategy<Value = Decimal> {
    (any::<i64>(), 0..=10_u32).prop_map(|(n, scale)| Decimal::new(n, scale))
}

fn category() -> impl Strategy<Value = Category> {
    prop::sample::select(Category::ALL.to_vec())
}

fn reported() -> impl Strategy<Value = Reported> {
    let category = prop_oneof![
        Just(ReportedCategory::Unknown),
        Just(ReportedCategory::ReferralConversion),
        category().prop_map(ReportedCategory::Known),
    ];
    let pricing_type = prop_oneof![
        Just(ReportedType::Regular),
        Just(ReportedType::FreeCustomerService),
        Just(ReportedType::FreeEntryPoint),
        Just(ReportedType::Unknown),
    ];
    let model = prop_oneof![
        Just(ReportedModel::Unknown),
        Just(ReportedModel::Known(PricingModel::Cbp)),
        Just(ReportedModel::Known(PricingModel::Pmp)),
    ];
    (prop::option::of(category), prop::option::of(pricing_type), prop::option::of(model))
        .prop_map(|(category, pricing_type, model)| Reported { category, pricing_type, model })
}

fn booked() -> impl Strategy<Value = Booked> {
    let country = prop::option::of((0..676_u16).prop_map(|n| Country::from_u16(n).unwrap()));
    let unit = (0..4_u8).prop_map(|b| Unit::from_byte(b).unwrap());
    let rest = any::<(u32, bool, bool, u64, u64, u32, u32, u8)>();
    (rest, country, reported(), decimal(), unit).prop_map(
        |(
            (at_s, window_open, fep_open, allowance_used, ordinal, revision, card, stands),
            country,
            reported,
            cost,
            unit,
        )| Booked {
            unit,
            named: false,
            at_s,
            country,
            reported,
            window_open,
            fep_open,
            allowance_used,
            ordinal,
            revision,
            cost,
            card,
            stands: Stands::from_bits(stands),
        },
    )
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let state = (0..10_u8).prop_map(|b| AttemptState::from_byte(b).unwrap());
    (
        (any::<u8>(), state, any::<u16>(), prop::option::of(0..u32::MAX), any::<u8>(), category()),
        any::<(bool, bool, bool, u64, u64, u64, u128, u32, u32)>(),
        (decimal(), reported(), prop::option::of(booked()), prop::option::of(1..u128::MAX), any::<bool>()),
        (prop::option::of(0..u16::MAX), prop::option::of(any::<u32>()), any::<u8>(), 0..11_u8, any::<u32>()),
    )
        .prop_map(
            |(
                (number, state, sender, template, alternative, category),
                rest,
                charge,
                (waba, said, rank, kind, ttl_s),
            )| {
                let (reserved, reported, booked, conversation, named) = charge;
                let named = named && conversation.is_some();
                let (window_open, reserved_user, slot, admitted_ms, leave_by_ms, check_ms, wamid, code, delivered_s) =
                    rest;
                Attempt {
                    number,
                    state,
                    sender: SenderIx(sender),
                    waba: waba.map(WabaIx),
                    template: template.map(TemplateIx),
                    alternative,
                    category,
                    window_open,
                    reserved_user,
                    slot,
                    reserved,
                    admitted_ms,
                    leave_by_ms,
                    check_ms,
                    wamid,
                    code,
                    delivered_s,
                    reported,
                    said_s: said.unwrap_or(delivered_s),
                    said_rank: SaidRank::from_bits(rank),
                    conversation: conversation.unwrap_or_default(),
                    booked: booked.map(|b| Booked { named, ..b }),
                    kind: match (template, ContentKind::from_byte(kind).unwrap()) {
                        (Some(_), _) => ContentKind::Template,
                        (None, ContentKind::Template) => ContentKind::Text,
                        (None, kind) => kind,
                    },
                    ttl_s,
                }
            },
        )
}

fn resource() -> impl Strategy<Value = Resource> {
    (0..13_u8, any::<u16>(), any::<u32>()).prop_map(|(tag, small, large)| match tag {
        0 => Resource::Own,
        1 => Resource::Campaign(CampaignIx(large)),
        2 => Resource::Sender(SenderIx(small)),
        3 => Resource::Template(TemplateIx(large)),
        4 => Resource::Pacing(SenderIx(small)),
        5 => Resource::Quota(AccountIx(small)),
        6 => Resource::NumberQuota(SenderIx(small)),
        7 => Resource::Budget(CampaignIx(large)),
        8 => Resource::Throughput(SenderIx(small)),
        10 => Resource::Barred(WabaIx(small), Country::from_u16((large % 676) as u16).unwrap()),
        11 => Resource::CampaignRate(CampaignIx(large)),
        12 => Resource::CampaignTest(CampaignIx(large), small as u8),
        _ => Resource::InFlight(SenderIx(small)),
    })
}

fn park() -> impl Strategy<Value = Park> {
    let reason = prop::sample::select(Reason::ALL.to_vec());
    (reason, resource(), any::<(u64, u32)>()).prop_map(|(reason, resource, (until_ms, told_s))| Park {
        reason,
        resource,
        until_ms,
        told_s,
    })
}

fn message() -> impl Strategy<Value = Message> {
    let purpose =
        prop::sample::select(vec![Purpose::Marketing, Purpose::Utility, Purpose::Authentication, Purpose::Service]);
    let state = (0..9_u8).prop_map(|b| MessageState::from_byte(b).unwrap());
    let trace = prop::option::of(any::<(u128, u64)>().prop_map(|(trace, span)| Box::new(SpanRef { trace, span })));
    let tail = ("[!-~]{1,128}", prop::option::of("\\{\"[a-zà-ÿ]{1,200}\":1\\}"), trace);
    (
        any::<(u64, u16, u16, u64, u32, bool, u32, u64, u32)>(),
        (purpose, state, prop::option::of(park()), prop::collection::vec(attempt(), 0..5)),
        tail,
    )
        .prop_map(|(fixed, (purpose, state, park, attempts), (id, metadata, trace))| {
            let (uid, account, sender, user, campaign, priority, created_s, expires_ms, body_bytes) = fixed;
            Message {
                uid,
                account: AccountIx(account),
                sender: SenderIx(sender),
                user: User::from_raw(user),
                campaign: CampaignIx(campaign),
                priority,
                purpose,
                state,
                created_s,
                expires_ms,
                body_bytes,
                park,
                attempts: attempts.into_iter().collect(),
                tail: Arc::new(Tail {
                    id: id.into(),
                    metadata: metadata.map(|m| RawValue::from_string(m).unwrap()),
                    trace,
                }),
                test: uid.is_multiple_of(3),
            }
        })
}

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

    /// What an older version wrote, and reads: the first format, for as long as there is nothing else to say.
    #[test]
    fn a_pair_is_written_in_the_oldest_format_that_says_it(p in pair()) {
        let first = match (p.conversations.is_some(), p.burst != Burst::NONE) {
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
        let p = Pair { burst: Burst::NONE, ..p };
        let mut written = bytes(|b| codec::put_pair(&p, b));
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

/// Settings are JSON: account, WABA, sender, template, campaign, as a world writes them.
#[test]
fn settings() {
    let mut w = common::World::with_account("TIER_1K", "GREEN");
    w.campaign(&serde_json::json!({"name": "c", "budget": "10.50", "weight": 3, "cost_center": "cc",
        "hours": {"from": 9, "to": 21, "time_zone": "America/Sao_Paulo"}}));
    w.commit();
    let mut kinds = std::collections::BTreeSet::new();
    for ((table, key), value) in w.store.0.iter().filter(|((t, _), _)| *t == Table::Entities) {
        let again = match key[0] {
            1 => codec::put_account(&codec::account(value).unwrap()),
            2 => codec::put_waba(&codec::waba(value).unwrap()),
            3 => codec::put_sender(&codec::sender(value).unwrap()),
            5 => codec::put_template(&codec::template(value).unwrap()),
            6 => codec::put_campaign(&codec::campaign(value).unwrap()),
            _ => continue,
        };
        kinds.insert(key[0]);
        assert_eq!(&again, value, "{table:?} {key:?}");
        let mut other = value.clone();
        other[0] = 9;
        let refused = match key[0] {
            1 => codec::account(&other).err(),
            2 => codec::waba(&other).err(),
            3 => codec::sender(&other).err(),
            5 => codec::template(&other).err(),
            _ => codec::campaign(&other).err(),
        };
        assert_eq!(refused, Some(CodecError::Version(9)));
        assert!(codec::account(&value[..value.len() - 1]).is_err());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [1, 2, 3, 5, 6]);
}

/// Earlier versions stop at what an error code holds; what it does not is written as they wrote it, and read.
#[test]
fn what_an_error_code_holds_has_a_format_of_its_own() {
    let mut w = common::World::with_account("TIER_1K", "GREEN");
    w.commit();
    let stored = |key: &[u8]| w.store.0[&(Table::Entities, key.to_vec())].clone();
    let (old_waba, old_sender, old_template) = (stored(&[2, 0, 0]), stored(&[3, 0, 0]), stored(&[5, 0, 0, 0, 0]));
    assert_eq!([old_waba[0], old_sender[0], old_template[0]], [VERSION; 3]);
    let mut waba = codec::waba(&old_waba).unwrap();
    waba.barred = vec![Country::new("DE").unwrap(), Country::new("BR").unwrap()];
    let written = codec::put_waba(&waba);
    assert_eq!((written[0], codec::waba(&written).unwrap().barred), (5, waba.barred.clone()));
    waba.barred.clear();
    assert_eq!(codec::put_waba(&waba), old_waba);
    for (blocked_by, marketing_held_by) in [(Some(190), None), (None, Some(131_048)), (Some(0), Some(2))] {
        let held = Sender { blocked_by, marketing_held_by, ..codec::sender(&old_sender).unwrap() };
        let written = codec::put_sender(&held);
        assert_eq!((written[0], codec::sender(&written).unwrap()), (5, held));
    }
    for pauses in [Pauses { count: 1, until_s: 9 }, Pauses { count: 3, until_s: 0 }] {
        let paused = Template { pauses, ..codec::template(&old_template).unwrap() };
        let written = codec::put_template(&paused);
        assert_eq!((written[0], codec::template(&written).unwrap()), (5, paused));
    }
    let version = |c: &Contact| bytes(|b| codec::put_contact(c, b))[0];
    let (mut contact, mut capped) = (Contact::default(), Contact::default());
    capped.capped_until_s = 7;
    contact.opt_out_s[0] = 7;
    assert_eq!([version(&Contact::default()), version(&contact), version(&capped)], [1, 2, 3]);
    let version = |factor| bytes(|b| codec::put_live(&SenderLive { factor, ..SenderLive::default() }, b))[0];
    assert_eq!([version(RateFactor::FULL), version(RateFactor { ceiling_permille: 263, ..RateFactor::FULL })], [1, 2]);
}

/// Earlier versions stop at an account with a closed month, and at no other.
#[test]
fn an_account_with_a_closed_month() {
    let mut w = common::World::with_account("TIER_1K", "GREEN");
    w.commit();
    let written = &w.store.0[&(Table::Entities, vec![1, 0, 0])];
    let mut account = codec::account(written).unwrap();
    assert_eq!((written[0], account.closed), (VERSION, 0));
    account.closed = 2026 * 12 + 9;
    let closed = codec::put_account(&account);
    assert_eq!((closed[0], codec::account(&closed).unwrap().closed), (3, account.closed));
    assert_eq!(closed.len(), written.len() + ",\"closed\":24321".len());
    for cut in 0..closed.len() {
        assert!(codec::account(&closed[..cut]).is_err(), "cut to {cut}");
    }
    account.closed = 0;
    assert_eq!(&codec::put_account(&account), written, "the rest as before");
}

/// Earlier versions stop at what is sold to a country, whatever else is known of it; all others are written as before.
#[test]
fn where_a_waba_is_sold_has_a_format_of_its_own() {
    let formats = |places: &serde_json::Value| {
        let mut spec = common::account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
        for (field, value) in places.as_object().unwrap() {
            spec["wabas"][0][field] = value.clone();
        }
        let mut w = common::World::new();
        w.apply(&spec);
        w.commit();
        let [account, waba] = [[1, 0, 0], [2, 0, 0]].map(|key| w.store.0[&(Table::Entities, key.to_vec())].clone());
        assert_eq!(codec::put_account(&codec::account(&account).unwrap()), account);
        assert_eq!(codec::put_waba(&codec::waba(&waba).unwrap()), waba);
        (account[0], waba[0], codec::waba(&waba).unwrap().spec.sold_to.map(|c| c.to_string()))
    };
    let sold = |country: &str| Some(country.to_owned());
    assert_eq!(formats(&serde_json::json!({})), (VERSION, VERSION, None));
    assert_eq!(formats(&serde_json::json!({"location": "BR"})), (7, 7, None));
    assert_eq!(formats(&serde_json::json!({"sold_to": "IN"})), (8, 8, sold("IN")));
    assert_eq!(formats(&serde_json::json!({"location": "BR", "sold_to": "IN"})), (8, 8, sold("IN")));
}

/// Earlier versions stop at an account with brands, also when it has them no longer; all others are written as before.
#[test]
fn an_account_with_brands() {
    let mut w = common::World::new();
    let plain = common::account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let stored = |w: &mut common::World, policy: serde_json::Value| {
        let mut spec = plain.clone();
        spec["policy"] = policy;
        w.apply(&spec);
        w.commit();
        w.store.0[&(Table::Entities, vec![1, 0, 0])].clone()
    };
    let old = stored(&mut w, serde_json::json!({}));
    assert_eq!((old[0], codec::account(&old).unwrap().brands.is_empty()), (VERSION, true));
    assert_eq!(codec::put_account(&codec::account(&old).unwrap()), old);
    let named = |name: &str| serde_json::json!({"brands": [{"name": name, "senders": ["1001"], "inherits": true}]});
    let with = [named("shoes"), named("hats"), serde_json::json!({})].map(|policy| stored(&mut w, policy));
    for (written, here) in with.iter().zip([1, 2, 0]) {
        let account = codec::account(written).unwrap();
        assert_eq!((written[0], account.brands.of_sender(SenderIx(0))), (6, BrandIx(here)));
        assert_eq!(&codec::put_account(&account), written);
        assert_eq!(account.brands, w_brands(written));
        for cut in 0..written.len() {
            assert!(codec::account(&written[..cut]).is_err(), "cut to {cut}");
        }
    }
    // Numbers of names stay, and what a number was of.
    let brands = codec::account(&with[2]).unwrap().brands;
    assert_eq!(brands.names().collect::<Vec<_>>(), ["shoes", "hats"]);
    let was: Vec<_> = brands.was().iter().map(|w| (w.sender, w.brand, w.until_s)).collect();
    let now_s = (w.now_ms / 1000) as u32;
    assert_eq!(was, [(SenderIx(0), BrandIx(1), now_s), (SenderIx(0), BrandIx(2), now_s)]);
    // Those before it was kept until when.
    let mut before: serde_json::Value = serde_json::from_slice(&with[2][1..]).unwrap();
    assert!(before.as_object_mut().unwrap().remove("brands_until").is_some());
    let before = [&with[2][..1], &serde_json::to_vec(&before).unwrap()].concat();
    let untimed = codec::account(&before).unwrap().brands;
    assert_eq!(
        untimed.was().iter().map(|w| (w.brand, w.until_s)).collect::<Vec<_>>(),
        [(BrandIx(1), 0), (BrandIx(2), 0)]
    );
    assert_eq!(untimed.since_s(SenderIx(0)), 0);
    assert_eq!(&brands, &w.engine.state().accounts().next().unwrap().brands);
    // A proof that was said to no brand is the same as before there were any.
    let proof = Proof {
        contact: 7,
        category: 0,
        state: ConsentState::OptIn,
        source: "web".to_owned(),
        at_ms: 8,
        text_version: String::new(),
        ends_s: 0,
        pending: false,
        brand: 0,
    };
    let written = codec::put_proof(&proof);
    let before = r#"{"contact":7,"category":0,"state":"opt_in","source":"web","at_ms":8,"text_version":""}"#;
    assert_eq!(&written[1..], before.as_bytes());
    assert_eq!(codec::proof(&written).unwrap(), proof);
}

fn w_brands(written: &[u8]) -> tollgate_core::record::Brands {
    codec::account(&codec::put_account(&codec::account(written).unwrap())).unwrap().brands
}
