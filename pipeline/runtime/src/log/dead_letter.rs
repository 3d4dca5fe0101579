//! Dead letters: a record that was set aside, with the headers that say where it came from, and its way back.

use bytes::Bytes;

use super::kafka::RECORD_BYTES_MAX;
use super::{NewRecord, Record, Topic};

/// Days that dead letters are kept: they hold what requests hold, one-time codes and numbers of people.
pub const KEPT_DAYS: u64 = 7;

/// Topic that the record came from or was meant for.
pub const TOPIC: &str = "topic";
/// Its partition there.
pub const PARTITION: &str = "partition";
/// Its offset there.
pub const OFFSET: &str = "offset";
/// Why it was set aside: one of [`DeadLetterReason`](tollgate_wire::DeadLetterReason).
pub const REASON: &str = "reason";
/// Field, value and remedy.
pub const DETAIL: &str = "detail";
/// Address that took it, when it never reached its topic.
pub const SOURCE: &str = "source";
/// Line of the batch or file.
pub const LINE: &str = "line";
/// The file.
pub const FILE: &str = "file";
/// On a record that was put back, and on its next dead letter: the offset of the dead letter that it was before.
pub const REPLAYED_FROM: &str = "replayed_from";
/// Bytes of a record that is too large to be kept here; it lies where the other headers say, until that topic's
/// retention is over.
pub const LEFT_IN_PLACE: &str = "left_in_place";
/// Begins the names of headers that the record itself had.
pub const ORIGINAL: &str = "original.";

/// Every header, in the order of documents.
pub const HEADERS: [&str; 10] =
    [TOPIC, PARTITION, OFFSET, REASON, DETAIL, SOURCE, LINE, FILE, REPLAYED_FROM, LEFT_IN_PLACE];

/// What a dead letter may have beside its record: names, numbers and the detail.
const OWN_HEADERS_BYTES: usize = 4_096;
/// Longest detail, in bytes.
const DETAIL_BYTES: usize = 2_048;

/// A record as a dead letter: key and bytes as they are, its own headers kept under [`ORIGINAL`].
#[must_use]
pub fn of(topic: Topic, partition: u32, record: &Record, reason: &str, detail: &str, now_ms: u64) -> NewRecord {
    let header = |name: &str, value: String| (name.to_owned(), Bytes::from(value));
    let mut headers = vec![
        header(TOPIC, topic.name().to_owned()),
        header(PARTITION, partition.to_string()),
        header(OFFSET, record.offset.to_string()),
        header(REASON, reason.to_owned()),
        header(DETAIL, detail[..detail.floor_char_boundary(DETAIL_BYTES)].to_owned()),
    ];
    // A producer may have written more than we may: compressed, or with headers beside the largest value.
    let prefixes = record.headers.len() * ORIGINAL.len();
    if record.bytes() + prefixes + OWN_HEADERS_BYTES > RECORD_BYTES_MAX {
        headers.push(header(LEFT_IN_PLACE, record.bytes().to_string()));
        return NewRecord { time_ms: now_ms, headers, ..NewRecord::default() };
    }
    for (name, value) in &record.headers {
        let name = if name == REPLAYED_FROM { name.clone() } else { format!("{ORIGINAL}{name}") };
        headers.push((name, value.clone()));
    }
    NewRecord { key: record.key.clone(), value: record.value.clone(), time_ms: now_ms, headers }
}

/// Why a dead letter has no way back to its topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWayBack {
    /// Nothing reads the topic for decisions, or it is not named.
    #[error("it comes from {0:?}, which is no input; only requests, requests.priority, commands and events are")]
    NotAnInput(String),
    /// The bytes are not here.
    #[error(
        "its {bytes} bytes were too many to be kept here; they lie at {place} until that topic's retention is over, and no request, command or event may be so large"
    )]
    LeftInPlace {
        /// Size of the record.
        bytes: String,
        /// Topic, partition and offset.
        place: String,
    },
}

/// The record that goes back: key, bytes and headers as they were before, and [`REPLAYED_FROM`].
///
/// # Errors
/// See [`NoWayBack`].
pub fn back(letter: &Record, now_ms: u64) -> Result<(Topic, NewRecord), NoWayBack> {
    let text = |name| letter.header(name).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default();
    let name = text(TOPIC);
    let Some(topic) = Topic::from_name(&name).filter(|topic| topic.is_input()) else {
        return Err(NoWayBack::NotAnInput(name));
    };
    if letter.header(LEFT_IN_PLACE).is_some() {
        let place = format!("{name}/{}/{}", text(PARTITION), text(OFFSET));
        return Err(NoWayBack::LeftInPlace { bytes: text(LEFT_IN_PLACE), place });
    }
    let own = |(name, value): &(String, Bytes)| Some((name.strip_prefix(ORIGINAL)?.to_owned(), value.clone()));
    let mut headers: Vec<(String, Bytes)> = letter.headers.iter().filter_map(own).collect();
    headers.push((REPLAYED_FROM.to_owned(), Bytes::from(letter.offset.to_string())));
    Ok((topic, NewRecord { key: letter.key.clone(), value: letter.value.clone(), time_ms: now_ms, headers }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    fn record(value: Vec<u8>, headers: &[(&str, &str)]) -> Record {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), Bytes::copy_from_slice(v.as_bytes()))).collect();
        Record { offset: 7, key: Bytes::from_static(b"acme"), value: value.into(), time_ms: 5, headers }
    }

    fn kept(letter: NewRecord, offset: u64) -> Record {
        Record::from_new(offset, letter)
    }

    #[test]
    fn there_and_back_and_there_again() {
        let before = record(b"{\xff\0".to_vec(), &[("ce_id", "e1"), ("topic", "mine"), ("original.x", "y")]);
        let letter = kept(of(Topic::RequestsPriority, 3, &before, "malformed", "byte 1", 100), 40);
        for (name, value) in
            [("topic", "requests.priority"), ("partition", "3"), ("offset", "7"), ("original.ce_id", "e1")]
        {
            assert_eq!(letter.headers.iter().find(|(have, _)| have == name).unwrap().1, value);
        }
        let (topic, again) = back(&letter, 200).unwrap();
        assert_eq!(
            (topic, &again.key, &again.value, again.time_ms),
            (Topic::RequestsPriority, &before.key, &before.value, 200)
        );
        let (last, own) = again.headers.split_last().unwrap();
        assert_eq!(own, before.headers);
        assert_eq!((last.0.as_str(), &last.1[..]), (REPLAYED_FROM, &b"40"[..]));
        // It fails again: the chain shows, and does not grow.
        let letter = kept(of(Topic::RequestsPriority, 3, &kept(again, 9), "malformed", "byte 1", 300), 41);
        assert_eq!(letter.header(REPLAYED_FROM).unwrap(), "40");
        let (_, again) = back(&letter, 400).unwrap();
        assert_eq!(again.headers.iter().filter(|(name, _)| name == REPLAYED_FROM).count(), 1);
        assert_eq!(again.headers.len(), 4);
    }

    #[test]
    fn what_is_too_large_stays_where_it_is() {
        let letter = kept(of(Topic::Requests, 0, &record(vec![b'x'; RECORD_BYTES_MAX], &[]), "too_large", "", 1), 2);
        assert!(letter.bytes() < 200);
        let error = back(&letter, 3).unwrap_err().to_string();
        assert!(error.contains("5242884 bytes") && error.contains("requests/0/7"), "{error}");
        let letter = of(Topic::Requests, 0, &record(vec![b'x'; RECORD_BYTES_MAX - 5_000], &[]), "too_large", "", 1);
        assert_eq!(letter.value.len(), RECORD_BYTES_MAX - 5_000);
    }

    #[test]
    fn orders_and_strangers_have_no_way_back() {
        for (topic, shown) in [("dispatch", "\"dispatch\""), ("", "\"\"")] {
            let error = back(&record(Vec::new(), &[(TOPIC, topic)]), 1).unwrap_err();
            assert!(error.to_string().contains(shown), "{error}");
        }
    }

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let letter = of(Topic::Requests, 0, &record(Vec::new(), &[]), "malformed", &"é".repeat(2_000), 1);
        assert_eq!(letter.headers[4].1.len(), 2_048);
        assert!(std::str::from_utf8(&letter.headers[4].1).is_ok());
    }
}
