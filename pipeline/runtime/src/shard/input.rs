//! One input record: read, compared with its key, decided; or why it is to be set aside.

use crate::log::{Record, Topic};
use tollgate_core::Engine;
use tollgate_core::engine::{Handled, Rejected, Source};
use tollgate_metrics::Lane;
use tollgate_wire::request::CE_ID;
use tollgate_wire::trace::TRACEPARENT;
use tollgate_wire::{DeadLetterReason, command, event, request};

use super::sink::Outputs;

/// Longest time for which an input topic keeps its records. A time stated before that cannot be when it was appended.
const KEPT_MS: u64 = 30 * 86_400_000;
/// When a record was appended, for figures alone: its producer may have stated any time.
pub(super) fn appended_ms(stated_ms: u64, now_ms: u64) -> u64 {
    if stated_ms > now_ms || now_ms - stated_ms > KEPT_MS { now_ms } else { stated_ms }
}

/// Has the engine decide one record.
///
/// # Errors
/// The store cannot be read. The inner error is why the record is to be set aside.
pub(super) fn decide(
    engine: &mut Engine,
    topic: Topic,
    record: &Record,
    source: &dyn Source,
    out: &mut Outputs,
) -> Handled {
    let rejected = |e: tollgate_wire::InputError| Rejected { reason: e.reason, detail: e.to_string() };
    let key = &record.key;
    match topic {
        Topic::Commands => match command::parse(&record.value) {
            Ok(command) => {
                Ok(check_key(engine, key, command.account()).and_then(|()| engine.command_parsed(&command, out)))
            }
            Err(e) => Ok(Err(rejected(e))),
        },
        Topic::Events => match event::parse(&record.value) {
            Ok(events) => match check_key(engine, key, &events.account) {
                Ok(()) => engine.events_parsed(&events, source, out),
                Err(why) => Ok(Err(why)),
            },
            Err(e) => Ok(Err(rejected(e))),
        },
        Topic::Requests | Topic::RequestsPriority => {
            let priority = topic == Topic::RequestsPriority;
            out.metrics.request(if priority { Lane::Priority } else { Lane::Bulk });
            let traceparent = if out.spans.is_on() { record.only_header(TRACEPARENT) } else { None };
            let span = out.spans.request(traceparent.map(|value| &value[..]), topic);
            match request::parse_with_id(&record.value, record.header(CE_ID).map(|id| &id[..])) {
                Ok(mut request) => match check_key(engine, key, &request.account) {
                    Ok(()) => {
                        request.trace = span;
                        engine.request_parsed(&request, &record.value, priority, source, out)
                    }
                    Err(why) => Ok(Err(why)),
                },
                Err(e) => Ok(Err(rejected(e))),
            }
        }
        _ => Ok(Ok(())),
    }
}

/// The key chooses the partition, so that a wrong one breaks the order of an account as soon as it chooses another.
/// A key is not repeated: it may be a phone number.
fn check_key(engine: &Engine, key: &[u8], account: &str) -> Result<(), Rejected> {
    let partition = engine.config().partition;
    // Where it belongs elsewhere, that is told: it is the more useful reason.
    if key == account.as_bytes() || !partition.holds(account) {
        return Ok(());
    }
    let is = match key.len() {
        0 => "no key".to_owned(),
        bytes => format!("another key of {bytes} bytes"),
    };
    Err(Rejected {
        reason: DeadLetterReason::WrongKey,
        detail: format!("the record has {is} instead of its account {account:?}; key it by the account"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stated_time_counts_only_where_it_can_be_true() {
        let now = 1_800_000_000_000;
        assert_eq!(appended_ms(now - 5_000, now), now - 5_000);
        assert_eq!(appended_ms(now - KEPT_MS, now), now - KEPT_MS);
        for nonsense in [0, 1, now - KEPT_MS - 1, now + 1, u64::MAX] {
            assert_eq!(appended_ms(nonsense, now), now, "{nonsense}");
        }
    }
}
