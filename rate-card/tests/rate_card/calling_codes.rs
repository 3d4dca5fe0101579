use proptest::prelude::*;
use tollgate_rate_card::{Country, MarketMap, Source, Sources};

use crate::{CARDS, day};

#[test]
fn shared_calling_codes() {
    // number | country | market on 2026-09-30 | market on 2026-10-01
    let table = "
        12025550143    US  North America            North America
        14165550143    CA  North America            North America
        18005550143    US  North America            North America
        19425550143    CA  North America            North America
        12425550143    BS  Other                    Other
        18765550143    JM  Rest of Latin America    Rest of Latin America
        18295550143    DO  Rest of Latin America    Rest of Latin America
        19395550143    PR  Rest of Latin America    Rest of Latin America
        16715550143    GU  Other                    Other
        79161234567    RU  Russia                   Russia
        77011234567    KZ  Other                    Kazakhstan
        76001234567    KZ  Other                    Kazakhstan
        447400123456   GB  United Kingdom           United Kingdom
        441481256789   GG  United Kingdom           United Kingdom
        447781123456   GG  United Kingdom           United Kingdom
        441534456789   JE  United Kingdom           United Kingdom
        447797712345   JE  United Kingdom           United Kingdom
        441624756789   IM  United Kingdom           United Kingdom
        447924123456   IM  United Kingdom           United Kingdom
        212650123456   MA  Rest of Africa           Morocco
        212528812345   EH  Rest of Africa           Morocco
        590690001234   GP  Other                    Other
        59995181234    CW  Other                    Other
        5993181234     BQ  Other                    Other
        5997151234     BQ  Other                    Other
        262692123456   RE  Other                    Other
        262639012345   YT  Other                    Other
        390669812345   VA  Italy                    Italy
        393123456789   IT  Italy                    Italy
        35818123456    AX  Rest of Western Europe   Rest of Western Europe
        4779123456     SJ  Rest of Western Europe   Rest of Western Europe
        61891641234    CX  Rest of Asia Pacific     Rest of Asia Pacific
        3546111234     IS  Other                    Other
        821012345678   KR  Other                    Other
        6591234567     SG  Singapore                Singapore
        5511987654321  BR  Brazil                   Brazil
        881612345678   ZZ  Other                    Other
    ";
    let map = CARDS.map();
    for line in table.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect();
        let [number, country, before, after] = cells[..] else { panic!("{line}") };
        let found = map.lookup(number.parse().unwrap()).unwrap();
        assert_eq!(found.to_string(), country, "{number}");
        let market = |date| map.market_name(map.market(found, day(date)).unwrap());
        assert_eq!(market("2026-09-30"), before, "{number}");
        assert_eq!(market("2026-10-01"), after, "{number}");
    }
    assert_eq!(map.lookup(0), None);
}

#[test]
fn by_country_for_recipients_without_a_number() {
    let map = CARDS.map();
    for (code, market) in [
        ("BR", Some("Brazil")),
        ("EH", Some("Morocco")),
        ("JE", Some("United Kingdom")),
        ("MF", Some("Other")),
        ("IS", Some("Other")),
        ("CA", Some("North America")),
        ("PN", Some("Rest of Asia Pacific")),
        ("XX", None),
        ("ZZ", None),
    ] {
        let found = map
            .by_country(Country::new(code).unwrap())
            .and_then(|country| map.market(country, day("2026-10-01")))
            .map(|market| map.market_name(market));
        assert_eq!(found, market, "{code}");
    }
}

#[test]
fn markets_move_with_the_date() {
    let map = CARDS.map();
    for (code, date, market) in [
        ("ZW", "2025-09-30", "Other"),
        ("ZW", "2025-10-01", "Rest of Africa"),
        ("PL", "2026-06-30", "Rest of Central & Eastern Europe"),
        ("PL", "2026-07-01", "Poland"),
        ("UA", "2026-09-30", "Rest of Central & Eastern Europe"),
        ("UA", "2026-10-01", "Ukraine"),
    ] {
        let country = Country::new(code).unwrap();
        assert_eq!(map.market_name(map.market(country, day(date)).unwrap()), market);
    }
    assert_eq!(map.market(Country::new("BR").unwrap(), day("2023-05-31")), None);
}

/// Another, slower way: every line of the files, longest prefix wins, numbering before the map.
fn by_scanning(number: u64) -> Option<Country> {
    let sources = Sources::embedded();
    let digits = number.to_string();
    let mut found: Option<(usize, Country)> = None;
    let files = std::iter::once(&sources.market_map).chain(&sources.numbering);
    for line in files.flat_map(|source| source.text.lines()) {
        let cells: Vec<&str> = line.split(',').collect();
        let shared = cells.get(3) == Some(&"no");
        if line.starts_with('#') || cells[0] == "prefix" || shared {
            continue;
        }
        let longer = found.is_none_or(|(length, _)| cells[0].len() >= length);
        if digits.starts_with(cells[0]) && longer {
            found = Some((cells[0].len(), Country::new(cells[1]).unwrap_or(Country::UNLISTED)));
        }
    }
    found.map(|(_, country)| country)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn lookup_is_the_longest_prefix(number in 1u64..1_000_000_000_000_000) {
        prop_assert_eq!(CARDS.map().lookup(number), by_scanning(number));
    }

    #[test]
    fn lookup_is_the_longest_prefix_of_short_and_shared_ones(
        prefix in prop::sample::select(vec![1u64, 44, 7, 212, 590, 599, 262, 61, 3906, 358, 447911]),
        rest in 0u64..10_000,
    ) {
        let number = format!("{prefix}{rest}").parse().unwrap();
        prop_assert_eq!(CARDS.map().lookup(number), by_scanning(number));
    }
}

#[test]
fn every_area_code_of_north_america() {
    for code in 200u64..1000 {
        let number = 10_000_000_000 + code * 10_000_000 + 5_550_143;
        assert_eq!(CARDS.map().lookup(number), by_scanning(number), "{code}");
    }
}

#[test]
fn a_map_without_catch_all_leaves_numbers_without_country() {
    let map = Source::new(
        "map.csv",
        "prefix,iso2,country,market_from_2026_01_01,status,note\n55,BR,Brazil,Brazil,published,\n",
    );
    let map = MarketMap::from_sources(&map, &[]).unwrap();
    assert_eq!(map.lookup(5511), Country::new("BR"));
    assert_eq!(map.lookup(44), None);
}
