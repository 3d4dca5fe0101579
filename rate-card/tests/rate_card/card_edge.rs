use tollgate_rate_card::{Category, Currency, PricingType, Rated, UnpricedReason, Zone, ZoneCache};

use crate::{CARDS, decimal, message, priced};

/// The last second of 2026-09-30 and the first of 2026-10-01, in each WABA's own zone.
#[test]
fn both_cards_over_the_edge_in_each_zone() {
    for (zone, midnight) in [
        ("Asia/Seoul", "2026-09-30T15:00:00Z"),
        ("America/Sao_Paulo", "2026-10-01T03:00:00Z"),
        ("Pacific/Auckland", "2026-09-30T11:00:00Z"),
        ("America/Los_Angeles", "2026-10-01T07:00:00Z"),
    ] {
        let zone = Zone::new(zone).unwrap();
        let midnight: jiff::Timestamp = midnight.parse().unwrap();
        let mut cache = ZoneCache::default();
        let mut rate = |second: i64, country: &str, category| {
            let mut input = message(country, category, "2026-01-01");
            input.date = zone.local_date(midnight.as_second() + second, &mut cache);
            input.window_open = true;
            input.allowance_used = 1000;
            priced(&input)
        };
        for (country, category, before, after) in [
            ("MX", Category::Marketing, "0.0305", "0.0397"),
            ("MX", Category::Utility, "0", "0.0085"),
            ("MX", Category::Authentication, "0.0085", "0.0085"),
            ("MX", Category::Service, "0", "0.0085"),
            ("UA", Category::Authentication, "0.0212", "0.0298"),
            ("KZ", Category::Marketing, "0.0604", "0.0604"),
        ] {
            let last = rate(-1, country, category);
            let first = rate(0, country, category);
            assert_eq!(last.cost, decimal(before), "{country} {category} {}", zone.name());
            assert_eq!(first.cost, decimal(after), "{country} {category} {}", zone.name());
            assert_eq!(CARDS.card(last.card.unwrap()).id(), "pmp-usd-2026-07-01");
            assert_eq!(CARDS.card(first.card.unwrap()).id(), "pmp-usd-2026-10-01");
            assert_eq!(CARDS.rulebook(first.rulebook).id, "pmp-2026-10-01");
        }
        assert_eq!(rate(-1, "MX", Category::Utility).pricing_type, PricingType::FreeCustomerService);
    }
}

#[test]
fn a_currency_has_its_own_card_and_its_own_end() {
    let mut input = message("CO", Category::Utility, "2026-07-01");
    input.currency = Currency::new("EUR").unwrap();
    let euro = priced(&input);
    assert_eq!(CARDS.card(euro.card.unwrap()).id(), "pmp-eur-2026-07-01");
    assert_eq!(euro.cost, decimal("0.0008"));
    for (currency, date) in [("EUR", "2026-06-30"), ("EUR", "2026-10-01"), ("BRL", "2026-10-01")] {
        let mut input = message("CO", Category::Marketing, date);
        input.currency = Currency::new(currency).unwrap();
        let Rated::Unpriced(unpriced) = CARDS.rate(&input) else { panic!("{currency} {date}") };
        assert_eq!(unpriced.reason, UnpricedReason::NoCard);
        assert_eq!(unpriced.card, None);
        assert_eq!(unpriced.category, Some(Category::Marketing));
        assert!(unpriced.market.is_some() && unpriced.rulebook.is_some());
    }
}
