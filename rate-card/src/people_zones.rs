//! What time it is for a person: the time zones behind a number, or of a country.
//!
//! Where the number does not tell which of several zones is the person's, all of them are meant: what must not happen at
//! night must not happen in any of them.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{DateTime, Time};

use crate::table::Table;
use crate::trie::PREFIX_DIGITS_MAX;
use crate::{Country, DataError, Source, Zone};

/// Zones of one prefix or country at most.
const ZONES_MAX: usize = 16;

/// Hours of the day, at the person's place, in which nothing is sent: from the one, to before the other; past midnight
/// where the first is later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// First hour, 0 to 23.
    pub from: u8,
    /// The hour at which they end, 0 to 23; another than the first.
    pub to: u8,
}

impl QuietHours {
    fn hold(self, hour: u8) -> bool {
        if self.from < self.to { (self.from..self.to).contains(&hour) } else { hour >= self.from || hour < self.to }
    }

    /// The first second at which they do not hold in a zone, from `now_s` on.
    fn over_s(self, zone: &Zone, now_s: i64) -> i64 {
        let local = zone.local(now_s);
        if !self.hold(local.hour().unsigned_abs()) {
            return now_s;
        }
        let end = Time::constant(0, 0, 0, 0).saturating_add(i64::from(self.to).hours());
        let later = local.hour().unsigned_abs() >= self.to;
        let day = if later { local.date().saturating_add(1.day()) } else { local.date() };
        // Where clocks skip that hour, the next that there is.
        zone.instant(DateTime::from_parts(day, end)).max(now_s + 1)
    }
}

/// The zones of people, by number and by country.
#[derive(Debug, Clone)]
pub struct PeopleZones {
    zones: Vec<Zone>,
    /// By prefix, written behind a 1 so that leading zeros and lengths are told apart.
    prefixes: BTreeMap<u32, Vec<u16>>,
    countries: BTreeMap<Country, Vec<u16>>,
}

impl PeopleZones {
    pub(crate) fn from_sources(numbers: &Source, countries: &Source) -> Result<Self, DataError> {
        let mut zones = Zones::default();
        let mut all = Self { zones: Vec::new(), prefixes: BTreeMap::new(), countries: BTreeMap::new() };
        let table = Table::read_columns(numbers, &["prefix", "zones"])?;
        for row in table.rows() {
            let key = row.read(0, "a prefix of 1 to 7 digits, without leading zero", key_of_prefix)?;
            let named = row.read(1, ZONES, |text| zones.of(text))?;
            if all.prefixes.insert(key, named).is_some() {
                return Err(row.error(format!("prefix `{}` is listed twice", row.text(0)), "keep one of the two"));
            }
        }
        let table = Table::read_columns(countries, &["iso2", "zones"])?;
        for row in table.rows() {
            let country = row.read(0, "an ISO 3166-1 alpha-2 code in capitals", Country::new)?;
            let named = row.read(1, ZONES, |text| zones.of(text))?;
            if all.countries.insert(country, named).is_some() {
                return Err(row.error(format!("{country} is listed twice"), "keep one of the two"));
            }
        }
        all.zones = zones.zones;
        Ok(all)
    }

    /// The names of the zones of a number, or of a country where there is no number; that of most people first. Empty where
    /// nothing is known.
    pub fn names(&self, digits: Option<u64>, country: Option<Country>) -> impl Iterator<Item = &str> {
        self.of(digits, country).iter().map(|at| self.zones[usize::from(*at)].name())
    }

    /// The first second, from `now_s` on, at which a person is in no quiet hours; `now_s` itself where it is none, or where
    /// nothing is known of the place. Where zones of one number are so far apart that there is always night in one, that of
    /// most people counts.
    #[must_use]
    pub fn awake_s(&self, hours: QuietHours, digits: Option<u64>, country: Option<Country>, now_s: i64) -> i64 {
        let zones = self.of(digits, country);
        let over = |at: &u16, from_s: i64| hours.over_s(&self.zones[usize::from(*at)], from_s);
        let mut at_s = now_s;
        // Each round ends the night of one zone; after two days all have been tried together.
        while at_s <= now_s + 2 * 86_400 {
            match zones.iter().map(|zone| over(zone, at_s)).max() {
                Some(later_s) if later_s > at_s => at_s = later_s,
                _ => return at_s,
            }
        }
        zones.first().map_or(now_s, |zone| over(zone, now_s))
    }

    fn of(&self, digits: Option<u64>, country: Option<Country>) -> &[u16] {
        let by_country = || country.and_then(|country| self.countries.get(&country));
        digits.and_then(|digits| self.of_number(digits)).or_else(by_country).map_or(&[], Vec::as_slice)
    }

    fn of_number(&self, digits: u64) -> Option<&Vec<u16>> {
        let length = digits.checked_ilog10()? as usize + 1;
        (1..=length.min(PREFIX_DIGITS_MAX)).rev().find_map(|prefix| {
            let leading = digits / 10_u64.pow((length - prefix) as u32);
            self.prefixes.get(&(leading as u32 + 10_u32.pow(prefix as u32)))
        })
    }
}

const ZONES: &str = "1 to 16 names of the IANA time zone database, separated by spaces";

/// The zones that are named anywhere, each once.
#[derive(Default)]
struct Zones {
    zones: Vec<Zone>,
    by_name: BTreeMap<String, u16>,
}

impl Zones {
    fn of(&mut self, text: &str) -> Option<Vec<u16>> {
        let all: Option<Vec<u16>> = text.split(' ').map(|name| self.one(name)).collect();
        all.filter(|all| all.len() <= ZONES_MAX)
    }

    fn one(&mut self, name: &str) -> Option<u16> {
        if let Some(at) = self.by_name.get(name) {
            return Some(*at);
        }
        let at = u16::try_from(self.zones.len()).ok()?;
        self.zones.push(Zone::new(name).ok()?);
        self.by_name.insert(name.to_owned(), at);
        Some(at)
    }
}

fn key_of_prefix(text: &str) -> Option<u32> {
    let fits = (1..=PREFIX_DIGITS_MAX).contains(&text.len()) && !text.starts_with('0');
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    (fits && digits).then(|| text.parse::<u32>().ok().map(|n| n + 10_u32.pow(text.len() as u32))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RateCards;
    use crate::zone::timestamp;

    const NIGHT: QuietHours = QuietHours { from: 21, to: 8 };

    fn zones() -> PeopleZones {
        RateCards::embedded().expect("the data files are right").people_zones().clone()
    }

    fn second(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("a time").as_second()
    }

    /// When marketing may reach the number again.
    fn awake(hours: QuietHours, digits: u64, at: &str) -> String {
        let at_s = zones().awake_s(hours, Some(digits), None, second(at));
        timestamp(at_s).to_string()
    }

    #[test]
    fn a_number_tells_its_zones() {
        let zones = zones();
        let names = |digits: u64| zones.names(Some(digits), None).collect::<Vec<_>>();
        assert_eq!(names(5_511_987_654_321), ["America/Sao_Paulo"]);
        assert_eq!(names(5_592_987_654_321), ["America/Manaus"], "by area code");
        assert_eq!(names(447_911_123_456), ["Europe/London"]);
        assert_eq!(names(12_125_550_123), ["America/New_York"]);
        assert_eq!(names(821_012_345_678), ["Asia/Seoul"]);
        assert!(names(61_412_345_678).len() > 3, "Australian mobiles do not tell: {:?}", names(61_412_345_678));
        assert_eq!(names(999), Vec::<&str>::new());
        let of = |country| zones.names(None, Country::new(country)).collect::<Vec<_>>();
        assert_eq!(of("KR"), ["Asia/Seoul"]);
        assert_eq!(of("US")[0], "America/New_York");
    }

    #[test]
    fn nights_end_at_the_persons_hour() {
        // São Paulo is three hours behind UTC.
        assert_eq!(awake(NIGHT, 5_511_987_654_321, "2026-11-29T23:59:59Z"), "2026-11-29T23:59:59Z");
        assert_eq!(awake(NIGHT, 5_511_987_654_321, "2026-11-30T00:00:00Z"), "2026-11-30T11:00:00Z");
        assert_eq!(awake(NIGHT, 5_511_987_654_321, "2026-11-30T10:59:59Z"), "2026-11-30T11:00:00Z");
        assert_eq!(awake(NIGHT, 5_511_987_654_321, "2026-11-30T11:00:00Z"), "2026-11-30T11:00:00Z");
        let siesta = QuietHours { from: 13, to: 15 };
        assert_eq!(awake(siesta, 5_511_987_654_321, "2026-11-30T16:20:00Z"), "2026-11-30T18:00:00Z");
    }

    #[test]
    fn a_night_with_a_change_of_clocks_ends_by_the_clock() {
        // London, 29 March 2026: 01:00 becomes 02:00. In London it is night till 8 BST.
        assert_eq!(awake(NIGHT, 447_911_123_456, "2026-03-28T22:00:00Z"), "2026-03-29T07:00:00Z");
        // An end that clocks skip is the next there is.
        let odd = QuietHours { from: 23, to: 1 };
        assert_eq!(awake(odd, 447_911_123_456, "2026-03-28T23:30:00Z"), "2026-03-29T01:00:00Z");
        // 25 October: 02:00 becomes 01:00 again.
        assert_eq!(awake(NIGHT, 447_911_123_456, "2026-10-24T22:00:00Z"), "2026-10-25T08:00:00Z");
    }

    #[test]
    fn a_number_of_several_zones_waits_for_all() {
        // Perth is three hours behind Sydney in summer: 08:00 in Perth is 11:00 there, 21:00 in Sydney 18:00 in Perth.
        let at_s = second("2026-11-30T11:30:00Z");
        let zones = zones();
        let mobile = zones.awake_s(NIGHT, Some(61_412_345_678), None, at_s);
        for name in zones.names(Some(61_412_345_678), None) {
            let hour = Zone::new(name).expect("a zone").local_hour(mobile);
            assert!((8..21).contains(&hour), "{hour} in {name}");
        }
    }

    #[test]
    fn where_it_is_always_night_somewhere_most_people_count() {
        let zones = zones();
        let nearly_always = QuietHours { from: 10, to: 9 };
        let at_s = second("2026-11-30T00:00:00Z");
        let numbers = zones.names(Some(19_995_550_123), None).next().map(str::to_owned).expect("a zone");
        let awake_s = zones.awake_s(nearly_always, Some(19_995_550_123), None, at_s);
        assert_eq!(Zone::new(&numbers).expect("a zone").local_hour(awake_s), 9);
    }

    #[test]
    fn of_an_unknown_place_nothing_waits() {
        assert_eq!(zones().awake_s(NIGHT, None, None, 1_800_000_000), 1_800_000_000);
    }
}
