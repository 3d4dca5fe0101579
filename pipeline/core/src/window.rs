//! The customer service window and the free entry point.

use crate::record::Pair;

/// Length of the customer service window.
pub const WINDOW_S: u32 = 24 * 3600;
/// A window counts as closed this much before its end, so that what is admitted still arrives inside it.
pub const CLOSES_EARLY_S: u32 = 60;
/// Length of a free entry point, from the answer.
pub const FEP_S: u32 = 72 * 3600;

/// The second at which we stop relying on the window; `None` when it is closed at `now_s`.
#[must_use]
pub fn open_until_s(pair: &Pair, now_s: u32) -> Option<u32> {
    if pair.last_inbound_s == 0 {
        return None;
    }
    let until = pair.last_inbound_s + WINDOW_S - CLOSES_EARLY_S;
    (now_s < until).then_some(until)
}

/// Whether the platform had the window open at `at_s` (its own clock, to the second).
#[must_use]
pub fn was_open_at(pair: &Pair, at_s: u32) -> bool {
    pair.last_inbound_s != 0 && at_s >= pair.last_inbound_s && at_s < pair.last_inbound_s + WINDOW_S
}

/// Whether a confirmed free entry point covers `at_s`.
#[must_use]
pub fn fep_open_at(pair: &Pair, at_s: u32) -> bool {
    at_s < pair.fep_until_s
}

/// When the free entry point ends, now that an answer in one was delivered at `at_s`. Further answers do not put the
/// end off; one that was delivered earlier, and is told of later, began it.
#[must_use]
pub fn fep_until_s(pair: &Pair, at_s: u32) -> u32 {
    let until = pair.fep_until_s;
    let began = until.saturating_sub(FEP_S);
    let begins_anew = at_s >= until;
    let began_earlier = at_s < began && began - at_s < FEP_S;
    if begins_anew || began_earlier { at_s + FEP_S } else { until }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_entry_point_runs_from_its_first_answer() {
        let pair = |fep_until_s| Pair { fep_until_s, ..Pair::default() };
        let first = 1_000_000;
        let until = first + FEP_S;
        for (before, at_s, after) in [
            (0, first, until),
            (until, first, until),
            (until, first + 5, until),
            (until, until - 1, until),
            (until, until, until + FEP_S),
            // Told of later, delivered earlier.
            (until, first - 7, until - 7),
            // One of long ago is over.
            (until, first - FEP_S, until),
        ] {
            assert_eq!(fep_until_s(&pair(before), at_s), after, "{before} {at_s}");
        }
    }

    #[test]
    fn closes_a_minute_early() {
        let p = Pair { last_inbound_s: 1_000_000, ..Pair::default() };
        let end = 1_000_000 + WINDOW_S;
        let table = [
            (1_000_000, true, true),
            (end - 61, true, true),
            (end - 60, false, true),
            (end - 1, false, true),
            (end, false, false),
        ];
        for (at, ours, platform) in table {
            assert_eq!(open_until_s(&p, at).is_some(), ours, "ours at {at}");
            assert_eq!(was_open_at(&p, at), platform, "platform at {at}");
        }
        assert!(open_until_s(&Pair::default(), 5).is_none());
    }
}
