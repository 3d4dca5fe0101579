use tollgate_rate_card::{Category, Country, Currency, PricingType, Rated, RatingInput, Zone};

use crate::{CARDS, day, decimal, message, priced, reported};

/// The platform's table of what is charged where, per date.
#[test]
fn what_is_charged_where() {
    let table = "
        2026-09-30 marketing      closed closed regular
        2026-09-30 marketing      open   closed regular
        2026-09-30 marketing      open   open   free_entry_point
        2026-09-30 authentication closed closed regular
        2026-09-30 authentication open   closed regular
        2026-09-30 authentication closed open   free_entry_point
        2026-09-30 utility        closed closed regular
        2026-09-30 utility        open   closed free_customer_service
        2026-09-30 utility        open   open   free_entry_point
        2026-09-30 service        open   closed free_customer_service
        2026-09-30 service        closed closed free_customer_service
        2026-09-30 service        open   open   free_entry_point
        2025-07-01 utility        open   closed free_customer_service
        2026-10-01 marketing      open   closed regular
        2026-10-01 authentication open   closed regular
        2026-10-01 utility        closed closed regular
        2026-10-01 utility        open   closed regular
        2026-10-01 utility        open   open   free_entry_point
        2026-10-01 service        open   closed regular
        2026-10-01 service        closed closed regular
        2026-10-01 service        open   open   free_entry_point
    ";
    for line in table.lines().filter(|l| !l.trim().is_empty()) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let mut input = message("BR", Category::parse(cells[1]).unwrap(), cells[0]);
        input.window_open = cells[2] == "open";
        input.fep_open = cells[3] == "open";
        input.allowance_used = 1000;
        let priced = priced(&input);
        assert_eq!(priced.pricing_type.as_str(), cells[4], "{line}");
        let charged = priced.pricing_type == PricingType::Regular;
        assert_eq!(priced.cost.is_zero(), !charged, "{line}");
        assert_eq!(priced.model.as_str(), "PMP");
    }
}

#[test]
fn the_platforms_word_decides() {
    let mut input = message("BR", Category::Utility, "2026-09-30");
    input.window_open = true;
    for (category, pricing_type, expected_type, expected_category, cost) in [
        ("utility", "regular", PricingType::Regular, Category::Utility, "0.0068"),
        ("marketing", "regular", PricingType::Regular, Category::Marketing, "0.0625"),
        ("marketing_lite", "regular", PricingType::Regular, Category::Marketing, "0.0625"),
        ("utility", "free_entry_point", PricingType::FreeEntryPoint, Category::Utility, "0"),
        ("referral_conversion", "", PricingType::FreeEntryPoint, Category::Utility, "0"),
        ("", "", PricingType::FreeCustomerService, Category::Utility, "0"),
        ("marketing", "", PricingType::Regular, Category::Marketing, "0.0625"),
    ] {
        input.reported = reported(category, pricing_type, "PMP");
        let priced = priced(&input);
        assert_eq!(priced.pricing_type, expected_type, "{category} {pricing_type}");
        assert_eq!(priced.category, Some(expected_category), "{category} {pricing_type}");
        assert_eq!(priced.cost, decimal(cost), "{category} {pricing_type}");
    }
}

#[test]
fn foreign_traffic_at_a_free_entry_point_is_free_without_a_category() {
    let mut input = message("BR", Category::Utility, "2026-10-01");
    input.category = None;
    input.reported = reported("referral_conversion", "free_entry_point", "PMP");
    let priced = priced(&input);
    assert_eq!((priced.category, priced.list_rate), (None, None));
    assert!(priced.cost.is_zero());
}

#[test]
fn international_authentication_falls_back_where_it_is_not_offered() {
    for (country, category, cost) in
        [("IN", Category::AuthenticationInternational, "0.0304"), ("BR", Category::Authentication, "0.0068")]
    {
        let mut input = message(country, Category::Authentication, "2026-10-01");
        input.auth_international = true;
        for said in [None, reported("authentication-international", "regular", "PMP")] {
            input.reported = said;
            let priced = priced(&input);
            assert_eq!(priced.category, Some(category));
            assert_eq!(priced.cost, decimal(cost));
            assert!(priced.counts_for_band);
        }
        input.reported = reported("authentication", "regular", "PMP");
        assert_eq!(priced(&input).category, Some(Category::Authentication));
    }
}

#[test]
fn the_status_of_the_cell_stands_on_the_price() {
    for (country, date, status) in
        [("BR", "2026-10-01", "published"), ("BR", "2026-07-01", "composed"), ("PK", "2026-10-01", "unverified")]
    {
        let priced = priced(&message(country, Category::Utility, date));
        assert_eq!(priced.card_status.unwrap().as_str(), status);
    }
}

#[test]
fn a_free_message_needs_no_rate() {
    let mut input = message("BR", Category::Utility, "2026-10-01");
    input.currency = "BRL".parse().unwrap();
    input.fep_open = true;
    let priced = priced(&input);
    assert_eq!((priced.list_rate, priced.card), (None, None));
    assert!(priced.cost.is_zero());
}

#[test]
fn another_currency_than_the_one_asked_for_is_taken_until_its_last_day() {
    let last_day = |country: &str, currency: &str| {
        let (country, currency) = (Country::new(country).unwrap(), Currency::new(currency).unwrap());
        CARDS.currency_deadline(country, currency).map(|deadline| (deadline.currency.to_string(), deadline.last_day))
    };
    assert_eq!(last_day("IN", "USD"), Some(("INR".to_owned(), day("2026-12-31"))));
    assert_eq!(last_day("BR", "INR"), Some(("BRL".to_owned(), day("2027-06-30"))));
    assert_eq!([last_day("IN", "INR"), last_day("BR", "BRL"), last_day("MX", "USD")], [None, None, None]);
    let deadline = CARDS.currency_deadline(Country::new("IN").unwrap(), Currency::new("EUR").unwrap()).unwrap();
    assert!(!deadline.is_over(day("2026-12-31")) && deadline.is_over(day("2027-01-01")));
    for (zone, midnight) in [("Asia/Kolkata", "2026-12-31T18:30:00Z"), ("America/Sao_Paulo", "2027-01-01T03:00:00Z")] {
        let (zone, at) = (Zone::new(zone).unwrap(), midnight.parse::<jiff::Timestamp>().unwrap().as_second());
        assert_eq!(deadline.over_at(&zone), at);
        assert!(!deadline.is_over(zone.local_date_at(at - 1)) && deadline.is_over(zone.local_date_at(at)));
    }
}

#[test]
fn marketing_to_the_united_states_is_barred() {
    let barred = |code: &str, category, date: &str| {
        CARDS.barred(Country::new(code).unwrap(), category, day(date)).map(|bar| bar.platform_code)
    };
    assert_eq!(barred("US", Category::Marketing, "2025-03-31"), None);
    assert_eq!(barred("US", Category::Marketing, "2025-04-01"), Some(131_049));
    assert_eq!(barred("US", Category::Utility, "2025-04-01"), None);
    assert_eq!(barred("CA", Category::Marketing, "2026-10-01"), None);
}

#[test]
fn every_published_cell_is_the_price_of_its_message() {
    for card in CARDS.cards().iter().filter(|card| card.model().as_str() == "PMP") {
        for (country, _) in CARDS.map().countries() {
            let market = CARDS.map().market(country, card.validity().from()).unwrap();
            for category in Category::ALL {
                let Some(rate) = card.cell(market, category).unwrap().rate() else {
                    continue;
                };
                let input = RatingInput {
                    currency: card.currency(),
                    date: card.validity().from(),
                    country: Some(country),
                    allowance_used: 1000,
                    reported: reported(category.as_str(), "regular", "PMP"),
                    ..message("BR", category, "2026-01-01")
                };
                let Rated::Priced(priced) = CARDS.rate(&input) else { panic!("{country} {category}") };
                assert_eq!(priced.cost, rate);
                assert_eq!(CARDS.card(priced.card.unwrap()).id(), card.id());
            }
        }
    }
}
