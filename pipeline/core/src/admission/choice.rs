//! Gate 6, choice among what is usable.

use super::{Candidate, Usable};
use tollgate_wire::request::Choose;

/// The first usable alternative, or the cheapest before allowances (ties by order, then language).
pub(super) fn choose(c: &Candidate<'_>, usable: &[Usable]) -> Option<Usable> {
    match c.request.choose {
        Choose::First => usable.first().copied(),
        Choose::Cheapest => usable.iter().min_by_key(|u| (u.price, u.alternative, u.language)).copied(),
    }
}
