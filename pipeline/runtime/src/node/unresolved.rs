//! After a crash: attempts whose order was taken and whose result is not in the log. Their calls may have been made,
//! so they are in doubt; said at once, because until then each holds a slot of its sender.

use crate::log::embedded::EmbeddedLog;
use crate::log::{LogError, NewRecord, ReadLimit, Topic};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_wire::Time;
use tollgate_wire::event::{AttemptResult, DispatchResult, Events, PlatformEvent};
use tollgate_wire::order::{Callback, Order};

/// Results in one record.
const RESULTS_MAX: usize = 500;

/// Appends `in_doubt` for every attempt whose order is not waiting to be taken. A result that is in the log already
/// comes before it and wins.
pub(super) fn report(log: &EmbeddedLog, ordered: Vec<(String, Callback)>, now: Time) -> Result<(), LogError> {
    if ordered.is_empty() {
        return Ok(());
    }
    let waiting = never_taken(log)?;
    let mut by_account: BTreeMap<String, Vec<Callback>> = BTreeMap::new();
    for (account, callback) in ordered {
        if !waiting.contains(&(callback.message_uid, callback.attempt)) {
            by_account.entry(account).or_default().push(callback);
        }
    }
    for (account, callbacks) in by_account {
        tracing::warn!(%account, attempts = callbacks.len(), "calls without a known result; in doubt");
        for some in callbacks.chunks(RESULTS_MAX) {
            let events = some
                .iter()
                .map(|callback| {
                    let result = AttemptResult::InDoubt;
                    PlatformEvent::Result(DispatchResult { callback: *callback, at: now, result })
                })
                .collect();
            let record = Events { account: account.as_str().into(), events };
            let Ok(json) = serde_json::to_vec(&record) else { continue };
            log.append_blocking(Topic::Events, vec![NewRecord::new(account.clone().into_bytes(), json, now.0)])?;
        }
    }
    Ok(())
}

/// Attempts whose orders nobody has taken: the dispatcher sends them, or says that they left too late.
fn never_taken(log: &EmbeddedLog) -> Result<BTreeSet<(u64, u8)>, LogError> {
    let mut waiting = BTreeSet::new();
    let mut from = log.dispatch_low();
    loop {
        let records = log.pending(from, ReadLimit::default())?;
        let Some(last) = records.last() else { return Ok(waiting) };
        from = last.offset + 1;
        for record in &records {
            if let Ok(order) = serde_json::from_slice::<Order<'_>>(&record.value) {
                waiting.insert((order.message_uid, order.attempt));
            }
        }
    }
}
