//! The customer service window: when a person's messages keep it open, and kept it open.
//!
//! A free entry point is not known here. What it covers the platform says on every message, and nothing else does: whether
//! the person came from an advertisement, on a phone, and was answered in time.

use crate::record::{Pair, Past, Window};

/// Length of the customer service window.
pub const WINDOW_S: u32 = 24 * 3600;
/// A window counts as closed this much before its end, so that what is admitted still arrives inside it.
pub const CLOSES_EARLY_S: u32 = 60;
/// How long windows that are over are remembered: longer than a message whose charge may ask for them. So there are 32 at most.
pub const REMEMBERED_S: u32 = 31 * 24 * 3600;

/// The second at which we stop relying on the window; `None` when it is closed at `now_s`.
#[must_use]
pub fn open_until_s(pair: &Pair, now_s: u32) -> Option<u32> {
    if pair.last_inbound_s == 0 {
        return None;
    }
    let until = pair.last_inbound_s + WINDOW_S - CLOSES_EARLY_S;
    (now_s < until).then_some(until)
}

/// Whether the platform had the window open at `at_s` (its own clock, to the second), by everything that the person wrote in
/// the month before the last message.
#[must_use]
pub fn was_open_at(pair: &Pair, at_s: u32) -> bool {
    let spans = |w: &Window| (w.opened_s..w.ends_s).contains(&at_s);
    last(pair).is_some_and(|w| spans(&w)) || pair.past.as_ref().is_some_and(|past| past.windows.iter().any(spans))
}

/// The window that the last message keeps open.
fn last(pair: &Pair) -> Option<Window> {
    let last_s = pair.last_inbound_s;
    let opened_s = if pair.opened_s == 0 { last_s } else { pair.opened_s };
    (last_s != 0).then_some(Window { opened_s, ends_s: last_s + WINDOW_S })
}

/// The person wrote at `at_s`, which may be told of after later messages: so the windows do not depend on the order.
pub fn wrote(pair: &mut Pair, at_s: u32) {
    let new = Window { opened_s: at_s, ends_s: at_s + WINDOW_S };
    let last = last(pair);
    match last {
        Some(last) if last.opened_s <= at_s && new.ends_s <= last.ends_s => return,
        Some(last) if last.opened_s <= at_s && at_s <= last.ends_s => {
            (pair.last_inbound_s, pair.opened_s) = (at_s, last.opened_s);
            return;
        }
        None if pair.past.is_none() => {
            pair.last_inbound_s = at_s;
            return;
        }
        _ => {}
    }
    let mut past = pair.past.take().unwrap_or_default();
    past.windows.extend(last.into_iter().chain([new]));
    past.windows.sort_unstable();
    // What touches is one.
    past.windows.dedup_by(|next, before| {
        let touches = next.opened_s <= before.ends_s;
        if touches {
            before.ends_s = before.ends_s.max(next.ends_s);
        }
        touches
    });
    if let Some(last) = past.windows.pop() {
        pair.last_inbound_s = last.ends_s - WINDOW_S;
        pair.opened_s = if last.opened_s == pair.last_inbound_s { 0 } else { last.opened_s };
        past.windows.retain(|w| w.ends_s.saturating_add(REMEMBERED_S) > pair.last_inbound_s);
    }
    keep(pair, past);
}

/// The window that was thought to be open is not: as if the person had not written in it.
pub fn was_closed(pair: &mut Pair) {
    (pair.last_inbound_s, pair.opened_s) = (0, 0);
}

/// Nothing that the person wrote opens a window any more.
pub fn forget(pair: &mut Pair) {
    was_closed(pair);
    let mut past = pair.past.take().unwrap_or_default();
    past.windows.clear();
    keep(pair, past);
}

/// Puts what is kept of the past.
pub(crate) fn keep(pair: &mut Pair, past: Box<Past>) {
    pair.past = (!past.is_empty()).then_some(past);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_S: u32 = 3600;
    const DAY_S: u32 = WINDOW_S;
    const FIRST_S: u32 = 1_000 * DAY_S;

    fn written(at_s: &[u32]) -> Pair {
        let mut pair = Pair::default();
        at_s.iter().for_each(|at_s| wrote(&mut pair, *at_s));
        pair
    }

    #[test]
    fn windows_do_not_depend_on_what_is_told_first() {
        let at = |hours: &[u32]| hours.iter().map(|h| FIRST_S + h * HOUR_S).collect::<Vec<_>>();
        for hours in [
            &[0, 5, 24][..],
            &[0, 24, 48, 72],
            &[0, 30, 60],
            &[0, 25, 50, 24, 49],
            &[0, 100, 10, 90, 50, 48, 74],
            &[0, 31 * 24, 3, 40, 64],
        ] {
            let all = at(hours);
            let expected = written(&all);
            for turn in 0..all.len() {
                let mut other = all.clone();
                other.rotate_left(turn);
                assert_eq!(written(&other), expected, "{hours:?} from {turn}");
                other.reverse();
                assert_eq!(written(&other), expected, "{hours:?} from {turn}, backwards");
            }
            for at_s in (FIRST_S - DAY_S..FIRST_S + 110 * HOUR_S).step_by(HOUR_S as usize / 2) {
                let open = all.iter().any(|t| (*t..*t + DAY_S).contains(&at_s));
                assert_eq!(was_open_at(&expected, at_s), open, "{hours:?} at {}", (at_s - FIRST_S) / HOUR_S);
            }
        }
    }

    #[test]
    fn whoever_writes_every_day_has_one_window_and_nobody_has_more_than_a_month_of_them() {
        let daily: Vec<u32> = (0..400).map(|day| FIRST_S + day * DAY_S).collect();
        let pair = written(&daily);
        assert_eq!((pair.opened_s, pair.past), (FIRST_S, None));
        let apart: Vec<u32> = (0..400).map(|n| FIRST_S + n * (DAY_S + 1)).collect();
        let kept = written(&apart).past.map(|past| past.windows.len());
        assert_eq!(kept, Some(31));
        let mut pair = written(&apart);
        was_closed(&mut pair);
        assert!(!was_open_at(&pair, apart[399] + 5) && was_open_at(&pair, apart[398] + 5));
        forget(&mut pair);
        assert_eq!(pair, Pair::default());
    }

    #[test]
    fn closes_a_minute_early() {
        let p = Pair { last_inbound_s: 1_000_000, ..Pair::default() };
        let end = 1_000_000 + WINDOW_S;
        let table = [
            (1_000_000, true, true),
            (end - 61, true, true),
            (end - 60, false, true),
            (end - 1, false, true),
            (end, false, false),
        ];
        for (at, ours, platform) in table {
            assert_eq!(open_until_s(&p, at).is_some(), ours, "ours at {at}");
            assert_eq!(was_open_at(&p, at), platform, "platform at {at}");
        }
        assert!(open_until_s(&Pair::default(), 5).is_none());
    }
}
