use proptest::prelude::*;
use tollgate_rate_card::{BandBasis, BandTable, Card, Category, Currency, Decimal, Market, Rated, round_amount};

use crate::{CARDS, day, decimal, message, priced};

fn mexico() -> (&'static Card, Market) {
    let usd = Currency::new("USD").unwrap();
    let card = CARDS.card_at(usd, day("2026-07-01")).unwrap();
    (CARDS.card(card), CARDS.map().market_named("Mexico").unwrap())
}

/// Another, simpler way: walk the bands until one ends at or after the message.
fn by_walking(table: &BandTable, ordinal: u64) -> Decimal {
    for (band, rate) in table.bands() {
        if band.to.is_none_or(|to| ordinal <= to) {
            return *rate;
        }
    }
    panic!("the last band is open")
}

#[test]
fn the_boundaries_of_every_table() {
    let mut tables = 0;
    for card in CARDS.cards() {
        for market in card.markets() {
            for category in Category::ALL {
                let Some(table) = card.bands(market, category) else {
                    continue;
                };
                tables += 1;
                for (band, rate) in table.bands() {
                    for ordinal in [Some(band.from), band.to].into_iter().flatten() {
                        assert_eq!(table.at(ordinal), (*band, *rate));
                        assert_eq!(by_walking(table, ordinal), *rate);
                    }
                }
            }
        }
    }
    assert_eq!(tables, 4);
}

#[test]
fn a_month_costs_what_its_messages_cost_one_by_one() {
    let (card, market) = mexico();
    let table = card.bands(market, Category::Utility).unwrap();
    let mut input = message("MX", Category::Utility, "2026-07-31");
    let (mut sum, mut walked) = (Decimal::ZERO, Decimal::ZERO);
    for ordinal in 999_000..1_001_000 {
        input.band_ordinal = Some(ordinal);
        sum += priced(&input).cost;
        walked += by_walking(table, ordinal);
    }
    assert_eq!(sum, walked);
    assert_eq!(sum, decimal("1001") * decimal("0.0085") + decimal("999") * decimal("0.0081"));
}

#[test]
fn a_band_lowers_only_the_messages_inside_it() {
    for (ordinal, index, rate) in [
        (1, 0, "0.0085"),
        (1_000_000, 0, "0.0085"),
        (1_000_001, 1, "0.0081"),
        (5_000_000, 1, "0.0081"),
        (5_000_001, 2, "0.0077"),
        (40_000_001, 5, "0.0064"),
        (u64::MAX, 5, "0.0064"),
    ] {
        let mut input = message("MX", Category::Authentication, "2026-08-15");
        input.band_ordinal = Some(ordinal);
        let priced = priced(&input);
        assert_eq!(priced.band.unwrap().index, index);
        assert_eq!(priced.band_basis, BandBasis::Table);
        assert_eq!(priced.cost_rate, decimal(rate));
        assert_eq!(priced.list_rate, Some(decimal("0.0085")));
        assert!(priced.counts_for_band);
    }
}

#[test]
fn unknown_bands_are_list_and_say_so() {
    for (country, category, date, basis) in [
        ("BR", Category::Utility, "2026-07-15", BandBasis::ListUnknown),
        ("MX", Category::Utility, "2026-10-01", BandBasis::ListUnknown),
        ("EG", Category::AuthenticationInternational, "2026-07-15", BandBasis::ListUnknown),
        ("MX", Category::Marketing, "2026-07-15", BandBasis::NotBanded),
        ("MX", Category::Service, "2026-10-01", BandBasis::NotBanded),
    ] {
        let mut input = message(country, category, date);
        input.band_ordinal = Some(99_000_000);
        input.allowance_used = 1000;
        let priced = priced(&input);
        assert_eq!(priced.band_basis, basis, "{country} {category} {date}");
        assert_eq!(priced.band, None);
        assert_eq!(Some(priced.cost_rate), priced.list_rate);
        assert_eq!(priced.counts_for_band, basis == BandBasis::ListUnknown);
    }
}

#[test]
fn without_a_position_the_band_is_unknown() {
    let priced = priced(&message("MX", Category::Utility, "2026-07-15"));
    assert_eq!(priced.band_basis, BandBasis::ListUnknown);
    assert_eq!(priced.cost_rate, decimal("0.0085"));
}

#[test]
fn international_authentication_shares_the_counter() {
    let counter = Category::AuthenticationInternational.band_counter();
    assert_eq!(counter, Category::Authentication.band_counter());
    assert_ne!(counter, Category::Utility.band_counter());
}

#[test]
fn the_published_discounts_round_half_away_from_zero() {
    for card in CARDS.cards() {
        for (market, category) in card.markets().flat_map(|m| Category::ALL.map(|c| (m, c))) {
            for (band, rate) in card.bands(market, category).map_or(&[][..], BandTable::bands) {
                let list = card.cell(market, category).unwrap().rate().unwrap();
                let factor = Decimal::new(100 - 5 * i64::from(band.index), 2);
                assert_eq!(round_amount(list * factor, 4), *rate);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_position_has_the_rate_of_a_walk(ordinal in 1u64..60_000_000) {
        let (card, market) = mexico();
        let table = card.bands(market, Category::Utility).unwrap();
        let mut input = message("MX", Category::Utility, "2026-07-01");
        input.band_ordinal = Some(ordinal);
        let Rated::Priced(priced) = CARDS.rate(&input) else { panic!("priced") };
        prop_assert_eq!(priced.cost, by_walking(table, ordinal));
    }
}
