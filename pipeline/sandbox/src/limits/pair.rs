//! Messages of one number to one user: one per interval, with a burst borrowed from the future.

use crate::config::behaviour::{LimitConfig, PairRule};

/// What is remembered of one pair.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PairRate {
    /// When everything sent so far has been paid back.
    paid_back_ms: u64,
    /// Start of the current burst.
    burst_start_ms: u64,
    /// Messages in the current burst.
    burst: u32,
}

impl PairRate {
    /// Counts a message that is about to be accepted.
    ///
    /// # Errors
    /// Milliseconds until the next message is allowed.
    pub(crate) fn take(&mut self, now_ms: u64, rule: &LimitConfig) -> Result<(), u64> {
        let interval = rule.pair_interval_ms;
        if now_ms >= self.paid_back_ms {
            *self = Self { paid_back_ms: now_ms + interval, burst_start_ms: now_ms, burst: 1 };
            return Ok(());
        }
        let debt = self.paid_back_ms - now_ms;
        match rule.pair_rule {
            PairRule::Repay => {
                if now_ms >= self.burst_start_ms + interval || self.burst >= rule.pair_burst {
                    return Err(debt);
                }
                self.burst += 1;
            }
            PairRule::Bucket => {
                let most = interval * u64::from(rule.pair_burst - 1);
                if debt > most {
                    return Err(debt - most);
                }
            }
        }
        self.paid_back_ms += interval;
        Ok(())
    }

    /// Whether nothing is owed any more.
    pub(crate) fn settled(&self, now_ms: u64) -> bool {
        now_ms >= self.paid_back_ms
    }
}

#[cfg(test)]
mod tests {
    use super::PairRate;
    use crate::config::behaviour::{LimitConfig, PairRule};

    #[test]
    fn a_burst_of_twenty_costs_two_minutes() {
        let rule = LimitConfig::default();
        let mut pair = PairRate::default();
        for n in 0..20 {
            assert_eq!(pair.take(n * 100, &rule), Ok(()));
        }
        assert_eq!(pair.take(6_000, &rule), Err(114_000));
        assert_eq!(pair.take(119_999, &rule), Err(1));
        assert_eq!(pair.take(120_000, &rule), Ok(()));
    }

    #[test]
    fn a_burst_ends_at_forty_five() {
        for pair_rule in [PairRule::Repay, PairRule::Bucket] {
            let rule = LimitConfig { pair_rule, ..LimitConfig::default() };
            let mut pair = PairRate::default();
            let accepted = (0..60).filter(|_| pair.take(0, &rule).is_ok()).count();
            assert_eq!(accepted, 45, "{pair_rule:?}");
        }
    }

    #[test]
    fn a_bucket_gives_one_back_per_interval() {
        let rule = LimitConfig { pair_rule: PairRule::Bucket, ..LimitConfig::default() };
        let mut pair = PairRate::default();
        while pair.take(0, &rule).is_ok() {}
        assert_eq!(pair.take(5_999, &rule), Err(1));
        assert_eq!(pair.take(6_000, &rule), Ok(()));
        assert_eq!(pair.take(6_000, &rule), Err(6_000));
    }
}
