use tollgate_rate_card::{Card, Category, CellStatus, Country, Currency, PricingModel, Sources, YearMonth};

use crate::CARDS;

#[test]
fn the_cards_are_all_there() {
    let ids: Vec<&str> = CARDS.cards().iter().map(Card::id).collect();
    assert_eq!(
        ids,
        [
            "pmp-eur-2026-07-01",
            "cbp-usd-2023-06-01",
            "cbp-usd-2024-08-01",
            "cbp-usd-2024-10-01",
            "cbp-usd-2024-11-01",
            "cbp-usd-2025-02-01",
            "pmp-usd-2025-07-01",
            "pmp-usd-2025-10-01",
            "pmp-usd-2026-01-01",
            "pmp-usd-2026-04-01",
            "pmp-usd-2026-07-01",
            "pmp-usd-2026-10-01",
        ]
    );
    for card in CARDS.cards() {
        let markets = card.markets().count();
        let expected = match card.validity().from().to_string().as_str() {
            "2026-07-01" => 38,
            "2026-10-01" => 47,
            _ => 32,
        };
        assert_eq!(markets, expected, "{}", card.id());
    }
    assert_eq!(CARDS.currencies().count(), 16);
    assert_eq!(CARDS.minor_units(Currency::new("CLP").unwrap()), Some(0));
    let models: Vec<_> = CARDS.rulebooks().map(|book| book.model).collect();
    use PricingModel::{Cbp, Pmp};
    assert_eq!(models, [Cbp, Cbp, Pmp, Pmp]);
}

#[test]
fn every_status_is_kept_with_its_remark() {
    let count = |id: &str, status| {
        let card = CARDS.cards().iter().find(|card| card.id() == id).unwrap();
        card.markets()
            .flat_map(|m| Category::ALL.map(|c| card.cell(m, c).unwrap().status()))
            .filter(|&s| s == status)
            .count()
    };
    for (id, counts) in [
        ("pmp-usd-2025-07-01", [0, 131, 6, 0, 23]),
        ("pmp-usd-2026-10-01", [190, 0, 9, 7, 29]),
        ("cbp-usd-2023-06-01", [127, 0, 0, 2, 31]),
        ("cbp-usd-2025-02-01", [0, 123, 0, 14, 23]),
    ] {
        assert_eq!(CellStatus::ALL.map(|status| count(id, status)), counts, "{id}");
    }
}

#[test]
fn every_file_says_that_it_is_to_be_verified() {
    let sources = Sources::embedded();
    let rules = [&sources.rulebooks, &sources.charging_rules, &sources.bars, &sources.currency_deadlines];
    let all = rules.into_iter().chain([&sources.market_map, &sources.currencies]);
    let files = all.chain(&sources.numbering).chain(&sources.cards).chain(&sources.bands);
    for source in files {
        let first = source.text.lines().next().unwrap();
        let remark = "transcribed, verify against the published card";
        assert!(first.starts_with('#') && first.ends_with(remark), "{}", source.name);
    }
}

#[test]
fn words_are_the_same_in_text_and_json() {
    for category in Category::ALL {
        assert_eq!(Category::parse(category.as_str()), Some(category));
        let json = format!("\"{category}\"");
        assert_eq!(serde_json::to_string(&category).unwrap(), json);
    }
    assert_eq!(Category::parse("authentication-international"), Some(Category::AuthenticationInternational));
    for status in CellStatus::ALL {
        assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
    }
    assert_eq!(serde_json::to_string(&PricingModel::Pmp).unwrap(), "\"PMP\"");
    let month: YearMonth = serde_json::from_str("\"2026-10\"").unwrap();
    assert_eq!(serde_json::to_string(&month).unwrap(), "\"2026-10\"");
    let country: Country = serde_json::from_str("\"BR\"").unwrap();
    assert_eq!(country, Country::new("BR").unwrap());
    assert!(serde_json::from_str::<Currency>("\"usd\"").is_err());
}
