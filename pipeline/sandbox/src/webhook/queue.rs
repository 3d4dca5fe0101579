//! POSTs that wait: to be tried at once, or again after a pause.

use std::collections::{BTreeMap, VecDeque};

use super::batch::Post;
use crate::config::webhook::WebhookConfig;

/// The delivery queue, bounded in updates.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: VecDeque<Post>,
    /// By due time and order of arrival.
    paused: BTreeMap<(u64, u64), Post>,
    sequence: u64,
    updates: u64,
}

impl Queue {
    /// Adds new POSTs; returns how many old ones the bound cost.
    pub(crate) fn add(&mut self, posts: Vec<Post>, updates_max: usize) -> u64 {
        for post in posts {
            self.updates += post.updates;
            self.ready.push_back(post);
        }
        let mut dropped = 0;
        while self.updates > updates_max as u64 {
            let oldest = self.paused.pop_first().map(|(_, post)| post);
            let Some(post) = oldest.or_else(|| self.ready.pop_front()) else {
                break;
            };
            self.updates -= post.updates;
            dropped += 1;
        }
        dropped
    }

    /// The next POST to try. It leaves the queue.
    pub(crate) fn next(&mut self, now_ms: u64) -> Option<Post> {
        let due = self.paused.first_key_value().is_some_and(|((due, _), _)| *due <= now_ms);
        let mut post = if due { self.paused.pop_first().map(|(_, post)| post)? } else { self.ready.pop_front()? };
        self.updates -= post.updates;
        post.tries += 1;
        post.first_ms.get_or_insert(now_ms);
        Some(post)
    }

    /// Puts a failed POST back; false when its horizon is over and it is given up.
    pub(crate) fn again(&mut self, post: Post, config: &WebhookConfig, now_ms: u64) -> bool {
        let horizon_ms = config.retry_horizon_seconds.saturating_mul(1_000);
        let due_ms = now_ms + pause_ms(post.tries, config);
        if due_ms > post.first_ms.unwrap_or(now_ms).saturating_add(horizon_ms) {
            return false;
        }
        self.sequence += 1;
        self.updates += post.updates;
        self.paused.insert((due_ms, self.sequence), post);
        true
    }

    /// Updates in the queue.
    pub(crate) fn updates(&self) -> u64 {
        self.updates
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.paused.is_empty()
    }
}

/// First pause, doubled with each try, up to the longest.
fn pause_ms(tries: u32, config: &WebhookConfig) -> u64 {
    let doublings = tries.saturating_sub(1).min(32);
    config.retry_first_ms.saturating_mul(1 << doublings).min(config.retry_max_ms.max(1))
}

#[cfg(test)]
mod tests {
    use super::{Post, Queue, WebhookConfig, pause_ms};

    fn post(updates: u64) -> Post {
        Post { body: bytes::Bytes::new(), signature: String::new(), updates, tries: 0, first_ms: None }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let config = WebhookConfig::default();
        let pauses: Vec<u64> = [1, 2, 3, 8, 40].map(|tries| pause_ms(tries, &config)).to_vec();
        assert_eq!(pauses, [250, 500, 1_000, 30_000, 30_000]);
    }

    #[test]
    fn a_failed_post_comes_back_until_the_horizon() {
        let config = WebhookConfig { retry_horizon_seconds: 1, ..WebhookConfig::default() };
        let mut queue = Queue::default();
        queue.add(vec![post(1)], 1_000);
        let first = queue.next(0).expect("ready");
        assert!(queue.again(first, &config, 10));
        assert!(queue.next(259).is_none());
        let second = queue.next(260).expect("due");
        assert!(queue.again(second, &config, 270));
        let third = queue.next(770).expect("due");
        assert_eq!((third.tries, third.first_ms), (3, Some(0)));
        assert!(!queue.again(third, &config, 780));
        assert!(queue.is_empty());
    }

    #[test]
    fn a_full_queue_gives_up_the_oldest() {
        let mut queue = Queue::default();
        assert_eq!(queue.add(vec![post(60), post(50), post(40)], 100), 1);
        assert_eq!(queue.updates(), 90);
        assert_eq!(queue.next(0).expect("ready").updates, 50);
    }
}
