use tollgate_rate_card::{Category, Country, UnpricedReason, WorstCaseInput};

use crate::{CARDS, day, decimal};

fn input(country: &str, category: Category, from: &str, to: &str) -> WorstCaseInput {
    WorstCaseInput {
        currency: "USD".parse().unwrap(),
        from: day(from),
        to: day(to),
        country: Country::new(country),
        category,
        auth_international: false,
    }
}

#[test]
fn the_highest_card_until_the_last_delivery_counts() {
    for (country, category, from, to, highest) in [
        ("MX", Category::Marketing, "2026-09-30", "2026-09-30", "0.0305"),
        ("MX", Category::Marketing, "2026-09-30", "2026-10-01", "0.0397"),
        ("MX", Category::Utility, "2026-09-30", "2026-09-30", "0.0085"),
        ("MX", Category::Service, "2026-09-30", "2026-09-30", "0"),
        ("MX", Category::Service, "2026-10-01", "2026-10-01", "0.0085"),
        ("FR", Category::Marketing, "2025-12-31", "2026-01-01", "0.1432"),
        // A conversation that it may open.
        ("MX", Category::Utility, "2024-07-31", "2024-07-31", "0.0266"),
    ] {
        let worst = CARDS.worst_case(&input(country, category, from, to));
        assert_eq!(worst, Ok(decimal(highest)), "{country} {category} {from} {to}");
    }
}

#[test]
fn no_price_on_the_first_day_is_a_reason() {
    let reason = |input| CARDS.worst_case(&input).unwrap_err();
    let plain = input("BR", Category::Marketing, "2026-10-01", "2026-10-01");
    let nowhere = WorstCaseInput { country: None, ..plain };
    assert_eq!(reason(nowhere), UnpricedReason::NoCountry);
    let real = WorstCaseInput { currency: "BRL".parse().unwrap(), ..plain };
    assert_eq!(reason(real), UnpricedReason::NoCard);
    let mut unknown = input("UA", Category::Authentication, "2026-10-01", "2026-10-01");
    unknown.auth_international = true;
    assert_eq!(reason(unknown), UnpricedReason::UnknownRate);
}

#[test]
fn a_day_without_price_after_the_first_is_left_out() {
    let mut euro = input("BR", Category::Marketing, "2026-09-30", "2026-10-02");
    euro.currency = "EUR".parse().unwrap();
    assert_eq!(CARDS.worst_case(&euro), Ok(decimal("0.0518")));
}
