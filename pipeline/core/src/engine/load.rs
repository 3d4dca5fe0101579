//! Loading: stored records into the resident state.

use super::{Engine, Table, prefix};
use crate::change::Change;
use crate::codec::{self, CodecError};
use crate::ids::{BrandKey, ContactKey, PairKey, SenderIx};
use crate::record::{AttemptState, CampaignState};
use tollgate_wire::order::Callback;

impl Engine {
    /// Loads one stored record. Order of tables: that of [`Table::LOADED`]; within a table that of keys.
    ///
    /// # Errors
    /// Unknown version or damage.
    pub fn load(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), CodecError> {
        let damaged = || CodecError::Damaged { what: "key", why: format!("{table:?} {key:02x?}") };
        let k64 = || key.try_into().map(u64::from_be_bytes).map_err(|_| damaged());
        match table {
            Table::Entities => return self.load_entity(key, value),
            Table::Contacts => {
                self.state.apply(Change::Contact(ContactKey(k64()?), codec::contact(value)?));
            }
            Table::Brands => {
                let key = BrandKey::from_bytes(key.try_into().map_err(|_| damaged())?);
                self.state.apply(Change::Brand(key, codec::brand(value)?));
            }
            Table::Pairs => {
                self.state.apply(Change::Pair(PairKey(k64()?), codec::pair(value)?));
            }
            Table::Open => {
                let m = codec::message(value)?;
                for a in m.attempts.iter().filter(|a| a.state == AttemptState::Ordered) {
                    let callback = Callback { message_uid: m.uid, attempt: a.number };
                    self.ordered.push((m.account, callback));
                }
                let campaign = m.campaign.some().map(|ix| self.state.campaigns[ix.at()].counts);
                let ix = m.campaign;
                self.state.apply(Change::Message(Box::new(m)));
                // Stored counts include this message already.
                if let Some(counts) = campaign {
                    self.state.set_counts(ix, counts);
                }
                if self.state.messages.len() > 2 * self.config.recent_most {
                    self.state.messages.age(self.config.recent_most);
                }
            }
            Table::Ids => self.state.seen.note(key.try_into().map(u128::from_be_bytes).map_err(|_| damaged())?),
            Table::Closed | Table::Bodies | Table::Wamids | Table::Proofs => {}
        }
        Ok(())
    }

    fn load_entity(&mut self, key: &[u8], value: &[u8]) -> Result<(), CodecError> {
        let damaged = || CodecError::Damaged { what: "key", why: format!("entity {key:02x?}") };
        let (first, rest) = key.split_first().ok_or_else(damaged)?;
        let change = match *first {
            prefix::SCOPED => {
                let ix = rest.try_into().map(u64::from_be_bytes).map_err(|_| damaged())?;
                Change::Scoped(ix, String::from_utf8_lossy(value).as_ref().into())
            }
            prefix::ACCOUNT => Change::Account(Box::new(codec::account(value)?)),
            prefix::WABA => Change::Waba(Box::new(codec::waba(value)?)),
            prefix::SENDER => Change::Sender(Box::new(codec::sender(value)?)),
            prefix::LIVE => {
                let ix = rest.try_into().map(u16::from_be_bytes).map_err(|_| damaged())?;
                Change::SenderLive(SenderIx(ix), codec::live(value)?)
            }
            prefix::TEMPLATE => Change::Template(Box::new(codec::template(value)?)),
            prefix::CAMPAIGN => {
                let c = codec::campaign(value)?;
                let (ix, counts) = (c.ix, c.counts);
                self.state.apply(Change::Campaign(Box::new(c)));
                self.state.set_counts(ix, counts);
                return Ok(());
            }
            prefix::COUNTER => {
                let v = value.try_into().map(u64::from_be_bytes).map_err(|_| damaged())?;
                Change::Counter(codec::counter_from_key(rest)?, v)
            }
            prefix::META => {
                let (uid, now) = value.split_at_checked(8).ok_or_else(damaged)?;
                self.state.raise_next_uid(uid.try_into().map(u64::from_be_bytes).map_err(|_| damaged())?);
                self.now_ms = self.now_ms.max(now.try_into().map(u64::from_be_bytes).map_err(|_| damaged())?);
                return Ok(());
            }
            _ => return Err(damaged()),
        };
        self.state.apply(change);
        Ok(())
    }

    /// Takes the attempts that had no result when the state was loaded, with their accounts. Whoever knows that their
    /// calls were made, or may have been, reports them as in doubt; waiting for it would hold their slots.
    pub fn take_ordered(&mut self) -> Vec<(String, Callback)> {
        let ordered = std::mem::take(&mut self.ordered);
        ordered.into_iter().map(|(a, c)| (self.state.account_at(a).spec.account.clone(), c)).collect()
    }

    /// Ends loading: every lot is looked at once.
    pub fn loaded(&mut self) {
        self.state.messages.age(0);
        self.open_lots();
    }

    /// Every shared lot is looked at, and what a cancelled campaign has left is drained. Others wait for times of their
    /// own, also where a cancel that was undone had opened their lot.
    pub(super) fn open_lots(&mut self) {
        self.state.lots.close_own();
        self.state.lots.wake_all();
        for c in self.state.campaigns.iter().filter(|c| c.state == CampaignState::Cancelled) {
            self.state.lots.wake_campaign(c.account, c.ix);
        }
    }
}
