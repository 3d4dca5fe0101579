//! A limit that was of the portfolio is of each number from now on, or the other way round. Whom it counted is counted on:
//! the platform forgets nobody either.

use crate::change::Change;
use crate::decide::Facts;
use crate::ids::{AccountIx, ContactKey, PairKey};
use crate::record::{Account, Contact, Pair};
use std::collections::BTreeMap;
use tollgate_quality::{Counted, Limit};
use tollgate_wire::command::{AccountSpec, LimitScope};

/// Whether people that one scope counted are to be counted by the other: another scope is declared, or there is a limit
/// where there was none. Without a limit nobody is held against it, and millions may count.
pub(super) fn is_to_change(old: &Account, new: &AccountSpec) -> bool {
    let began = old.spec.limit == Limit::Unlimited;
    new.limit != Limit::Unlimited && (began || old.spec.limit_scope != new.limit_scope)
}

/// Takes the people that count over to another scope. A portfolio counts whoever one of its numbers counted, with all that
/// is reserved; a number whoever the portfolio counted, unless other numbers alone wrote to the person.
pub(super) fn change(facts: &Facts<'_>, account: AccountIx, to: LimitScope, now_ms: u64, changes: &mut Vec<Change>) {
    let now_s = (now_ms / 1000) as u32;
    match to {
        LimitScope::Portfolio => to_portfolio(facts, account, now_s, changes),
        LimitScope::Number => to_numbers(facts, account, now_s, changes),
    }
}

fn to_portfolio(facts: &Facts<'_>, account: AccountIx, now_s: u32, changes: &mut Vec<Change>) {
    let state = facts.state;
    let is_of_account = |key: PairKey| state.sender_at(key.sender()).account == account;
    let mut people: BTreeMap<ContactKey, Counted> = BTreeMap::new();
    for key in state.counted_pairs(now_s, is_of_account) {
        let pair = state.pair(key);
        let contact = ContactKey::new(account, key.user());
        let counted = people.entry(contact).or_insert_with(|| state.contact(contact).counted);
        *counted = counted.joined(pair.counted);
        // Whom the number reached is kept: the limit may be of each number again before the day is over.
        changes.push(Change::Pair(key, Pair { counted: pair.counted.without_reservations(), ..pair }));
    }
    for (key, counted) in people {
        changes.push(Change::Contact(key, Contact { counted, ..state.contact(key) }));
    }
}

fn to_numbers(facts: &Facts<'_>, account: AccountIx, now_s: u32, changes: &mut Vec<Change>) {
    let state = facts.state;
    let numbers: Vec<_> = state.senders.iter().filter(|s| s.account == account).map(|s| s.ix).collect();
    for key in state.counted_contacts(now_s, |key| key.account() == account) {
        let contact = state.contact(key);
        let pairs = numbers.iter().map(|number| {
            let key = PairKey::new(*number, key.user());
            (key, state.pair(key))
        });
        let pairs: Vec<_> = pairs.collect();
        let reached = |pair: &Pair| pair.counted.is_counted(now_s) || wrote_within(pair, REACHES_WITHIN_S, now_s);
        let reserves = |pair: &Pair| wrote_within(pair, RESERVES_FOR_S, now_s);
        // Where nothing tells which number it was, each may have been it.
        let is_known = pairs.iter().any(|(_, pair)| reached(pair));
        let is_reserved_by = pairs.iter().any(|(_, pair)| reserves(pair));
        for (key, pair) in pairs.into_iter().filter(|(_, pair)| !is_known || reached(pair)) {
            // Of several that wrote within the time which holds a reservation is not known: one too many keeps a person
            // counted, no longer than the person is counted anyway.
            let counted = match !is_reserved_by || reserves(&pair) {
                true => pair.counted.joined(contact.counted),
                false => pair.counted.joined(contact.counted.without_reservations()),
            };
            changes.push(Change::Pair(key, Pair { counted, ..pair }));
        }
        changes.push(Change::Contact(key, Contact { counted: Counted::default(), ..contact }));
    }
}

/// The longest time in which a message may be delivered after it left: the time to live of a template, and a day more.
const REACHES_WITHIN_S: u32 = 31 * 86_400;
/// The longest time for which an attempt holds a reservation, and a day more.
const RESERVES_FOR_S: u32 = 2 * 86_400;

/// The number wrote to the person not longer ago than that.
fn wrote_within(pair: &Pair, within_s: u32, now_s: u32) -> bool {
    let began_s = pair.burst.began_ms / 1000;
    began_s != 0 && began_s + u64::from(within_s) >= u64::from(now_s)
}
