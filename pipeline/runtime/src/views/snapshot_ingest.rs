//! Keeping the newest snapshot of each account and of each template, what people consented to, and how levels changed.

use super::answers::{self, Answer};
use super::consents::{self, Said};
use super::person::{self, Erased};
use super::snapshots::Snapshot;
use super::{levels, templates, unanswered};
use crate::ledger::{Erasure, Fresh, Ingested, LedgerError, Record, Stream, Writer, writes_nul};
use tollgate_wire::Time;
use tollgate_wire::command::ConsentState;
use tollgate_wire::snapshot::{
    AnsweredSnapshot, ConsentSnapshot, LevelSnapshot, PersonErased, ReplySnapshot, TemplateSnapshot,
};

/// A record of the topic.
enum Read<'a> {
    Account(Box<Snapshot>, &'a str),
    /// With when a consent ended, if one did.
    Consent(String, Said, Option<Time>),
    Template(Box<TemplateSnapshot<'a>>),
    Level(LevelSnapshot<'a>),
    Reply(ReplySnapshot<'a>),
    Answered(AnsweredSnapshot<'a>),
    Erased(String, Erased),
}

impl Writer {
    /// Replaces the snapshots of the accounts in a batch of the `snapshots` topic that was read at `read_at`, and
    /// keeps what people said in it, in one transaction with the positions it reached. A record that does not parse
    /// is set aside.
    pub fn ingest_snapshots(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError> {
        let erased: Vec<_> = batch.iter().filter_map(erased).collect();
        self.announce_erasures(&erased)?;
        self.transact(|tx, memory| {
            if !erased.is_empty() {
                // Before any row is held.
                tx.hold_views(false)?;
            }
            let mut fresh = Fresh::take(tx, Stream::Snapshots, batch)?;
            let mut people = Vec::new();
            for record in std::mem::take(&mut fresh.records) {
                match read(record) {
                    Ok(Read::Account(snapshot, text)) => {
                        let account = memory.accounts.number(tx, &snapshot.account)?;
                        tx.run(
                            "INSERT INTO snapshots (account, as_of, body) VALUES (?1, ?2, ?3) \
                             ON CONFLICT (account) DO UPDATE SET as_of = excluded.as_of, body = excluded.body",
                            &[account.into(), (snapshot.as_of.0 as i64).into(), text.into()],
                        )?;
                        fresh.count(true);
                    }
                    Ok(Read::Reply(reply)) => {
                        let account = memory.accounts.number(tx, &reply.account)?;
                        unanswered::wrote(tx, account, &reply)?;
                        if !reply.stranger {
                            answers::keep(tx, account, &reply.reply_of, Answer::Reply, reply.at)?;
                        }
                        fresh.count(true);
                    }
                    Ok(Read::Answered(answer)) => {
                        unanswered::answered(tx, memory.accounts.number(tx, &answer.account)?, &answer)?;
                        fresh.count(true);
                    }
                    Ok(Read::Consent(account, said, ended_at)) => {
                        let account = memory.accounts.number(tx, &account)?;
                        if let Some(at) = ended_at {
                            answers::keep(tx, account, said.person(), Answer::OptOut, at)?;
                        }
                        people.push(said.by(account));
                        fresh.count(true);
                    }
                    Ok(Read::Template(template)) => {
                        templates::keep(tx, memory.accounts.number(tx, &template.account)?, &template)?;
                        fresh.count(true);
                    }
                    Ok(Read::Level(level)) => {
                        levels::keep(tx, memory.accounts.number(tx, &level.account)?, record.offset, &level)?;
                        fresh.count(true);
                    }
                    Ok(Read::Erased(account, erased)) => {
                        // What was said before is kept first, so that it goes too.
                        consents::keep(tx, &std::mem::take(&mut people))?;
                        tx.hold_views(false)?;
                        let account = memory.accounts.number(tx, &account)?;
                        person::erase(tx, &Erased { account, ..erased })?;
                        fresh.count(true);
                    }
                    Err(reason) => fresh.set_aside(tx, record, &reason)?,
                }
            }
            consents::keep(tx, &people)?;
            fresh.finish(tx, read_at)
        })
    }
}

/// The account and the erasure that a record tells, if it is one.
fn erased(record: &Record<'_>) -> Option<(String, Erasure)> {
    let text = std::str::from_utf8(record.value).ok().filter(|text| text.contains("\"erased\""))?;
    let told: PersonErased<'_> = serde_json::from_str(text).ok().filter(|_| !writes_nul(text))?;
    Some((told.account.to_string(), Erasure::of(&told).ok()??))
}

fn read<'a>(record: &Record<'a>) -> Result<Read<'a>, String> {
    let text = std::str::from_utf8(record.value).map_err(|e| format!("not a snapshot: {e}"))?;
    if writes_nul(text) {
        return Err("not a snapshot: a text with a NUL character".to_owned());
    }
    if let Ok(consent) = serde_json::from_str::<ConsentSnapshot<'_>>(text) {
        let ended_at = (consent.said.state == ConsentState::OptOut).then_some(consent.said.at);
        return Ok(Read::Consent(consent.account.to_string(), Said::of(&consent, record.offset)?, ended_at));
    }
    if let Ok(template) = serde_json::from_str::<TemplateSnapshot<'_>>(text) {
        return Ok(Read::Template(Box::new(template)));
    }
    if let Ok(reply) = serde_json::from_str::<ReplySnapshot<'_>>(text) {
        return Ok(Read::Reply(reply));
    }
    if let Ok(answer) = serde_json::from_str::<AnsweredSnapshot<'_>>(text) {
        return Ok(Read::Answered(answer));
    }
    if let Ok(level) = serde_json::from_str::<LevelSnapshot<'_>>(text) {
        return Ok(Read::Level(level));
    }
    if let Ok(e) = serde_json::from_str::<PersonErased<'_>>(text) {
        let erasure = Erasure::of(&e)?;
        let holds = e.holds.map(|holds| serde_json::to_string(&holds).map_err(|e| e.to_string())).transpose()?;
        let erased = Erased { account: 0, person: e.erased.to_string(), holds, erasure };
        return Ok(Read::Erased(e.account.to_string(), erased));
    }
    let snapshot: Snapshot = serde_json::from_str(text).map_err(|e| format!("not a snapshot: {e}"))?;
    Ok(Read::Account(Box::new(snapshot), text))
}
