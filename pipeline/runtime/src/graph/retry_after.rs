//! `Retry-After` of an answer: seconds, or a date (RFC 9110, section 10.2.3).

use std::time::{Duration, UNIX_EPOCH};

use tollgate_wire::Time;

/// The longest wait that is taken from an answer, in seconds: a day. A message's own time may end before.
const MOST_S: u32 = 86_400;

/// What the headers of an answer say about when to ask again.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryAfter<'a> {
    /// The header `Retry-After`.
    pub(super) value: Option<&'a str>,
    /// The header `Date`: the server's own clock, by which it wrote the other.
    pub(super) date: Option<&'a str>,
    /// Our clock, where there is no `Date`.
    pub(super) now: Time,
}

impl RetryAfter<'_> {
    /// Seconds to wait, at most a day, rounded up; none where nothing that can be read was said.
    pub(super) fn seconds(self) -> Option<u32> {
        let value = self.value?.trim();
        if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
            // Too many digits for a number are very many seconds.
            return Some(value.parse().unwrap_or(MOST_S).min(MOST_S));
        }
        let at = httpdate::parse_http_date(value).ok()?;
        let now = UNIX_EPOCH.checked_add(Duration::from_millis(self.now.0))?;
        let now = self.date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
        let wait_ms = at.duration_since(now).unwrap_or_default().as_millis();
        Some(u32::try_from(wait_ms.div_ceil(1000)).unwrap_or(MOST_S).min(MOST_S))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Retry-After`, `Date`, seconds; by our clock it is 2026-11-27 08:59:00.5.
    #[test]
    fn seconds_and_dates_in_every_form_are_bounded() {
        let table: [(&str, Option<&str>, Option<u32>); 17] = [
            ("30", None, Some(30)),
            (" 30 ", None, Some(30)),
            ("0", None, Some(0)),
            ("86400", None, Some(86_400)),
            ("86401", None, Some(86_400)),
            ("99999999999999999999", None, Some(86_400)),
            ("-5", None, None),
            ("1.5", None, None),
            ("", None, None),
            ("soon", None, None),
            // The three forms of a date; by our clock.
            ("Fri, 27 Nov 2026 09:00:00 GMT", None, Some(60)),
            ("Friday, 27-Nov-26 09:00:00 GMT", None, Some(60)),
            ("Fri Nov 27 09:00:00 2026", None, Some(60)),
            // By the server's own clock, which is an hour behind.
            ("Fri, 27 Nov 2026 08:02:00 GMT", Some("Fri, 27 Nov 2026 08:00:00 GMT"), Some(120)),
            ("Fri, 27 Nov 2026 09:00:00 GMT", Some("yesterday"), Some(60)),
            // Over already, and very far.
            ("Fri, 27 Nov 2026 08:00:00 GMT", None, Some(0)),
            ("Fri, 27 Nov 2099 09:00:00 GMT", None, Some(86_400)),
        ];
        for (value, date, expected) in table {
            let said = RetryAfter { value: Some(value), date, now: Time(1_795_769_940_500) };
            assert_eq!(said.seconds(), expected, "{value:?} {date:?}");
        }
        assert_eq!(RetryAfter { value: None, date: Some("x"), now: Time(0) }.seconds(), None);
    }
}
