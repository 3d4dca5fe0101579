//! Any record of each kind.

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use std::sync::Arc;
use tollgate_core::ids::{AccountIx, CampaignIx, SenderIx, TemplateIx, User, WabaIx};
use tollgate_core::lots::Resource;
use tollgate_core::record::{
    Attempt, AttemptState, Booked, Consent, Contact, Foreign, Message, MessageState, Moved, Pair, Park, Past, Pending,
    SaidRank, SenderLive, Stands, Tail, Term, Unit, Untyped, Window,
};
use tollgate_quality::{BackOff, Bucket, Burst, Counted, RateFactor};
use tollgate_rate_card::{
    Category, Conversation, ConversationKind, Conversations, Country, PricingModel, Reported, ReportedCategory,
    ReportedModel, ReportedType,
};
use tollgate_wire::Reason;
use tollgate_wire::request::{ContentKind, Purpose};
use tollgate_wire::trace::SpanRef;

fn counted() -> impl Strategy<Value = Counted> {
    any::<(u32, u32, u16)>().prop_map(|(confirmed_at_s, reserved_at_s, reserved_n)| Counted {
        confirmed_at_s,
        reserved_at_s,
        reserved_n,
    })
}

pub fn contact() -> impl Strategy<Value = Contact> {
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
    prop::collection::vec((0..ConversationKind::COUNT, any::<(i64, i64, u128, Option<u128>)>()), 0..9).prop_map(
        |kept| {
            let mut all = Conversations::default();
            for (kind, (opened_s, ends_s, id, opener)) in kept {
                let opener = opener.unwrap_or_default();
                all.restore(Conversation { kind: ConversationKind::ALL[kind], opened_s, ends_s, id, opener });
            }
            (!all.is_empty()).then(|| Box::new(all))
        },
    )
}

fn past() -> impl Strategy<Value = Option<Box<Past>>> {
    let edges = prop::collection::btree_set(any::<u32>(), 0..8);
    (edges, prop::collection::vec(any::<(u128, u128)>(), 0..4)).prop_map(|(edges, untyped)| {
        let edges: Vec<u32> = edges.into_iter().collect();
        let windows = edges.chunks_exact(2).map(|w| Window { opened_s: w[0], ends_s: w[1] }).collect();
        let untyped = untyped.into_iter().map(|(wamid, entry)| Untyped { wamid, entry }).collect();
        let past = Past { windows, untyped };
        (!past.is_empty()).then(|| Box::new(past))
    })
}

pub fn pair() -> impl Strategy<Value = Pair> {
    type Head = (u32, Option<u32>, Option<(u64, u16, u8)>, u32, u8);
    (any::<Head>(), counted(), conversations(), past()).prop_map(
        |((last_inbound_s, opened_s, burst, not_before_s, exponent), counted, conversations, past)| Pair {
            last_inbound_s,
            opened_s: opened_s.unwrap_or_default(),
            past,
            burst: burst.map_or(Burst::NONE, |(began_ms, late_ms, sent)| Burst { began_ms, late_ms, sent }),
            back_off: BackOff { not_before_s, exponent },
            counted,
            conversations,
        },
    )
}

pub fn live() -> impl Strategy<Value = SenderLive> {
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
    let rest = any::<(u32, (bool, bool, bool), u64, u64, u32, u32, u8)>();
    (rest, country, reported(), decimal(), unit).prop_map(
        |(
            (at_s, (window_open, fep_open, by_hash), allowance_used, ordinal, revision, card, stands),
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
            by_hash,
        },
    )
}

/// What other software sent: charged as a message, or of a conversation.
pub fn foreign() -> impl Strategy<Value = Foreign> {
    let forgotten = prop::option::of((1..u64::MAX, any::<u8>()));
    let of_conversation = prop::option::of((any::<u64>(), any::<u128>(), any::<bool>()));
    (any::<(u64, u8, u16, u32, u32, u8)>(), forgotten, of_conversation, booked()).prop_map(
        |((kept, price_said, sender, delivered_s, said_s, rank), forgotten, of_conversation, booked)| {
            let (user, conversation, named, unit) = match of_conversation {
                Some((user, id, named)) => (Some(User::from_raw(user)), id, named, booked.unit),
                None => (None, 0, false, Unit::Message),
            };
            Foreign {
                kept,
                price_said,
                sender: SenderIx(sender),
                forgotten,
                user,
                conversation,
                delivered_s,
                said: (said_s, SaidRank::from_bits(rank)),
                booked: Booked { named, unit, ..booked },
            }
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
    (0..14_u8, any::<u16>(), any::<u32>()).prop_map(|(tag, small, large)| match tag {
        0 => Resource::Own,
        1 => Resource::Campaign(CampaignIx(large)),
        2 => Resource::Sender(SenderIx(small)),
        3 => Resource::Template(TemplateIx(large), 0),
        4 => Resource::Pacing(SenderIx(small)),
        5 => Resource::Quota(AccountIx(small)),
        6 => Resource::NumberQuota(SenderIx(small)),
        7 => Resource::Budget(CampaignIx(large)),
        8 => Resource::Throughput(SenderIx(small)),
        10 => Resource::Barred(WabaIx(small), Country::from_u16((large % 676) as u16).unwrap()),
        11 => Resource::CampaignRate(CampaignIx(large)),
        12 => Resource::CampaignTest(CampaignIx(large), small as u8),
        13 => Resource::Template(TemplateIx(large), u32::from(small)),
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

pub fn message() -> impl Strategy<Value = Message> {
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
