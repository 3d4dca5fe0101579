//! Which number writes: the one that a request names, one of a pool, or the account's own choice.
//!
//! In a pool a person stays with one number: the one whose window is open, else the one that wrote last, else one that
//! follows from the person, more people to numbers of a higher weight. A number that cannot write now is passed over
//! while another can; whoever has a number keeps it when numbers join the pool. A message that waits, waits for its number:
//! only when that is blocked, or held for marketing, it takes another.
//!
//! A request that names a brand is written by a number of the brand, or one of no brand; and whatever takes turns for
//! another is of the same brand, so that nobody is asked for another consent because a number is blocked.

use crate::admission;
use crate::hashing;
use crate::ids::{BrandIx, PairKey, SenderIx, User};
use crate::record::{Account, Sender};
use crate::state::State;
use crate::window;
use tollgate_quality::Limit;
use tollgate_rate_card::Category;
use tollgate_wire::command::{LimitScope, PoolSpec};
use tollgate_wire::request::Request;

/// What the choice depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<'a> {
    pub state: &'a State,
    pub account: &'a Account,
    /// The brand that the request names.
    pub brand: BrandIx,
    /// The person; `None` where nobody can have the number.
    pub user: Option<User>,
    pub category: Category,
    /// The number for which the message has been waiting.
    pub waits_for: Option<SenderIx>,
    pub now_ms: u64,
}

impl<'a> Choice<'a> {
    /// The number that writes; `None` when the request names none of the account.
    pub fn of(self, request: &Request<'_>) -> Option<&'a Sender> {
        let spec = &self.account.spec;
        let named = |name: &str| match self.state.sender_of(self.account.ix, name) {
            Some(sender) => Some(sender).filter(|s| self.is_usable(s)),
            None => self.one_of(spec.pools.iter().find(|pool| pool.name == name)?),
        };
        if let Some(name) = request.sender.as_deref() {
            return named(name).filter(|s| self.fits(s));
        }
        match spec.default_sender.as_deref().map(named) {
            Some(found) if self.brand == BrandIx::NONE || found.is_some_and(|s| self.fits(s)) => found,
            _ => self.any(),
        }
    }

    /// The first that is not blocked, else the first: of the brand asked for, else of no brand; where none is asked for, of
    /// the brand of the first number.
    fn any(self) -> Option<&'a Sender> {
        let brand = |s: &Sender| self.account.brands.of_sender(s.ix);
        let senders = || self.account.senders.iter().map(|ix| self.state.sender_at(*ix));
        let usable = || senders().filter(|s| self.is_usable(s));
        let asked = self.brand.some();
        let wanted = asked.or_else(|| usable().next().map(brand)).unwrap_or_default();
        let own = || usable().filter(|s| brand(s) == wanted);
        let shared = || usable().filter(|s| asked.is_some() && brand(s) == BrandIx::NONE);
        let free = |s: &&Sender| !s.spec.blocked;
        own().find(free).or_else(|| shared().find(free)).or_else(|| own().next()).or_else(|| shared().next())
    }

    /// It may write for the brand asked for.
    fn fits(self, sender: &Sender) -> bool {
        let of = self.account.brands.of_sender(sender.ix);
        [BrandIx::NONE, of].contains(&self.brand) || of == BrandIx::NONE
    }

    fn is_usable(self, sender: &Sender) -> bool {
        sender.account == self.account.ix && !sender.removed
    }

    fn one_of(self, pool: &PoolSpec) -> Option<&'a Sender> {
        let of_account = |id: &String| self.state.sender_of(self.account.ix, id);
        let members = || pool.senders.iter().filter_map(of_account).filter(|s| self.is_usable(s));
        let own = members().find(|s| Some(s.ix) == self.waits_for && !self.is_stopped(s));
        own.or_else(|| self.of_person(members().filter(|s| self.can_write(s))))
            .or_else(|| self.by_hash(pool, || members().filter(|s| self.can_write(s))))
            // None can: the person's number waits, of those that wait for a place or a moment, if there are any.
            .or_else(|| self.of_person(members().filter(|s| !self.is_stopped(s))))
            .or_else(|| self.by_hash(pool, || members().filter(|s| !self.is_stopped(s))))
            .or_else(|| self.of_person(members()))
            .or_else(|| self.by_hash(pool, members))
    }

    /// The number whose window with this person is open, the latest of several; else the one that wrote last.
    fn of_person(self, members: impl Iterator<Item = &'a Sender>) -> Option<&'a Sender> {
        let user = self.user?;
        let now_s = (self.now_ms / 1000) as u32;
        let known = members.filter_map(|s| {
            let pair = self.state.pair(PairKey::new(s.ix, user));
            let inbound_s = window::open_until_s(&pair, now_s).map_or(0, |_| pair.last_inbound_s);
            let last = (inbound_s, pair.burst.began_ms);
            (last != (0, 0)).then_some((last, s))
        });
        known.max_by_key(|(last, s)| (*last, std::cmp::Reverse(s.ix))).map(|(_, s)| s)
    }

    /// The same for one person on every machine, as long as the numbers and their weights are the same.
    fn by_hash<I: Iterator<Item = &'a Sender>>(self, pool: &PoolSpec, members: impl Fn() -> I) -> Option<&'a Sender> {
        let parts = members().map(|s| u128::from(s.spec.weight.max(1))).sum::<u128>();
        let person = self.user.map_or(0, User::raw);
        let mut at = hashing::public(&[pool.name.as_bytes(), &person.to_le_bytes()]).checked_rem(parts)?;
        members().find(|s| {
            let own = u128::from(s.spec.weight.max(1));
            let found = at < own;
            at = at.saturating_sub(own);
            found
        })
    }

    /// It writes nothing of this kind until somebody says so.
    fn is_stopped(self, sender: &Sender) -> bool {
        let held = self.category == Category::Marketing && sender.marketing_held_by.is_some();
        sender.spec.blocked || held
    }

    /// Nothing stops it now but its rate.
    fn can_write(self, sender: &Sender) -> bool {
        let backs_off = self.state.live(sender.ix).back_off_until_ms > self.now_ms;
        !self.is_stopped(sender) && !backs_off && self.has_room(sender)
    }

    /// Where each number has a limit of its own: there is a place, or the person has one.
    fn has_room(self, sender: &Sender) -> bool {
        let spec = &self.account.spec;
        if spec.limit_scope == LimitScope::Portfolio {
            return true;
        }
        let now_s = (self.now_ms / 1000) as u32;
        let pair = self.user.map(|user| self.state.pair(PairKey::new(sender.ix, user))).unwrap_or_default();
        let (_, count) = self.state.quota_scope(self.account, sender.ix);
        match spec.policy.pacing.quota_ceiling(spec.limit, admission::class(self.category)) {
            Limit::Unlimited => true,
            Limit::Users(most) => {
                count.count(now_s) < most
                    || pair.counted.is_counted(now_s)
                    || window::open_until_s(&pair, now_s).is_some()
            }
        }
    }
}
