use tollgate_rate_card::{Category, PricingType, Rated, UnpricedReason};

use crate::{CARDS, decimal, message, priced, reported};

#[test]
fn the_first_thousand_service_messages_are_free() {
    for (used, pricing_type, cost) in [
        (0, PricingType::FreeAllowance, "0"),
        (998, PricingType::FreeAllowance, "0"),
        (999, PricingType::FreeAllowance, "0"),
        (1000, PricingType::Regular, "0.0068"),
        (1001, PricingType::Regular, "0.0068"),
        (u64::MAX, PricingType::Regular, "0.0068"),
    ] {
        let mut input = message("BR", Category::Service, "2026-10-01");
        input.window_open = true;
        input.allowance_used = used;
        for said in [None, reported("service", "regular", "PMP")] {
            input.reported = said;
            let priced = priced(&input);
            assert_eq!((used, priced.pricing_type), (used, pricing_type));
            assert_eq!(priced.cost, decimal(cost));
            assert_eq!(priced.list_rate, Some(decimal("0.0068")));
            assert!(priced.counts_for_allowance);
            assert!(!priced.counts_for_band);
        }
    }
}

#[test]
fn there_is_no_allowance_before_service_is_charged() {
    let mut input = message("BR", Category::Service, "2026-09-30");
    input.window_open = true;
    let priced = priced(&input);
    assert_eq!(priced.pricing_type, PricingType::FreeCustomerService);
    assert!(!priced.counts_for_allowance);
}

#[test]
fn templates_use_up_no_allowance() {
    let mut input = message("BR", Category::Utility, "2026-10-01");
    input.window_open = true;
    let priced = priced(&input);
    assert_eq!(priced.pricing_type, PricingType::Regular);
    assert!(!priced.counts_for_allowance);
}

#[test]
fn a_free_entry_point_comes_before_the_allowance_and_uses_it_up() {
    let mut input = message("BR", Category::Service, "2026-10-01");
    input.fep_open = true;
    let priced = priced(&input);
    assert_eq!(priced.pricing_type, PricingType::FreeEntryPoint);
    assert!(priced.counts_for_allowance);
}

/// The first thousand that are delivered are free, wherever they go: to count one, nobody need know its price.
#[test]
fn what_is_delivered_without_a_price_uses_it_up_too() {
    let said = [reported("service", "regular", "PMP"), reported("service", "free_as_never_before", "PMP")];
    for (country, said, reason, counts) in [
        ("", said[0], UnpricedReason::NoCountry, true),
        ("", said[1], UnpricedReason::NoCountry, true),
        ("BR", said[1], UnpricedReason::UnknownType, true),
        ("", reported("utility", "regular", "PMP"), UnpricedReason::NoCountry, false),
        ("", reported("service", "regular", "CBP"), UnpricedReason::NoCountry, false),
        ("", reported("business_agent", "regular", "PMP"), UnpricedReason::NoCountry, false),
    ] {
        let mut input = message(country, Category::Service, "2026-10-01");
        input.reported = said;
        let Rated::Unpriced(unpriced) = CARDS.rate(&input) else { panic!("{input:?} has no price") };
        assert_eq!((unpriced.reason, unpriced.counts_for_allowance), (reason, counts), "{country:?} {said:?}");
    }
    // Of conversations those that are charged count.
    let mut input = message("", Category::Service, "2024-10-01");
    input.reported = reported("service", "free_entry_point", "CBP");
    let Rated::Unpriced(free) = CARDS.rate(&input) else { panic!("{input:?} has no price") };
    assert!(!free.counts_for_allowance);
}
