//! What is forgotten in time: a part of the batch, written by it or undone with it.

use super::batch::{Dirty, Undo};
use super::{Engine, Table, Writes};
use crate::codec::{self, CodecError};
use crate::ids::CampaignIx;
use crate::record::Known;

/// What became of an ended message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// It is forgotten.
    Gone,
    /// Its request is old enough, but something else of it is not: those after it may be.
    Later,
    /// Its request is not old enough, and so is none after it.
    Young,
}

impl Engine {
    /// Removes an ended message and its id, 30 days after its request and 8 after its last attempt. `value` is the stored
    /// record.
    ///
    /// # Errors
    /// Unknown version or damage.
    pub fn sweep(&mut self, value: &[u8], out: &mut dyn Writes) -> Result<Swept, CodecError> {
        const KEPT_S: u32 = 30 * 86_400;
        const AFTER_END_S: u32 = 8 * 86_400;
        let m = codec::message(value)?;
        let now_s = (self.now_ms / 1000) as u32;
        if now_s < m.created_s.saturating_add(KEPT_S) {
            return Ok(Swept::Young);
        }
        let last_s = m.attempts.iter().map(|a| (a.admitted_ms / 1000) as u32).max().unwrap_or(0);
        // What the batch has changed is written by it, or undone with it.
        if m.is_open()
            || now_s < last_s.saturating_add(AFTER_END_S)
            || self.is_dirty.contains_key(&Dirty::Message(m.uid))
        {
            return Ok(Swept::Later);
        }
        let hash = self.config.hash_key.request(&self.state.account_at(m.account).spec.account, &m.tail.id);
        self.state.seen.remove(hash);
        self.swept.push(hash);
        self.state.messages.remove(&m.uid);
        out.write(Table::Closed, &m.uid.to_be_bytes(), None);
        out.write(Table::Ids, &hash.to_be_bytes(), None);
        for a in &m.attempts {
            let opened = a.booked.is_some_and(|b| b.unit.is_opened());
            let is_earliest = opened || self.state.wamid(a.conversation) == Some((m.uid, a.number));
            let conversation = if is_earliest { a.conversation } else { 0 };
            let unnamed = crate::charge::unnamed_key(&self.state, a);
            for id in [a.wamid, conversation, unnamed].into_iter().filter(|id| *id != 0) {
                self.state.wamids.remove(&id);
                out.write(Table::Wamids, &id.to_be_bytes(), None);
            }
        }
        Ok(Swept::Gone)
    }

    /// Forgets campaigns that are over and of which nothing was said for long: a few at a time, round and round. Part of the
    /// batch: `commit` writes it, `abort` takes it back.
    pub fn sweep_campaigns(&mut self) {
        const LOOKED_AT: usize = 500;
        let (today, len) = (self.today(), self.state.campaigns.len());
        let from = Some(self.campaigns_swept).filter(|at| *at < len).unwrap_or(0).max(1);
        let to = from.saturating_add(LOOKED_AT).min(len);
        for at in from..to {
            let campaign = &self.state.campaigns[at];
            let ix = CampaignIx(at as u32);
            if campaign.is_gone() {
                continue;
            }
            if campaign.said_day == 0 {
                // Stored by an earlier version: its time begins now.
                self.touch(Dirty::Campaign(ix), None);
                self.said_of_campaign(ix);
            } else if at + 1 < len && campaign.is_over(today) {
                // The last one stays: the next number follows from it, and none is given twice.
                self.touch(Dirty::Campaign(ix), None);
                let gone = self.state.forget_campaign(ix);
                self.undo.push(Undo::Campaign(gone));
            }
        }
        self.campaigns_swept = to;
    }

    /// Removes what is kept under the platform's id of a person's message, once it is not told again any more, and what was
    /// booked of a message that other software sent, 30 days after its delivery. That it was booked stays known.
    ///
    /// # Errors
    /// Unknown version or damage.
    pub fn sweep_id(&mut self, key: &[u8], value: &[u8], out: &mut dyn Writes) -> Result<(), CodecError> {
        const KEPT_S: u32 = 30 * 86_400;
        let known = codec::known(value)?;
        let (kept, said) = known.numbers();
        let now_s = (self.now_ms / 1000) as u32;
        let Ok(hash) = <[u8; 16]>::try_from(key).map(u128::from_be_bytes) else { return Ok(()) };
        match known {
            Known::Numbers(..) if crate::inbound::is_over(kept, now_s) => {
                self.state.wamids.remove(&hash);
                out.write(Table::Wamids, key, None);
            }
            // Without a price it is needed to find what stands. What the batch has changed is written by it.
            Known::Foreign(f)
                if crate::charge::is_priced(&f)
                    && f.delivered_s.saturating_add(KEPT_S) < now_s
                    && !self.wamids.contains(&hash) =>
            {
                self.state.wamids.remove(&hash);
                self.bytes.clear();
                codec::put_known(&Known::Numbers(kept, said), &mut self.bytes);
                out.write(Table::Wamids, key, Some(&self.bytes));
            }
            _ => {}
        }
        Ok(())
    }
}
