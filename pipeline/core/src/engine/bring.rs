//! What a decision will read is made resident.

use super::{Engine, EngineError, Source, Table};
use crate::charge;
use crate::codec;
use crate::ids::{AccountIx, PairKey, Uid};
use crate::inbound;
use crate::record::{Known, Waba};
use smallvec::SmallVec;
use tollgate_wire::event::{PlatformEvent, Status};

impl Engine {
    /// Loads what an event will read.
    pub(super) fn bring_for(
        &mut self,
        account: Option<AccountIx>,
        event: &PlatformEvent<'_>,
        source: &dyn Source,
    ) -> Result<(), EngineError> {
        match event {
            PlatformEvent::Result(r) => self.bring_message(r.callback.message_uid, source),
            PlatformEvent::Status(s) => {
                let uid = match s.callback {
                    Some(c) => c.message_uid,
                    None => {
                        let hash = self.config.hash_key.wamid(&s.wamid);
                        self.bring_wamid(hash, source)?;
                        self.state.wamid(hash).map_or(0, |w| w.0)
                    }
                };
                self.bring_message(uid, source)?;
                // Of a message that is forgotten, what was booked since is known by its wamid alone.
                if let Some(c) = s.callback
                    && self.state.message(uid).is_none_or(|m| m.position(c.attempt).is_none())
                {
                    self.bring_wamid(self.config.hash_key.wamid(&s.wamid), source)?;
                }
                // Conversations: as this status names it, and as an earlier one did.
                if s.pricing.as_ref().is_some_and(|p| p.conversation.is_some())
                    && let Some(waba) = self.billed(account, s, uid)
                {
                    let id = charge::said_id(waba, s.pricing.as_ref());
                    self.bring_known(id, source)?;
                }
                let attempts = self.state.message(uid).into_iter().flat_map(|m| &m.attempts);
                let mut ids: SmallVec<[(u128, u128); 2]> =
                    attempts.map(|a| (a.conversation, charge::unnamed_key(&self.state, a))).collect();
                let hash = self.config.hash_key.wamid(&s.wamid);
                if let Some(Known::Foreign(f)) = self.state.wamids.get(&hash) {
                    ids.push((f.conversation, charge::unnamed_key_of(&self.state, f, hash)));
                }
                for (named, unnamed) in ids {
                    self.bring_known(named, source)?;
                    self.bring_wamid(unnamed, source)?;
                    if let Some(Known::Key(bound)) = self.state.wamids.get(&unnamed) {
                        self.bring_known(*bound, source)?;
                    }
                }
                Ok(())
            }
            PlatformEvent::Inbound(i) => {
                if let Some(id) = &i.id {
                    self.bring_wamid(inbound::id_hash(&self.config.hash_key, &i.sender, id), source)?;
                }
                let sender = account.and_then(|account| self.state.sender_of(account, &i.sender)).map(|s| s.ix);
                // What waits for a window that was open.
                let mut untyped: SmallVec<[u128; 1]> = SmallVec::new();
                for user in inbound::known_people(&self.state, i) {
                    let pair = sender.map(|sender| self.state.pair(PairKey::new(sender, user)));
                    let past = pair.and_then(|pair| pair.past);
                    untyped.extend(past.iter().flat_map(|past| &past.untyped).map(|u| u.wamid));
                }
                untyped.into_iter().try_for_each(|wamid| self.bring_known(wamid, source))
            }
            _ => Ok(()),
        }
    }

    /// The WABA that a status is billed to: that of the attempt; where the message is not ours, the one that it was first
    /// reported for, else the sender's.
    fn billed(&self, account: Option<AccountIx>, s: &Status<'_>, uid: Uid) -> Option<&Waba> {
        let known = self.state.wamid(self.config.hash_key.wamid(&s.wamid));
        let number = match s.callback {
            Some(c) => c.attempt,
            None => known.map_or(0, |w| w.1),
        };
        let attempt = self.state.message(uid).and_then(|m| m.attempts.get(m.position(number)?));
        match attempt {
            Some(a) => Some(charge::waba_of(&self.state, a)),
            None => known
                .and_then(|(kept, _)| charge::kept_waba(kept))
                .or_else(|| Some(self.state.sender_of(account?, &s.sender)?.waba))
                .map(|waba| self.state.waba_at(waba)),
        }
    }

    /// Makes resident what is known by an id of the platform: of a message it, of a conversation who is charged for it.
    fn bring_known(&mut self, id: u128, source: &dyn Source) -> Result<(), EngineError> {
        self.bring_wamid(id, source)?;
        match self.state.wamids.get(&id) {
            Some(Known::Key(foreign)) => self.bring_wamid(*foreign, source),
            Some(Known::Numbers(uid, _)) if id != 0 && charge::is_own(*uid) => self.bring_message(*uid, source),
            _ => Ok(()),
        }
    }

    /// Makes resident what is stored under a platform's id, of a message or a conversation; 0 is none.
    fn bring_wamid(&mut self, hash: u128, source: &dyn Source) -> Result<(), EngineError> {
        if hash == 0 || self.state.wamids.get(&hash).is_some() {
            return Ok(());
        }
        let stored = source.get(Table::Wamids, &hash.to_be_bytes()).map_err(EngineError::Source)?;
        if let Some(stored) = stored {
            self.state.wamids.insert(hash, codec::known(&stored)?);
        }
        Ok(())
    }

    /// Makes a message resident, if it exists.
    pub(super) fn bring_message(&mut self, uid: Uid, source: &dyn Source) -> Result<(), EngineError> {
        if uid == 0 || uid >= self.state.next_uid() || self.state.message(uid).is_some() {
            return Ok(());
        }
        let key = uid.to_be_bytes();
        let stored = match source.get(Table::Open, &key).map_err(EngineError::Source)? {
            Some(v) => Some(v),
            None => source.get(Table::Closed, &key).map_err(EngineError::Source)?,
        };
        if let Some(v) = stored {
            self.state.messages.insert(uid, Box::new(codec::message(&v)?));
        }
        Ok(())
    }
}
