//! Instants on the wire: RFC 3339 in JSON, milliseconds inside.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// An instant in milliseconds since the Unix epoch; RFC 3339 in UTC with milliseconds when written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Time(pub u64);

impl Time {
    /// Whole seconds since the Unix epoch, rounded down; the greatest number after February 2106.
    #[must_use]
    pub fn secs(self) -> u32 {
        u32::try_from(self.0 / 1000).unwrap_or(u32::MAX)
    }

    /// From whole seconds since the Unix epoch.
    #[must_use]
    pub fn from_secs(s: u32) -> Self {
        Self(u64::from(s) * 1000)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buf = [0u8; 24];
        write_rfc3339(self.0, &mut buf);
        f.write_str(std::str::from_utf8(&buf).unwrap_or("0000-00-00T00:00:00.000Z"))
    }
}

/// Writes `YYYY-MM-DDTHH:MM:SS.mmmZ`. By hand, because every outcome carries one: about ten times
/// faster than formatting through a calendar library. Years 1970 to 9999.
fn write_rfc3339(ms: u64, out: &mut [u8; 24]) {
    let secs = ms / 1000;
    let days = secs / 86_400;
    let rest = secs % 86_400;
    // Civil-from-days, the proleptic Gregorian calendar in integers (era of 400 years from March).
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    out.copy_from_slice(b"0000-00-00T00:00:00.000Z");
    digits(&mut out[0..4], year);
    digits(&mut out[5..7], month);
    digits(&mut out[8..10], day);
    digits(&mut out[11..13], rest / 3600);
    digits(&mut out[14..16], rest / 60 % 60);
    digits(&mut out[17..19], rest % 60);
    digits(&mut out[20..23], ms % 1000);
}

fn digits(out: &mut [u8], mut v: u64) {
    for b in out.iter_mut().rev() {
        *b = b'0' + (v % 10) as u8;
        v /= 10;
    }
}

/// Reads the usual form, `YYYY-MM-DDTHH:MM:SS`, perhaps `.mmm`, then `Z` or `±HH:MM`, from 1970 on; `None`
/// for every other form and everything that might be wrong, which the calendar library then judges.
fn read_rfc3339(s: &[u8]) -> Option<u64> {
    let (whole, rest) = s.split_at_checked(19)?;
    let separators = [whole[4], whole[7], whole[10], whole[13], whole[16]];
    if separators != *b"--T::" {
        return None;
    }
    let year = number(&whole[0..4])?;
    let (month, day) = (number(&whole[5..7])?, number(&whole[8..10])?);
    let (hour, minute, second) = (number(&whole[11..13])?, number(&whole[14..16])?, number(&whole[17..19])?);
    // Day 29 to 31 depends on the month: left to the library. So is a leap second.
    let usual =
        year >= 1971 && (1..=12).contains(&month) && (1..=28).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if !usual {
        return None;
    }
    let (millis, zone) = match rest {
        [b'.', a, b, c, zone @ ..] => (number(&[*a, *b, *c])?, zone),
        zone => (0, zone),
    };
    let offset_minutes = match zone {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (h, m) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            if h > 23 || m > 59 {
                return None;
            }
            let minutes = i64::from(h * 60 + m);
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    // Days-from-civil, the inverse of the above.
    let y = u64::from(year) - u64::from(month <= 2);
    let m = u64::from(if month > 2 { month - 3 } else { month + 9 });
    let doy = (153 * m + 2) / 5 + u64::from(day) - 1;
    let days = (y / 400) * 146_097 + (y % 400) * 365 + (y % 400) / 4 - (y % 400) / 100 + doy - 719_468;
    let local = days * 86_400 + u64::from(hour * 3600 + minute * 60 + second);
    let utc = local.checked_add_signed(-offset_minutes * 60)?;
    Some(utc * 1000 + u64::from(millis))
}

/// Digits as a number; `None` for anything else.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut buf = [0u8; 24];
        write_rfc3339(self.0, &mut buf);
        s.serialize_str(std::str::from_utf8(&buf).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl de::Visitor<'_> for V {
            type Value = Time;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 instant with offset, such as 2026-11-27T09:00:00-03:00")
            }
            fn visit_str<E: de::Error>(self, s: &str) -> Result<Time, E> {
                if let Some(ms) = read_rfc3339(s.as_bytes()) {
                    return Ok(Time(ms));
                }
                let t: jiff::Timestamp = s.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(s), &self))?;
                u64::try_from(t.as_millisecond())
                    .map(Time)
                    .map_err(|_| E::custom(format_args!("instant {s} lies before 1970")))
            }
        }
        d.deserialize_str(V)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_reader_agrees_with_the_calendar_library() {
        let mut forms = 0;
        for day in (366..40_000u64).step_by(13) {
            let ms = day * 86_400_000 + day * 7_919_777 % 86_400_000;
            let utc = Time(ms).to_string();
            for text in [
                utc.clone(),
                utc.replace(".", "").replace('Z', "-03:00"),
                format!("{}Z", &utc[..19]),
                format!("{}+05:45", &utc[..19]),
                utc.replace('Z', "-11:30"),
            ] {
                let library = text.parse::<jiff::Timestamp>().map(|t| t.as_millisecond() as u64);
                if let Some(fast) = read_rfc3339(text.as_bytes()) {
                    assert_eq!(Ok(fast), library.map_err(|e| e.to_string()), "{text}");
                    forms += 1;
                }
            }
        }
        assert!(forms > 10_000, "{forms}");
    }

    #[test]
    fn odd_forms_are_left_to_the_calendar_library() {
        for (text, expected) in [
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            ("2023-02-29T00:00:00Z", None),
            ("2026-11-27T09:00:00-03:00", Some(1_795_780_800_000)),
            ("2026-11-27T09:00:00.123456-03:00", Some(1_795_780_800_123)),
            ("2026-11-27t09:00:00z", Some(1_795_770_000_000)),
            ("2026-11-27T09:00:00", None),
            ("2026-11-27T09:00:00+24:00", Some(1_795_683_600_000)),
            ("2026-11-27T24:00:00Z", None),
            ("2026-11-27T09:60:00Z", None),
            ("1970-01-01T00:00:00+01:00", None),
            ("2026-11-27", None),
            ("", None),
        ] {
            let read = serde_json::from_str::<Time>(&format!("{text:?}")).ok().map(|t| t.0);
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn round_trips_through_json() {
        for ms in [0, 951_782_400_123, 1_795_000_000_999, 4_102_444_799_000] {
            let json = serde_json::to_string(&Time(ms)).expect("writes");
            assert_eq!(serde_json::from_str::<Time>(&json).expect("reads"), Time(ms), "{json}");
        }
        assert_eq!(Time(1_795_000_000_999).to_string(), "2026-11-18T11:06:40.999Z");
    }
}
