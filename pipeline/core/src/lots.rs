//! The waiting room: queues of parked messages, what each waits for, and which may be drained now.
//!
//! All of it is derived from message records: `State::apply` joins and leaves, and a load rebuilds it.
//! A lot is named by the *first* thing its messages waited for. When its head gets past that and another
//! shared resource refuses it, the lot stays and only what it waits for changes; messages do not move.
//!
//! Fairness: accounts take turns; within an account the lot goes first that was served least for its weight
//! (stride scheduling). What a lot was served is remembered while it is closed, so that even when each wake-up
//! brings one token only, campaigns share it by weight.

use crate::hashing::{self, Map};
use crate::ids::{AccountIx, CampaignIx, SenderIx, TemplateIx, Uid, WabaIx};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_rate_card::Country;
use tollgate_wire::Reason;
use tollgate_wire::request::Purpose;

/// What frees a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Nothing shared: each message has a time of its own (schedule, pair rate, frequency cap, back-off).
    Own,
    /// The campaign is resumed, or its next sending hour comes.
    Campaign(CampaignIx),
    /// The sender is restored or the platform's back-off ends.
    Sender(SenderIx),
    /// The template is approved or unpaused, or one of those beside it that would do as well: a mark of which, 0 = none.
    /// Who can use other templates waits in another lot, so that whoever is first speaks for all of it.
    Template(TemplateIx, u32),
    /// The next pacing token, or the quality recovers.
    Pacing(SenderIx),
    /// A unique-user token of the portfolio returns.
    Quota(AccountIx),
    /// A unique-user token of the number returns.
    NumberQuota(SenderIx),
    /// The campaign's budget is raised or released.
    Budget(CampaignIx),
    /// The next throughput token.
    Throughput(SenderIx),
    /// An attempt in flight has a result.
    InFlight(SenderIx),
    /// The platform's bar of a WABA from a country is lifted.
    Barred(WabaIx, Country),
    /// The next token of the campaign's own rate.
    CampaignRate(CampaignIx),
    /// The campaign is in test: it is started, or there are other test recipients, which is another round.
    CampaignTest(CampaignIx, u8),
}

impl Resource {
    /// Any of several templates, the first of which is told to people.
    pub(crate) fn any_of(first: TemplateIx, others: &[TemplateIx]) -> Self {
        let others: SmallVec<[[u8; 4]; 4]> =
            others.iter().filter(|t| **t != first).map(|t| t.0.to_le_bytes()).collect();
        if others.is_empty() {
            return Self::Template(first, 0);
        }
        // Two sets of one mark would share a lot, and only where the first template is the same.
        Self::Template(first, (hashing::public(&[others.as_flattened()]) as u32).max(1))
    }
}

/// Name of a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LotKey {
    /// What its messages first waited for.
    pub resource: Resource,
    /// Account.
    pub account: AccountIx,
    /// `false` sorts first: bulk; drained after priority all the same.
    pub priority: bool,
    /// Purpose, as 0 to 3.
    pub class: u8,
    /// Campaign.
    pub campaign: CampaignIx,
    /// Sender: what one number waits for further on must not hold up another number's messages.
    pub sender: SenderIx,
}

impl LotKey {
    /// Class number of a purpose.
    #[must_use]
    pub fn class(p: Purpose) -> u8 {
        match p {
            Purpose::Authentication => 0,
            Purpose::Utility => 1,
            Purpose::Service => 2,
            Purpose::Marketing => 3,
        }
    }

    /// The lot's name outside the shard: opaque, short, and the same for as long as the lot exists.
    #[must_use]
    pub fn name(&self) -> String {
        let (kind, of) = match self.resource {
            Resource::Own => ("own", 0),
            Resource::Campaign(c) => ("campaign", c.0),
            Resource::Sender(s) => ("sender", u32::from(s.0)),
            Resource::Template(t, 0) => ("template", t.0),
            Resource::Template(t, others) => return self.named(&format!("template{}.{others}", t.0)),
            Resource::Pacing(s) => ("pacing", u32::from(s.0)),
            Resource::Quota(a) => ("quota", a.0.into()),
            Resource::NumberQuota(s) => ("number", u32::from(s.0)),
            Resource::Budget(c) => ("budget", c.0),
            Resource::Throughput(s) => ("throughput", u32::from(s.0)),
            Resource::InFlight(s) => ("calls", u32::from(s.0)),
            Resource::Barred(w, c) => ("barred", barred(w, c)),
            Resource::CampaignRate(c) => ("rate", c.0),
            Resource::CampaignTest(c, round) => return self.named(&format!("test{}.{round}", c.0)),
        };
        self.named(&format!("{kind}{of}"))
    }

    fn named(&self, waits_for: &str) -> String {
        let lane = if self.priority { "p" } else { "b" };
        format!("{waits_for}-{}{lane}-{}-{}", self.class, self.campaign.0, self.sender.0)
    }

    /// Name of the class.
    #[must_use]
    pub fn class_name(&self) -> &'static str {
        ["authentication", "utility", "service", "marketing"][usize::from(self.class.min(3))]
    }
}

/// One queue.
#[derive(Clone, Debug, Default)]
pub struct Lot {
    /// Members in order of arrival.
    pub members: BTreeSet<Uid>,
    /// What its head waits for, in the words told to people: first what it came for, then what refused it last.
    pub reason: Option<Reason>,
    /// What the head waits for while closed, or waited for last.
    waits_for: Option<Resource>,
    /// Of a lot whose members wait for times of their own: when each may go.
    times: BTreeSet<(u64, Uid)>,
    /// When it opens by itself; `u64::MAX` = only by `waits_for`.
    opens_ms: u64,
    open: bool,
    /// Messages served so far, each counted as `STRIDE` ÷ weight.
    served: u64,
}

impl Lot {
    /// When it opens by itself, if time alone decides; of members with times of their own, when the first may go.
    #[must_use]
    pub fn opens_ms(&self) -> Option<u64> {
        let opens_ms = self.times.first().map_or(self.opens_ms, |first| first.0);
        (opens_ms != u64::MAX && !self.open).then_some(opens_ms)
    }

    /// When the last member may go, where members have times of their own.
    #[must_use]
    pub fn last_own_ms(&self) -> Option<u64> {
        self.times.last().map(|last| last.0).filter(|at| *at != u64::MAX)
    }

    /// What its head waits for now, or waited for until the lot was opened.
    #[must_use]
    pub fn waits_for(&self) -> Option<Resource> {
        self.waits_for
    }
}

/// All lots of a shard.
#[derive(Debug, Default)]
pub struct Lots {
    lots: BTreeMap<LotKey, Lot>,
    /// The same by account and campaign: a shard may hold thousands of accounts.
    of_campaign: BTreeSet<(AccountIx, CampaignIx, LotKey)>,
    /// Closed lots by what they wait for.
    waiters: BTreeSet<(Resource, LotKey)>,
    /// Closed lots by when they open.
    alarms: BTreeSet<(u64, LotKey)>,
    open_priority: Line,
    open_bulk: Line,
    /// The most that any lot of an account and lane was served.
    front: Map<(AccountIx, bool), u64>,
    parked: Map<AccountIx, Parked>,
}

/// What one message of a lot of weight 1 adds to `Lot::served`.
const STRIDE: u64 = 10_000;
/// How far a lot that was away may lie behind: one turn. More would let it push the others aside.
const BEHIND_MOST: u64 = 16 * STRIDE;

/// Open lots of one lane.
#[derive(Debug, Default)]
struct Line {
    lots: BTreeSet<(AccountIx, u64, LotKey)>,
    /// The account served last.
    last: AccountIx,
}

impl Line {
    /// The lot served least, of the account after the one served last.
    fn next(&mut self) -> Option<LotKey> {
        let after = (AccountIx(self.last.0.saturating_add(1)), 0, LotKey::FIRST);
        let &(account, _, key) = self.lots.range(after..).next().or_else(|| self.lots.first())?;
        self.last = account;
        Some(key)
    }
}

/// What an account has waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parked {
    /// Messages.
    pub messages: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

impl Lots {
    /// A message joins its lot. `opens_ms` is its own time; of a shared lot it counts only when the lot was empty.
    pub(crate) fn join(&mut self, key: LotKey, uid: Uid, bytes: u32, reason: Reason, opens_ms: u64) {
        let p = self.parked.entry(key.account).or_default();
        p.messages += 1;
        p.bytes += u64::from(bytes);
        let front = self.front.get(&(key.account, key.priority)).copied().unwrap_or(0);
        let new = || {
            self.of_campaign.insert((key.account, key.campaign, key));
            Lot { opens_ms: u64::MAX, served: front, ..Lot::default() }
        };
        let lot = self.lots.entry(key).or_insert_with(new);
        let fresh = lot.members.is_empty();
        let new_head = lot.members.first().is_some_and(|first| uid < *first);
        lot.members.insert(uid);
        if key.resource == Resource::Own {
            lot.times.insert((opens_ms, uid));
        }
        if fresh {
            lot.reason = Some(reason);
        }
        if fresh && !lot.open {
            self.close(key, key.resource, opens_ms);
        } else if new_head {
            self.look_again(key);
        }
    }

    /// A message leaves its lot; `opens_ms` as it joined.
    pub(crate) fn leave(&mut self, key: LotKey, uid: Uid, bytes: u32, opens_ms: u64) {
        if let Some(p) = self.parked.get_mut(&key.account) {
            p.messages = p.messages.saturating_sub(1);
            p.bytes = p.bytes.saturating_sub(u64::from(bytes));
        }
        let Some(lot) = self.lots.get_mut(&key) else { return };
        let was_head = lot.members.first() == Some(&uid);
        lot.members.remove(&uid);
        lot.times.remove(&(opens_ms, uid));
        if lot.members.is_empty() {
            let (waits_for, opens_ms, served) = (lot.waits_for, lot.opens_ms, lot.served);
            if let Some(r) = waits_for {
                self.waiters.remove(&(r, key));
            }
            self.alarms.remove(&(opens_ms, key));
            self.line(key).lots.remove(&(key.account, served, key));
            self.lots.remove(&key);
            self.of_campaign.remove(&(key.account, key.campaign, key));
        } else if was_head {
            self.look_again(key);
        }
    }

    /// A closed lot waits for what refused its head: another head may wait for something else, or for nothing.
    fn look_again(&mut self, key: LotKey) {
        if key.resource != Resource::Own {
            self.open(key);
        }
    }

    /// The lot's head is refused: it stays closed until `resource` changes or `opens_ms` comes.
    pub(crate) fn close(&mut self, key: LotKey, resource: Resource, opens_ms: u64) {
        let Some(lot) = self.lots.get_mut(&key) else { return };
        if let Some(r) = lot.waits_for {
            self.waiters.remove(&(r, key));
        }
        self.alarms.remove(&(lot.opens_ms, key));
        let served = lot.open.then_some(lot.served);
        lot.open = false;
        lot.waits_for = Some(resource);
        // Members of an `Own` lot have times of their own; the lot opens only to be drained by a cancel.
        lot.opens_ms = if resource == Resource::Own { u64::MAX } else { opens_ms };
        self.waiters.insert((resource, key));
        if lot.opens_ms != u64::MAX {
            self.alarms.insert((lot.opens_ms, key));
        }
        if let Some(served) = served {
            self.line(key).lots.remove(&(key.account, served, key));
        }
    }

    /// Puts a lot among those that may be drained.
    pub(crate) fn open(&mut self, key: LotKey) {
        let front = self.front.get(&(key.account, key.priority)).copied().unwrap_or(0);
        let Some(lot) = self.lots.get_mut(&key) else { return };
        if lot.open {
            return;
        }
        lot.open = true;
        lot.served = lot.served.max(front.saturating_sub(BEHIND_MOST));
        let served = lot.served;
        if let Some(r) = lot.waits_for {
            self.waiters.remove(&(r, key));
        }
        self.alarms.remove(&(lot.opens_ms, key));
        lot.opens_ms = u64::MAX;
        self.line(key).lots.insert((key.account, served, key));
    }

    fn line(&mut self, key: LotKey) -> &mut Line {
        if key.priority { &mut self.open_priority } else { &mut self.open_bulk }
    }

    /// One message of an open lot had its turn. The weight is the campaign's: its lots of several senders share it.
    pub(crate) fn served(&mut self, key: LotKey, weight: u32) {
        let senders = LotKey { sender: SenderIx(0), ..key }..=LotKey { sender: SenderIx(u16::MAX), ..key };
        let lots = self.lots.range(senders).count() as u64;
        let Some(lot) = self.lots.get_mut(&key) else { return };
        let before = lot.served;
        lot.served += STRIDE * lots / u64::from(weight.max(1));
        let (now, open) = (lot.served, lot.open);
        if open {
            let line = self.line(key);
            line.lots.remove(&(key.account, before, key));
            line.lots.insert((key.account, now, key));
        }
        let front = self.front.entry((key.account, key.priority)).or_default();
        *front = now.max(*front);
    }

    /// Opens every lot that waits for `resource`.
    pub(crate) fn wake(&mut self, resource: Resource) {
        let from = (resource, LotKey::FIRST);
        while let Some(key) = self.waiters.range(from..).next().filter(|w| w.0 == resource).map(|w| w.1) {
            self.open(key);
        }
    }

    /// Opens every lot of an account that waits for a template: any of the alternatives and languages of its messages
    /// frees it, whichever it is named by.
    pub(crate) fn wake_templates(&mut self, account: AccountIx) {
        let waits = |r: Option<Resource>| matches!(r, Some(Resource::Template(..)));
        let lots =
            self.keys_of(account).filter_map(|k| self.lots.get_key_value(&k)).filter(|(_, l)| waits(l.waits_for));
        for k in lots.map(|(k, _)| *k).collect::<Vec<_>>() {
            self.open(k);
        }
    }

    /// Opens every lot of a campaign, individual waits included: it was cancelled.
    pub(crate) fn wake_campaign(&mut self, account: AccountIx, campaign: CampaignIx) {
        let from = (account, campaign, LotKey::FIRST);
        let lots = self.of_campaign.range(from..).take_while(|(a, c, _)| (*a, *c) == (account, campaign));
        for k in lots.map(|(.., k)| *k).collect::<Vec<_>>() {
            self.open(k);
        }
    }

    /// Opens every lot of an account: settings of many things changed.
    pub(crate) fn wake_account(&mut self, account: AccountIx) {
        for k in self.keys_of(account).filter(|k| k.resource != Resource::Own).collect::<Vec<_>>() {
            self.open(k);
        }
    }

    /// Opens every lot: a load is complete.
    pub(crate) fn wake_all(&mut self) {
        for k in self.lots.keys().filter(|k| k.resource != Resource::Own).copied().collect::<Vec<_>>() {
            self.open(k);
        }
    }

    fn keys_of(&self, account: AccountIx) -> impl Iterator<Item = LotKey> {
        let from = (account, CampaignIx::NONE, LotKey::FIRST);
        self.of_campaign.range(from..).take_while(move |(a, ..)| *a == account).map(|(.., k)| *k)
    }

    /// Closes every lot whose members have times of their own.
    pub(crate) fn close_own(&mut self) {
        let own: Vec<LotKey> = self.lots.keys().take_while(|k| k.resource == Resource::Own).copied().collect();
        for k in own {
            self.close(k, Resource::Own, u64::MAX);
        }
    }

    /// Opens the lots whose time has come.
    pub(crate) fn wake_due(&mut self, now_ms: u64) {
        while let Some(&(at, key)) = self.alarms.first() {
            if at > now_ms {
                break;
            }
            self.open(key);
        }
    }

    /// When the next lot opens by itself.
    #[must_use]
    pub fn next_alarm_ms(&self) -> Option<u64> {
        self.alarms.first().map(|a| a.0)
    }

    /// `true` while some lot may be drained.
    #[must_use]
    pub fn has_open(&self) -> bool {
        !self.open_priority.lots.is_empty() || !self.open_bulk.lots.is_empty()
    }

    /// The next open lot in turn; priority first.
    pub(crate) fn next_open(&mut self) -> Option<LotKey> {
        self.open_priority.next().or_else(|| self.open_bulk.next())
    }

    /// Takes a lot out of the open ones after its head was refused.
    pub(crate) fn shut(&mut self, key: LotKey, reason: Reason, resource: Resource, opens_ms: u64) {
        if let Some(lot) = self.lots.get_mut(&key) {
            lot.reason = Some(reason);
        }
        self.close(key, resource, opens_ms);
    }

    /// First member of a lot after `after`.
    #[must_use]
    pub fn next_member(&self, key: LotKey, after: Uid) -> Option<Uid> {
        self.lots.get(&key)?.members.range(after + 1..).next().copied()
    }

    /// A lot that has members.
    #[must_use]
    pub fn get(&self, key: &LotKey) -> Option<&Lot> {
        self.lots.get(key)
    }

    /// What an account has waiting.
    #[must_use]
    pub fn parked(&self, account: AccountIx) -> Parked {
        self.parked.get(&account).copied().unwrap_or_default()
    }

    /// The lots of an account, in order of their names.
    #[must_use]
    pub fn of_account(&self, account: AccountIx) -> BTreeMap<&LotKey, &Lot> {
        self.keys_of(account).filter_map(|k| self.lots.get_key_value(&k)).collect()
    }

    /// The lots in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&LotKey, &Lot)> {
        self.lots.iter()
    }
}

/// A WABA and a country in one number.
pub(crate) fn barred(waba: WabaIx, country: Country) -> u32 {
    u32::from(waba.0) << 16 | u32::from(country.to_u16())
}

impl LotKey {
    const FIRST: Self = Self {
        resource: Resource::Own,
        account: AccountIx(0),
        priority: false,
        class: 0,
        campaign: CampaignIx(0),
        sender: SenderIx(0),
    };
}
