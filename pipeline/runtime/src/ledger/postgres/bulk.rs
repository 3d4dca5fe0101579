//! Writing in bulk: arrays and COPY, a few round trips a batch however many records it has.

use super::Tx;
use super::copy::{Cells, CopyError, Rows, copy};
use super::value::stored;
use crate::ledger::LedgerError;
use crate::ledger::amount;
use crate::ledger::group::{AMOUNTS, Sums};
use crate::ledger::ingest::Booking;
use crate::ledger::sql::{Bulk, Each, EntryKey, Row, Sql, Value};
use crate::views::{FoundMessage, MessageMoved, MessageRow, MoveRow};
use postgres::error::SqlState;
use postgres::types::Type;
use postgres::{Statement, Transaction};
use rust_decimal::Decimal;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;
use tollgate_rate_card::{Category, PricingModel, PricingType};
use tollgate_wire::ledger::Cause;

/// Message numbers that one value of the sequence stands for.
const BLOCK: i64 = 1_000;

/// Many, as each statement costs something; fewer than a batch of the projection, so that the server is busy with the first
/// while the next are read.
const BOOKED_AT_ONCE: usize = 2_500;

/// An open transaction that writes.
pub(super) struct BulkTx<'c> {
    pub(super) tx: Tx<'c>,
    /// Months whose partitions are known to be there.
    pub(super) months: BTreeSet<i64>,
    /// Ids came that were booked before.
    pub(super) again: bool,
}

impl Sql for BulkTx<'_> {
    fn rows(&self, sql: &str, values: &[Value<'_>], each: Each<'_>) -> Result<(), LedgerError> {
        self.tx.rows(sql, values, each)
    }

    fn run(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, LedgerError> {
        self.tx.run(sql, values)
    }
}

impl BulkTx<'_> {
    /// Sends rows; `fill` writes each into the writer.
    fn copy(
        &mut self,
        sql: &str,
        types: &[Type],
        fill: impl FnOnce(&mut Rows<'_>) -> Result<(), CopyError>,
    ) -> Result<(), LedgerError> {
        let statement = self.tx.statement(sql)?;
        Ok(copy(self.tx.tx.get_mut(), &statement, types, fill)?)
    }

    /// Where entries are copied to: their ids, themselves, and people's data.
    fn statements(&self) -> Result<[Statement; 3], LedgerError> {
        Ok([self.tx.statement(IDS)?, self.tx.statement(ENTRIES)?, self.tx.statement(PEOPLE)?])
    }

    /// Books all at once if all are new, as they nearly always are: that takes a third of asking about each.
    fn copy_new(&mut self, bookings: &[Booking<'_>]) -> Result<Option<Vec<bool>>, LedgerError> {
        if self.again {
            return Ok(None);
        }
        let into = self.statements()?;
        let all: Vec<_> = bookings.iter().collect();
        let mut point = self.tx.tx.get_mut().transaction()?;
        match copy_ids(&mut point, &into, &all).and_then(|()| copy_rows(&mut point, &into, &all)) {
            Ok(()) => {
                point.commit()?;
                Ok(Some(vec![true; bookings.len()]))
            }
            Err(CopyError::Server(error)) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                point.rollback()?;
                // What comes again seldom comes alone.
                self.again = true;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Which of the bookings are new: neither the id of that message is there, nor an entry in the very place. Of what is
    /// twice among them, the first is the one. Takes the ids of those that are.
    fn unbooked(&mut self, bookings: &[Booking<'_>]) -> Result<Vec<bool>, LedgerError> {
        let (uids, ids): (Vec<_>, Vec<_>) = bookings.iter().map(|b| (uid(b), id(b))).unzip();
        let places: Vec<_> =
            bookings.iter().zip(&ids).map(|(b, id)| (b.month, b.account, b.entry.occurred_at.0 as i64, id)).collect();
        let mut seen = HashSet::with_capacity(places.len());
        let mut new: Vec<bool> = places.iter().map(|place| seen.insert(place)).collect();
        let (months, accounts): (Vec<_>, Vec<_>) = bookings.iter().map(|b| (b.month, b.account)).unzip();
        let instants: Vec<_> = places.iter().map(|place| place.2).collect();
        let sql = "SELECT k.n FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bytea[]) \
                   WITH ORDINALITY k (month, account, at, id, n) JOIN entries e ON e.month = k.month \
                   AND e.account = k.account AND e.occurred_at = k.at AND e.entry = k.id";
        self.query(sql, &[&months, &accounts, &instants, &ids], &mut |row| {
            new[row.try_get::<_, i64>(0)? as usize - 1] = false;
            Ok(())
        })?;
        let asked = |n: &usize| new[*n];
        let (uids, ids): (Vec<_>, Vec<_>) = (0..new.len()).filter(asked).map(|n| (uids[n], &ids[n])).unzip();
        let mut taken: HashSet<(i64, Vec<u8>)> = HashSet::with_capacity(ids.len());
        let sql = "INSERT INTO entry_ids (message_uid, entry) SELECT * FROM unnest(?1::bigint[], ?2::bytea[]) \
                   ON CONFLICT DO NOTHING RETURNING message_uid, entry";
        self.query(sql, &[&uids, &ids], &mut |row| {
            taken.insert((row.try_get(0)?, row.try_get(1)?));
            Ok(())
        })?;
        for (b, new) in bookings.iter().zip(&mut new).filter(|(_, new)| **new) {
            *new = taken.remove(&(uid(b), id(b).into_owned()));
        }
        Ok(new)
    }

    fn query(
        &mut self,
        sql: &str,
        values: &Cells<'_>,
        each: &mut dyn FnMut(&postgres::Row) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let statement = self.tx.statement(sql)?;
        for row in self.tx.tx.get_mut().query(&statement, values)? {
            each(&row)?;
        }
        Ok(())
    }

    /// Holds something for this transaction, by schema: a database may hold several.
    fn hold(&self, what: &str, shared: bool) -> Result<(), LedgerError> {
        let lock = if shared { "pg_advisory_xact_lock_shared" } else { "pg_advisory_xact_lock" };
        let sql = format!("SELECT {lock}(hashtext('tollgate {what} ' || current_schema()))");
        self.tx.tx.borrow_mut().batch_execute(&sql)?;
        Ok(())
    }

    /// Makes the partitions of a month. Attached and not created as such, so that readers are not locked out.
    fn month(&mut self, month: i64) -> Result<(), LedgerError> {
        if self.months.contains(&month) {
            return Ok(());
        }
        let tx = self.tx.tx.get_mut();
        // Two processes may meet a month at once.
        tx.batch_execute("SELECT pg_advisory_xact_lock(hashtext('tollgate months ' || current_schema()))")?;
        for table in ["entries", "people"] {
            let name = format!("{table}_{}_{:02}", month / 12, month % 12 + 1);
            // One that was detached does not count: its name must be free by then.
            let sql = "SELECT EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = to_regclass($1) \
                       AND inhrelid = to_regclass($2))";
            let there: bool = tx.query_one(sql, &[&table, &name])?.try_get(0)?;
            if !there {
                tx.batch_execute(&format!(
                    "CREATE TABLE {name} (LIKE {table} INCLUDING ALL); \
                     ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES IN ({month})"
                ))?;
            }
        }
        self.months.insert(month);
        Ok(())
    }
}

impl Bulk for BulkTx<'_> {
    fn hold_views(&self, shared: bool) -> Result<(), LedgerError> {
        self.hold("views", shared)
    }

    fn hold_months(&self, shared: bool) -> Result<(), LedgerError> {
        self.hold("closes", shared)
    }

    fn booked_at_once(&self) -> usize {
        BOOKED_AT_ONCE
    }

    fn book(&mut self, bookings: &[Booking<'_>]) -> Result<Vec<bool>, LedgerError> {
        for month in bookings.iter().map(|b| b.month).collect::<BTreeSet<_>>() {
            self.month(month)?;
        }
        if let Some(new) = self.copy_new(bookings)? {
            return Ok(new);
        }
        let new = self.unbooked(bookings)?;
        let chosen: Vec<_> = bookings.iter().zip(&new).filter(|(_, new)| **new).map(|(one, _)| one).collect();
        let into = self.statements()?;
        copy_rows(self.tx.tx.get_mut(), &into, &chosen)?;
        Ok(new)
    }

    fn add(&mut self, sums: &[(i64, Sums)]) -> Result<(), LedgerError> {
        let column = |of: &dyn Fn(&Sums) -> i64| sums.iter().map(|(_, s)| of(s)).collect::<Vec<_>>();
        let rows: Vec<i64> = sums.iter().map(|(ix, _)| *ix).collect();
        let quantity: Result<Vec<i64>, _> = sums.iter().map(|(_, s)| i64::try_from(s.quantity)).collect();
        let quantity = quantity.map_err(|_| LedgerError::Overflow { what: "quantity" })?;
        let mut amounts: Vec<Vec<Option<Decimal>>> = Vec::with_capacity(AMOUNTS.len());
        for (i, what) in AMOUNTS.into_iter().enumerate() {
            let of = |(_, s): &(i64, Sums)| s.amounts[i].map(|units| amount::decimal(what, units)).transpose();
            amounts.push(sums.iter().map(of).collect::<Result<_, _>>()?);
        }
        let statement = self.tx.statement(
            "UPDATE entry_groups g SET entries = g.entries + d.entries, messages = g.messages + d.messages, \
             quantity = g.quantity + d.quantity, \
             cost = CASE WHEN d.cost IS NULL THEN g.cost ELSE coalesce(g.cost, 0) + d.cost END, \
             markup = CASE WHEN d.markup IS NULL THEN g.markup ELSE coalesce(g.markup, 0) + d.markup END, \
             fee = CASE WHEN d.fee IS NULL THEN g.fee ELSE coalesce(g.fee, 0) + d.fee END, \
             price_ex_tax = CASE WHEN d.price IS NULL THEN g.price_ex_tax \
               ELSE coalesce(g.price_ex_tax, 0) + d.price END \
             FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::numeric[], ?6::numeric[], \
             ?7::numeric[], ?8::numeric[]) d (ix, entries, messages, quantity, cost, markup, fee, price) \
             WHERE g.ix = d.ix",
        )?;
        let (entries, messages) = (column(&|s| s.entries), column(&|s| s.messages));
        let [cost, markup, fee, price] = &amounts[..] else {
            return Err(LedgerError::Overflow { what: "amounts" });
        };
        let values: &Cells<'_> = &[&rows, &entries, &messages, &quantity, cost, markup, fee, price];
        all_changed("entry_groups", self.tx.tx.get_mut().execute(&statement, values)?, rows.len())
    }

    fn entries_at(
        &mut self,
        columns: &str,
        account: i64,
        keys: &[EntryKey],
        each: &mut dyn FnMut(usize, &dyn Row) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let months: Vec<i64> = keys.iter().map(|(month, ..)| *month).collect();
        let instants: Vec<i64> = keys.iter().map(|(_, at, _)| *at).collect();
        let ids: Vec<&[u8]> = keys.iter().map(|(.., id)| &id[..]).collect();
        let sql = format!(
            "SELECT {columns}, k.n FROM unnest(?2::bigint[], ?3::bigint[], ?4::bytea[]) \
             WITH ORDINALITY k (month, at, id, n) JOIN entries e ON e.month = k.month AND e.account = ?1 \
             AND e.occurred_at = k.at AND e.entry = k.id JOIN entry_groups g ON g.ix = e.grp ORDER BY k.n"
        );
        self.query(&sql, &[&account, &months, &instants, &ids], &mut |row| {
            let n: i64 = row.try_get(row.len() - 1)?;
            each(n as usize - 1, row)
        })
    }

    fn find_messages(
        &mut self,
        keys: &[(i64, &str)],
        each: &mut dyn FnMut(usize, FoundMessage),
    ) -> Result<(), LedgerError> {
        let accounts: Vec<i64> = keys.iter().map(|(account, _)| *account).collect();
        let ids: Vec<&str> = keys.iter().map(|(_, id)| *id).collect();
        let sql = "SELECT k.n, m.ix, m.uid, m.campaign, m.state, m.last_move, m.recipient, m.metadata \
             FROM unnest(?1::bigint[], ?2::text[]) WITH ORDINALITY k (account, id, n) \
             JOIN messages m ON m.account = k.account AND m.id = k.id ORDER BY k.n, m.ix DESC";
        self.query(sql, &[&accounts, &ids], &mut |row| {
            let found = FoundMessage {
                ix: row.try_get(1)?,
                uid: row.try_get(2)?,
                campaign: row.try_get(3)?,
                state: row.try_get(4)?,
                last_move: row.try_get(5)?,
                recipient: row.try_get(6)?,
                metadata: row.try_get(7)?,
            };
            each(row.try_get::<_, i64>(0)? as usize - 1, found);
            Ok(())
        })
    }

    fn message_numbers(&mut self, count: usize) -> Result<Vec<i64>, LedgerError> {
        let blocks = (count as i64 + BLOCK - 1) / BLOCK;
        let mut numbers = Vec::with_capacity(count);
        let sql = "SELECT nextval('message_blocks') FROM generate_series(1, ?1::bigint)";
        self.tx.rows(sql, &[blocks.into()], &mut |row| {
            let first = row.required(0)? * BLOCK;
            numbers.extend(first..first + BLOCK);
            Ok(ControlFlow::Continue(()))
        })?;
        numbers.sort_unstable();
        numbers.truncate(count);
        Ok(numbers)
    }

    fn insert_messages(&mut self, messages: &[MessageRow<'_>]) -> Result<(), LedgerError> {
        const SQL: &str = "COPY messages (ix, account, id, uid, campaign, recipient, metadata, state, at, last_move) \
             FROM STDIN BINARY";
        let (n, t) = (Type::INT8, Type::TEXT);
        let types = [&n, &n, &t, &n, &n, &t, &t, &n, &n, &n].map(Clone::clone);
        self.copy(SQL, &types, |rows| {
            for m in messages {
                let (id, to, metadata) = (m.id, m.recipient, m.metadata);
                let (state, at, last) = (m.state, m.at, m.last_move);
                rows.write(&[&m.ix, &m.account, &id, &m.uid, &m.campaign, &to, &metadata, &state, &at, &last])?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn move_messages(&mut self, moved: &[MessageMoved]) -> Result<(), LedgerError> {
        if moved.is_empty() {
            return Ok(());
        }
        let column = |of: &dyn Fn(&MessageMoved) -> i64| moved.iter().map(of).collect::<Vec<_>>();
        let (rows, states) = (column(&|m| m.ix), column(&|m| m.state));
        let last = column(&|m| m.last_move);
        let at: Vec<Option<i64>> = moved.iter().map(|m| m.at).collect();
        let statement = self.tx.statement(
            "UPDATE messages m SET state = d.state, at = coalesce(d.at, m.at), last_move = d.last_move \
             FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[]) d (ix, state, at, last_move) \
             WHERE m.ix = d.ix",
        )?;
        let changed = self.tx.tx.get_mut().execute(&statement, &[&rows, &states, &at, &last])?;
        all_changed("messages", changed, rows.len())
    }

    fn insert_moves(&mut self, moves: &[MoveRow<'_>]) -> Result<Option<i64>, LedgerError> {
        const SQL: &str = "COPY moves (key, message, prev, at, body) FROM STDIN BINARY";
        let types = [Type::INT8, Type::INT8, Type::INT8, Type::INT8, Type::TEXT];
        let statement = self.tx.statement(SQL)?;
        let copied = copy(self.tx.tx.get_mut(), &statement, &types, |rows| {
            for m in moves {
                rows.write(&[&m.key, &m.message, &m.prev, &m.at, &m.body])?;
            }
            Ok(())
        });
        match copied {
            Ok(()) => Ok(None),
            Err(CopyError::Server(error)) => taken(&error).map_or_else(|| Err(error.into()), |key| Ok(Some(key))),
            Err(error) => Err(error.into()),
        }
    }
}

/// Rows that were read in this transaction are there.
fn all_changed(table: &'static str, changed: u64, rows: usize) -> Result<(), LedgerError> {
    if changed == rows as u64 {
        return Ok(());
    }
    Err(LedgerError::Stored {
        what: table,
        value: format!("{} of {rows} rows that are missing", rows as u64 - changed),
    })
}

/// The key that a unique index refused: `Key (key)=(42) already exists.`
fn taken(error: &postgres::Error) -> Option<i64> {
    let error = error.as_db_error().filter(|e| *e.code() == SqlState::UNIQUE_VIOLATION)?;
    let (_, value) = error.detail()?.split_once("=(")?;
    value.split_once(')')?.0.parse().ok()
}

/// What an entry's id is unique among: the entries of its message, or those of none. Messages are numbered as they come, so
/// that what is written lies together.
fn uid(b: &Booking<'_>) -> i64 {
    b.entry.message_uid.map_or(0, |n| n as i64)
}

fn id<'b>(b: &'b Booking<'_>) -> Cow<'b, [u8]> {
    let [id, ..] = b.hashes.stored(b.entry);
    stored(&id).unwrap_or_default()
}

const IDS: &str = "COPY entry_ids (message_uid, entry) FROM STDIN BINARY";
const ENTRIES: &str = "COPY entries (month, account, occurred_at, entry, grp, cause, adjusts, revision, message_uid, \
    message, attempt, recipient_hash, wamid_hash, template, language, expected_category, expected_type, \
    expected_model, reported_category, reported_type, reported_model, conversation, rulebook, ordinal, quantity, \
    cost, markup, fee, price_ex_tax, fx_source, fx_date, booked_at, reason) FROM STDIN BINARY";
const PEOPLE: &str = "COPY people (month, account, occurred_at, entry, recipient, wamid) FROM STDIN BINARY";

fn entry_types() -> [Type; 33] {
    let (n, t, b, a) = (Type::INT8, Type::TEXT, Type::BYTEA, Type::NUMERIC);
    [
        &n, &n, &n, &b, &n, &t, &b, &n, &n, &t, &n, &b, &b, &t, &t, &t, &t, &t, &t, &t, &t, &t, &t, &n, &n, &a, &a, &a,
        &a, &t, &t, &n, &t,
    ]
    .map(Clone::clone)
}

fn copy_ids(tx: &mut Transaction<'_>, [ids, ..]: &[Statement; 3], new: &[&Booking<'_>]) -> Result<(), CopyError> {
    copy(tx, ids, &[Type::INT8, Type::BYTEA], |rows| new.iter().try_for_each(|b| rows.write(&[&uid(b), &id(b)])))
}

fn copy_rows(
    tx: &mut Transaction<'_>,
    [_, entries, people]: &[Statement; 3],
    new: &[&Booking<'_>],
) -> Result<(), CopyError> {
    copy(tx, entries, &entry_types(), |rows| new.iter().try_for_each(|b| write_entry(b, rows)))?;
    let types = [Type::INT8, Type::INT8, Type::INT8, Type::BYTEA, Type::TEXT, Type::TEXT];
    copy(tx, people, &types, |rows| {
        new.iter().filter(|b| b.entry.recipient.is_some() || b.entry.wamid.is_some()).try_for_each(|b| {
            let (recipient, wamid) = (b.entry.recipient.as_deref(), b.entry.wamid.as_deref());
            rows.write(&[&b.month, &b.account, &(b.entry.occurred_at.0 as i64), &id(b), &recipient, &wamid])
        })
    })
}

fn write_entry(b: &Booking<'_>, rows: &mut Rows<'_>) -> Result<(), CopyError> {
    let e = b.entry;
    let hashes = b.hashes.stored(e);
    let [id, adjusts, recipient, wamid] = [0, 1, 2, 3].map(|n| stored(&hashes[n]));
    rows.write(&[
        &b.month,
        &b.account,
        &(e.occurred_at.0 as i64),
        &id,
        &b.group,
        &e.cause.map(Cause::as_str),
        &adjusts,
        &i64::from(e.revision),
        &e.message_uid.map(|n| n as i64),
        &e.message.as_deref(),
        &e.attempt.map(i64::from),
        &recipient,
        &wamid,
        &e.template.as_deref(),
        &e.language.as_deref(),
        &e.expected_category.map(Category::as_str),
        &e.expected_type.map(PricingType::as_str),
        &e.expected_model.map(PricingModel::as_str),
        &e.reported_category.map(Category::as_str),
        &e.reported_type.map(PricingType::as_str),
        &e.reported_model.map(PricingModel::as_str),
        &e.conversation.as_deref(),
        &e.rulebook.as_deref(),
        &e.ordinal.map(|n| n as i64),
        &e.quantity,
        &e.cost.map(|a| a.normalize()),
        &e.markup.map(|a| a.normalize()),
        &e.fee.map(|a| a.normalize()),
        &e.price_ex_tax.map(|a| a.normalize()),
        &e.fx_source.as_deref(),
        &e.fx_date.as_deref(),
        &(e.booked_at.0 as i64),
        &e.reason.as_deref(),
    ])
}
