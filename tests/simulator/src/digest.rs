//! Compares the observable state of two engines: after an abort nothing may be left of the batch.

use std::fmt::Write as _;
use tollgate_core::change::CounterKey;
use tollgate_core::engine::Engine;
use tollgate_core::ids::{ContactKey, PairKey, User};
use tollgate_core::snapshot;

/// Months whose counters are compared, as `year * 12 + month - 1`.
const MONTHS: std::ops::RangeInclusive<u32> = 2026 * 12 + 7..=2027 * 12 + 1;

/// Says where the first difference is.
pub(crate) fn compare(aborted: &Engine, fresh: &Engine, now_ms: u64) -> Result<(), String> {
    let (a, b) = (digest(aborted, now_ms), digest(fresh, now_ms));
    for (x, y) in a.iter().zip(&b) {
        if x != y {
            let same = x.bytes().zip(y.bytes()).take_while(|(a, b)| a == b).count();
            let from = x.floor_char_boundary(same.saturating_sub(160));
            let part = |t: &str| t[from.min(t.len())..].chars().take(400).collect::<String>();
            return Err(format!("after an abort: …{}\n  freshly loaded: …{}", part(x), part(y)));
        }
    }
    if a.len() != b.len() {
        return Err(format!("after an abort {} facts, freshly loaded {}", a.len(), b.len()));
    }
    let (s, t) = (aborted.state(), fresh.state());
    if let Some((x, y)) = s.templates().zip(t.templates()).find(|(x, y)| x != y) {
        return Err(format!("after an abort: {x:?}\n  freshly loaded: {y:?}"));
    }
    let people = known_users(fresh);
    for account in t.accounts() {
        let other = s.account_at(account.ix);
        if (&other.spec, &other.declared) != (&account.spec, &account.declared) {
            return Err(format!("account after an abort: {other:?}\n  freshly loaded: {account:?}"));
        }
        if other.brands != account.brands {
            let (x, y) = (&other.brands, &account.brands);
            return Err(format!("brands after an abort: {x:?}\n  freshly loaded: {y:?}"));
        }
        for user in &people {
            let name = t.user_text(*user);
            let key = ContactKey::new(account.ix, *user);
            if s.contact(key) != t.contact(key) {
                return Err(format!(
                    "contact {name} after an abort: {:?}\n  freshly loaded: {:?}",
                    s.contact(key),
                    t.contact(key)
                ));
            }
            for brand in account.brands.numbers() {
                let (x, y) = (s.said(key, brand), t.said(key, brand));
                if x != y {
                    return Err(format!("{name} to {brand:?} after an abort: {x:?}\n  freshly loaded: {y:?}"));
                }
            }
            for sender in &account.senders {
                let key = PairKey::new(*sender, *user);
                if s.pair(key) != t.pair(key) {
                    return Err(format!(
                        "pair {name} after an abort: {:?}\n  freshly loaded: {:?}",
                        s.pair(key),
                        t.pair(key)
                    ));
                }
            }
        }
    }
    for uid in 1..s.next_uid() {
        if let (Some(x), Some(y)) = (s.message(uid), t.message(uid))
            && x != y
        {
            return Err(format!("after an abort: {x:?}\n  freshly loaded: {y:?}"));
        }
    }
    Ok(())
}

fn digest(e: &Engine, now_ms: u64) -> Vec<String> {
    let state = e.state();
    let now_s = (now_ms / 1000) as u32;
    let mut facts = vec![format!("next uid {}, next due {:?}", state.next_uid(), e.next_due_ms())];
    for account in state.accounts() {
        let mut snapshot = serde_json::to_value(snapshot::account(state, account.ix, now_ms)).expect("plain data");
        // Which reason a lot of mixed reasons shows, which of its wakes came first, and what an open one waited for
        // last is not state.
        for lot in snapshot["lots"].as_array_mut().into_iter().flatten() {
            for field in ["reason", "resource", "language", "done_by"] {
                lot[field] = serde_json::Value::Null;
            }
        }
        for campaign in snapshot["campaigns"].as_array_mut().into_iter().flatten() {
            // 0 and 0.00 are one amount.
            let reserved = crate::money::Units::parse(campaign["reserved"].as_str().unwrap_or("0"));
            campaign["reserved"] = serde_json::json!(reserved.to_string());
        }
        facts.push(snapshot.to_string());
        facts.push(format!("{} {}", account.spec.account, quota(state.account_quota(account.ix), now_s)));
        for sender in account.senders.iter().map(|s| state.sender_at(*s)) {
            let mut line =
                format!("{sender:?} {:?} {}", state.live(sender.ix), quota(state.sender_quota(sender.ix), now_s));
            for month in MONTHS {
                for category in 0..5 {
                    let n = state.counter(CounterKey::Allowance(sender.ix, month, category));
                    let _ = write!(line, "{}", if n > 0 { format!(" {month}:{category}={n}") } else { String::new() });
                }
            }
            facts.push(line);
        }
    }
    facts.extend(state.campaigns().map(|c| {
        format!(
            "{:?} {:?} {:?} {} {} {:?}",
            c.ix,
            c.account,
            c.spec,
            c.spent,
            crate::money::Units::parse(&c.reserved.to_string()),
            c.counts
        )
    }));
    facts.extend(state.lots().iter().map(|(k, l)| format!("{k:?} {:?}", l.members)));
    facts.push(format!("timers {:?}", state.timers().collect::<Vec<_>>()));
    facts
}

fn quota(q: &tollgate_quality::RollingCount, now_s: u32) -> String {
    let below: Vec<_> = [1, 2, 3, 5, 8, 20].iter().map(|n| q.second_when_below(*n, now_s)).collect();
    format!("{} counted, next {:?}, below {below:?}", q.count(now_s), q.next_return_s(now_s))
}

/// Everybody the run can name: the world's numbers, and every business-scoped id.
fn known_users(e: &Engine) -> Vec<User> {
    let numbers = crate::world::people::all_numbers().into_iter().filter_map(User::from_digits);
    let scoped = (0..).map_while(|ix| User::from_scoped(ix).ok().filter(|u| !e.state().user_text(*u).is_empty()));
    numbers.chain(scoped).collect()
}
