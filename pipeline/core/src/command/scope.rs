//! A limit that was of the portfolio is of each number from now on, or the other way round. Whom it counted is counted on:
//! the platform forgets nobody either.

use crate::change::Change;
use crate::decide::Facts;
use crate::ids::{AccountIx, ContactKey, PairKey};
use crate::record::{Contact, Pair};
use std::collections::BTreeMap;
use tollgate_quality::Counted;
use tollgate_wire::command::LimitScope;

/// Takes the people that count over to another scope. A portfolio counts whoever one of its numbers counted, with all that
/// is reserved; a number whoever the portfolio counted, unless another number alone knows the person.
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
        changes.push(Change::Pair(key, Pair { counted: Counted::default(), ..pair }));
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
        // Of what other software sent the number is not kept: then each may have been it.
        let is_known = pairs.iter().any(|(_, pair)| *pair != Pair::default());
        for (key, pair) in pairs {
            if !is_known || pair != Pair::default() {
                // Which of them holds a reservation is not known either: one too many keeps a person counted, no longer than
                // the person is counted anyway.
                let counted = pair.counted.joined(contact.counted);
                changes.push(Change::Pair(key, Pair { counted, ..pair }));
            }
        }
        changes.push(Change::Contact(key, Contact { counted: Counted::default(), ..contact }));
    }
}
