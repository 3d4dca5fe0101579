//! The table of which market prices which country.

use tollgate_rate_card::{Country, NewPeriod, Published, PublishedMarkets, RateCards, Source, Sources};

use super::{read, said};
use crate::day;

const DAY: &str = "2027-01-01";

fn table(text: &str) -> PublishedMarkets {
    match read(text, DAY, None).unwrap() {
        Published::Markets(markets) => markets,
        other => panic!("{other:?}"),
    }
}

fn onto(text: &str, from: &str) -> Result<NewPeriod, String> {
    let sources = Sources::embedded();
    let error = |e: tollgate_rate_card::DataError| e.to_string();
    table(text).onto(&sources.market_map, &sources.numbering, "markets.csv", day(from)).map_err(error)
}

/// The catalogue with a map.
fn with(text: &str) -> RateCards {
    let mut sources = Sources::embedded();
    assert!(sources.replace(&Source::new("rates/market_map.csv", text)));
    RateCards::from_sources(&sources).unwrap()
}

fn market<'a>(rates: &'a RateCards, country: &str, on: &str) -> &'a str {
    let map = rates.map();
    map.market_name(map.market(Country::new(country).unwrap(), day(on)).unwrap())
}

/// Names, ISO codes and calling codes, a market on its first row alone, several countries a cell: all say the same.
#[test]
fn every_way_to_name_a_country() {
    let ways = [
        "Market,Country\nPortugal,Portugal\nIberia,Spain\n,Andorra\n",
        "Pricing market,ISO2\nPortugal,PT\nIberia,\"ES, AD\"\n",
        "Country code,Market\n+351,Portugal\n+34,Iberia\n376,Iberia\n",
        "As of this day,\nMarket,Countries and regions\nPortugal,Portugal (+351)\nIberia,\"Spain (+34)\nandorra (+376)\"\n",
        "Country,Country calling code,Market\nPortugal,351,Portugal\nKingdom of Spain,34,Iberia\nAndorra,376,Iberia\n",
        "Market,Country\n PORTUGAL ,PT\nIberia,ES;AD\n",
    ];
    for text in ways {
        let new = onto(text, DAY).unwrap();
        let rates = with(&new.text);
        let now = ["PT", "ES", "AD"].map(|country| market(&rates, country, DAY).to_lowercase());
        assert_eq!(now, ["portugal", "iberia", "iberia"], "{text}");
        assert_eq!(new.changed.len(), 3, "{text}");
        assert_eq!(market(&rates, "PT", "2026-12-31"), "Rest of Western Europe");
        assert_eq!(
            (market(&rates, "DE", DAY), market(&rates, "MX", DAY)),
            ("Germany", "Mexico"),
            "those not listed keep theirs"
        );
        assert!(!new.same && !new.corrects && !new.kept.contains(&Country::new("PT").unwrap()));
    }
}

/// Earlier periods are untouched to the letter, and so are the positions of their markets.
#[test]
fn a_further_period_changes_nothing_before_it() {
    let before = Sources::embedded().market_map.text;
    let new = onto("Market,Country\nPortugal,PT\nAll others,Everything else\n", DAY).unwrap();
    for (was, is) in before.lines().zip(new.text.lines()) {
        if was.starts_with('#') {
            assert_eq!(was, is);
            continue;
        }
        let cells = |line: &str| {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let (was, mut is) = (cells(was), cells(is));
        is.remove(is.len() - 3);
        assert_eq!(was, is);
    }
    assert_eq!(before.lines().count(), new.text.lines().count());
    let (old, now) = (RateCards::embedded().unwrap(), with(&new.text));
    assert_eq!(now.map().markets()[..old.map().markets().len()], *old.map().markets());
    assert_eq!(market(&now, "ZZ", DAY), "All others");
    // Open cards price the markets of their own period.
    let card = |rates: &RateCards| rates.card_named("pmp-usd-2026-10-01").unwrap().validity().to();
    assert_eq!((card(&old), card(&now)), (None, Some(day("2026-12-31"))));
}

#[test]
fn the_same_again_and_a_correction() {
    let new = onto("Market,Country\nPortugal,PT\n", DAY).unwrap();
    let sources = Sources { market_map: Source::new("market_map.csv", new.text.as_str()), ..Sources::embedded() };
    let again = |text: &str, from: &str| {
        table(text).onto(&sources.market_map, &sources.numbering, "markets.csv", day(from)).map_err(|e| e.to_string())
    };
    let same = again("Market,Country\nPortugal,+351\n", DAY).unwrap();
    assert!(same.same && !same.corrects && same.text == new.text);
    let other = again("Market,Country\nIberia,PT\n", DAY).unwrap();
    assert!(other.corrects && !other.same);
    assert_eq!(other.changed, [(Country::new("PT").unwrap(), "Portugal".to_owned(), "Iberia".to_owned())]);
    let earlier = again("Market,Country\nIberia,PT\n", "2026-12-01").unwrap_err();
    assert!(earlier.contains("2026-12-01 is before 2027-01-01"), "{earlier}");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let wrong = |text: &str| said(read(text, DAY, None));
    let cases = [
        (
            "Market,Country\nIberia,Spian\n",
            "2: `Spian` is not a country of market_map.csv; the nearest known name is `Spain`",
        ),
        ("Market,Country\n,Spain\n", "2: there is no Market here or above"),
        ("Market,Country,Rate\nIberia,Spain,1\n", "1: column `Rate` is not known"),
        ("Market,Country\nIberia,Spain\nHispania,ES\n", "3: ES (Spain) is of market `Iberia` on line 2; keep one"),
        ("Market,Calling code\nIberia,+999\n", "2: `+999` is not a country"),
        ("Market,Country\n", "1: there is no country below the header"),
        ("Market,Country\nIberia,Spain,Andorra\n", "2: `Andorra` stands below no column"),
        ("Market,Country\nIberia,\"Spain\n", "the quotes that open here never close"),
    ];
    for (text, expected) in cases {
        let told = wrong(text);
        assert!(told.contains(expected), "{text:?}: {told}");
    }
    let name = "I".repeat(61);
    assert!(
        wrong(&format!("Market,Country\n{name},Spain\n")).contains("2: Market is a name of 61 bytes; write at most 60")
    );
}

/// Countries that share a prefix cannot be of two markets; one that is listed speaks for those that are not.
#[test]
fn countries_of_one_prefix_move_together() {
    let error = onto("Market,Country\nNorth America,US\nCanada,CA\n", DAY).unwrap_err();
    assert!(error.contains("prefix `1` has other markets on line"), "{error}");
    for text in
        ["Market,Country\nUnited States and Canada,\"US, CA\"\n", "Market,Country\nUnited States and Canada,US\n"]
    {
        let rates = with(&onto(text, DAY).unwrap().text);
        assert_eq!(["US", "CA"].map(|country| market(&rates, country, DAY)), ["United States and Canada"; 2]);
    }
    // One that the numbering files alone have gets a line, unless it shares its prefix.
    let rates = with(&onto("Market,Country\nRest of Africa,Guinea\n", DAY).unwrap().text);
    assert_eq!(["2026-12-31", DAY].map(|day| market(&rates, "GN", day)), ["Other", "Rest of Africa"]);
    let error = onto("Market,Country\nAntarctica,South Georgia\n", DAY).unwrap_err();
    assert!(error.contains("markets.csv:2: GS (South Georgia) cannot be of market `Antarctica`"), "{error}");
}
