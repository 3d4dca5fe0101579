//! Every message of difference into one class, by rules tried one after another: each takes what it explains, and what
//! is left goes on to the next. So the classes add up to the difference whatever the rules do.

use super::class::Class;
use super::ours::{Ours, Row};
use super::price::{self, Prices};
use super::report::{Part, Report, RowLine};
use super::scope::{Key, REGULAR};
use super::statement::{Statement, Theirs};
use super::{Known, ReconcileError};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_rate_card::{RateCards, round_amount};

/// The type of what an allowance makes free.
const ALLOWANCE: &str = "free_allowance";

/// Decimals of what a part of a row's messages costs.
const SHARE_DECIMALS: u32 = 10;

/// A row of both sides.
pub(super) struct Atom {
    pub key: Key,
    pub theirs: Theirs,
    pub ours: Row,
    /// Whether both sides have costs.
    pub costs: bool,
    /// Theirs less ours, as far as it is in no class yet.
    pub left: i64,
    pub parts: Vec<Part>,
}

impl Atom {
    fn new(key: Key, theirs: Theirs, ours: Row, costs: bool) -> Self {
        let left = theirs.messages - ours.messages;
        let costs = costs && !theirs.costless;
        Self { key, theirs, ours, costs, left, parts: Vec::new() }
    }

    /// Puts some of what is left into a class, with its share of the costs of the side that has more.
    fn take(&mut self, messages: i64, class: Class) {
        debug_assert!(0 <= messages && messages <= self.left.abs(), "a class takes what is there");
        if messages == 0 {
            return;
        }
        let sign = self.left.signum();
        let taken = (self.theirs.messages - self.ours.messages - self.left).abs();
        let amount = self.costs.then(|| {
            let share = self.share(taken + messages) - self.share(taken);
            if sign < 0 { -share } else { share }
        });
        self.left -= sign * messages;
        self.parts.push(Part { class, messages: sign * messages, amount });
    }

    /// What the first of the differing messages cost; the shares of all are the whole to the last digit.
    fn share(&self, messages: i64) -> Decimal {
        let (cost, of) = if self.theirs.messages > self.ours.messages {
            (self.theirs.cost, self.theirs.messages)
        } else {
            (self.ours.cost, self.ours.messages)
        };
        let share = || cost.checked_mul(Decimal::from(messages))?.checked_div(Decimal::from(of));
        if of <= 0 { Decimal::ZERO } else { share().map_or(Decimal::ZERO, |share| round_amount(share, SHARE_DECIMALS)) }
    }
}

/// Compares both sides.
pub(super) fn compare(
    statement: &Statement,
    ours: Ours<'_>,
    known: &Known,
    rates: &RateCards,
    tolerance: Decimal,
) -> Result<Report, ReconcileError> {
    let Ours { mut rows, outside, senders, currencies, not_compared, .. } = ours;
    let costs = |key: &Key| {
        let own = statement.scopes.get(&(key.waba.clone(), key.model)).filter(|own| !own.buckets.is_empty());
        own.or_else(|| statement.of_phone(&key.phone, key.model)).is_some_and(|scope| scope.costs)
    };
    let keys = || statement.rows.keys().chain(rows.keys()).chain(outside.keys().map(|(key, _)| key));
    if let Some(key) = keys().find(|key| !key.waba.is_empty() && !known.zones.contains_key(&key.waba)) {
        return Err(ReconcileError::Zone { waba: key.waba.clone() });
    }
    let mut atoms = Vec::new();
    for (key, theirs) in &statement.rows {
        let ours = rows.remove(key).unwrap_or_default();
        atoms.push(Atom::new(key.clone(), theirs.clone(), ours, costs(key)));
    }
    for (key, row) in rows {
        if row.messages != 0 || !row.cost.is_zero() {
            let costs = costs(&key);
            atoms.push(Atom::new(key, Theirs::default(), row, costs));
        }
    }
    atoms.sort_by(|a, b| a.key.cmp(&b.key));
    messages(&mut atoms, known, &senders);
    let prices = Prices { rates, tolerance, currencies: &currencies };
    for atom in &mut atoms {
        price::class(atom, &prices).ok_or(ReconcileError::Overflow)?;
    }
    let mut lines: Vec<RowLine> = atoms.into_iter().map(RowLine::of).collect();
    for ((key, class), outside) in outside {
        let costs = costs(&key);
        lines.push(RowLine::outside(key, class, outside, costs));
    }
    Report::of(lines, statement, not_compared, &currencies, tolerance).ok_or(ReconcileError::Overflow)
}

/// The rules about messages, in their order.
fn messages(atoms: &mut [Atom], known: &Known, senders: &BTreeSet<String>) {
    // Before what is only likely: these were seen.
    for atom in atoms.iter_mut().filter(|atom| atom.left > 0) {
        atom.take(atom.ours.counted.min(atom.left), Class::ForeignTraffic);
    }
    let all = |_: &Key, _: &Key| true;
    pairs(atoms, Class::Currency, |key| Key { currency: String::new(), ..key.clone() }, all);
    pairs(
        atoms,
        Class::NumberMoved,
        |key| Key { waba: String::new(), currency: String::new(), ..key.clone() },
        |theirs, ours| !theirs.phone.is_empty() && theirs.waba != ours.waba,
    );
    let cell = |key: &Key| Key { pricing_type: String::new(), category: String::new(), ..key.clone() };
    let free_here = |theirs: &Key, ours: &Key| {
        theirs.pricing_type == REGULAR && ours.pricing_type == ALLOWANCE && ["", "service"].contains(&&*theirs.category)
    };
    pairs(atoms, Class::Allowance, cell, free_here);
    pairs(atoms, Class::Reclassified, cell, all);
    let ours = known.phones.values().collect::<BTreeSet<_>>();
    for atom in atoms.iter_mut() {
        let phone = &atom.key.phone;
        if atom.left > 0 && !phone.is_empty() && !ours.contains(phone) && !senders.contains(phone) {
            atom.take(atom.left, Class::ForeignTraffic);
        }
        if atom.left < 0 {
            atom.take(atom.ours.foreign.clamp(0, -atom.left), Class::ForeignTraffic);
        }
        if atom.left > 0 {
            atom.take(atom.ours.late.clamp(0, atom.left), Class::LateStatus);
            atom.take(atom.ours.beyond.clamp(0, atom.left.max(0)), Class::ZoneCut);
        }
    }
    neighbours(atoms);
    for atom in atoms {
        let class = if atom.left > 0 { Class::MissingWebhook } else { Class::Unknown };
        atom.take(atom.left.abs(), class);
    }
}

/// Sets rows that have more in the figures against rows of the same group that have fewer.
fn pairs(atoms: &mut [Atom], class: Class, group: impl Fn(&Key) -> Key, may: impl Fn(&Key, &Key) -> bool) {
    let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (at, atom) in atoms.iter().enumerate().filter(|(_, atom)| atom.left != 0) {
        groups.entry(group(&atom.key)).or_default().push(at);
    }
    for group in groups.into_values() {
        for &more in &group {
            for &fewer in &group {
                if atoms[more].left <= 0 {
                    break;
                }
                if atoms[fewer].left < 0 && may(&atoms[more].key, &atoms[fewer].key) {
                    let messages = atoms[more].left.min(-atoms[fewer].left);
                    atoms[more].take(messages, class);
                    atoms[fewer].take(messages, class);
                }
            }
        }
    }
}

/// Sets a row against the same one of the bucket that begins where it ends.
fn neighbours(atoms: &mut [Atom]) {
    let mut rows: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (at, atom) in atoms.iter().enumerate().filter(|(_, atom)| atom.left != 0) {
        rows.entry(Key { start: 0, end: 0, ..atom.key.clone() }).or_default().push(at);
    }
    for row in rows.into_values() {
        for pair in row.windows(2) {
            let (first, second) = (pair[0], pair[1]);
            let (left, right) = (atoms[first].left, atoms[second].left);
            if atoms[first].key.end == atoms[second].key.start && left.signum() * right.signum() < 0 {
                let messages = left.abs().min(right.abs());
                atoms[first].take(messages, Class::ZoneCut);
                atoms[second].take(messages, Class::ZoneCut);
            }
        }
    }
}
