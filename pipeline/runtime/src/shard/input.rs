//! One input record: read, compared with its key, decided; and what becomes of one that cannot be.

use crate::log::{NewRecord, Record, Topic};
use bytes::Bytes;
use tollgate_core::Engine;
use tollgate_core::engine::{Handled, Rejected, Source};
use tollgate_metrics::Lane;
use tollgate_wire::{DeadLetterReason, command, event, request};

use super::sink::Outputs;

/// Longest time for which an input topic keeps its records. A time stated before that cannot be when it was appended.
const KEPT_MS: u64 = 30 * 86_400_000;
/// Most bytes of the value that a dead letter keeps: with key and headers it is still a record that every log takes.
/// Compression lets a topic accept larger ones.
const VALUE_MAX: usize = 5 << 20;
/// Most bytes of its key.
const KEY_MAX: usize = 16 << 10;
/// Most bytes of the detail.
const DETAIL_MAX: usize = 8 << 10;

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
            match request::parse(&record.value) {
                Ok(request) => match check_key(engine, key, &request.account) {
                    Ok(()) => engine.request_parsed(&request, &record.value, priority, source, out),
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

/// The letter that keeps a record which was set aside: its bytes, where they came from, and why.
pub(super) fn dead_letter(topic: Topic, partition: u32, record: &Record, why: &Rejected, now_ms: u64) -> NewRecord {
    let header = |name: &str, value: String| (name.to_owned(), Bytes::from(value));
    let mut headers = vec![
        header("topic", topic.name().to_owned()),
        header("partition", partition.to_string()),
        header("offset", record.offset.to_string()),
        header("reason", why.reason.as_str().to_owned()),
        header("detail", cut_text(&why.detail, DETAIL_MAX).to_owned()),
    ];
    // What no log would take must not stop the shard: the rest stands at its place in the input for as long as that
    // is kept.
    if record.value.len() > VALUE_MAX {
        headers.push(header("value_bytes", record.value.len().to_string()));
    }
    if record.key.len() > KEY_MAX {
        headers.push(header("key_bytes", record.key.len().to_string()));
    }
    NewRecord { key: cut(&record.key, KEY_MAX), value: cut(&record.value, VALUE_MAX), time_ms: now_ms, headers }
}

fn cut(bytes: &Bytes, most: usize) -> Bytes {
    bytes.slice(..bytes.len().min(most))
}

fn cut_text(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
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

    #[test]
    fn a_letter_is_never_larger_than_a_log_takes() {
        let why = Rejected { reason: DeadLetterReason::TooLarge, detail: "ü".repeat(9_000) };
        let record = Record {
            offset: 7,
            key: vec![b'k'; 1 << 20].into(),
            value: vec![b'v'; 20 << 20].into(),
            time_ms: 1,
            headers: Vec::new(),
        };
        let letter = dead_letter(Topic::Requests, 3, &record, &why, 5);
        assert!(letter.bytes() <= crate::log::kafka::RECORD_BYTES_MAX + 32_768, "{}", letter.bytes());
        assert!(record.value.starts_with(&letter.value) && letter.value.len() == VALUE_MAX);
        let header = |name: &str| letter.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        assert_eq!(header("value_bytes"), Some("20971520".into()));
        assert_eq!(header("key_bytes"), Some("1048576".into()));
        assert_eq!(header("offset"), Some("7".into()));
        assert_eq!(header("detail").map(|detail| detail.len()), Some(DETAIL_MAX));
        let small = Record { key: "acme".into(), value: "x".into(), ..record };
        let letter = dead_letter(Topic::Requests, 3, &small, &why, 5);
        assert_eq!((letter.value, letter.headers.len()), (small.value, 5));
    }
}
