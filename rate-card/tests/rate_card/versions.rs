//! Corrections beside what they correct, and open cards before the next one.

use tollgate_rate_card::{Category, Currency, RateCards, Source, Sources};

use crate::{day, decimal};

const CARD: &str = "pmp-usd-2026-10-01";
const DIGEST: u32 = 0x43c2_8f42;

/// The embedded files with a version of the last USD card, changed.
fn with(change: impl Fn(&str) -> String) -> Sources {
    let mut sources = Sources::embedded();
    let card = sources.cards.iter().find(|card| card.name.ends_with("pmp_usd_2026-10-01.csv")).unwrap();
    let text = change(&card.text);
    sources.cards.push(Source::new("more.csv", text));
    sources
}

fn argentina(rates: &RateCards, card: &str) -> String {
    let market = rates.map().market_named("Argentina").unwrap();
    rates.card_named(card).unwrap().cell(market, Category::Marketing).unwrap().rate().unwrap().to_string()
}

#[test]
fn the_highest_version_prices_and_the_earlier_can_be_looked_up() {
    let version = |n: u32, rate: &str| {
        let (id, rate) = (format!("id={CARD}-v{n}"), format!("Argentina,marketing,{rate}"));
        move |text: &str| text.replace(&format!("id={CARD}"), &id).replace("Argentina,marketing,0.0618", &rate)
    };
    let mut sources = with(version(10, "0.0620"));
    let second = with(version(2, "0.0619"));
    sources.cards.push(Source::new("second.csv", second.cards.last().unwrap().text.clone()));
    let rates = RateCards::from_sources(&sources).unwrap();
    let usd = Currency::new("USD").unwrap();
    let used = rates.card(rates.card_at(usd, day("2026-11-01")).unwrap());
    assert_eq!((used.id(), used.version()), ("pmp-usd-2026-10-01-v10", (CARD, 10)));
    for (id, rate, replaced) in [("", "0.0618", true), ("-v2", "0.0619", true), ("-v10", "0.0620", false)] {
        let id = format!("{CARD}{id}");
        assert_eq!((argentina(&rates, &id).as_str(), rates.card_named(&id).unwrap().is_replaced()), (rate, replaced));
    }
    let before = rates.card(rates.card_at(usd, day("2026-09-30")).unwrap());
    assert_eq!(before.id(), "pmp-usd-2026-07-01");
}

#[test]
fn another_name_for_the_same_days_is_no_version() {
    for id in ["mine", "mine-v2", "pmp-usd-2026-10-01-v1", "pmp-usd-2026-10-01-v02", "pmp-usd-2026-10-01-v"] {
        let sources = with(|text| text.replace(&format!("id={CARD}"), &format!("id={id}")));
        let error = RateCards::from_sources(&sources).unwrap_err().to_string();
        assert!(error.contains("overlaps"), "{id}: {error}");
    }
}

#[test]
fn an_open_card_ends_before_the_next() {
    let sources = with(|text| {
        text.replace(&format!("id={CARD}"), "id=pmp-usd-2027-01-01")
            .replace("valid_from=2026-10-01", "valid_from=2027-01-01")
    });
    let rates = RateCards::from_sources(&sources).unwrap();
    let card = rates.card_named(CARD).unwrap();
    assert_eq!(card.validity().to(), Some(day("2026-12-31")));
    assert_eq!(card.declared_validity().to(), None);
    let usd = Currency::new("USD").unwrap();
    let at = |date| rates.card(rates.card_at(usd, day(date)).unwrap()).id().to_owned();
    assert_eq!((at("2026-12-31").as_str(), at("2027-01-01").as_str()), (CARD, "pmp-usd-2027-01-01"));
}

#[test]
fn bands_go_to_every_version_with_their_list_rate() {
    let mut sources = Sources::embedded();
    let card = sources.cards.iter().find(|card| card.name.ends_with("pmp_usd_2026-07-01.csv")).unwrap();
    let text = card
        .text
        .replace("id=pmp-usd-2026-07-01", "id=pmp-usd-2026-07-01-v2")
        .replace("Mexico,utility,0.0085", "Mexico,utility,0.0086");
    sources.cards.push(Source::new("more.csv", text));
    let bands = |rates: &RateCards, id: &str, category| {
        let mexico = rates.map().market_named("Mexico").unwrap();
        rates.card_named(id).unwrap().bands(mexico, category).map(|table| table.at(1_000_001).1)
    };
    let rates = RateCards::from_sources(&sources).unwrap();
    let (first, second) = ("pmp-usd-2026-07-01", "pmp-usd-2026-07-01-v2");
    assert_eq!(bands(&rates, first, Category::Utility), Some(decimal("0.0081")));
    assert_eq!(bands(&rates, second, Category::Utility), None, "another list rate: its bands are not known");
    assert_eq!(bands(&rates, second, Category::Authentication), Some(decimal("0.0081")));

    // A second version of the bands: its tables count, the others stay.
    let head = "# currency=USD valid_from=2026-07-01 valid_to=2026-09-30 scale=4 version=2\n\
                market,currency,category,from_message,to_message,rate_type,rate,vs_list_pct\n";
    let table = "Mexico,USD,utility,1,1000000,LIST,0.0086,0\nMexico,USD,utility,1000001,,TIER,0.0080,-7\n\
                 Mexico,USD,authentication,1,1000000,LIST,0.0085,0\nMexico,USD,authentication,1000001,,TIER,0.0079,-7\n";
    sources.bands.push(Source::new("bands-v2.csv", format!("{head}{table}")));
    let rates = RateCards::from_sources(&sources).unwrap();
    assert_eq!(bands(&rates, first, Category::Utility), Some(decimal("0.0081")));
    assert_eq!(bands(&rates, second, Category::Utility), Some(decimal("0.0080")));
    assert_eq!(bands(&rates, second, Category::Authentication), Some(decimal("0.0079")));
    assert_eq!(rates.card_named(second).unwrap().bands_version(), 2);

    // The same version twice is a contradiction.
    sources.bands.push(Source::new("bands-again.csv", format!("{head}{table}")));
    let error = RateCards::from_sources(&sources).unwrap_err().to_string();
    assert!(error.starts_with("bands-again.csv:") && error.contains("are in another file too"), "{error}");
}

/// Records name a card by its digest: another one in every catalogue would take back another amount.
#[test]
fn a_card_is_found_by_its_digest() {
    let rates = RateCards::embedded().unwrap();
    for card in rates.cards() {
        assert_eq!(rates.card_of_digest(card.digest()), rates.card_id(card.id()), "{}", card.id());
    }
    // It is in stored records and never changes: the FNV-1a of the id.
    assert_eq!(rates.card_named(CARD).unwrap().digest(), DIGEST);
    assert_eq!(rates.card_of_digest(0), None);
    let more =
        RateCards::from_sources(&with(|text| text.replace(&format!("id={CARD}"), &format!("id={CARD}-v2")))).unwrap();
    assert_eq!(more.card_of_digest(DIGEST), more.card_id(CARD), "replaced or not");
}
