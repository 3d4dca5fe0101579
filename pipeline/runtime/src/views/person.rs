//! One person's data: all that views and ledger hold, and its erasure.

use super::body::Body;
use super::consents::ConsentsView;
use super::message::PriceLine;
use super::snapshots::tested_by;
use crate::ledger::{Erasure, LedgerError, Reader, Sql, Stream, Until, Value, as_of, erase_person, of_person};
use serde::Serialize;
use serde_json::value::RawValue;
use std::ops::ControlFlow;
use tollgate_wire::Time;

/// Most messages and most ledger entries that are shown of a person: the newest.
const ITEMS_MAX: i64 = 10_000;

/// What views and ledger hold of a person in an account.
#[derive(Debug, Serialize)]
pub struct PersonView {
    /// When outcomes were last read.
    pub as_of: Time,
    /// Account id.
    pub account: String,
    /// `+` and digits, or the business-scoped id.
    pub to: String,
    /// Consents with their proofs, and the suppression list.
    pub consents: ConsentsView,
    /// Messages, newest first: at most ten thousand. Their content is not kept.
    pub messages: Vec<PersonMessage>,
    /// Ledger entries, newest first: at most ten thousand.
    pub entries: Vec<PersonEntry>,
    /// There is more than is shown.
    pub more: bool,
    /// To which numbers the person has written and had no answer since, while the window is open.
    pub waits: Vec<PersonWaits>,
    /// Campaigns that the person is a test recipient of.
    pub test_recipient_of: Vec<String>,
}

/// A number that the person waits for.
#[derive(Debug, Serialize)]
pub struct PersonWaits {
    /// Phone number id.
    pub sender: String,
    /// When the person wrote last.
    pub wrote_at: Time,
}

/// A message to the person.
#[derive(Debug, Serialize)]
pub struct PersonMessage {
    /// Request id.
    pub id: String,
    /// When it moved last.
    pub at: Time,
    /// Where it is.
    pub outcome: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// As given in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

/// A ledger entry for a message to the person.
#[derive(Debug, Serialize)]
pub struct PersonEntry {
    /// Request id of the message, where it was ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The platform's message id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wamid: Option<String>,
    /// What was booked.
    #[serde(flatten)]
    pub price: PriceLine,
}

impl Reader {
    /// What views and ledger hold of a person (`+` and digits, or the business-scoped id); `None` if the account has no
    /// snapshot. Messages and entries are not kept by person: all of the account are looked through.
    pub fn person(&self, account: &str, to: &str) -> Result<Option<PersonView>, LedgerError> {
        let Some(consents) = self.consents(account, to)? else { return Ok(None) };
        self.read(|db| {
            let (mut messages, mut entries) = (Vec::new(), Vec::new());
            let of_them = [account.into(), to.into(), (ITEMS_MAX + 1).into()];
            let sql = "SELECT m.id, m.at, s.outcome, s.reason, m.metadata FROM messages m \
                 JOIN states s ON s.ix = m.state WHERE m.account = (SELECT ix FROM accounts WHERE name = ?1) \
                 AND m.recipient = ?2 ORDER BY m.at DESC, m.ix DESC LIMIT ?3";
            db.rows(sql, &of_them, &mut |row| {
                let metadata = match row.value(4)? {
                    Value::Text(text) => Some(text.to_owned()),
                    _ => None,
                };
                let raw = |text: String| {
                    let value = text.clone();
                    RawValue::from_string(text).map_err(|_| LedgerError::Stored { what: "metadata", value })
                };
                messages.push(PersonMessage {
                    id: row.words(0)?.to_owned(),
                    at: Time(row.required(1)? as u64),
                    outcome: row.words(2)?.to_owned(),
                    reason: row.words(3)?.to_owned(),
                    metadata: metadata.map(raw).transpose()?,
                });
                Ok(ControlFlow::Continue(()))
            })?;
            of_person(db, account, to, ITEMS_MAX + 1, &mut |e| {
                let text = |t: &Option<tollgate_wire::Text<'_>>| t.as_deref().map(str::to_owned);
                entries.push(PersonEntry {
                    message: text(&e.message),
                    wamid: text(&e.wamid),
                    price: PriceLine::from(e),
                });
            })?;
            let mut waits = Vec::new();
            let sql = "SELECT sender, at FROM unanswered WHERE account = (SELECT ix FROM accounts WHERE name = ?1) \
                 AND person = ?2 ORDER BY sender";
            db.rows(sql, &[account.into(), to.into()], &mut |row| {
                waits.push(PersonWaits { sender: row.words(0)?.to_owned(), wrote_at: Time(row.required(1)? as u64) });
                Ok(ControlFlow::Continue(()))
            })?;
            let most = ITEMS_MAX as usize;
            let more = messages.len() > most || entries.len() > most;
            messages.truncate(most);
            entries.truncate(most);
            Ok(Some(PersonView {
                as_of: as_of(db, Stream::Outcomes)?,
                account: account.to_owned(),
                to: to.to_owned(),
                consents,
                messages,
                entries,
                more,
                waits,
                test_recipient_of: tested_by(db, account, to)?,
            }))
        })
    }
}

/// Erases a person: number and platform's ids beside the ledger and in the messages' rows and moves, what the messages
/// carried along, and what was said. Amounts, counts and keyed hashes stay; so does what the person refuses (`holds`, as
/// JSON), if anything, because it must be kept to. What the person was asked to be sent since then stays too: it may have been
/// read before.
pub(super) fn erase(tx: &dyn Sql, erased: &Erased) -> Result<(), LedgerError> {
    let of_them = [erased.account.into(), Value::Text(&erased.person)];
    let until = erased.erasure.as_ref().map_or(Until::EVER, Erasure::until);
    erase_person(tx, erased.account, &erased.person, until)?;
    let messages = [of_them[0], of_them[1], until.uid.into()];
    let mut newest = Vec::new();
    let sql = "SELECT last_move FROM messages WHERE account = ?1 AND recipient = ?2 AND uid <= ?3";
    tx.rows(sql, &messages, &mut |row| {
        newest.push(row.required(0)?);
        Ok(ControlFlow::Continue(()))
    })?;
    for key in newest {
        erase_moves(tx, key)?;
    }
    let sql = "UPDATE messages SET recipient = '', metadata = NULL WHERE account = ?1 AND recipient = ?2 AND uid <= ?3";
    tx.run(sql, &messages)?;
    tx.run("DELETE FROM unanswered WHERE account = ?1 AND person = ?2", &of_them)?;
    tx.run("DELETE FROM answers WHERE account = ?1 AND person = ?2", &of_them)?;
    tx.run("DELETE FROM consent_proofs WHERE account = ?1 AND person = ?2", &of_them)?;
    match &erased.holds {
        None => tx.run("DELETE FROM consents WHERE account = ?1 AND person = ?2", &of_them)?,
        Some(holds) => {
            let [account, person] = of_them;
            let sql = "UPDATE consents SET holds = ?3 WHERE account = ?1 AND person = ?2";
            tx.run(sql, &[account, person, Value::Text(holds)])?
        }
    };
    Ok(())
}

/// A message's moves, from the newest back.
fn erase_moves(tx: &dyn Sql, newest: i64) -> Result<(), LedgerError> {
    let mut next = Some(newest);
    while let Some(key) = next {
        let found = tx.first("SELECT prev, body FROM moves WHERE key = ?1", &[key.into()], |row| {
            let body = row.words(1)?;
            let stored = |_| LedgerError::Stored { what: "move", value: body.to_owned() };
            let nameless: Body<'_> = serde_json::from_str(body).map_err(stored)?;
            let nameless = serde_json::to_string(&nameless.nameless()).map_err(stored)?;
            Ok((row.integer(0)?, (nameless != body).then_some(nameless)))
        })?;
        let Some((prev, changed)) = found else { break };
        if let Some(body) = changed {
            tx.run("UPDATE moves SET body = ?2 WHERE key = ?1", &[key.into(), Value::Text(&body)])?;
        }
        next = prev;
    }
    Ok(())
}

/// A record off the topic.
pub(super) struct Erased {
    pub(super) account: i64,
    pub(super) person: String,
    pub(super) holds: Option<String>,
    /// Which messages were requested before; records of earlier versions do not tell it.
    pub(super) erasure: Option<Erasure>,
}
