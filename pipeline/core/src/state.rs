//! The resident state of a shard and the one `apply` through which all of it changes.
//!
//! Tables hold records; everything else (quota counts, lots, timers, slots, reservations, campaign counts) is
//! derived from them inside `apply`, by comparing the old record with the new one. So undoing a change is
//! applying the old record, and a load that applies every stored record rebuilds the same state.

use crate::change::{Change, CounterKey};
use crate::hashing::{Map, Set};
use crate::ids::{
    AccountIx, BrandIx, BrandKey, CampaignIx, ContactKey, MAX_OWNERS, PairKey, SenderIx, TemplateIx, Uid, User, WabaIx,
};
use crate::lots::{LotKey, Lots, Resource};
use crate::people::People;
use crate::record::{
    Account, Attempt, AttemptState, Campaign, CampaignState, Contact, Message, MessageState, Pair, Sender, SenderLive,
    Template, Waba,
};
use crate::seen::Seen;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_quality::RollingCount;
use tollgate_rate_card::Date;
use tollgate_wire::command::LimitScope;
use tollgate_wire::snapshot::CampaignCounts;

/// The languages a template exists in.
type Languages = Vec<(Box<str>, TemplateIx)>;

/// A table of the shard is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this shard holds no more {0}; move accounts to another shard")]
pub struct LimitReached(pub &'static str);

/// Everything a decision may read.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) accounts: Vec<Arc<Account>>,
    pub(crate) account_by_id: Map<Box<str>, AccountIx>,
    pub(crate) wabas: Vec<Arc<Waba>>,
    pub(crate) waba_by_id: Map<Box<str>, WabaIx>,
    pub(crate) senders: Vec<Arc<Sender>>,
    pub(crate) sender_live: Vec<SenderLive>,
    pub(crate) sender_by_id: Map<Box<str>, SenderIx>,
    pub(crate) templates: Vec<Arc<Template>>,
    template_by_name: Map<(WabaIx, Box<str>), Languages>,
    /// Position 0 is "no campaign".
    pub(crate) campaigns: Vec<Arc<Campaign>>,
    campaign_by_name: Map<(AccountIx, Box<str>), CampaignIx>,
    people: People,
    pub(crate) messages: crate::seen::Recent<Uid, Box<Message>>,
    pub(crate) bodies: crate::seen::Recent<Uid, Arc<[u8]>>,
    pub(crate) counters: Map<CounterKey, u64>,
    pub(crate) seen: Seen,
    pub(crate) wamids: crate::seen::Recent<u128, (Uid, u8)>,
    scoped: Vec<Box<str>>,
    scoped_by_id: Map<Box<str>, u64>,
    // Derived.
    pub(crate) lots: Lots,
    pub(crate) timers: BTreeSet<(u64, Uid)>,
    account_quota: Vec<RollingCount>,
    sender_quota: Vec<RollingCount>,
    in_flight: Vec<u32>,
    next_uid: Uid,
    /// Local day of each WABA, refreshed when it is over.
    days: Vec<Day>,
    /// Changed since the last snapshot.
    pub(crate) touched: Set<AccountIx>,
}

impl State {
    /// An account by id.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.account_by_id.get(id).map(|ix| &*self.accounts[ix.at()])
    }

    /// An account by number.
    #[must_use]
    pub fn account_at(&self, ix: AccountIx) -> &Account {
        &self.accounts[ix.at()]
    }

    /// Every account, in order of number.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().map(|a| &**a)
    }

    /// A sender by the platform's phone number id.
    #[must_use]
    pub fn sender(&self, id: &str) -> Option<&Sender> {
        self.sender_by_id.get(id).map(|ix| &*self.senders[ix.at()])
    }

    /// A sender by number.
    #[must_use]
    pub fn sender_at(&self, ix: SenderIx) -> &Sender {
        &self.senders[ix.at()]
    }

    /// Live values of a sender.
    #[must_use]
    pub fn live(&self, ix: SenderIx) -> SenderLive {
        self.sender_live[ix.at()]
    }

    /// Attempts of a sender that have no result yet.
    #[must_use]
    pub fn in_flight(&self, ix: SenderIx) -> u32 {
        self.in_flight.get(ix.at()).copied().unwrap_or(0)
    }

    /// A WABA by number.
    #[must_use]
    pub fn waba_at(&self, ix: WabaIx) -> &Waba {
        &self.wabas[ix.at()]
    }

    /// All WABAs, also those that are no longer declared.
    pub fn wabas(&self) -> impl Iterator<Item = &Waba> {
        self.wabas.iter().map(|w| &**w)
    }

    /// A template by number.
    #[must_use]
    pub fn template_at(&self, ix: TemplateIx) -> &Template {
        &self.templates[ix.at()]
    }

    /// Languages in which a template exists.
    #[must_use]
    pub fn template_languages(&self, waba: WabaIx, name: &str) -> &[(Box<str>, TemplateIx)] {
        // The key is owned so that records need no lifetime; a look-up must not allocate for it.
        #[derive(Hash)]
        struct Key<'a>(WabaIx, &'a str);
        impl hashbrown::Equivalent<(WabaIx, Box<str>)> for Key<'_> {
            fn equivalent(&self, k: &(WabaIx, Box<str>)) -> bool {
                self.0 == k.0 && *self.1 == *k.1
            }
        }
        self.template_by_name.get(&Key(waba, name)).map_or(&[], Vec::as_slice)
    }

    /// A template in one exact language.
    #[must_use]
    pub fn template(&self, waba: WabaIx, name: &str, language: &str) -> Option<&Template> {
        let found = self.template_languages(waba, name).iter().find(|(l, _)| **l == *language)?;
        Some(&self.templates[found.1.at()])
    }

    /// A campaign by name.
    #[must_use]
    pub fn campaign(&self, account: AccountIx, name: &str) -> Option<&Campaign> {
        #[derive(Hash)]
        struct Key<'a>(AccountIx, &'a str);
        impl hashbrown::Equivalent<(AccountIx, Box<str>)> for Key<'_> {
            fn equivalent(&self, k: &(AccountIx, Box<str>)) -> bool {
                self.0 == k.0 && *self.1 == *k.1
            }
        }
        self.campaign_by_name.get(&Key(account, name)).map(|ix| &*self.campaigns[ix.at()])
    }

    /// A campaign by number; `None` for "no campaign".
    #[must_use]
    pub fn campaign_at(&self, ix: CampaignIx) -> Option<&Campaign> {
        ix.some().map(|ix| &*self.campaigns[ix.at()])
    }

    /// Every template, in order of number.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.templates.iter().map(|t| &**t)
    }

    /// Messages that must be looked at without any input, by when.
    pub fn timers(&self) -> impl Iterator<Item = (u64, Uid)> {
        self.timers.iter().copied()
    }

    /// Every campaign, in order of number.
    pub fn campaigns(&self) -> impl Iterator<Item = &Campaign> {
        self.campaigns.iter().skip(1).map(|c| &**c)
    }

    /// A contact, blank when never seen.
    #[must_use]
    pub fn contact(&self, key: ContactKey) -> Contact {
        self.people.contact(key)
    }

    /// What a person said to a brand; to the account as a whole when it is none. Blank when that is nothing.
    #[must_use]
    pub fn said(&self, contact: ContactKey, brand: BrandIx) -> Contact {
        match brand {
            BrandIx::NONE => self.people.contact(contact),
            brand => self.people.brand(BrandKey { contact, brand }),
        }
    }

    /// A pair, blank when never seen.
    #[must_use]
    pub fn pair(&self, key: PairKey) -> Pair {
        self.people.pair(key)
    }

    /// A message that is resident.
    #[must_use]
    pub fn message(&self, uid: Uid) -> Option<&Message> {
        self.messages.get(&uid).map(|m| &**m)
    }

    /// A counter; 0 when never counted.
    #[must_use]
    pub fn counter(&self, key: CounterKey) -> u64 {
        self.counters.get(&key).copied().unwrap_or(0)
    }

    /// The waiting room.
    #[must_use]
    pub fn lots(&self) -> &Lots {
        &self.lots
    }

    /// The exact rolling count of a portfolio.
    #[must_use]
    pub fn account_quota(&self, ix: AccountIx) -> &RollingCount {
        &self.account_quota[ix.at()]
    }

    /// The exact rolling count of a number.
    #[must_use]
    pub fn sender_quota(&self, ix: SenderIx) -> &RollingCount {
        &self.sender_quota[ix.at()]
    }

    /// A user from a business-scoped id, when it was seen before.
    #[must_use]
    pub fn scoped_user(&self, bsuid: &str) -> Option<User> {
        self.scoped_by_id.get(bsuid).and_then(|ix| User::from_scoped(*ix).ok())
    }

    /// Position the next new business-scoped id gets.
    pub(crate) fn next_scoped(&self) -> u64 {
        self.scoped.len() as u64
    }

    /// A person as outcomes write it: `+` and digits, or the business-scoped id.
    #[must_use]
    pub fn user_text(&self, user: User) -> String {
        match (user.digits(), user.scoped()) {
            (Some(d), _) => with_plus(d),
            (_, Some(ix)) => self.scoped.get(ix as usize).map_or_else(String::new, ToString::to_string),
            _ => String::new(),
        }
    }

    /// Contacts and pairs resident.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        self.people.sizes()
    }

    /// The number the next new message gets.
    #[must_use]
    pub fn next_uid(&self) -> Uid {
        self.next_uid.max(1)
    }

    pub(crate) fn raise_next_uid(&mut self, to: Uid) {
        self.next_uid = self.next_uid.max(to);
    }

    pub(crate) fn reset_next_uid(&mut self, to: Uid) {
        self.next_uid = to;
    }

    /// The instant at which something must be looked at without any input.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<u64> {
        self.next_timer_ms().into_iter().chain(self.lots.next_alarm_ms()).min()
    }

    /// The instant at which a message is due on its own.
    #[must_use]
    pub fn next_timer_ms(&self) -> Option<u64> {
        self.timers.first().map(|t| t.0)
    }

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
                self.wamids.insert(hash, (uid, attempt));
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

    fn put_message(&mut self, new: Box<Message>) -> Option<Change> {
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
        let Some(ix) = m.campaign.some() else { return };
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

    fn put_campaign(&mut self, mut new: Campaign) -> Option<Change> {
        let known = new.ix.at() < self.campaigns.len();
        while self.campaigns.len() <= new.ix.at() {
            let ix = CampaignIx(self.campaigns.len() as u32);
            self.campaigns.push(Arc::new(Campaign { ix, account: new.account, ..blank_campaign() }));
        }
        self.campaign_by_name.insert((new.account, new.spec.name.as_str().into()), new.ix);
        self.touched.insert(new.account);
        let slot = &mut self.campaigns[new.ix.at()];
        // Counts and reservations belong to `apply` of messages, whatever the change carries.
        new.counts = slot.counts;
        new.reserved = slot.reserved;
        let ix = new.ix;
        let old = std::mem::replace(slot, Arc::new(new));
        self.lots.wake(Resource::Campaign(ix));
        self.lots.wake(Resource::Budget(ix));
        self.lots.wake(Resource::CampaignRate(ix));
        self.lots.wake(Resource::CampaignTest(ix, old.test_round));
        known.then(|| Change::Campaign(Box::new((*old).clone())))
    }

    /// Takes a new campaign back, and those after it.
    pub(crate) fn drop_campaign(&mut self, ix: CampaignIx) {
        for gone in self.campaigns.drain(ix.at().min(self.campaigns.len())..) {
            self.campaign_by_name.remove(&(gone.account, gone.spec.name.as_str().into()));
        }
    }

    /// Takes a new business-scoped id back, and those after it.
    pub(crate) fn drop_scoped(&mut self, ix: u64) {
        for gone in self.scoped.drain((ix as usize).min(self.scoped.len())..) {
            self.scoped_by_id.remove(&gone);
        }
    }

    /// Counts and reservation of a campaign as stored; used when loading, before messages are.
    pub(crate) fn set_counts(&mut self, ix: CampaignIx, counts: CampaignCounts) {
        Arc::make_mut(&mut self.campaigns[ix.at()]).counts = counts;
    }

    fn put_account(&mut self, new: Account) -> Option<Change> {
        let ix = new.ix;
        self.touched.insert(ix);
        self.account_by_id.insert(new.spec.account.as_str().into(), ix);
        if ix.at() == self.accounts.len() {
            self.accounts.push(Arc::new(new));
            self.account_quota.push(RollingCount::default());
            return None;
        }
        let old = std::mem::replace(&mut self.accounts[ix.at()], Arc::new(new));
        self.lots.wake_account(Some(ix));
        Some(Change::Account(Box::new((*old).clone())))
    }

    fn put_waba(&mut self, new: Waba) -> Option<Change> {
        let ix = new.ix;
        self.waba_by_id.insert(new.id.as_str().into(), ix);
        if ix.at() == self.wabas.len() {
            self.days.push(Day::default());
            self.wabas.push(Arc::new(new));
            return None;
        }
        let old = std::mem::replace(&mut self.wabas[ix.at()], Arc::new(new));
        for country in old.barred.iter().filter(|c| !self.wabas[ix.at()].barred.contains(c)) {
            self.lots.wake(Resource::Barred(ix, *country));
        }
        Some(Change::Waba(Box::new((*old).clone())))
    }

    fn put_sender(&mut self, new: Sender) -> Option<Change> {
        let ix = new.ix;
        self.touched.insert(new.account);
        self.sender_by_id.insert(new.spec.id.as_str().into(), ix);
        if ix.at() == self.senders.len() {
            self.senders.push(Arc::new(new));
            self.sender_live.push(SenderLive::default());
            self.sender_quota.push(RollingCount::default());
            self.in_flight.push(0);
            return None;
        }
        let account = new.account;
        let old = std::mem::replace(&mut self.senders[ix.at()], Arc::new(new));
        self.lots.wake_account(Some(account));
        Some(Change::Sender(Box::new((*old).clone())))
    }

    fn put_template(&mut self, new: Template) -> Option<Change> {
        let ix = new.ix;
        let languages = self.template_by_name.entry((new.waba, new.spec.name.as_str().into())).or_default();
        if !languages.iter().any(|(_, t)| *t == ix) {
            languages.push((new.spec.language.as_str().into(), ix));
        }
        self.lots.wake_templates(self.wabas[new.waba.at()].account);
        if ix.at() == self.templates.len() {
            self.templates.push(Arc::new(new));
            return None;
        }
        let account = self.wabas[new.waba.at()].account;
        let old = std::mem::replace(&mut self.templates[ix.at()], Arc::new(new));
        // Pacing, ceiling and price follow the category: whatever lots wait for may hold no longer.
        if old.spec.category != self.templates[ix.at()].spec.category {
            self.lots.wake_account(Some(account));
        }
        Some(Change::Template(Box::new((*old).clone())))
    }

    /// The local date of an instant in a WABA's zone, and the last date at which a message that leaves then can
    /// still be delivered.
    pub(crate) fn day(&self, waba: WabaIx, at_s: u32) -> (Date, Date) {
        let day = self.days[waba.at()];
        if (day.from_s..day.to_s).contains(&at_s) {
            return (day.date, day.last_delivery);
        }
        let date = self.wabas[waba.at()].zone.local_date_at(i64::from(at_s));
        (date, last_delivery(date))
    }

    /// Refreshes the local days; looking a zone up for every message would cost more than deciding it.
    pub(crate) fn turn_days(&mut self, now_s: u32) {
        for (day, waba) in self.days.iter_mut().zip(&self.wabas) {
            if (day.from_s..day.to_s).contains(&now_s) {
                continue;
            }
            // Offsets change at most once a day, on whole quarters of an hour.
            let from_s = now_s / 900 * 900;
            let date = waba.zone.local_date_at(i64::from(from_s));
            let mut to_s = from_s + 900;
            while to_s < from_s + 90_000 && waba.zone.local_date_at(i64::from(to_s)) == date {
                to_s += 900;
            }
            *day = Day { from_s, to_s, date, last_delivery: last_delivery(date) };
        }
    }

    pub(crate) fn advance_quotas(&mut self, now_s: u32) {
        for q in self.account_quota.iter_mut().chain(&mut self.sender_quota) {
            q.advance(now_s);
        }
    }

    /// Who shares the quota of this sender, and its count.
    #[must_use]
    pub fn quota_scope(&self, account: &Account, sender: SenderIx) -> (Resource, &RollingCount) {
        match account.spec.limit_scope {
            LimitScope::Portfolio => (Resource::Quota(account.ix), self.account_quota(account.ix)),
            LimitScope::Number => (Resource::NumberQuota(sender), self.sender_quota(sender)),
        }
    }

    /// A free number for a new owner.
    pub(crate) fn owner_slot(len: usize, what: &'static str) -> Result<u16, LimitReached> {
        u16::try_from(len).ok().filter(|n| *n < MAX_OWNERS).ok_or(LimitReached(what))
    }
}

/// A local day of a WABA.
#[derive(Clone, Copy, Debug)]
struct Day {
    from_s: u32,
    to_s: u32,
    date: Date,
    last_delivery: Date,
}

impl Default for Day {
    fn default() -> Self {
        Self { from_s: 0, to_s: 0, date: Date::ZERO, last_delivery: Date::ZERO }
    }
}

/// The platform tries for up to 30 days.
fn last_delivery(date: Date) -> Date {
    date.checked_add(jiff::Span::new().days(30)).unwrap_or(date)
}

/// `+` and digits. By hand: every outcome and order carries one, and `format!` would be a tenth of writing it.
fn with_plus(mut digits: u64) -> String {
    let mut text = [0; 21];
    let mut from = text.len();
    loop {
        from -= 1;
        text[from] = b'0' + (digits % 10) as u8;
        digits /= 10;
        if digits == 0 {
            break;
        }
    }
    text[from - 1] = b'+';
    text[from - 1..].iter().map(|b| char::from(*b)).collect()
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

fn blank_campaign() -> Campaign {
    Campaign {
        ix: CampaignIx::NONE,
        account: AccountIx(0),
        spec: tollgate_wire::command::CampaignSpec::named(""),
        zone: None,
        state: CampaignState::Running,
        spent: rust_decimal::Decimal::ZERO,
        reserved: rust_decimal::Decimal::ZERO,
        counts: CampaignCounts::default(),
        bucket: tollgate_quality::Bucket::FULL,
        in_test: false,
        test_round: 0,
    }
}
