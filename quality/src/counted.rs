//! When one contact last took a token of the messaging limit.
//!
//! The platform counts a user for 24 hours after a delivery outside the window. We learn of it late, so a
//! message that may be delivered counts from its admission (reserved) until we know better (confirmed).
//!
//! Seconds are rounded down on both sides, and a user counted at second `t` counts while `now_s - t` is at
//! most 86,400. That never undercounts a moving 24 hours: if less than 24 hours lie between two instants,
//! their whole seconds differ by at most 86,400.

use serde::{Deserialize, Serialize};

/// How long a user stays counted, in seconds: a moving 24 hours.
pub const COUNTED_S: u32 = 86_400;

/// A token taken at second `t` is back at second `t + RETURNS_AFTER_S`.
pub const RETURNS_AFTER_S: u32 = COUNTED_S + 1;

/// The counted times of one contact in one scope. 12 bytes; the default is a contact never counted.
///
/// Every method returns the new value. An attempt calls `reserve` once, and after that `release` or
/// `confirm` at most once. In doubt and unknown call neither: the user stays reserved and ages out.
/// An attempt that is still unknown more than 24 hours after its admission may be released too: nothing
/// changes in what is counted, and old doubts do not pile up in `reserved_n`. What comes for such an
/// attempt later is `observe`d.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Counted {
    /// Second of the latest delivery known to count, by the platform's clock; 0 = never.
    pub confirmed_at_s: u32,
    /// Second of the latest admission; 0 = never. Means something only while `reserved_n` > 0.
    pub reserved_at_s: u32,
    /// Attempts whose end we do not know.
    pub reserved_n: u16,
}

impl Counted {
    /// The second from which the user is counted: the later of the confirmed and, while anything is
    /// reserved, the reserved one; 0 = never.
    #[must_use]
    pub const fn counted_time(self) -> u32 {
        if self.reserved_n > 0 && self.reserved_at_s > self.confirmed_at_s {
            self.reserved_at_s
        } else {
            self.confirmed_at_s
        }
    }

    /// Does the user count at `now_s`, so that one more message takes no further token?
    #[must_use]
    pub const fn is_counted(self, now_s: u32) -> bool {
        let counted_s = self.counted_time();
        counted_s != 0 && now_s.saturating_sub(counted_s) <= COUNTED_S
    }

    /// An attempt is admitted that needs a token or rides on a counted user.
    #[must_use]
    pub const fn reserve(self, now_s: u32) -> Counted {
        let reserved_at_s = if self.reserved_n > 0 && self.reserved_at_s > now_s { self.reserved_at_s } else { now_s };
        // The pair rate allows 14,400 messages a day to one user: the count stays far below its end.
        Counted { reserved_at_s, reserved_n: self.reserved_n.saturating_add(1), ..self }
    }

    /// An attempt `failed` or was `not_sent`: one reservation is taken back. At zero the user counts from
    /// the confirmed time again.
    #[must_use]
    pub const fn release(self) -> Counted {
        Counted { reserved_n: self.reserved_n.saturating_sub(1), ..self }
    }

    /// An attempt of ours was delivered at `at_s`, the platform's time: its reservation is taken back, and
    /// the delivery counts if the window was closed at admission or at delivery.
    #[must_use]
    pub const fn confirm(self, at_s: u32, was_outside_window: bool) -> Counted {
        self.observe(at_s, was_outside_window).release()
    }

    /// A delivery at `at_s`, the platform's time, that holds no reservation: other software sent it from
    /// the same number, or its reservation is taken back already.
    #[must_use]
    pub const fn observe(self, at_s: u32, was_outside_window: bool) -> Counted {
        if was_outside_window && at_s > self.confirmed_at_s { Counted { confirmed_at_s: at_s, ..self } } else { self }
    }

    /// What is known to count, without what may yet.
    #[must_use]
    pub const fn without_reservations(self) -> Counted {
        Counted { reserved_at_s: 0, reserved_n: 0, ..self }
    }

    /// Two scopes that counted the same user become one: it holds the reservations of both.
    #[must_use]
    pub fn joined(self, other: Counted) -> Counted {
        let reserved = |c: Counted| if c.reserved_n > 0 { c.reserved_at_s } else { 0 };
        Counted {
            confirmed_at_s: self.confirmed_at_s.max(other.confirmed_at_s),
            reserved_at_s: reserved(self).max(reserved(other)),
            reserved_n: self.reserved_n.saturating_add(other.reserved_n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps, then the counted time; `+t` reserve, `-` release, `d t` delivered outside the window,
    /// `w t` delivered inside it, `f t` delivered outside it for other software.
    const LIVES: &str = "
        never_counted                        | → 0
        reserved                             | +100 → 100
        reserved_twice_counts_from_the_later | +100 +200 → 200
        failed_falls_back_to_never           | +100 - → 0
        one_of_two_failed_stays_reserved     | +100 +200 - → 200
        failed_falls_back_to_confirmed       | +100 d120 +500 - → 120
        delivered_counts_from_the_platform   | +100 d130 → 130
        delivered_before_our_admission_clock | +100 d90 → 90
        delivered_while_another_is_open      | +100 +200 d150 → 200
        delivered_late_wins                  | +100 +200 d250 → 250
        deliveries_out_of_order              | +100 +110 d300 d200 → 300
        delivered_inside_the_window          | +100 w130 → 0
        inside_the_window_keeps_the_old_time | +100 d110 +300 w310 → 110
        in_doubt_stays                       | +100 +200 - → 200
        foreign_delivery_takes_nothing_back  | +100 f150 → 150
        foreign_delivery_then_ours_fails     | +100 f150 - → 150
        release_without_reservation          | - → 0
        a_stale_reservation_time_is_not_kept | +500 - +300 → 300
    ";

    #[test]
    fn the_counted_time_follows_the_life_of_the_attempts() {
        for line in LIVES.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (life, expected) = line.split_once('→').expect("steps → time");
            let (_, steps) = life.split_once('|').expect("name | steps");
            let counted = steps.split_whitespace().fold(Counted::default(), |counted, step| {
                let at = || step[1..].parse().expect("a second");
                match &step[..1] {
                    "+" => counted.reserve(at()),
                    "-" => counted.release(),
                    "d" => counted.confirm(at(), true),
                    "w" => counted.confirm(at(), false),
                    "f" => counted.observe(at(), true),
                    other => panic!("step {other}"),
                }
            });
            assert_eq!(counted.counted_time().to_string(), expected.trim(), "{line}");
        }
    }

    #[test]
    fn a_user_counts_for_24_hours_and_is_free_in_the_second_after() {
        let counted = Counted::default().reserve(1_000);
        assert!(counted.is_counted(1_000));
        assert!(counted.is_counted(1_000 + COUNTED_S));
        assert!(!counted.is_counted(1_000 + RETURNS_AFTER_S));
        assert!(counted.is_counted(940), "a platform clock ahead of ours counts at once");
        assert!(!Counted::default().is_counted(5), "never is not the year 1970");
    }

    #[test]
    fn whole_seconds_never_undercount_a_moving_24_hours() {
        for sent_ms in 5_000..7_000_u64 {
            let still_inside_ms = sent_ms + 86_400_000;
            let counted = Counted::default().reserve(crate::second_of(sent_ms));
            assert!(counted.is_counted(crate::second_of(still_inside_ms)), "sent at {sent_ms} ms");
        }
    }

    #[test]
    fn the_record_stays_small() {
        assert!(size_of::<Counted>() <= 12);
    }
}
