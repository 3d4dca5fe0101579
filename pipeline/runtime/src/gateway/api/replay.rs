//! Dead letters put back where they came from.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tollgate_wire::{Text, command};

use super::{Api, JSON, Shared, json, parse_json, require_content_type};
use crate::gateway::access::Action;
use crate::gateway::problem::Problem;
use crate::gateway::webhooks;
use crate::log::dead_letter::{self, back};
use crate::log::{NewRecord, Record, Topic};

/// Offsets of one call at most.
const OFFSETS_MAX: usize = 1_000;
/// Largest body, in bytes.
const BODY_BYTES_MAX: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    offsets: Vec<u64>,
    /// Say what would be done and do nothing.
    #[serde(default)]
    dry_run: bool,
    /// Key records by their account where the key is another.
    #[serde(default)]
    rekey: bool,
}

#[derive(Default, Serialize)]
struct Answer {
    dry_run: bool,
    replayed: usize,
    refused: usize,
    results: Vec<Settled>,
}

#[derive(Serialize)]
struct Settled {
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'static str>,
    /// Why it stays where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// `POST /v1/dead-letters:replay` `{"offsets": […], "dry_run": false, "rekey": false}`: each goes back to its topic,
/// bytes and, without `rekey`, key untouched, with the header `replayed_from`. Answered when all of it is durable; each offset is
/// answered for itself. A webhook's events are made again for the accounts as they are now.
pub(super) async fn replay(State(api): Shared, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    api.access.caller(&headers, Action::ReplayDeadLetters)?.every_account()?;
    require_content_type(&headers, JSON)?;
    let body = api.body(body, BODY_BYTES_MAX).await?;
    let mut asked: Asked = parse_json(&body.bytes)?;
    if asked.offsets.is_empty() || asked.offsets.len() > OFFSETS_MAX {
        let count = asked.offsets.len().to_string();
        return Err(Problem::malformed("the number of offsets does not fit")
            .field("offsets", &count)
            .remedy(format!("give 1 to {OFFSETS_MAX}")));
    }
    asked.offsets.sort_unstable();
    asked.offsets.dedup();
    let mut answer = Answer { dry_run: asked.dry_run, ..Answer::default() };
    let mut left = &asked.offsets[..];
    // One page of bytes at a time: a letter may have five megabytes.
    while let Some(&from) = left.first() {
        let page = api.view(move |reads| reads.dead_letter_records(from)).await?;
        let upto = page.last().map_or(u64::MAX, |last| last.offset);
        let (here, later) = left.split_at(left.partition_point(|offset| *offset <= upto));
        left = later;
        let letters: BTreeMap<u64, Record> = page.into_iter().map(|letter| (letter.offset, letter)).collect();
        let mut records = Vec::new();
        for &offset in here {
            let settled = letters.get(&offset).ok_or_else(gone).and_then(|letter| put_back(&api, letter, asked.rekey));
            answer.results.push(match settled {
                Ok((topic, more)) => {
                    answer.replayed += 1;
                    records.extend(more.into_iter().map(|record| (topic, record)));
                    Settled { offset, topic: Some(topic.name()), refused: None }
                }
                Err(why) => {
                    answer.refused += 1;
                    Settled { offset, topic: None, refused: Some(why) }
                }
            });
        }
        if !asked.dry_run && !records.is_empty() {
            api.inbox.append(records).await?;
        }
    }
    Ok(json(StatusCode::OK, serde_json::to_vec(&answer).expect("an answer has text and numbers only")))
}

fn gone() -> String {
    "there is no such dead letter; older ones have been removed".to_owned()
}

/// The records that a letter goes back as, or why it cannot.
fn put_back(api: &Api, letter: &Record, rekey: bool) -> Result<(Topic, Vec<NewRecord>), String> {
    let now = api.clock.now();
    let source = letter.header(dead_letter::SOURCE).map(|source| String::from_utf8_lossy(source).into_owned());
    if let Some(app) = source.as_deref().and_then(|source| source.strip_prefix("/webhooks/whatsapp/")) {
        let mut records = webhooks::again(app, &letter.value, &api.registry.snapshot(), now)?;
        for record in &mut records {
            let from = Bytes::from(letter.offset.to_string());
            record.headers.push((dead_letter::REPLAYED_FROM.to_owned(), from));
        }
        return Ok((Topic::Events, records));
    }
    let (topic, mut record) = back(letter, now.0).map_err(|error| error.to_string())?;
    check_key(topic, &mut record, rekey)?;
    Ok((topic, vec![record]))
}

/// A record whose key is not its account is set aside wherever it lies: keyed by it, or refused.
fn check_key(topic: Topic, record: &mut NewRecord, rekey: bool) -> Result<(), String> {
    let Some(account) = account(topic, &record.value).filter(|account| record.key != account.as_bytes()) else {
        return Ok(());
    };
    if !rekey {
        return Err(format!(
            "its key is not its account {account:?}, so it would be set aside again; --rekey keys it by its account"
        ));
    }
    record.key = account.into_bytes().into();
    Ok(())
}

/// The account of an input record, as far as it lets itself be read.
fn account(topic: Topic, value: &[u8]) -> Option<String> {
    if topic == Topic::Commands {
        return command::parse(value).ok().map(|command| command.account().to_owned());
    }
    let fields: BTreeMap<Text<'_>, &RawValue> = serde_json::from_slice(value).ok()?;
    serde_json::from_str(fields.get(&Text::from("account"))?.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_the_account_is_refused_or_replaced() {
        let acme = r#"{"account":"acme"}"#;
        let command = r#"{"command":"control_campaign","account":"acme","campaign":"x","action":"pause"}"#;
        // What cannot be read is set aside again for that, whatever its key.
        for (topic, key, value, good, rekeyed) in [
            (Topic::Requests, "acme", acme, true, "acme"),
            (Topic::Requests, "other", acme, false, "acme"),
            (Topic::Events, "", acme, false, "acme"),
            (Topic::Requests, "other", "{", true, "other"),
            (Topic::Commands, "acme", command, true, "acme"),
            (Topic::Commands, "other", command, false, "acme"),
        ] {
            let mut record = NewRecord::new(key.to_owned(), value.to_owned(), 1);
            assert_eq!(check_key(topic, &mut record, false).is_ok(), good, "{topic:?} {key} {value}");
            assert_eq!(record.key, key, "untouched");
            assert_eq!(check_key(topic, &mut record, true), Ok(()));
            assert_eq!((&record.key[..], &record.value[..]), (rekeyed.as_bytes(), value.as_bytes()));
        }
    }
}
