//! Histories of one WABA over the years of conversations, against a recount that scans all earlier ones each time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use tollgate_rate_card::{
    Category, ConversationKind, Conversations, Date, Decimal, Delivery, Placement, PricingType, RateCards, Rated,
    RatingInput, Reported, ReportedCategory, Source, Sources, UnpricedReason, YearMonth, Zone,
};

use crate::{CARDS, day, decimal, message, priced, reported};

const HOUR: i64 = 3600;

fn second(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// Rated and walked as the engine does, without its state around it.
struct Walk<'a> {
    rates: &'a RateCards,
    zone: Zone,
    people: BTreeMap<u8, Conversations>,
    used: BTreeMap<(YearMonth, Category), u64>,
}

impl<'a> Walk<'a> {
    fn new(rates: &'a RateCards) -> Self {
        let zone = Zone::new("America/Sao_Paulo").unwrap();
        Self { rates, zone, people: BTreeMap::new(), used: BTreeMap::new() }
    }

    /// `kind cost type` of what a delivery opens; `-` if it is covered, `alone` if messages are charged.
    fn deliver(&mut self, person: u8, at_s: i64, category: Category, entry: bool) -> String {
        let date = self.zone.local_date_at(at_s);
        let lengths = self.rates.rulebook_at(date).and_then(|(_, book)| book.conversation_lengths());
        let said = entry.then_some(ConversationKind::FreeEntryPoint);
        let delivery = Delivery { at_s, category, said, id: 0, message: 0 };
        match self.people.entry(person).or_default().place(&delivery, lengths) {
            Placement::Covered(_) => "-".to_owned(),
            Placement::Alone => "alone".to_owned(),
            Placement::Opens(opened) => format!("{} {}", opened.kind.as_str(), self.charge(date, category, entry)),
        }
    }

    fn charge(&mut self, date: Date, category: Category, entry: bool) -> String {
        let used = self.used.entry((YearMonth::of(date), category)).or_default();
        let referral = Reported { category: Some(ReportedCategory::ReferralConversion), ..Reported::default() };
        let input = RatingInput {
            date,
            window_open: true,
            fep_open: entry,
            allowance_used: *used,
            reported: entry.then_some(referral),
            ..message("BR", category, "2024-01-01")
        };
        let Rated::Priced(priced) = self.rates.rate(&input) else { panic!("{input:?}") };
        *used += u64::from(priced.counts_for_allowance);
        format!("{} {}", priced.cost.normalize(), priced.pricing_type.as_str())
    }
}

#[test]
fn the_platforms_worked_example_is_two_charges() {
    let mut walk = Walk::new(&CARDS);
    let start = second("2024-07-30T12:00:00Z");
    let booked: Vec<String> =
        [(0, Category::Marketing), (5, Category::Service), (25, Category::Service), (26, Category::Service)]
            .map(|(hour, category)| walk.deliver(0, start + hour * HOUR, category, false))
            .into();
    assert_eq!(booked, ["marketing 0.0625 regular", "-", "service 0 free_allowance", "-"]);
}

#[test]
fn a_conversation_has_the_card_of_the_day_on_which_it_opened() {
    // The utility rate of Brazil fell on 2024-08-01; midnight in Sao Paulo is 03:00 UTC.
    let edge = second("2024-08-01T03:00:00Z");
    let mut walk = Walk::new(&CARDS);
    assert_eq!(walk.deliver(0, edge - 1, Category::Utility, false), "utility 0.035 regular");
    assert_eq!(walk.deliver(0, edge, Category::Utility, false), "-");
    assert_eq!(walk.deliver(1, edge, Category::Utility, false), "utility 0.008 regular");
}

#[test]
fn a_thousand_service_conversations_a_month_are_free_and_all_from_november_2024() {
    let service = |date: &str, used| RatingInput {
        window_open: true,
        allowance_used: used,
        reported: reported("service", "", "CBP"),
        ..message("BR", Category::Service, date)
    };
    for (date, used, pricing_type, cost, counts) in [
        ("2024-10-31", 999, PricingType::FreeAllowance, "0", true),
        ("2024-10-31", 1000, PricingType::Regular, "0.0300", true),
        ("2024-11-01", 1000, PricingType::FreeCustomerService, "0", false),
        ("2025-06-30", 1000, PricingType::FreeCustomerService, "0", false),
    ] {
        let priced = priced(&service(date, used));
        assert_eq!((priced.pricing_type, priced.cost), (pricing_type, decimal(cost)), "{date}");
        assert_eq!(priced.counts_for_allowance, counts, "{date}");
    }
    let text = CARDS.explain(&service("2024-10-31", 999), &CARDS.rate(&service("2024-10-31", 999)));
    assert!(text.contains("charged: the conversation that this message opened, once"), "{text}");
    assert!(text.contains("message 1000 of 1000 free ones per WABA and month (counts conversations)"), "{text}");
}

#[test]
fn a_card_of_messages_prices_no_conversation() {
    let input = message("BR", Category::Marketing, "2024-10-15");
    for (card, expected) in [("cbp-usd-2025-02-01", Some("0.0625")), ("pmp-usd-2026-10-01", None)] {
        let rated = CARDS.rate_on(&input, CARDS.card_id(card));
        match (rated, expected) {
            (Rated::Priced(priced), Some(cost)) => assert_eq!(priced.cost, decimal(cost)),
            (Rated::Unpriced(unpriced), None) => assert_eq!(unpriced.reason, UnpricedReason::NoCard),
            other => panic!("{card}: {other:?}"),
        }
    }
}

#[test]
fn international_authentication_has_its_own_rate_in_the_same_conversation() {
    let said = |word| RatingInput {
        reported: reported(word, "", "CBP"),
        ..message("IN", Category::Authentication, "2024-08-01")
    };
    assert_eq!(priced(&said("authentication_international")).cost, decimal("0.0280"));
    assert_eq!(priced(&said("authentication")).cost, decimal("0.0014"));
}

/// With an allowance of three, so that short histories use it up.
fn small_allowance() -> RateCards {
    let mut sources = Sources::embedded();
    let text = sources.charging_rules.text.replace(",1000,waba,", ",3,waba,");
    assert!(sources.replace(&Source::new("charging_rules.csv", text)));
    RateCards::from_sources(&sources).unwrap()
}

#[derive(Debug, Clone, Copy)]
struct Event {
    person: u8,
    at_s: i64,
    category: Category,
    entry: bool,
}

/// One conversation as the recount notes it: nothing is ever changed or closed in the list.
struct Opened {
    person: u8,
    category: Category,
    entry: bool,
    at_s: i64,
}

/// The recount: days and lengths by hand, every earlier conversation asked each time.
fn recount(history: &[Event]) -> Vec<String> {
    let november = second("2024-11-01T03:00:00Z");
    let july = second("2025-07-01T03:00:00Z");
    let mut all: Vec<Opened> = Vec::new();
    let mut free: BTreeMap<i8, u32> = BTreeMap::new();
    let mut told = Vec::new();
    for e in history {
        let length = |o: &Opened| if o.entry { 72 * HOUR } else { 24 * HOUR };
        let entry_between = |o: &Opened, t: i64| {
            all.iter().any(|f| f.entry && f.person == o.person && !o.entry && o.at_s <= f.at_s && f.at_s <= t)
        };
        let open: Vec<&Opened> = all
            .iter()
            .filter(|o| o.person == e.person && e.at_s < o.at_s + length(o) && !entry_between(o, e.at_s))
            .collect();
        let covered = open.iter().any(|o| match (e.entry, o.entry) {
            (_, true) => true,
            (true, false) => false,
            (false, false) => o.category == e.category || e.category == Category::Service,
        });
        if covered {
            told.push("-".to_owned());
            continue;
        }
        if e.at_s >= july {
            told.push("alone".to_owned());
            continue;
        }
        all.push(Opened { person: e.person, category: e.category, entry: e.entry, at_s: e.at_s });
        let month = Timestamp::from_second(e.at_s - 3 * HOUR).unwrap().to_zoned(jiff::tz::TimeZone::UTC).month();
        told.push(match e.category {
            _ if e.entry => "free_entry_point 0 free_entry_point".to_owned(),
            Category::Marketing => "marketing 0.0625 regular".to_owned(),
            Category::Utility => "utility 0.008 regular".to_owned(),
            Category::Service if e.at_s >= november => "service 0 free_customer_service".to_owned(),
            Category::Service => {
                let n = free.entry(month).or_default();
                *n += 1;
                if *n <= 3 { "service 0 free_allowance".to_owned() } else { "service 0.03 regular".to_owned() }
            }
            _ => "authentication 0.0315 regular".to_owned(),
        });
    }
    told
}

fn history() -> impl Strategy<Value = Vec<Event>> {
    let categories = vec![Category::Marketing, Category::Utility, Category::Authentication, Category::Service];
    // Around the end of a month, the end of the allowance, and the end of conversations.
    let start = prop::sample::select(vec!["2024-09-29T12:00:00Z", "2024-10-30T12:00:00Z", "2025-06-28T12:00:00Z"]);
    // Whole hours too, so that ends are met to the second.
    let offset = prop_oneof![(0..120_i64).prop_map(|h| h * HOUR), 0..120 * HOUR];
    let event = (0..3_u8, offset, prop::sample::select(categories), prop::bool::weighted(0.08));
    (start, prop::collection::vec(event, 1..40)).prop_map(|(start, events)| {
        let mut history: Vec<Event> = events
            .into_iter()
            .map(|(person, offset, category, entry)| Event { person, at_s: second(start) + offset, category, entry })
            .collect();
        history.sort_by_key(|e| e.at_s);
        history
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_is_charged_as_a_recount_of_it(history in history()) {
        thread_local!(static RATES: RateCards = small_allowance());
        RATES.with(|rates| {
            let mut walk = Walk::new(rates);
            let walked: Vec<String> =
                history.iter().map(|e| walk.deliver(e.person, e.at_s, e.category, e.entry)).collect();
            prop_assert_eq!(walked, recount(&history));
            Ok(())
        })?;
    }

    /// A message twice, or any of its conversation again, opens nothing.
    #[test]
    fn what_is_said_again_opens_nothing(history in history(), again: prop::sample::Index) {
        let mut open = Conversations::default();
        let lengths = CARDS.rulebook_at(day("2024-06-01")).unwrap().1.conversation_lengths();
        let of = |e: &Event, id| Delivery { at_s: e.at_s, category: e.category, said: None, id, message: 0 };
        for (n, e) in history.iter().enumerate() {
            let placed = open.place(&of(e, 0), lengths);
            prop_assert!(matches!(open.place(&of(e, 0), lengths), Placement::Covered(_)));
            if n == again.index(history.len()) {
                // The platform says its id with a second status: the same conversation.
                let (Placement::Opens(c) | Placement::Covered(c)) = placed else { panic!("{placed:?}") };
                let named = Delivery { said: Some(c.kind), ..of(e, 7) };
                prop_assert!(matches!(open.place(&named, lengths), Placement::Covered(same) if same.id == 7));
                prop_assert_eq!(open.named(7).map(|c| c.kind), Some(c.kind));
            }
            let spans_in_order = open.iter().all(|c| c.opened_s <= c.ends_s && c.opened_s <= e.at_s);
            prop_assert!(spans_in_order);
        }
    }
}

#[test]
fn amounts_of_the_recount_are_those_of_the_cards() {
    for (category, rate) in
        [(Category::Marketing, "0.0625"), (Category::Utility, "0.0080"), (Category::Service, "0.0300")]
    {
        let input = RatingInput { window_open: true, allowance_used: 1000, ..message("BR", category, "2024-10-15") };
        assert_eq!(priced(&input).cost, decimal(rate));
        assert_ne!(priced(&input).cost, Decimal::ZERO);
    }
}
