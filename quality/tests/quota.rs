//! The exact count against an oracle that keeps plain lists and counts by looking at every user.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tollgate_quality::{COUNTED_S, Counted, Limit, RETURNS_AFTER_S, RollingCount};

const SCOPES: usize = 3;
const USERS: usize = 10;
const LIMIT: u32 = 7;
const EVENTS: u32 = 2_400_000;
const START_S: u32 = 1_700_000_000;

/// What the oracle remembers of a user: every admission and every counting delivery of the past day.
#[derive(Clone, Default)]
struct Plain {
    admitted_at: Vec<u32>,
    open: u32,
    delivered_at: Vec<u32>,
}

impl Plain {
    /// The rule in words: counted by a delivery of the past 24 hours, or, while anything is open, by the
    /// latest admission if that lies within them. Gives the second it counts from.
    fn counts_from(&self, now_s: u32) -> Option<u32> {
        let within = |second: &u32| i64::from(now_s) - i64::from(*second) <= i64::from(COUNTED_S);
        let admitted = if self.open > 0 { self.admitted_at.iter().max() } else { None };
        self.delivered_at.iter().chain(admitted).copied().filter(within).max()
    }

    fn forget(&mut self, now_s: u32) {
        let recent = |second: &u32| second + COUNTED_S + 100 > now_s;
        self.admitted_at.retain(recent);
        self.delivered_at.retain(recent);
    }
}

struct World {
    contacts: [[Counted; USERS]; SCOPES],
    counts: [RollingCount; SCOPES],
    plain: Vec<Vec<Plain>>,
    now_s: u32,
}

impl World {
    fn new() -> World {
        World {
            contacts: [[Counted::default(); USERS]; SCOPES],
            counts: std::array::from_fn(|_| RollingCount::default()),
            plain: vec![vec![Plain::default(); USERS]; SCOPES],
            now_s: START_S,
        }
    }

    /// The one way in which a contact changes; gives the old value for the undo.
    fn apply(&mut self, scope: usize, user: usize, new: Counted) -> Counted {
        let old = std::mem::replace(&mut self.contacts[scope][user], new);
        self.counts[scope].shift(old.counted_time(), new.counted_time());
        old
    }

    fn step(&mut self, random: &mut SmallRng, scope: usize, user: usize) -> Option<Counted> {
        let (now_s, contact) = (self.now_s, self.contacts[scope][user]);
        let plain = &mut self.plain[scope][user];
        let new = match random.random_range(0..10) {
            0..=4 => {
                let rides = contact.is_counted(now_s);
                if !rides && !Limit::Users(LIMIT).is_above(self.counts[scope].count(now_s)) {
                    return None;
                }
                plain.admitted_at.push(now_s);
                plain.open += 1;
                contact.reserve(now_s)
            }
            5 | 6 if contact.reserved_n > 0 => {
                plain.open -= 1;
                contact.release()
            }
            7 | 8 if contact.reserved_n > 0 => {
                // Reported late, or stamped by a clock that is a little ahead of ours.
                let at_s = now_s + 30 - random.random_range(0..3_000);
                let outside = random.random_bool(0.7);
                plain.open -= 1;
                plain.delivered_at.extend(outside.then_some(at_s));
                contact.confirm(at_s, outside)
            }
            9 if random.random_bool(0.2) => {
                let at_s = now_s - random.random_range(0..100_000);
                plain.delivered_at.push(at_s);
                contact.observe(at_s, true)
            }
            _ => return None,
        };
        Some(self.apply(scope, user, new))
    }

    /// Every answer of one scope, looked up and counted by hand.
    fn compare(&self, scope: usize) {
        let now_s = self.now_s;
        let (mut seconds, mut n) = ([0; USERS], 0);
        for (contact, plain) in self.contacts[scope].iter().zip(&self.plain[scope]) {
            let from = plain.counts_from(now_s);
            assert_eq!(contact.is_counted(now_s), from.is_some());
            if let Some(second) = from {
                seconds[n] = second;
                n += 1;
            }
        }
        let seconds = &mut seconds[..n];
        seconds.sort_unstable();
        let count = &self.counts[scope];
        assert_eq!(count.count(now_s) as usize, seconds.len());
        assert_eq!(count.next_return_s(now_s), seconds.first().map(|second| second + RETURNS_AFTER_S));
        let below = |limit: usize| match seconds.len() {
            len if len < limit => Some(now_s),
            len => Some(seconds[len - limit] + RETURNS_AFTER_S),
        };
        for limit in [1, 3, LIMIT] {
            assert_eq!(count.second_when_below(limit, now_s), below(limit as usize));
        }
    }

    /// What loading the contacts afresh would give.
    fn compare_with_a_fresh_load(&mut self) {
        for (count, contacts) in self.counts.iter_mut().zip(&self.contacts) {
            let mut fresh = RollingCount::default();
            contacts.iter().for_each(|contact| fresh.add(contact.counted_time()));
            fresh.advance(self.now_s);
            count.advance(self.now_s);
            assert_eq!(*count, fresh);
        }
    }
}

/// How fast time goes between two events, in seconds: a rush, a day, a trickle.
const PACES_S: [u32; 3] = [2, 600, 20_000];

#[test]
fn equal_to_the_oracle_at_every_step() {
    let mut random = SmallRng::seed_from_u64(20_261_101);
    let mut world = World::new();
    let (mut events, mut batches, mut aborts, mut full) = (0, 0_u32, 0_u32, 0_u32);
    while events < EVENTS {
        let step_s = PACES_S[(batches / 500 % 3) as usize];
        let saved = world.plain.clone();
        let mut undo = Vec::new();
        for _ in 0..random.random_range(1..60) {
            if random.random_bool(0.3) {
                world.now_s += random.random_range(0..step_s);
            }
            let (scope, user) = (random.random_range(0..SCOPES), random.random_range(0..USERS));
            if let Some(old) = world.step(&mut random, scope, user) {
                undo.push((scope, user, old));
            }
            if random.random_bool(0.1) {
                world.counts[scope].advance(world.now_s);
            }
            full += u32::from(world.counts[scope].count(world.now_s) >= LIMIT);
            world.compare(scope);
            events += 1;
        }
        if random.random_bool(0.25) {
            for (scope, user, old) in undo.into_iter().rev() {
                world.apply(scope, user, old);
                events += 1;
            }
            world.plain = saved;
            (0..SCOPES).for_each(|scope| world.compare(scope));
            aborts += 1;
        }
        if batches % 16 == 0 {
            world.compare_with_a_fresh_load();
        }
        let now_s = world.now_s;
        world.plain.iter_mut().flatten().for_each(|plain| plain.forget(now_s));
        if world.now_s > u32::MAX - 200_000_000 {
            world = World::new();
        }
        batches += 1;
    }
    assert!(aborts > 1_000 && full > 10_000, "{aborts} aborts, limit reached {full} times");
}
