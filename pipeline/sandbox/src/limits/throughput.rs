//! Messages of one number in any sliding second, inbound included.

use std::collections::VecDeque;

/// The times of the last second's messages.
#[derive(Debug)]
pub(crate) struct Throughput {
    /// Most messages in any second.
    limit: usize,
    times_ms: VecDeque<u64>,
    /// Largest count seen in one second.
    peak: usize,
}

impl Throughput {
    pub(crate) fn new(mps: u32, slack_percent: u32) -> Self {
        let limit = u64::from(mps) * (100 + u64::from(slack_percent)) / 100;
        Self { limit: limit as usize, times_ms: VecDeque::new(), peak: 0 }
    }

    /// Counts a message that is about to be accepted.
    ///
    /// # Errors
    /// The number of messages in the past second when it is already at the limit.
    pub(crate) fn take(&mut self, now_ms: u64) -> Result<(), usize> {
        self.forget(now_ms);
        if self.times_ms.len() >= self.limit {
            return Err(self.times_ms.len());
        }
        self.push(now_ms);
        Ok(())
    }

    /// Counts an inbound message, which is never refused.
    pub(crate) fn note_inbound(&mut self, now_ms: u64) {
        self.forget(now_ms);
        // A flood of inbound messages cannot grow the list without bound.
        if self.times_ms.len() < self.limit {
            self.push(now_ms);
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak
    }

    fn forget(&mut self, now_ms: u64) {
        while self.times_ms.front().is_some_and(|time| time + 1_000 <= now_ms) {
            self.times_ms.pop_front();
        }
    }

    fn push(&mut self, now_ms: u64) {
        self.times_ms.push_back(now_ms);
        self.peak = self.peak.max(self.times_ms.len());
    }
}

#[cfg(test)]
mod tests {
    use super::Throughput;

    #[test]
    fn no_sliding_second_holds_more_than_the_limit() {
        let mut throughput = Throughput::new(3, 0);
        let accepted: Vec<u64> = (0..40).map(|n| n * 100).filter(|now| throughput.take(*now).is_ok()).collect();
        assert_eq!(accepted[..7], [0, 100, 200, 1_000, 1_100, 1_200, 2_000]);
        assert_eq!(throughput.peak(), 3);
    }

    #[test]
    fn inbound_counts_and_slack_adds() {
        let mut throughput = Throughput::new(10, 20);
        throughput.note_inbound(0);
        let accepted = (0..20).filter(|_| throughput.take(5).is_ok()).count();
        assert_eq!(accepted, 11);
    }
}
