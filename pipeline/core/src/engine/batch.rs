//! One batch: what it changed, for the store, and how it is undone.

use super::{Engine, Table, Writes, prefix};
use crate::change::{Change, CounterKey};
use crate::codec;
use crate::ids::{AccountIx, BrandKey, CampaignIx, ContactKey, PairKey, SenderIx, TemplateIx, Uid, WabaIx};
use crate::record::{Campaign, Contact, Message};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dirty {
    Contact(ContactKey),
    Brand(BrandKey),
    Pair(PairKey),
    Live(SenderIx),
    Message(Uid),
    Body(Uid),
    Counter(CounterKey),
    Campaign(CampaignIx),
    Account(AccountIx),
    Waba(WabaIx),
    Sender(SenderIx),
    Template(TemplateIx),
    Scoped(u64),
}

#[derive(Debug)]
pub(super) enum Undo {
    Put(Change),
    DropMessage(Uid),
    NextUid(Uid),
    DropCampaign(CampaignIx),
    /// What was forgotten.
    Campaign(Arc<Campaign>),
    /// The day on which something was said of a campaign.
    Said(CampaignIx, u32),
    DropScoped(u64),
    /// A new owner cannot be taken out of its table: the state must be loaded again.
    Reload,
}

impl Engine {
    pub(super) fn apply(&mut self, change: Change) {
        let mut stored = None;
        let touched = match &change {
            Change::Contact(k, _) => Some(Dirty::Contact(*k)),
            Change::Brand(k, _) => Some(Dirty::Brand(*k)),
            Change::Pair(k, _) => Some(Dirty::Pair(*k)),
            Change::SenderLive(k, _) => Some(Dirty::Live(*k)),
            Change::Message(m) => {
                let uid = m.uid;
                let before = self.state.message(uid).map(Message::is_open);
                stored = before;
                if before.is_none() {
                    self.undo.push(Undo::NextUid(self.state.next_uid()));
                    self.state.raise_next_uid(uid + 1);
                }
                if let Some(ix) = m.campaign.some() {
                    self.touch(Dirty::Campaign(ix), None);
                }
                Some(Dirty::Message(uid))
            }
            Change::Body(uid, _) => Some(Dirty::Body(*uid)),
            Change::Counter(k, _) => Some(Dirty::Counter(*k)),
            Change::Seen(h, uid) => {
                self.seen.push((*h, *uid));
                None
            }
            Change::Wamid(h, ..) | Change::Foreign(h, _) | Change::Key(h, _) => {
                self.wamids.push(*h);
                None
            }
            Change::Campaign(c) => {
                if c.ix.at() >= self.state.campaigns.len() {
                    self.undo.push(Undo::DropCampaign(c.ix));
                }
                Some(Dirty::Campaign(c.ix))
            }
            Change::Spent(ix, _) | Change::CampaignBucket(ix, _) => Some(Dirty::Campaign(*ix)),
            Change::Account(a) => Some(Dirty::Account(a.ix)),
            Change::Waba(w) => Some(Dirty::Waba(w.ix)),
            Change::Sender(s) => Some(Dirty::Sender(s.ix)),
            Change::Template(t) => Some(Dirty::Template(t.ix)),
            Change::Proof(p) => {
                self.proofs.push((**p).clone());
                None
            }
            Change::Erased(key) => {
                self.proofs.retain(|p| p.contact != key.0);
                self.erased.push(*key);
                None
            }
            Change::Scoped(ix, _) => {
                self.undo.push(Undo::DropScoped(*ix));
                Some(Dirty::Scoped(*ix))
            }
        };
        if let Some(d) = touched {
            self.touch(d, stored);
        }
        let new_message = match &change {
            Change::Message(m) => Some(m.uid),
            _ => None,
        };
        let said_of = match &change {
            Change::Message(m) => m.campaign.some(),
            Change::Campaign(c) => Some(c.ix),
            _ => None,
        };
        let kept_apart = matches!(
            change,
            Change::Seen(..)
                | Change::Wamid(..)
                | Change::Foreign(..)
                | Change::Key(..)
                | Change::Proof(..)
                | Change::Erased(..)
                | Change::Message(..)
                | Change::Scoped(..)
                | Change::Campaign(..)
        );
        match (self.state.apply(change), new_message) {
            (Some(old), _) => self.undo.push(Undo::Put(old)),
            (None, Some(uid)) => self.undo.push(Undo::DropMessage(uid)),
            (None, None) if !kept_apart => self.undo.push(Undo::Reload),
            (None, None) => {}
        }
        if let Some(ix) = said_of {
            self.said_of_campaign(ix);
        }
    }

    pub(super) fn said_of_campaign(&mut self, ix: CampaignIx) {
        let today = self.today();
        if let Some(day) = self.state.said_of_campaign(ix, today) {
            self.undo.push(Undo::Said(ix, day));
        }
    }

    /// Counted from 1970.
    pub(super) fn today(&self) -> u32 {
        (self.now_ms / 86_400_000) as u32
    }

    pub(super) fn touch(&mut self, d: Dirty, stored_open: Option<bool>) {
        if self.is_dirty.insert(d, self.part) != Some(self.part) {
            self.dirty.push((d, stored_open));
        }
    }

    /// Beginnings of the keys of [`Table::Proofs`] whose records are to be deleted from the store, before what `commit`
    /// writes: the engine never looks for proofs.
    pub fn erased(&self) -> impl Iterator<Item = [u8; 8]> {
        self.erased.iter().map(|key| key.0.to_be_bytes())
    }

    /// `true` when the batch changed something that must be stored.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !(self.is_dirty.is_empty() && self.seen.is_empty() && self.wamids.is_empty() && self.proofs.is_empty())
    }

    /// Ends a part of the batch: writes the records of the state that it changed, so that [`Engine::commit`] has less to do. What
    /// a later part changes again is written again; nothing counts before the batch is durable.
    pub fn write(&mut self, out: &mut dyn Writes) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for (d, was_open) in dirty.drain(..) {
            self.bytes.clear();
            let b = &mut self.bytes;
            match d {
                Dirty::Contact(k) => {
                    codec::put_contact(&self.state.contact(k), b);
                    out.write(Table::Contacts, &k.0.to_be_bytes(), Some(b));
                }
                Dirty::Brand(k) => {
                    let said = self.state.said(k.contact, k.brand);
                    codec::put_brand(&said, b);
                    let b = (said != Contact::default()).then_some(&**b);
                    out.write(Table::Brands, &k.to_bytes(), b);
                }
                Dirty::Pair(k) => {
                    codec::put_pair(&self.state.pair(k), b);
                    out.write(Table::Pairs, &k.0.to_be_bytes(), Some(b));
                }
                Dirty::Live(ix) => {
                    codec::put_live(&self.state.live(ix), b);
                    out.write(Table::Entities, &entity(prefix::LIVE, &ix.0.to_be_bytes()), Some(b));
                }
                Dirty::Message(uid) => {
                    let Some(m) = self.state.message(uid) else { continue };
                    codec::put_message(m, b);
                    let (to, from) =
                        if m.is_open() { (Table::Open, Table::Closed) } else { (Table::Closed, Table::Open) };
                    out.write(to, &uid.to_be_bytes(), Some(b));
                    if was_open.is_some_and(|open| open != m.is_open()) {
                        out.write(from, &uid.to_be_bytes(), None);
                    }
                }
                Dirty::Body(uid) => match self.state.bodies.get(&uid) {
                    Some(body) => out.write(Table::Bodies, &uid.to_be_bytes(), Some(body)),
                    None => out.write(Table::Bodies, &uid.to_be_bytes(), None),
                },
                Dirty::Counter(k) => {
                    let key = entity(prefix::COUNTER, &codec::counter_key(k));
                    out.write(Table::Entities, &key, Some(&self.state.counter(k).to_be_bytes()));
                }
                Dirty::Campaign(ix) => {
                    let key = entity(prefix::CAMPAIGN, &ix.0.to_be_bytes());
                    let stored = self.state.campaign_at(ix).map(codec::put_campaign);
                    out.write(Table::Entities, &key, stored.as_deref());
                }
                Dirty::Account(ix) => {
                    let key = entity(prefix::ACCOUNT, &ix.0.to_be_bytes());
                    out.write(Table::Entities, &key, Some(&codec::put_account(self.state.account_at(ix))));
                }
                Dirty::Waba(ix) => {
                    let key = entity(prefix::WABA, &ix.0.to_be_bytes());
                    out.write(Table::Entities, &key, Some(&codec::put_waba(self.state.waba_at(ix))));
                }
                Dirty::Sender(ix) => {
                    let key = entity(prefix::SENDER, &ix.0.to_be_bytes());
                    out.write(Table::Entities, &key, Some(&codec::put_sender(self.state.sender_at(ix))));
                }
                Dirty::Template(ix) => {
                    let key = entity(prefix::TEMPLATE, &ix.0.to_be_bytes());
                    out.write(Table::Entities, &key, Some(&codec::put_template(self.state.template_at(ix))));
                }
                Dirty::Scoped(ix) => {
                    if let Ok(user) = crate::ids::User::from_scoped(ix) {
                        let key = entity(prefix::SCOPED, &ix.to_be_bytes());
                        out.write(Table::Entities, &key, Some(self.state.user_text(user).as_bytes()));
                    }
                }
            }
        }
        self.dirty = dirty;
        for (hash, uid) in &self.seen[self.seen_written..] {
            out.write(Table::Ids, &hash.to_be_bytes(), Some(&uid.to_be_bytes()));
        }
        self.seen_written = self.seen.len();
        self.part += 1;
    }

    /// Writes every record that the batch changed and no [`Engine::write`] has written.
    pub fn commit(&mut self, out: &mut dyn Writes) {
        self.write(out);
        for hash in &self.wamids {
            if let Some(known) = self.state.wamids.get(hash) {
                self.bytes.clear();
                codec::put_known(known, &mut self.bytes);
                out.write(Table::Wamids, &hash.to_be_bytes(), Some(&self.bytes));
            }
        }
        for p in &self.proofs {
            // The key is of the content: the same consent said again is the same proof, without looking for it.
            let proof = codec::put_proof(p);
            let mut key = Vec::with_capacity(32);
            key.extend_from_slice(&p.contact.to_be_bytes());
            key.extend_from_slice(&p.at_ms.to_be_bytes());
            key.extend_from_slice(&self.config.hash_key.hash(&[b"proof", &proof]).to_be_bytes());
            out.write(Table::Proofs, &key, Some(&proof));
        }
        let mut meta = [0; 16];
        meta[..8].copy_from_slice(&self.state.next_uid().to_be_bytes());
        meta[8..].copy_from_slice(&self.now_ms.to_be_bytes());
        out.write(Table::Entities, &[prefix::META], Some(&meta));
    }

    /// The batch is durable.
    pub fn committed(&mut self) {
        self.forget_batch();
        let most = self.config.recent_most;
        self.state.messages.age(most);
        self.state.wamids.age(most);
        self.state.seen.age(most);
        self.state.bodies.age(most / 4);
    }

    /// The batch is not durable: everything since the last commit is undone. `false` when the state cannot be
    /// restored in place and must be loaded again from the store.
    #[must_use]
    pub fn abort(&mut self) -> bool {
        let mut whole = true;
        while let Some(u) = self.undo.pop() {
            match u {
                Undo::Put(change) => {
                    self.state.apply(change);
                }
                Undo::DropMessage(uid) => self.state.drop_message(uid),
                Undo::NextUid(uid) => self.state.reset_next_uid(uid),
                Undo::DropCampaign(ix) => self.state.drop_campaign(ix),
                Undo::Campaign(campaign) => self.state.remember_campaign(campaign),
                Undo::Said(ix, day) => {
                    self.state.said_of_campaign(ix, day);
                }
                Undo::DropScoped(ix) => self.state.drop_scoped(ix),
                Undo::Reload => whole = false,
            }
        }
        for (hash, _) in &self.seen {
            self.state.seen.remove(*hash);
        }
        for hash in &self.wamids {
            self.state.wamids.remove(hash);
        }
        // The store has them still, and one forgotten twice would take another with it.
        for hash in &self.swept {
            self.state.seen.note(*hash);
        }
        self.forget_batch();
        self.open_lots();
        whole
    }

    fn forget_batch(&mut self) {
        self.undo.clear();
        self.dirty.clear();
        self.is_dirty.clear();
        self.part = 0;
        self.seen.clear();
        self.seen_written = 0;
        self.swept.clear();
        self.wamids.clear();
        self.proofs.clear();
        self.erased.clear();
    }

    /// Counts every account as changed: quotas age and lots come nearer without any message.
    pub fn touch_all(&mut self) {
        let all: Vec<AccountIx> = self.state.accounts().map(|a| a.ix).collect();
        self.state.touched.extend(all);
    }

    /// Takes the accounts that changed since the last call, in order.
    pub fn take_touched(&mut self) -> Vec<AccountIx> {
        let mut v: Vec<AccountIx> = self.state.touched.drain().collect();
        v.sort_unstable();
        v
    }
}

fn entity(prefix: u8, rest: &[u8]) -> Vec<u8> {
    let mut k = Vec::with_capacity(rest.len() + 1);
    k.push(prefix);
    k.extend_from_slice(rest);
    k
}
