//! Which order goes next: priority first, senders in turn, one call at a time per (sender, user), within each
//! sender's pace. Pure: time is an argument.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_wire::Time;
use tollgate_wire::order::Callback;
use tollgate_wire::trace::SpanRef;

use super::pace::{Horizon, Pace};

/// One order, read ahead.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) offset: u64,
    pub(super) callback: Callback,
    pub(super) account: Arc<str>,
    /// Position of the sender in the backlog.
    pub(super) sender: usize,
    /// Identifies (sender, user). A collision only makes two users wait for each other.
    pub(super) pair: u64,
    pub(super) priority: bool,
    pub(super) leave_by: Time,
    /// The decision's span, where its trace is recorded.
    pub(super) trace: Option<SpanRef>,
    pub(super) body: Bytes,
    /// By the call for marketing.
    pub(super) marketing: bool,
}

/// Free slots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Free {
    pub(super) all: usize,
    /// Of these, how many a bulk order may use.
    pub(super) bulk: usize,
}

/// What a pick found.
#[derive(Debug, Default)]
pub(super) struct Picked {
    /// To take and call.
    pub(super) go: Vec<Job>,
    /// To take and report as not sent: `leave_by` has passed.
    pub(super) late: Vec<Job>,
    /// When a sender that waits for its pace has room, nanoseconds since start.
    pub(super) room_at_ns: Option<u64>,
}

const PRIORITY: usize = 0;
const BULK: usize = 1;

#[derive(Debug)]
struct Sender {
    id: Arc<str>,
    pace: Pace,
    /// Picked and not timed yet.
    planned: u32,
    lanes: [VecDeque<Job>; 2],
    /// Whether the sender stands in the lane's turn order.
    in_turn: [bool; 2],
    in_flight: u32,
}

/// Orders read ahead and the pairs that are busy.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    senders: Vec<Sender>,
    by_id: HashMap<Arc<str>, usize>,
    turns: [VecDeque<usize>; 2],
    busy: HashSet<u64>,
    /// Orders whose pair is busy, by pair, in order.
    behind: HashMap<u64, VecDeque<Job>>,
    horizon: Horizon,
    hasher: foldhash::fast::FixedState,
    len: usize,
}

impl Backlog {
    /// Orders held.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The sender's position, known from now on; a new one starts with an empty bucket.
    pub(super) fn sender(&mut self, id: &str, per_second: u32, now_ns: u64) -> usize {
        if let Some(&index) = self.by_id.get(id) {
            self.senders[index].pace.set_rate(per_second);
            return index;
        }
        let id: Arc<str> = Arc::from(id);
        let index = self.senders.len();
        self.senders.push(Sender {
            id: Arc::clone(&id),
            pace: Pace::new(per_second, now_ns),
            planned: 0,
            lanes: [VecDeque::new(), VecDeque::new()],
            in_turn: [false; 2],
            in_flight: 0,
        });
        self.by_id.insert(id, index);
        index
    }

    /// Identity of (sender, user).
    pub(super) fn pair(&self, sender: usize, user: &str) -> u64 {
        self.hasher.hash_one((sender, user))
    }

    /// Holds one order.
    pub(super) fn push(&mut self, job: Job) {
        self.len += 1;
        self.queue(job, false);
    }

    fn queue(&mut self, job: Job, front: bool) {
        let lane = if job.priority { PRIORITY } else { BULK };
        let index = job.sender;
        let sender = &mut self.senders[index];
        if front {
            sender.lanes[lane].push_front(job);
        } else {
            sender.lanes[lane].push_back(job);
        }
        if !std::mem::replace(&mut sender.in_turn[lane], true) {
            self.turns[lane].push_back(index);
        }
    }

    /// Picks what can be taken now. Pairs of the picked orders are busy until [`Backlog::finished`].
    pub(super) fn pick(&mut self, mut free: Free, now: Time, now_ns: u64) -> Picked {
        let mut picked = Picked::default();
        for lane in [PRIORITY, BULK] {
            let mut waiting = 0;
            while waiting < self.turns[lane].len() {
                if free.all == 0 || (lane == BULK && free.bulk == 0) {
                    break;
                }
                let Some(index) = self.turns[lane].pop_front() else { break };
                match self.next_of(index, lane, now, now_ns, &mut picked) {
                    Next::Go => {
                        free.all -= 1;
                        if lane == BULK {
                            free.bulk -= 1;
                        }
                        waiting = 0;
                        self.turns[lane].push_back(index);
                    }
                    Next::Paced => {
                        waiting += 1;
                        self.turns[lane].push_back(index);
                    }
                    Next::Empty => self.senders[index].in_turn[lane] = false,
                }
            }
        }
        picked
    }

    fn next_of(&mut self, index: usize, lane: usize, now: Time, now_ns: u64, picked: &mut Picked) -> Next {
        let sender = &mut self.senders[index];
        while let Some(job) = sender.lanes[lane].pop_front() {
            if job.leave_by <= now {
                self.len -= 1;
                picked.late.push(job);
                continue;
            }
            if self.busy.contains(&job.pair) {
                self.behind.entry(job.pair).or_default().push_back(job);
                continue;
            }
            if !sender.pace.has_room(sender.planned, now_ns, self.horizon) {
                let room_at = sender.pace.room_at(sender.planned, now_ns, self.horizon);
                picked.room_at_ns = Some(picked.room_at_ns.map_or(room_at, |have| have.min(room_at)));
                sender.lanes[lane].push_front(job);
                return Next::Paced;
            }
            sender.planned += 1;
            sender.in_flight += 1;
            self.busy.insert(job.pair);
            self.len -= 1;
            picked.go.push(job);
            return Next::Go;
        }
        Next::Empty
    }

    /// What was picked became durable so long after: calls are taken further ahead by that.
    pub(super) fn took(&mut self, ns: u64) {
        self.horizon.took(ns);
    }

    /// Times the call of a picked order, once it is taken.
    pub(super) fn start_at_ns(&mut self, job: &Job, now_ns: u64) -> u64 {
        let sender = &mut self.senders[job.sender];
        sender.planned = sender.planned.saturating_sub(1);
        sender.pace.reserve(now_ns)
    }

    /// A picked order is not called after all (somebody else had taken it).
    pub(super) fn forgone(&mut self, job: &Job) {
        let sender = &mut self.senders[job.sender];
        sender.planned = sender.planned.saturating_sub(1);
        self.finished(job.sender, job.pair);
    }

    /// The call has ended: the pair's next order may go.
    pub(super) fn finished(&mut self, sender: usize, pair: u64) {
        self.busy.remove(&pair);
        let in_flight = &mut self.senders[sender].in_flight;
        *in_flight = in_flight.saturating_sub(1);
        if let Some(jobs) = self.behind.remove(&pair) {
            for job in jobs.into_iter().rev() {
                self.queue(job, true);
            }
        }
    }

    /// Takes out everything whose `leave_by` has passed, wherever it waits.
    pub(super) fn take_late(&mut self, now: Time) -> Vec<Job> {
        let mut late = Vec::new();
        let mut sift = |queue: &mut VecDeque<Job>| {
            if queue.iter().any(|job| job.leave_by <= now) {
                let (out, keep) =
                    std::mem::take(queue).into_iter().partition::<VecDeque<_>, _>(|job| job.leave_by <= now);
                *queue = keep;
                late.extend(out);
            }
        };
        for sender in &mut self.senders {
            sender.lanes.iter_mut().for_each(&mut sift);
        }
        self.behind.values_mut().for_each(&mut sift);
        self.behind.retain(|_, jobs| !jobs.is_empty());
        self.len -= late.len();
        late.sort_unstable_by_key(|job| job.offset);
        late
    }

    /// Every sender with its calls under way, for the gauge.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = (&str, u32)> {
        self.senders.iter().map(|sender| (&*sender.id, sender.in_flight))
    }

    /// The sender's phone number id.
    pub(super) fn sender_id(&self, sender: usize) -> &Arc<str> {
        &self.senders[sender].id
    }
}

enum Next {
    Go,
    Paced,
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: Free = Free { all: 100, bulk: 100 };
    /// Long enough after the start that no sender waits for its first interval.
    const LATER_NS: u64 = 10_000_000_000;

    fn job(backlog: &mut Backlog, offset: u64, sender: &str, user: &str, priority: bool) {
        let sender = backlog.sender(sender, 1_000, 0);
        let job = Job {
            offset,
            callback: Callback { message_uid: offset, attempt: 1 },
            account: Arc::from("acme"),
            sender,
            pair: backlog.pair(sender, user),
            priority,
            leave_by: Time(1_000 + offset),
            trace: None,
            body: Bytes::new(),
            marketing: false,
        };
        backlog.push(job);
    }

    fn offsets(jobs: &[Job]) -> Vec<u64> {
        jobs.iter().map(|job| job.offset).collect()
    }

    #[test]
    fn priority_first_and_senders_in_turn() {
        let mut backlog = Backlog::default();
        for offset in 0..4 {
            job(&mut backlog, offset, if offset < 3 { "a" } else { "b" }, &offset.to_string(), false);
        }
        job(&mut backlog, 9, "b", "9", true);
        let picked = backlog.pick(Free { all: 4, bulk: 3 }, Time(0), LATER_NS);
        assert_eq!(offsets(&picked.go), [9, 0, 3, 1]);
        assert_eq!(backlog.len(), 1);
    }

    #[test]
    fn bulk_leaves_a_share_for_priority() {
        let mut backlog = Backlog::default();
        job(&mut backlog, 0, "a", "0", false);
        job(&mut backlog, 1, "a", "1", true);
        let picked = backlog.pick(Free { all: 5, bulk: 0 }, Time(0), LATER_NS);
        assert_eq!(offsets(&picked.go), [1]);
    }

    #[test]
    fn one_at_a_time_per_sender_and_user() {
        let mut backlog = Backlog::default();
        for (offset, sender, user) in [(0, "a", "x"), (1, "a", "x"), (2, "a", "x"), (3, "b", "x"), (4, "a", "y")] {
            job(&mut backlog, offset, sender, user, false);
        }
        let first = backlog.pick(MANY, Time(0), LATER_NS).go;
        assert_eq!(offsets(&first), [0, 3, 4]);
        assert!(backlog.pick(MANY, Time(0), LATER_NS).go.is_empty());
        backlog.finished(first[0].sender, first[0].pair);
        assert_eq!(offsets(&backlog.pick(MANY, Time(0), LATER_NS).go), [1]);
    }

    #[test]
    fn late_orders_need_no_slot_wherever_they_wait() {
        let mut backlog = Backlog::default();
        for offset in 0..3 {
            job(&mut backlog, offset, "a", "x", false);
        }
        let picked = backlog.pick(MANY, Time(1_000), LATER_NS);
        assert_eq!((offsets(&picked.late), offsets(&picked.go)), (vec![0], vec![1]));
        assert_eq!(offsets(&backlog.take_late(Time(2_000))), [2], "it waited behind its pair");
        assert_eq!(backlog.len(), 0);
    }

    #[test]
    fn a_sender_without_room_does_not_hold_up_another() {
        let mut backlog = Backlog::default();
        backlog.sender("slow", 1, LATER_NS);
        for offset in 0..3 {
            job(&mut backlog, offset, "slow", &offset.to_string(), false);
        }
        backlog.sender("slow", 1, LATER_NS);
        job(&mut backlog, 3, "fast", "3", false);
        let picked = backlog.pick(MANY, Time(0), LATER_NS);
        assert_eq!(offsets(&picked.go), [3]);
        assert_eq!(picked.room_at_ns, Some(LATER_NS + 1_000_000_000 - super::super::pace::HORIZON_MIN_NS));
    }

    #[test]
    fn timing_follows_the_pace() {
        let mut backlog = Backlog::default();
        for offset in 0..3 {
            job(&mut backlog, offset, "a", &offset.to_string(), false);
        }
        let go = backlog.pick(MANY, Time(0), LATER_NS).go;
        let starts: Vec<u64> = go.iter().map(|job| backlog.start_at_ns(job, LATER_NS) - LATER_NS).collect();
        assert_eq!(starts, [0, 1_000_000, 2_000_000]);
    }
}
