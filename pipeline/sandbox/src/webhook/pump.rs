//! The scheduler task: fires timers, makes POSTs, keeps a bounded number in flight.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::batch::Post;
use super::client::Receiver;
use super::queue::Queue;
use crate::server::{Phase, Shared};

/// Everything the task owns.
pub(crate) struct Pump {
    shared: Arc<Shared>,
    receiver: Option<Receiver>,
    queue: Queue,
    in_flight: JoinSet<(Post, Result<(), String>)>,
    in_flight_updates: u64,
}

impl Pump {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let webhooks = &shared.webhooks;
        let receiver = shared.webhook_uri.clone().map(|uri| {
            let timeout = Duration::from_millis(webhooks.timeout_ms);
            Receiver::new(uri, webhooks.concurrency, timeout)
        });
        Self { shared, receiver, queue: Queue::default(), in_flight: JoinSet::new(), in_flight_updates: 0 }
    }

    /// Runs until the phase changes to draining, then delivers what is left within its bound.
    /// Ends at once when the handle is dropped.
    pub(crate) async fn run(mut self, mut phase: watch::Receiver<Phase>) {
        let period = Duration::from_millis(self.shared.webhooks.flush_ms);
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut deadline: Option<Instant> = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => self.collect(deadline.is_none()),
                Some(joined) = self.in_flight.join_next() => {
                    if let Ok((post, result)) = joined {
                        self.settle(post, result);
                    }
                }
                changed = phase.changed(), if deadline.is_none() => {
                    if changed.is_err() {
                        return;
                    }
                    let bound = Duration::from_millis(self.shared.webhooks.drain_ms);
                    deadline = Some(Instant::now() + bound);
                    self.collect(true);
                    self.shared.world().timers.clear();
                }
            }
            self.start_tries();
            if let Some(deadline) = deadline {
                let done = self.queue.is_empty() && self.in_flight.is_empty();
                if done || Instant::now() >= deadline {
                    return;
                }
            }
        }
    }

    fn collect(&mut self, fire: bool) {
        let now_ms = self.shared.clock.now_ms();
        let mut world = self.shared.world();
        if fire {
            world.fire_due(now_ms);
        }
        let posts = world.collect_posts(&self.shared.signing_key, now_ms);
        if self.receiver.is_some() {
            let dropped = self.queue.add(posts, self.shared.webhooks.queue_max_updates);
            if dropped > 0 {
                tracing::warn!(dropped, "the webhook queue is full: oldest POSTs given up");
                world.counters.posts_abandoned += dropped;
            }
        }
        world.counters.updates_in_queue = self.queue.updates() + self.in_flight_updates;
    }

    fn start_tries(&mut self) {
        let Some(receiver) = &self.receiver else {
            return;
        };
        while self.in_flight.len() < self.shared.webhooks.concurrency {
            let Some(post) = self.queue.next(self.shared.clock.now_ms()) else {
                return;
            };
            self.in_flight_updates += post.updates;
            let receiver = receiver.clone();
            self.in_flight.spawn(async move {
                let result = receiver.deliver(&post).await;
                (post, result)
            });
        }
    }

    fn settle(&mut self, post: Post, result: Result<(), String>) {
        let (tries, updates) = (post.tries, post.updates);
        self.in_flight_updates -= updates;
        let mut world = self.shared.world();
        let Err(problem) = result else {
            world.counters.posts_delivered += 1;
            world.counters.updates_delivered += updates;
            world.counters.updates_in_queue -= updates;
            return;
        };
        let now_ms = self.shared.clock.now_ms();
        if self.queue.again(post, &self.shared.webhooks, now_ms) {
            world.counters.posts_retried += 1;
            tracing::debug!(tries, updates, problem, "webhook failed, will be tried again");
        } else {
            world.counters.posts_abandoned += 1;
            world.counters.updates_in_queue -= updates;
            tracing::warn!(tries, updates, problem, "webhook given up");
        }
    }
}
