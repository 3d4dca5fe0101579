//! Whether what stands is corrected by what became known since, and how: the same for messages of our own and for those of
//! other software.

use super::positions::{Counters, Place, counted, is_counted};
use super::rating::{keep, rate_on_kept, standing};
use crate::close;
use crate::markup;
use crate::record::{Booked, Pair};
use crate::window;
use tollgate_rate_card::{Rated, YearMonth};
use tollgate_wire::ledger::Cause;

/// An entry that is taken back, and the one that is booked anew.
pub(super) struct Correction {
    pub was: Rated,
    pub now: Rated,
    pub cause: Cause,
}

/// Judges what stands (`old`) by what is known now (`new`: the same with other words) and the smallest time of delivery, at
/// which the window may have been another. What is booked from now on, with the next revision and its positions where that
/// is another entry.
pub(super) fn judge(
    p: &Place<'_>,
    pair: &Pair,
    counters: &mut Counters<'_>,
    old: &Booked,
    mut new: Booked,
    delivered_s: u32,
) -> (Booked, Option<Correction>) {
    let (facts, waba) = (p.facts, p.waba);
    let usage = |at_s: u32| YearMonth::of(facts.state.day(waba.ix, at_s).0);
    let earlier = delivered_s < old.at_s;
    let there = Booked { at_s: delivered_s, window_open: window::was_open_at(pair, delivered_s), ..new };
    let of_another_time = earlier && {
        let at = Booked { at_s: delivered_s, ..new };
        usage(delivered_s) != usage(old.at_s)
            || p.rate(&at) != p.rate(&new)
            || markup::in_force(facts, waba, at.at_s) != markup::in_force(facts, waba, new.at_s)
    };
    let moved = of_another_time || earlier && p.rate(&there) != p.rate(&new);
    if moved {
        new = there;
        p.take_positions(counters, &mut new);
    }
    // Other facts are what is corrected; another catalogue alone is the business of rating again.
    let on_kept = |b: &Booked| rate_on_kept(facts, waba, p.expected, b);
    let same = on_kept(&new) == on_kept(old);
    let was = standing(facts, waba, p.expected, old);
    // Within them the instant decides the order in which positions are settled, and nothing else: of what has one, and of
    // what is booked anew and may get one. In a closed month positions are settled for good.
    let reordered =
        !moved && earlier && (is_counted(&was) || !same) && close::billed_later(p.account, usage(old.at_s)).is_none();
    if reordered {
        new = there;
    }
    if !moved && !reordered && same {
        return (new, None);
    }
    let now = p.rate(&new);
    let cause = match of_another_time {
        true => Cause::Card,
        false if reordered && same => Cause::Settle,
        false => Cause::Reclassified,
    };
    // A message that changes into or out of a counted group takes or frees its position.
    if counted(&now) != counted(&was) || moved {
        p.uncount(counters, &was, old.at_s);
        if !moved {
            p.take_positions(counters, &mut new);
        }
        p.count(counters, &now, new.at_s);
    }
    let now = p.rate(&new);
    new.revision = old.revision + 1;
    keep(&mut new, facts, &now);
    (new, Some(Correction { was, now, cause }))
}
