//! Projecting outcomes: a message's row is where its newest move, in the order of the topic, put it; but once one attempt
//! is delivered, what becomes of another one is history alone.
//!
//! A batch is projected in memory and then written: each message once, wherever its moves in the batch took it.

use super::body::{Body, Common};
use super::move_key::{move_key, offset_of};
use crate::ledger::{Accounts, Bulk, Erasures, Fresh, Ingested, LedgerError, Record, Sql, Stream, Writer, writes_nul};
use crate::views::Names;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use tollgate_wire::Time;
use tollgate_wire::outcome::{Outcome, OutcomeKind};

/// A message as the database has it.
pub(crate) struct FoundMessage {
    pub(crate) ix: i64,
    pub(crate) uid: i64,
    pub(crate) campaign: i64,
    pub(crate) state: i64,
    pub(crate) last_move: i64,
    pub(crate) recipient: String,
    pub(crate) metadata: Option<String>,
}

/// A message that is new. `at` in milliseconds.
pub(crate) struct MessageRow<'a> {
    pub(crate) ix: i64,
    pub(crate) account: i64,
    pub(crate) id: &'a str,
    pub(crate) uid: i64,
    pub(crate) campaign: i64,
    pub(crate) recipient: &'a str,
    pub(crate) metadata: Option<&'a str>,
    pub(crate) state: i64,
    pub(crate) at: i64,
    pub(crate) last_move: i64,
}

/// Where a message is now. `at` in milliseconds, `None` when it only has another newest move.
pub(crate) struct MessageMoved {
    pub(crate) ix: i64,
    pub(crate) state: i64,
    pub(crate) at: Option<i64>,
    pub(crate) last_move: i64,
}

/// A move. `at` in milliseconds.
pub(crate) struct MoveRow<'a> {
    pub(crate) key: i64,
    pub(crate) message: i64,
    pub(crate) prev: Option<i64>,
    pub(crate) at: i64,
    pub(crate) body: &'a str,
}

/// Whether a message goes from one state to the other: delivered by any attempt is delivered, and read is read.
pub(super) fn moves_on(from: OutcomeKind, to: OutcomeKind) -> bool {
    use OutcomeKind as K;
    match from {
        K::Read => to == K::Read,
        K::Delivered => matches!(to, K::Delivered | K::Read),
        _ => true,
    }
}

impl Writer {
    /// Projects a batch of the `outcomes` topic that was read at `read_at`, in one transaction with the
    /// positions it reached. Records below the stored position are skipped; one that does not parse is set
    /// aside. Large batches are faster: from about 5,000 records on the commit no longer matters.
    pub fn ingest_outcomes(&mut self, batch: &[Record<'_>], read_at: Time) -> Result<Ingested, LedgerError> {
        self.transact(|tx, memory| {
            tx.hold_views(true)?;
            let mut fresh = Fresh::take(tx, Stream::Outcomes, batch)?;
            let mut parsed = Vec::with_capacity(fresh.records.len());
            for record in std::mem::take(&mut fresh.records) {
                match Parsed::read(tx, &mut memory.accounts, record)? {
                    Ok(one) => parsed.push(one),
                    Err(reason) => fresh.set_aside(tx, record, &reason)?,
                }
            }
            memory.erasures.load(tx)?;
            let mut projection = Projection::new(tx, &parsed, &memory.erasures)?;
            for one in &parsed {
                projection.project(tx, &mut memory.names, one)?;
                fresh.count(true);
            }
            projection.write(tx, &parsed)?;
            memory.names.save(tx)?;
            fresh.finish(tx, read_at)
        })
    }
}

/// An outcome off the topic, with its account's number and its move's key.
struct Parsed<'a> {
    o: Outcome<'a>,
    account: i64,
    key: i64,
}

impl<'a> Parsed<'a> {
    /// The inner error is the record's fault.
    fn read(
        tx: &mut dyn Bulk,
        accounts: &mut Accounts,
        record: &Record<'a>,
    ) -> Result<Result<Self, String>, LedgerError> {
        let parsed = std::str::from_utf8(record.value).map_err(|e| format!("not UTF-8: {e}")).and_then(|text| {
            serde_json::from_str(text).map_err(|e| format!("not an outcome: {e}")).and_then(|o| checked(text, o))
        });
        let o = match parsed {
            Ok(o) => o,
            Err(reason) => return Ok(Err(reason)),
        };
        let account = accounts.number(tx, &o.account)?;
        Ok(move_key(account, record.offset).map(|key| Self { o, account, key }))
    }
}

/// Whether a message is one to a test recipient is known from its latest order.
fn note_test(tx: &dyn Sql, account: i64, o: &Outcome<'_>) -> Result<(), LedgerError> {
    let of_it = [account.into(), (o.message_uid as i64).into()];
    if o.test {
        let [account, uid] = of_it;
        let sql =
            "INSERT INTO test_messages (account, uid, at) VALUES (?1, ?2, ?3) ON CONFLICT (account, uid) DO NOTHING";
        tx.run(sql, &[account, uid, (o.at.0 as i64).into()])?;
    } else if o.attempt > 1 {
        tx.run("DELETE FROM test_messages WHERE account = ?1 AND uid = ?2", &of_it)?;
    }
    Ok(())
}

/// What no database could keep.
fn checked<'a>(text: &str, o: Outcome<'a>) -> Result<Outcome<'a>, String> {
    if i64::try_from(o.message_uid).is_err() {
        return Err(format!("message_uid {} exceeds 2^63 - 1", o.message_uid));
    }
    // The rest of an outcome is kept as JSON, which writes the character out.
    let kept = [Some(o.account.as_str()), Some(o.id.as_str()), Some(o.to.as_str()), o.campaign.as_deref()];
    let reason = || o.reason.as_ref().map(ToString::to_string).unwrap_or_default();
    if writes_nul(text) && (kept.into_iter().flatten().any(|t| t.contains('\0')) || reason().contains('\0')) {
        return Err("a name, id or reason with a NUL character".to_owned());
    }
    Ok(o)
}

/// A message while the batch is projected.
struct Known<'a> {
    /// Number in the database; of a new one not given yet.
    ix: Option<i64>,
    uid: i64,
    campaign: i64,
    state: i64,
    at: i64,
    last_move: i64,
    to: Cow<'a, str>,
    metadata: Option<Cow<'a, str>>,
    account: i64,
    id: &'a str,
    /// Whether the batch moved or linked it.
    touched: bool,
    /// Whether the batch put it into a state, so that `at` holds.
    moved: bool,
}

/// A move while the batch is projected.
struct Moved {
    key: i64,
    /// Place of its message among the known ones.
    message: usize,
    prev: Option<i64>,
    at: i64,
    body: Range<usize>,
}

type ById<'a> = HashMap<(i64, &'a str), Vec<usize>, foldhash::fast::FixedState>;

struct Projection<'a> {
    erasures: &'a Erasures,
    known: Vec<Known<'a>>,
    /// Places among the known ones, newest last.
    by_id: ById<'a>,
    moves: Vec<Moved>,
    bodies: Vec<u8>,
}

impl<'a> Projection<'a> {
    /// Reads the messages that the batch is about.
    fn new(tx: &mut dyn Bulk, parsed: &'a [Parsed<'a>], erasures: &'a Erasures) -> Result<Self, LedgerError> {
        let mut keys = Vec::with_capacity(parsed.len());
        let mut by_id = ById::default();
        for one in parsed {
            let key = (one.account, one.o.id.as_str());
            by_id.entry(key).or_insert_with(|| {
                keys.push(key);
                Vec::new()
            });
        }
        let mut known: Vec<Known<'a>> = Vec::with_capacity(keys.len());
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); keys.len()];
        tx.find_messages(&keys, &mut |n, m| {
            let (account, id) = keys[n];
            places[n].push(known.len());
            known.push(Known {
                ix: Some(m.ix),
                uid: m.uid,
                campaign: m.campaign,
                state: m.state,
                at: 0,
                last_move: m.last_move,
                to: Cow::Owned(m.recipient),
                metadata: m.metadata.map(Cow::Owned),
                account,
                id,
                touched: false,
                moved: false,
            });
        })?;
        for (key, mut newest_first) in keys.iter().zip(places) {
            newest_first.reverse();
            by_id.insert(*key, newest_first);
        }
        Ok(Self { erasures, known, by_id, moves: Vec::with_capacity(parsed.len()), bodies: Vec::new() })
    }

    fn project(&mut self, tx: &mut dyn Bulk, names: &mut Names, one: &'a Parsed<'a>) -> Result<(), LedgerError> {
        let (o, account, key) = (&one.o, one.account, one.key);
        let at = o.at.0 as i64;
        let mut campaign = match o.campaign.as_deref() {
            Some(name) => names.campaign(tx, account, name)?,
            None => 0,
        };
        // A request that repeats an id says nothing about the message that has it: it is counted and kept in
        // the history, and the message stays where it is.
        let repeats = o.outcome == OutcomeKind::Duplicate;
        let found = self.find(account, o, repeats);
        let erased = match found {
            Some(place) => self.known[place].to.is_empty(),
            None => self.erasures.cover_message(account, o),
        };
        let body = self.body(found, campaign, o, erased);
        if let (0, Some(place)) = (campaign, found) {
            campaign = self.known[place].campaign;
        }
        let stood = found.map(|place| names.stands(tx, self.known[place].state)).transpose()?;
        let variant = match &o.content {
            _ if campaign == 0 || repeats => 0,
            Some(sent) => names.variant(tx, account, campaign, sent, o.test)?,
            None => stood.map_or(0, |(_, variant)| variant),
        };
        if campaign != 0 && o.outcome == OutcomeKind::Admitted {
            note_test(tx, account, o)?;
        }
        let state = names.state(tx, (account, campaign, variant), o.outcome, o.reason.as_ref())?;
        let moves = stood.is_none_or(|(stood, _)| !repeats && moves_on(stood, o.outcome));
        let (message, prev) = match found {
            None => (self.begin(one, campaign, state, erased), None),
            Some(place) => {
                let message = &mut self.known[place];
                let prev = std::mem::replace(&mut message.last_move, key);
                message.touched = true;
                if moves {
                    names.count(message.state, -1);
                    (message.state, message.at, message.moved) = (state, at, true);
                }
                (place, Some(prev))
            }
        };
        if moves || repeats {
            names.count(state, 1);
        }
        self.moves.push(Moved { key, message, prev, at, body });
        Ok(())
    }

    /// A message that no move was about before.
    fn begin(&mut self, one: &'a Parsed<'a>, campaign: i64, state: i64, erased: bool) -> usize {
        let o = &one.o;
        let place = self.known.len();
        self.known.push(Known {
            ix: None,
            uid: o.message_uid as i64,
            campaign,
            state,
            at: o.at.0 as i64,
            last_move: one.key,
            to: Cow::Borrowed(if erased { "" } else { o.to.as_str() }),
            metadata: o.metadata.filter(|_| !erased).map(|m| Cow::Borrowed(m.get())),
            account: one.account,
            id: o.id.as_str(),
            touched: true,
            moved: true,
        });
        self.by_id.entry((one.account, o.id.as_str())).or_default().push(place);
        place
    }

    /// An id is free again after 30 days, so the number tells which message is meant; a repeated request belongs to
    /// the newest.
    fn find(&self, account: i64, o: &'a Outcome<'a>, repeats: bool) -> Option<usize> {
        let places = self.by_id.get(&(account, o.id.as_str()))?;
        places.iter().rev().copied().find(|place| repeats || self.known[*place].uid as u64 == o.message_uid)
    }

    /// Writes the move's body against its message's row, or against the outcome itself when there is none.
    fn body(&mut self, found: Option<usize>, campaign: i64, o: &Outcome<'_>, erased: bool) -> Range<usize> {
        let common = match found.map(|place| &self.known[place]) {
            Some(message) => Common {
                message_uid: message.uid as u64,
                campaign: o.campaign.as_deref().filter(|_| campaign == message.campaign),
                to: &message.to,
                metadata: message.metadata.as_deref(),
            },
            None => Common {
                message_uid: o.message_uid,
                campaign: o.campaign.as_deref(),
                to: &o.to,
                metadata: o.metadata.map(RawValue::get),
            },
        };
        let from = self.bodies.len();
        let body = Body::of(o, common);
        // Who was erased stays so, whatever is told of the message afterwards.
        let body = if erased { body.nameless() } else { body };
        serde_json::to_writer(&mut self.bodies, &body)
            .expect("strings, numbers and checked JSON into memory cannot fail");
        from..self.bodies.len()
    }

    fn write(mut self, tx: &mut dyn Bulk, parsed: &[Parsed<'_>]) -> Result<(), LedgerError> {
        let new = self.known.iter().filter(|m| m.ix.is_none()).count();
        let mut numbers = tx.message_numbers(new)?.into_iter();
        let mut rows = Vec::with_capacity(new);
        let mut moved = Vec::new();
        for m in self.known.iter_mut().filter(|m| m.touched) {
            if let Some(ix) = m.ix {
                moved.push(MessageMoved { ix, state: m.state, at: m.moved.then_some(m.at), last_move: m.last_move });
                continue;
            }
            let ix = numbers.next().unwrap_or_default();
            m.ix = Some(ix);
            rows.push(MessageRow {
                ix,
                account: m.account,
                id: m.id,
                uid: m.uid,
                campaign: m.campaign,
                recipient: &m.to,
                metadata: m.metadata.as_deref(),
                state: m.state,
                at: m.at,
                last_move: m.last_move,
            });
        }
        tx.insert_messages(&rows)?;
        tx.move_messages(&moved)?;
        let bodies = std::str::from_utf8(&self.bodies).unwrap_or_default();
        let row = |m: &Moved| MoveRow {
            key: m.key,
            message: self.known[m.message].ix.unwrap_or_default(),
            prev: m.prev,
            at: m.at,
            body: &bodies[m.body.clone()],
        };
        let moves: Vec<_> = self.moves.iter().map(row).collect();
        if let Some(key) = tx.insert_moves(&moves)? {
            let account = parsed.iter().find(|p| p.key == key).map(|p| p.o.account.as_str().to_owned());
            return Err(LedgerError::OtherLog { account: account.unwrap_or_default(), offset: offset_of(key) });
        }
        Ok(())
    }
}
