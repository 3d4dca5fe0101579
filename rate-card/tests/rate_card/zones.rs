use proptest::prelude::*;
use tollgate_rate_card::{YearMonth, Zone, ZoneCache};

use crate::day;

#[test]
fn a_local_day_starts_at_local_midnight() {
    for (zone, last_second, first_day) in [
        ("Asia/Seoul", "2026-09-30T14:59:59Z", "2026-10-01"),
        ("America/Sao_Paulo", "2026-10-01T02:59:59Z", "2026-10-01"),
        ("Pacific/Auckland", "2026-09-30T10:59:59Z", "2026-10-01"),
        ("America/Los_Angeles", "2026-10-01T06:59:59Z", "2026-10-01"),
        ("Asia/Kathmandu", "2026-09-30T18:14:59Z", "2026-10-01"),
    ] {
        let zone = Zone::new(zone).unwrap();
        let last: jiff::Timestamp = last_second.parse().unwrap();
        let mut cache = ZoneCache::default();
        let first = day(first_day);
        assert_eq!(zone.local_date(last.as_second(), &mut cache), first.yesterday().unwrap());
        assert_eq!(zone.local_date(last.as_second() + 1, &mut cache), first);
        assert_eq!(zone.local_date(last.as_second(), &mut cache), first.yesterday().unwrap());
        let month = YearMonth::of(first);
        assert_eq!(zone.month_bounds(month).0, last.as_second() + 1);
        assert_eq!(zone.month_bounds(month.previous()).1, last.as_second() + 1);
        assert_eq!(zone.local_month(last.as_second(), &mut cache), month.previous());
    }
}

#[test]
fn names_are_found_whatever_their_case_and_refused_otherwise() {
    assert_eq!(Zone::new("america/sao_paulo").unwrap().name(), "America/Sao_Paulo");
    assert_eq!(
        Zone::new("Brasilia").unwrap_err().to_string(),
        "time zone `Brasilia` is not in the IANA database; write a name such as America/Sao_Paulo"
    );
}

#[test]
fn the_ends_of_time_do_not_panic() {
    let zone = Zone::new("Pacific/Auckland").unwrap();
    let mut cache = ZoneCache::default();
    for instant in [i64::MIN, i64::MIN + 1, i64::MAX, 0] {
        let uncached = zone.local_date_at(instant);
        assert_eq!(zone.local_date(instant, &mut cache), uncached);
    }
    assert_eq!(zone.local_date(0, &mut cache), day("1970-01-01"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_cache_changes_nothing(
        name in prop::sample::select(vec![
            "America/Sao_Paulo", "Africa/Cairo", "Pacific/Auckland", "America/Havana",
            "Asia/Beirut", "Australia/Lord_Howe", "America/Los_Angeles", "UTC",
        ]),
        start in 1_300_000_000i64..2_000_000_000,
        steps in prop::collection::vec(-200_000i64..200_000, 1..40),
    ) {
        let zone = Zone::new(name).unwrap();
        let iana = jiff::tz::TimeZoneDatabase::bundled().get(name).unwrap();
        let mut cache = ZoneCache::default();
        let mut instant = start;
        for step in steps {
            instant += step;
            let at = jiff::Timestamp::from_second(instant).unwrap();
            let expected = iana.to_datetime(at).date();
            prop_assert_eq!(zone.local_date(instant, &mut cache), expected);
            prop_assert_eq!(zone.local_date_at(instant), expected);
            let (from, to) = zone.month_bounds(YearMonth::of(expected));
            prop_assert!(from <= instant && instant < to, "{instant} in {from}..{to}");
        }
    }
}
