//! How the state is changed: the one `apply`; beside it message numbers, ids that are taken back, the clock of quotas.

use super::State;
use crate::change::Change;
use crate::ids::{ContactKey, PairKey, Uid};
use crate::lots::Resource;
use crate::record::{Contact, Known, Pair};
use std::sync::Arc;

impl State {
    /// Applies one change and returns the change that undoes it; `None` where undoing is not needed because
    /// the record is only written, never read by a decision.
    pub(crate) fn apply(&mut self, change: Change) -> Option<Change> {
        Some(match change {
            Change::Contact(key, new) => {
                let old = self.contact(key);
                self.put_contact(key, old, new);
                Change::Contact(key, old)
            }
            Change::Brand(key, new) => {
                let old = self.people.brand(key);
                self.people.put_brand(key, &new);
                Change::Brand(key, old)
            }
            Change::Pair(key, new) => {
                let old = self.pair(key);
                self.put_pair(key, &old, &new);
                Change::Pair(key, old)
            }
            Change::SenderLive(ix, new) => {
                let old = std::mem::replace(&mut self.sender_live[ix.at()], new);
                if new.factor != old.factor || new.back_off_until_ms != old.back_off_until_ms {
                    self.lots.wake(Resource::Throughput(ix));
                    self.lots.wake(Resource::Sender(ix));
                }
                Change::SenderLive(ix, old)
            }
            Change::Message(new) => return self.put_message(new),
            Change::Body(uid, new) => {
                let old = match new {
                    Some(b) => self.bodies.insert(uid, b),
                    None => self.bodies.remove(&uid),
                };
                Change::Body(uid, old)
            }
            Change::Counter(key, new) => {
                let old = self.counters.insert(key, new).unwrap_or(0);
                Change::Counter(key, old)
            }
            Change::Seen(hash, uid) => {
                self.seen.insert(hash, uid);
                return None;
            }
            Change::Wamid(hash, uid, attempt) => {
                self.wamids.insert(hash, Known::Numbers(uid, attempt));
                return None;
            }
            Change::Key(hash, key) => {
                self.wamids.insert(hash, Known::Key(key));
                return None;
            }
            Change::Foreign(hash, foreign) => {
                self.wamids.insert(hash, Known::Foreign(foreign));
                return None;
            }
            Change::Campaign(new) => self.put_campaign(*new)?,
            Change::Spent(ix, new) => {
                let c = Arc::make_mut(&mut self.campaigns[ix.at()]);
                let old = std::mem::replace(&mut c.spent, new);
                if new < old {
                    self.lots.wake(Resource::Budget(ix));
                }
                Change::Spent(ix, old)
            }
            Change::CampaignBucket(ix, new) => {
                let c = Arc::make_mut(&mut self.campaigns[ix.at()]);
                Change::CampaignBucket(ix, std::mem::replace(&mut c.bucket, new))
            }
            Change::Account(new) => self.put_account(*new)?,
            Change::Waba(new) => self.put_waba(*new)?,
            Change::Sender(new) => self.put_sender(*new)?,
            Change::Template(new) => self.put_template(*new)?,
            Change::Proof(_) | Change::Erased(_) => return None,
            Change::Scoped(ix, id) => {
                if ix as usize == self.scoped.len() {
                    self.scoped_by_id.insert(id.clone(), ix);
                    self.scoped.push(id);
                }
                return None;
            }
        })
    }

    fn put_contact(&mut self, key: ContactKey, old: Contact, new: Contact) {
        if old.counted != new.counted {
            let account = key.account();
            self.account_quota[account.at()].shift(old.counted.counted_time(), new.counted.counted_time());
            if new.counted.counted_time() < old.counted.counted_time() {
                self.lots.wake(Resource::Quota(account));
            }
        }
        self.people.put_contact(key, &new);
    }

    fn put_pair(&mut self, key: PairKey, old: &Pair, new: &Pair) {
        if old.counted != new.counted {
            let sender = key.sender();
            self.sender_quota[sender.at()].shift(old.counted.counted_time(), new.counted.counted_time());
            if new.counted.counted_time() < old.counted.counted_time() {
                self.lots.wake(Resource::NumberQuota(sender));
            }
        }
        self.people.put_pair(key, new);
    }

    pub(crate) fn raise_next_uid(&mut self, to: Uid) {
        self.next_uid = self.next_uid.max(to);
    }

    pub(crate) fn reset_next_uid(&mut self, to: Uid) {
        self.next_uid = to;
    }

    /// Takes a new business-scoped id back, and those after it.
    pub(crate) fn drop_scoped(&mut self, ix: u64) {
        for gone in self.scoped.drain((ix as usize).min(self.scoped.len())..) {
            self.scoped_by_id.remove(&gone);
        }
    }

    pub(crate) fn advance_quotas(&mut self, now_s: u32) {
        for q in self.account_quota.iter_mut().chain(&mut self.sender_quota) {
            q.advance(now_s);
        }
    }
}
