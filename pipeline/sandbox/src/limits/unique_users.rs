//! Unique users delivered to outside a window in a moving 24 hours, kept user by user.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

const DAY_S: u64 = 24 * 3_600;

/// Every counted user with the second that counts last.
#[derive(Debug, Default)]
pub(crate) struct UniqueUsers {
    limit: Option<u64>,
    last_s: HashMap<Arc<str>, u64>,
    by_time: BTreeSet<(u64, Arc<str>)>,
    peak: u64,
}

/// A delivery that would have exceeded the limit; nothing was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// Users it would have made.
    pub(crate) count: u64,
    /// The limit.
    pub(crate) limit: u64,
}

impl UniqueUsers {
    pub(crate) fn new(limit: Option<u64>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Counts a delivery to `user` outside a window at second `now_s`.
    ///
    /// # Errors
    /// [`Exceeded`] when the user is not counted yet and the limit is used up.
    pub(crate) fn deliver(&mut self, user: &Arc<str>, now_s: u64) -> Result<(), Exceeded> {
        self.forget(now_s);
        if let Some(last) = self.last_s.get_mut(user) {
            self.by_time.remove(&(*last, user.clone()));
            *last = now_s;
        } else {
            let count = self.last_s.len() as u64 + 1;
            if let Some(limit) = self.limit.filter(|limit| count > *limit) {
                return Err(Exceeded { count, limit });
            }
            self.last_s.insert(user.clone(), now_s);
            self.peak = self.peak.max(count);
        }
        self.by_time.insert((now_s, user.clone()));
        Ok(())
    }

    /// Users counted at `now_s`.
    pub(crate) fn count(&mut self, now_s: u64) -> u64 {
        self.forget(now_s);
        self.last_s.len() as u64
    }

    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    pub(crate) fn set_limit(&mut self, limit: Option<u64>) {
        self.limit = limit;
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }

    fn forget(&mut self, now_s: u64) {
        while self.by_time.first().is_some_and(|(time, _)| time + DAY_S <= now_s) {
            if let Some((_, user)) = self.by_time.pop_first() {
                self.last_s.remove(&user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, DAY_S, Exceeded, UniqueUsers};

    fn user(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    #[test]
    fn a_new_user_past_the_limit_is_refused_and_a_counted_one_is_not() {
        let mut users = UniqueUsers::new(Some(2));
        assert_eq!(users.deliver(&user("a"), 10), Ok(()));
        assert_eq!(users.deliver(&user("b"), 20), Ok(()));
        assert_eq!(users.deliver(&user("c"), 30), Err(Exceeded { count: 3, limit: 2 }));
        assert_eq!(users.deliver(&user("a"), 30), Ok(()));
        assert_eq!(users.count(30), 2);
    }

    #[test]
    fn a_user_ages_out_a_day_after_the_last_delivery() {
        let mut users = UniqueUsers::new(Some(1));
        users.deliver(&user("a"), 0).expect("first");
        users.deliver(&user("a"), 100).expect("again");
        assert!(users.deliver(&user("b"), DAY_S + 99).is_err());
        assert_eq!(users.deliver(&user("b"), DAY_S + 100), Ok(()));
        assert_eq!(users.count(DAY_S + 100), 1);
        assert_eq!(users.peak(), 1);
    }
}
