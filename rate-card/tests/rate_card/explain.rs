use tollgate_rate_card::Category;

use crate::{CARDS, message, reported};

#[test]
fn a_banded_price() {
    let mut input = message("MX", Category::Utility, "2026-07-15");
    input.band_ordinal = Some(1_000_001);
    input.reported = reported("utility", "regular", "PMP");
    assert_eq!(
        CARDS.explain(&input, &CARDS.rate(&input)),
        "price: 0.0081 USD (regular)\n\
         market: Mexico, country MX Mexico (published)\n\
         rulebook: pmp-2025-07-01 (PMP, 2025-07-01 to 2026-09-30), local date 2026-07-15, window \
         closed, free entry point closed, category utility\n\
         platform: category utility, type regular, model PMP\n\
         card: pmp-usd-2026-07-01 (2026-07-01 to 2026-09-30), row Mexico,utility: list rate \
         0.0085, composed\n\
         band: 1 (messages 1000001:5000000), this is message 1000001 of the month: rate 0.0081\n\
         rounding: half away from zero to 10 decimals; exact"
    );
}

#[test]
fn an_unverified_price_shows_its_remark() {
    let input = message("PK", Category::Utility, "2026-10-01");
    let text = CARDS.explain(&input, &CARDS.rate(&input));
    assert!(text.contains("list rate 0.0150, unverified (single source)"), "{text}");
    assert!(text.contains("band: not known for this market and card: list rate"), "{text}");
}

#[test]
fn an_allowance_names_its_message() {
    let mut input = message("BR", Category::Service, "2026-10-01");
    input.allowance_used = 999;
    let text = CARDS.explain(&input, &CARDS.rate(&input));
    assert!(text.contains("allowance: message 1000 of 1000 free ones per sender"), "{text}");
    assert!(text.starts_with("price: 0 USD (free_allowance)"), "{text}");
}

#[test]
fn no_price_says_what_would_help() {
    let mut input = message("UA", Category::Authentication, "2026-10-01");
    input.auth_international = true;
    assert_eq!(
        CARDS.explain(&input, &CARDS.rate(&input)),
        "price: none (unknown_rate)\n\
         market: Ukraine, country UA Ukraine (published)\n\
         rulebook: pmp-2026-10-01 (PMP, 2026-10-01 onwards), local date 2026-10-01, window \
         closed, free entry point closed, category authentication_international\n\
         category: expected authentication, rated authentication_international\n\
         card: pmp-usd-2026-10-01 (2026-10-01 onwards)\n\
         remedy: import a card with this rate and rerate"
    );
}
