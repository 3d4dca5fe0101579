//! Messages as earlier versions wrote them, byte by byte.
#![expect(clippy::unwrap_used, reason = "test")]

use rust_decimal::Decimal;
use std::sync::Arc;
use tollgate_core::codec;
use tollgate_core::ids::{AccountIx, CampaignIx, SenderIx, TemplateIx, User};
use tollgate_core::record::{Attempt, AttemptState, Booked, Message, MessageState, SaidRank, Stands, Tail, Unit};
use tollgate_rate_card::{Category, Country, PricingModel, Reported, ReportedCategory, ReportedModel, ReportedType};
use tollgate_wire::request::{ContentKind, Purpose};

fn message(conversation: u128, unit: Unit) -> Message {
    let reported = Reported {
        category: Some(ReportedCategory::Known(Category::Utility)),
        pricing_type: Some(ReportedType::Regular),
        model: Some(ReportedModel::Known(PricingModel::Pmp)),
    };
    let booked = Booked {
        unit,
        named: conversation != 0,
        at_s: 1_795_262_500,
        country: Country::new("BR"),
        reported,
        window_open: true,
        fep_open: false,
        allowance_used: 7,
        ordinal: 9,
        revision: 2,
        cost: Decimal::new(68, 4),
        card: 0,
        stands: Stands::NotKept,
        by_hash: false,
    };
    let first = Attempt {
        number: 1,
        state: AttemptState::Delivered,
        sender: SenderIx(3),
        waba: None,
        template: Some(TemplateIx(4)),
        alternative: 0,
        category: Category::Marketing,
        window_open: true,
        reserved_user: false,
        slot: false,
        reserved: Decimal::ZERO,
        admitted_ms: 1_795_262_400_000,
        leave_by_ms: 1_795_262_460_000,
        check_ms: u64::MAX,
        wamid: 0x0123_4567_89ab_cdef,
        code: 0,
        delivered_s: 1_795_262_500,
        reported,
        said_s: 0,
        said_rank: SaidRank::Held,
        conversation,
        booked: Some(booked),
        kind: ContentKind::Template,
        ttl_s: 30 * 86_400,
    };
    let second =
        Attempt { number: 2, state: AttemptState::Ordered, slot: true, booked: None, conversation: 0, ..first };
    Message {
        uid: 77,
        account: AccountIx(1),
        sender: SenderIx(3),
        user: User::from_digits(5_511_987_654_321).unwrap(),
        campaign: CampaignIx(5),
        priority: true,
        purpose: Purpose::Marketing,
        state: MessageState::Delivered,
        created_s: 1_795_262_399,
        expires_ms: 1_795_348_800_000,
        body_bytes: 0,
        park: None,
        attempts: [first, second].into_iter().collect(),
        tail: Arc::new(Tail { id: "order-1".into(), metadata: None, trace: None }),
        test: false,
    }
}

/// Without a conversation.
const FIRST: &str = "014d0000000000000001000300b1ee105c0305000005000000010302bf87016b00a22003a201000000000000000201080300\
    04000000000001000000000000000000000000000000000046fafda10100006030fbfda1010000ffffffffffffffffefcdab\
    89674523010000000000000000000000002488016b010102032488016b2b0007000000000000000900000000000000020000\
    00010102000004004400000000000000000000000200030004000000000005000000000000000000000000000000000046fa\
    fda10100006030fbfda1010000ffffffffffffffffefcdab89674523010000000000000000000000002488016b0101020007\
    006f726465722d310000";
/// With one.
const SECOND: &str = "024d0000000000000001000300b1ee105c0305000005000000010302bf87016b00a22003a201000000000000000201080300\
    04000000000001000000000000000000000000000000000046fafda10100006030fbfda1010000ffffffffffffffffefcdab\
    89674523010000000000000000000000002488016b010102032488016b2b0007000000000000000900000000000000020000\
    0001010200000400440000000000000000000000edfe00000000000000000000000000000502000300040000000000050000\
    00000000000000000000000000000046fafda10100006030fbfda1010000ffffffffffffffffefcdab896745230100000000\
    00000000000000002488016b01010200000000000000000000000000000000000007006f726465722d310000";

/// What they did not keep is not made up: card and kind are found by the catalogue, the WABA is the sender's, and the next
/// word counts whatever its time.
#[test]
fn they_are_read_and_written_anew() {
    for (hex, m) in [(FIRST, message(0, Unit::Message)), (SECOND, message(0xfeed, Unit::NamedConversation))] {
        let byte = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
        let stored: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        let read = codec::message(&stored).unwrap();
        assert_eq!(read, m);
        for cut in 0..stored.len() {
            assert!(codec::message(&stored[..cut]).is_err(), "cut to {cut}");
        }
        let mut now = Vec::new();
        codec::put_message(&read, &mut now);
        assert_eq!(now[0], 3);
        assert_eq!(codec::message(&now).unwrap(), m);
    }
}
