//! Messages: kept, taken back, and all that is derived from one: its timer, its lot, its slots, its place among the counts of
//! its campaign.

use super::State;
use crate::change::Change;
use crate::ids::Uid;
use crate::lots::{LotKey, Resource};
use crate::record::{Attempt, AttemptState, CampaignState, Message, MessageState};
use std::sync::Arc;
use tollgate_wire::snapshot::CampaignCounts;

impl State {
    pub(super) fn put_message(&mut self, new: Box<Message>) -> Option<Change> {
        let old = self.messages.remove(&new.uid);
        if let Some(old) = &old {
            self.forget(old);
        }
        self.derive(&new);
        self.messages.insert(new.uid, new);
        old.map(Change::Message)
    }

    /// Takes a new message back: the undo of a message that had no older version.
    pub(crate) fn drop_message(&mut self, uid: Uid) {
        if let Some(old) = self.messages.remove(&uid) {
            self.forget(&old);
        }
    }

    /// Removes everything derived from a message.
    fn forget(&mut self, m: &Message) {
        if let Some(t) = m.timer_ms() {
            self.timers.remove(&(t, m.uid));
        }
        if let (Some(key), Some(p)) = (lot_of(m), m.park) {
            self.lots.leave(key, m.uid, m.body_bytes, p.until_ms);
        }
        for a in &m.attempts {
            if a.slot {
                self.in_flight[a.sender.at()] -= 1;
                self.lots.wake(Resource::InFlight(a.sender));
            }
        }
        self.count(m, false);
    }

    /// Adds everything derived from a message.
    fn derive(&mut self, m: &Message) {
        if let Some(t) = m.timer_ms() {
            self.timers.insert((t, m.uid));
        }
        if let (Some(key), Some(p)) = (lot_of(m), m.park) {
            self.lots.join(key, m.uid, m.body_bytes, p.reason, p.until_ms);
            // What comes back to a campaign that was cancelled meanwhile has nothing to wait for.
            if m.campaign.some().is_some_and(|ix| self.campaigns[ix.at()].state == CampaignState::Cancelled) {
                self.lots.open(key);
            }
        }
        for a in &m.attempts {
            if a.slot {
                self.in_flight[a.sender.at()] += 1;
            }
        }
        self.touched.insert(m.account);
        self.count(m, true);
    }

    fn count(&mut self, m: &Message, add: bool) {
        let Some(ix) = m.campaign.some().filter(|ix| !self.campaigns[ix.at()].is_gone()) else { return };
        let c = Arc::make_mut(&mut self.campaigns[ix.at()]);
        let step = |n: &mut u64| *n = if add { *n + 1 } else { n.saturating_sub(1) };
        step(cell(&mut c.counts, m));
        step(if m.test { &mut c.counts.test.requested } else { &mut c.counts.requested });
        let held: rust_decimal::Decimal = m.attempts.iter().map(|a| a.reserved).sum();
        if !held.is_zero() {
            if add {
                c.reserved += held;
            } else {
                c.reserved -= held;
                self.lots.wake(Resource::Budget(ix));
            }
        }
    }
}

/// The lot a message is in.
#[must_use]
pub fn lot_of(m: &Message) -> Option<LotKey> {
    let park = m.park.filter(|_| m.state == MessageState::Parked)?;
    Some(LotKey {
        resource: park.resource,
        account: m.account,
        priority: m.priority,
        class: LotKey::class(m.purpose),
        campaign: m.campaign,
        sender: m.sender,
    })
}

/// Where a message is counted in its campaign.
fn cell<'a>(c: &'a mut CampaignCounts, m: &Message) -> &'a mut u64 {
    let is_read = || m.attempts.iter().any(|a: &Attempt| a.state == AttemptState::Read);
    if m.test {
        return match m.state {
            MessageState::Parked | MessageState::Open => &mut c.test.on_the_way,
            MessageState::Delivered if is_read() => &mut c.test.read,
            MessageState::Delivered => &mut c.test.delivered,
            _ => &mut c.test.failed,
        };
    }
    match m.state {
        MessageState::Parked => &mut c.parked,
        MessageState::Open => &mut c.on_the_way,
        MessageState::Delivered if is_read() => &mut c.read,
        MessageState::Delivered => &mut c.delivered,
        MessageState::Failed => &mut c.failed,
        MessageState::Refused => &mut c.refused,
        MessageState::Expired => &mut c.expired,
        MessageState::Cancelled => &mut c.cancelled,
        MessageState::Undelivered | MessageState::Unknown => &mut c.undelivered,
    }
}
