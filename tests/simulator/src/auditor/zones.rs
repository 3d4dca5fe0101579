//! Local time in the five zones of the world, 2026-09-29 to 2027-01: offsets by hand, no zone database.

/// Seconds to add to UTC.
fn offset_s(zone: &str, at_s: i64) -> i64 {
    /// 2026-11-01 09:00 UTC: Los Angeles sets its clocks back.
    const LOS_ANGELES_WINTER: i64 = 1_793_523_600;
    match zone {
        "Asia/Seoul" => 9 * 3600,
        "America/Sao_Paulo" => -3 * 3600,
        // Summer time from 2026-09-27 to 2027-04-04.
        "Pacific/Auckland" => 13 * 3600,
        "America/Los_Angeles" if at_s < LOS_ANGELES_WINTER => -7 * 3600,
        "America/Los_Angeles" => -8 * 3600,
        _ => 0,
    }
}

/// Local date as `YYYYMMDD`.
pub(crate) fn date(zone: &str, at_s: u32) -> u32 {
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let local = i64::from(at_s) + offset_s(zone, i64::from(at_s));
    // Days since 2026-01-01; neither 2026 nor 2027 has a 29th of February.
    let mut day = (local / 86_400 - 20_454) as u32;
    let mut year = 2026;
    while day >= 365 {
        day -= 365;
        year += 1;
    }
    let mut month = 0;
    while day >= LENGTHS[month] {
        day -= LENGTHS[month];
        month += 1;
    }
    year * 10_000 + (month as u32 + 1) * 100 + day + 1
}

/// Local hour of a person, by the number; `None` where clocks change in that time, or where the number tells no zone.
pub(crate) fn hour_of_person(to: &str, at_s: u32) -> Option<u64> {
    const MINUTES: [(&str, i64); 12] = [
        ("+5511", -180),
        ("+91", 330),
        ("+82", 540),
        ("+64", 780),
        ("+965", 180),
        ("+234", 60),
        ("+966", 180),
        ("+852", 480),
        ("+51", -300),
        ("+27", 120),
        ("+57", -300),
        ("+880", 360),
    ];
    let (_, minutes) = MINUTES.iter().find(|(prefix, _)| to.starts_with(prefix))?;
    u64::try_from((i64::from(at_s) + minutes * 60) / 3600 % 24).ok()
}

/// Local hour, 0 to 23.
pub(crate) fn hour(zone: &str, at_s: u32) -> u64 {
    let local = i64::from(at_s) + offset_s(zone, i64::from(at_s));
    (local / 3600 % 24) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnights_by_hand() {
        let october = 1_790_812_800; // 2026-10-01 00:00 UTC
        let table = [
            ("UTC", october - 1, 20260930, 23),
            ("UTC", october, 20261001, 0),
            ("Asia/Seoul", october - 9 * 3600, 20261001, 0),
            ("America/Sao_Paulo", october + 3 * 3600 - 1, 20260930, 23),
            ("Pacific/Auckland", october - 13 * 3600, 20261001, 0),
            ("America/Los_Angeles", october + 7 * 3600 - 1, 20260930, 23),
            ("UTC", october + 92 * 86_400, 20270101, 0),
        ];
        for (zone, at, day, h) in table {
            assert_eq!((date(zone, at), hour(zone, at)), (day, h), "{zone} {at}");
        }
    }
}
