//! How the state is read.

use super::State;
use crate::change::CounterKey;
use crate::ids::{
    AccountIx, BrandIx, BrandKey, CampaignIx, ContactKey, PairKey, SenderIx, TemplateIx, Uid, User, WabaIx,
};
use crate::lots::{Lots, Resource};
use crate::record::{Account, Campaign, Contact, Known, Message, Pair, Sender, SenderLive, Template, Waba};
use std::collections::BTreeSet;
use tollgate_quality::RollingCount;
use tollgate_wire::command::LimitScope;

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

    /// A sender by the platform's phone number id: of the account that declares it, where one does.
    #[must_use]
    pub fn sender(&self, id: &str) -> Option<&Sender> {
        self.senders_of(id).min_by_key(|s| s.removed)
    }

    /// A sender as one account has it, also where it was taken out there.
    #[must_use]
    pub fn sender_of(&self, account: AccountIx, id: &str) -> Option<&Sender> {
        self.senders_of(id).find(|s| s.account == account)
    }

    fn senders_of(&self, id: &str) -> impl Iterator<Item = &Sender> {
        let records = self.senders_by_id.get(id).map_or(&[][..], |records| records.as_slice());
        records.iter().map(|ix| &*self.senders[ix.at()])
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

    /// A WABA by the platform's id, as one account has it, also where it was taken out there.
    pub(crate) fn waba_of(&self, account: AccountIx, id: &str) -> Option<&Waba> {
        self.wabas_of(id).find(|w| w.account == account)
    }

    /// The account that declares a WABA.
    pub(crate) fn declarer_of(&self, id: &str) -> Option<&Account> {
        self.wabas_of(id).find_map(|w| Some(self.account_at(w.account)).filter(|a| a.wabas.contains(&w.ix)))
    }

    fn wabas_of(&self, id: &str) -> impl Iterator<Item = &Waba> {
        let records = self.wabas_by_id.get(id).map_or(&[][..], |records| records.as_slice());
        records.iter().map(|ix| &*self.wabas[ix.at()])
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

    /// The campaigns of an account, in order of number.
    pub fn campaigns_of(&self, account: AccountIx) -> impl ExactSizeIterator<Item = &Campaign> {
        static NONE: BTreeSet<CampaignIx> = BTreeSet::new();
        self.campaigns_of.get(&account).unwrap_or(&NONE).iter().map(|ix| &*self.campaigns[ix.at()])
    }

    /// A campaign by number; `None` for "no campaign" and for one that is forgotten.
    #[must_use]
    pub fn campaign_at(&self, ix: CampaignIx) -> Option<&Campaign> {
        ix.some().map(|ix| &*self.campaigns[ix.at()]).filter(|c| !c.is_gone())
    }

    /// Every template, in order of number.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.templates.iter().map(|t| &**t)
    }

    /// Messages that must be looked at without any input, by when.
    pub fn timers(&self) -> impl Iterator<Item = (u64, Uid)> {
        self.timers.iter().copied()
    }

    /// Whether a number is given to a campaign already.
    #[must_use]
    pub fn has_campaign(&self, ix: CampaignIx) -> bool {
        ix.at() < self.campaigns.len()
    }

    /// Every campaign, in order of number.
    pub fn campaigns(&self) -> impl Iterator<Item = &Campaign> {
        self.campaigns.iter().skip(1).map(|c| &**c).filter(|c| !c.is_gone())
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

    /// Contacts whose person counts at a second or has something reserved, in order. Looks at everybody.
    pub(crate) fn counted_contacts(&self, now_s: u32, of: impl Fn(ContactKey) -> bool) -> Vec<ContactKey> {
        self.people.counted_contacts(now_s, of)
    }

    /// The same of pairs.
    pub(crate) fn counted_pairs(&self, now_s: u32, of: impl Fn(PairKey) -> bool) -> Vec<PairKey> {
        self.people.counted_pairs(now_s, of)
    }

    /// A message that is resident.
    #[must_use]
    pub fn message(&self, uid: Uid) -> Option<&Message> {
        self.messages.get(&uid).map(|m| &**m)
    }

    /// What is kept under the platform's id of a message or a conversation, if resident.
    #[must_use]
    pub(crate) fn wamid(&self, hash: u128) -> Option<(Uid, u8)> {
        self.wamids.get(&hash).map(Known::numbers)
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

    /// Who shares the quota of this sender, and its count.
    #[must_use]
    pub fn quota_scope(&self, account: &Account, sender: SenderIx) -> (Resource, &RollingCount) {
        match account.spec.limit_scope {
            LimitScope::Portfolio => (Resource::Quota(account.ix), self.account_quota(account.ix)),
            LimitScope::Number => (Resource::NumberQuota(sender), self.sender_quota(sender)),
        }
    }
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
