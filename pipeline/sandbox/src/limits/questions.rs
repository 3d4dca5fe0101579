//! Questions to the management API about one WABA in any hour.

use std::collections::VecDeque;

const HOUR_MS: u64 = 3_600_000;

/// The times of the last hour's questions.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    times_ms: VecDeque<u64>,
}

impl Questions {
    /// Counts a question that is about to be answered.
    ///
    /// # Errors
    /// Whole seconds until the next one may be asked, when `limit` were asked in the past hour.
    pub(crate) fn take(&mut self, limit: u32, now_ms: u64) -> Result<(), u32> {
        while self.times_ms.front().is_some_and(|time| time + HOUR_MS <= now_ms) {
            self.times_ms.pop_front();
        }
        match self.times_ms.front() {
            Some(first) if self.times_ms.len() >= limit as usize => {
                Err(u32::try_from((first + HOUR_MS - now_ms).div_ceil(1_000)).unwrap_or(u32::MAX))
            }
            _ => {
                self.times_ms.push_back(now_ms);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HOUR_MS, Questions};

    #[test]
    fn so_many_in_any_hour() {
        let mut questions = Questions::default();
        assert_eq!((questions.take(2, 0), questions.take(2, 1_500)), (Ok(()), Ok(())));
        assert_eq!(questions.take(2, 1_500), Err(3_599), "rounded up");
        assert_eq!(questions.take(2, HOUR_MS), Ok(()));
        assert_eq!(questions.take(2, HOUR_MS), Err(2));
    }
}
