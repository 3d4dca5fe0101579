use tollgate_rate_card::{Category, PricingType};

use crate::{decimal, message, priced, reported};

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
