use tollgate_rate_card::{Category, RateCards, Rated, RatingInput, Source, Sources, UnpricedReason};

use crate::{CARDS, message, reason, reported};

#[test]
fn each_reason_for_no_price() {
    let unknown_rate =
        RatingInput { auth_international: true, ..message("UA", Category::Authentication, "2026-10-01") };
    let no_category = RatingInput { category: None, ..message("BR", Category::Marketing, "2026-10-01") };
    let of = |category: &str, pricing_type: &str, model: &str| RatingInput {
        reported: reported(category, pricing_type, model),
        ..message("BR", Category::Marketing, "2026-10-01")
    };
    for (input, expected) in [
        (message("", Category::Marketing, "2026-10-01"), UnpricedReason::NoCountry),
        (message("XX", Category::Marketing, "2026-10-01"), UnpricedReason::NoCountry),
        (message("BR", Category::Marketing, "2023-05-31"), UnpricedReason::NoCountry),
        (of("marketing", "", "CBP"), UnpricedReason::ModelNotSupported),
        (
            RatingInput { date: crate::day("2025-06-30"), ..of("marketing", "regular", "PMP") },
            UnpricedReason::ModelNotSupported,
        ),
        (of("marketing", "regular", "NBP"), UnpricedReason::ModelNotSupported),
        (of("group_marketing", "regular", "PMP"), UnpricedReason::UnknownCategory),
        (no_category, UnpricedReason::UnknownCategory),
        (of("marketing", "free_group_customer_service", "PMP"), UnpricedReason::UnknownType),
        (unknown_rate, UnpricedReason::UnknownRate),
    ] {
        assert_eq!(reason(&input), expected, "{input:?}");
    }
}

/// Starts with everything wrong and repairs one thing after the other.
#[test]
fn the_first_reason_in_order_is_given() {
    let mut sources = Sources::embedded();
    let file = "rates/pmp_usd_2026-10-01.csv";
    let card = sources.cards.iter().find(|card| card.name == file).unwrap();
    let text = card
        .text
        .replace("Brazil,marketing,0.0625,published,", "Brazil,marketing,,not_offered,")
        .replace("Brazil,utility,0.0068,published,", "Brazil,utility,,unknown,");
    assert!(sources.replace(&Source::new("pmp_usd_2026-10-01.csv", text)));
    let cards = RateCards::from_sources(&sources).unwrap();
    let mut input = message("BR", Category::Marketing, "2026-10-01");
    input.country = None;
    input.currency = "BRL".parse().unwrap();
    input.bid = true;
    input.reported = reported("group", "group", "NBP");
    let mut seen = Vec::new();
    while let Rated::Unpriced(unpriced) = cards.rate(&input) {
        let reason = unpriced.reason;
        assert!(!seen.contains(&reason), "{reason:?} twice");
        seen.push(reason);
        match reason {
            UnpricedReason::NoCountry => {
                input.country = "BR".parse().ok();
                input.date = crate::day("2026-10-01");
            }
            UnpricedReason::NoRulebook => unreachable!("the map starts with the rulebooks"),
            UnpricedReason::ModelNotSupported => input.reported = reported("group", "group", "PMP"),
            UnpricedReason::UnknownCategory => input.reported = reported("", "group", "PMP"),
            UnpricedReason::UnknownType => input.reported = reported("", "regular", "PMP"),
            UnpricedReason::Bid => input.bid = false,
            UnpricedReason::NoCard => input.currency = "USD".parse().unwrap(),
            UnpricedReason::NotOffered => input.category = Some(Category::Utility),
            UnpricedReason::UnknownRate => input.category = Some(Category::Authentication),
        }
    }
    let mut expected = UnpricedReason::ALL.to_vec();
    expected.retain(|&reason| reason != UnpricedReason::NoRulebook);
    assert_eq!(seen, expected);
    assert!(UnpricedReason::ALL.is_sorted());
}

#[test]
fn an_unpriced_message_still_takes_its_place_in_band_and_allowance() {
    let counts = |category, used, fep| {
        let mut input = message("BR", category, "2026-10-01");
        input.currency = "BRL".parse().unwrap();
        input.allowance_used = used;
        input.fep_open = fep;
        match CARDS.rate(&input) {
            Rated::Priced(p) => (true, p.counts_for_band, p.counts_for_allowance),
            Rated::Unpriced(u) => (false, u.counts_for_band, u.counts_for_allowance),
        }
    };
    assert_eq!(counts(Category::Utility, 0, false), (false, true, false));
    assert_eq!(counts(Category::Utility, 0, true), (true, false, false));
    assert_eq!(counts(Category::Marketing, 0, false), (false, false, false));
    assert_eq!(counts(Category::Service, 999, false), (true, false, true));
    assert_eq!(counts(Category::Service, 1000, false), (false, false, true));
}
