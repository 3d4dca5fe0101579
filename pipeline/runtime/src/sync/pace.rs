//! How often the platform is asked about a WABA. It takes 200 questions an hour about one that hardly sends.

use std::collections::VecDeque;
use std::time::Duration;
use tollgate_wire::Time;

/// Questions about a WABA in any hour.
const QUESTIONS_MAX: usize = 180;
const HOUR_MS: u64 = 3_600_000;
/// Of an hour so much passes for each question that was needed, before the WABA is due again.
const PER_QUESTION: Duration = Duration::from_secs(24);
/// Pause after the first failure, doubled with each that follows.
const FAILED_FIRST: Duration = Duration::from_secs(30);
/// Doublings after which the pause stays as it is: over two hours.
const DOUBLINGS_MAX: u32 = 8;
/// A part of each pause, by chance, so that processes and WABAs do not ask all at once.
const JITTER_PART: u64 = 10;

/// The questions of the past hour about a WABA.
#[derive(Debug, Default)]
pub(super) struct Questions {
    at_ms: VecDeque<u64>,
}

impl Questions {
    /// Counts one that is about to be asked; else when the next one may be.
    pub(super) fn take(&mut self, now: Time) -> Result<(), Time> {
        while self.at_ms.front().is_some_and(|at| at + HOUR_MS <= now.0) {
            self.at_ms.pop_front();
        }
        match self.at_ms.front() {
            Some(first) if self.at_ms.len() >= QUESTIONS_MAX => Err(Time(first + HOUR_MS)),
            _ => {
                self.at_ms.push_back(now.0);
                Ok(())
            }
        }
    }
}

/// How long until a WABA is due again after so many questions.
pub(super) fn next(every: Duration, questions: u32) -> Duration {
    every.max(PER_QUESTION.saturating_mul(questions))
}

/// How long until it is due again after so many failures in a row, the last of which may have named a pause.
pub(super) fn after_failure(every: Duration, failures: u32, asked: Option<Duration>) -> Duration {
    let doubled = FAILED_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(DOUBLINGS_MAX));
    doubled.min(every.max(FAILED_FIRST)).max(asked.unwrap_or_default())
}

/// A pause with a part more, by a number that differs from pause to pause.
pub(super) fn with_jitter(pause: Duration, differs: u64) -> Duration {
    let part = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX) / JITTER_PART;
    pause + Duration::from_millis(differs % part.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_questions_in_any_hour() {
        let mut questions = Questions::default();
        for n in 0..QUESTIONS_MAX as u64 {
            assert_eq!(questions.take(Time(n)), Ok(()));
        }
        assert_eq!(questions.take(Time(1_000)), Err(Time(HOUR_MS)));
        assert_eq!(questions.take(Time(HOUR_MS)), Ok(()));
        assert_eq!(questions.take(Time(HOUR_MS)), Err(Time(HOUR_MS + 1)));
    }

    #[test]
    fn a_large_waba_is_asked_about_more_seldom() {
        let quarter = Duration::from_secs(900);
        assert_eq!(next(quarter, 2), quarter);
        assert_eq!(next(quarter, 61), Duration::from_secs(1_464), "150 questions an hour");
    }

    #[test]
    fn failures_are_waited_for_longer_each_time_and_never_longer_than_the_schedule() {
        let quarter = Duration::from_secs(900);
        let pauses: Vec<u64> = (1..=7).map(|n| after_failure(quarter, n, None).as_secs()).collect();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(after_failure(quarter, u32::MAX, None), quarter);
        let asked = Some(Duration::from_secs(3_600));
        assert_eq!(after_failure(quarter, 1, asked).as_secs(), 3_600, "the platform's word counts");
        assert_eq!(after_failure(Duration::ZERO, 3, None), FAILED_FIRST);
    }

    #[test]
    fn chance_adds_a_tenth_at_most() {
        for differs in [0, 7, u64::MAX] {
            let pause = with_jitter(Duration::from_secs(10), differs);
            assert!((10_000..11_000).contains(&pause.as_millis()), "{pause:?}");
        }
        assert_eq!(with_jitter(Duration::ZERO, 9), Duration::ZERO);
    }
}
