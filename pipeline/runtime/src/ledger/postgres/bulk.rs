//! Writing in bulk: arrays and COPY, a few round trips a batch however many records it has.

use super::Tx;
use super::copy::{Cells, CopyError, Rows, copy};
use super::prepared::{ENTRY_COLUMNS, ID_COLUMNS, Prepared, id, uid};
use super::sums::add;
use crate::ledger::LedgerError;
use crate::ledger::entry::SHARING;
use crate::ledger::group::Sums;
use crate::ledger::ingest::Booking;
use crate::ledger::sql::{Bulk, Each, EntryKey, Prepare, Row, Sql, Value};
use crate::views::{FoundMessage, MessageMoved, MessageRow, MoveRow};
use postgres::error::SqlState;
use postgres::types::Type;
use postgres::{Statement, Transaction};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;

/// Message numbers that one value of the sequence stands for.
const BLOCK: i64 = 1_000;

/// Many, as each statement costs something; fewer than a batch of the projection, so that the server is busy with the first
/// while the next are read.
const BOOKED_AT_ONCE: usize = 2_500;

/// An open transaction that writes.
pub(super) struct BulkTx<'c> {
    pub(super) tx: Tx<'c>,
    /// Months whose partitions were seen to be there.
    pub(super) months: BTreeSet<i64>,
    /// Ids came that were booked before.
    pub(super) again: bool,
}

impl Sql for BulkTx<'_> {
    fn rows(&self, sql: &str, values: &[Value<'_>], each: Each<'_>) -> Result<(), LedgerError> {
        self.tx.rows(sql, values, each)
    }

    fn place_of_no_message(&self) -> &'static str {
        self.tx.place_of_no_message()
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

    /// Where the entries of each month are copied to. Into the partition itself, which takes a tenth less than by way of the
    /// table.
    fn partitions(&self, bookings: &[Booking<'_>]) -> Result<Partitions, LedgerError> {
        let mut into = Partitions::new();
        for month in bookings.iter().map(|b| b.month) {
            if let Entry::Vacant(vacant) = into.entry(month) {
                let sql = format!("COPY {} ({ENTRY_COLUMNS}) FROM STDIN BINARY", partition(month));
                vacant.insert(self.tx.statement(&sql)?);
            }
        }
        Ok(into)
    }

    /// Books all at once if all are new, as they nearly always are: that takes a third of asking about each.
    fn copy_new(&mut self, bookings: &[Booking<'_>]) -> Result<Option<Vec<bool>>, LedgerError> {
        if self.again {
            return Ok(None);
        }
        let ids = self.tx.statement(&format!("COPY entry_ids ({ID_COLUMNS}) FROM STDIN BINARY"))?;
        let into = self.partitions(bookings)?;
        let all: Vec<_> = bookings.iter().collect();
        let mut point = self.tx.tx.get_mut().transaction()?;
        match copy_ids(&mut point, &ids, &all).and_then(|()| copy_rows(&mut point, &into, &all)) {
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
        let (uids, ids): (Vec<_>, Vec<_>) = bookings.iter().map(|b| (uid(b.entry), id(b.entry, b.hashes))).unzip();
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
        let asked: Vec<_> = (0..new.len()).filter(|n| new[*n]).collect();
        fn of<T: Copy>(asked: &[usize], all: &[T]) -> Vec<T> {
            asked.iter().map(|n| all[*n]).collect()
        }
        let [months, accounts, instants, uids] = [months, accounts, instants, uids].map(|all| of(&asked, &all));
        let ids: Vec<_> = asked.iter().map(|n| &ids[*n]).collect();
        let recipients: Vec<_> = asked.iter().map(|n| bookings[*n].entry.recipient.as_deref()).collect();
        let wamids: Vec<_> = asked.iter().map(|n| bookings[*n].entry.wamid.as_deref()).collect();
        let mut taken: HashSet<(i64, Vec<u8>)> = HashSet::with_capacity(ids.len());
        let sql = "INSERT INTO entry_ids (message_uid, entry, month, account, occurred_at, recipient, wamid) \
                   SELECT * FROM unnest(?1::bigint[], ?2::bytea[], ?3::bigint[], ?4::bigint[], ?5::bigint[], \
                   ?6::text[], ?7::text[]) ON CONFLICT DO NOTHING RETURNING message_uid, entry";
        let rows: &Cells<'_> = &[&uids, &ids, &months, &accounts, &instants, &recipients, &wamids];
        self.query(sql, rows, &mut |row| {
            taken.insert((row.try_get(0)?, row.try_get(1)?));
            Ok(())
        })?;
        for (b, new) in bookings.iter().zip(&mut new).filter(|(_, new)| **new) {
            *new = taken.remove(&(uid(b.entry), id(b.entry, b.hashes).into_owned()));
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

    /// Sees to it that the partition of a month is there, and stays until the end of the transaction.
    fn month(&mut self, month: i64) -> Result<(), LedgerError> {
        if self.months.contains(&month) {
            return Ok(());
        }
        if self.months.is_empty() {
            // Nobody detaches a partition meanwhile: what is copied into one is copied into the ledger.
            self.tx.tx.get_mut().batch_execute("LOCK TABLE ONLY entries IN ROW EXCLUSIVE MODE")?;
        }
        if !self.has(month)? {
            self.make(month)?;
        }
        self.months.insert(month);
        Ok(())
    }

    /// Whether a month's partition is there. One that was detached does not count: its name must be free by then.
    fn has(&self, month: i64) -> Result<bool, LedgerError> {
        // By the tables of the catalogue: a name that was looked up in this transaction before would be answered from memory, also
        // after another process has made the partition.
        let sql = "SELECT 1::bigint FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p \
                   ON p.oid = i.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace AND n.oid = c.relnamespace \
                   WHERE n.nspname = current_schema() AND p.relname = 'entries' AND c.relname = ?1::text";
        let found = (self as &dyn Sql).number(sql, &[partition(month).as_str().into()])?;
        Ok(found.is_some())
    }

    /// Makes the partition of a month. Attached and not created as such, so that readers are not locked out.
    fn make(&mut self, month: i64) -> Result<(), LedgerError> {
        // Two processes may meet a month at once.
        let held = "SELECT pg_advisory_xact_lock(hashtext('tollgate months ' || current_schema()))";
        self.tx.tx.get_mut().batch_execute(held)?;
        if !self.has(month)? {
            let name = partition(month);
            self.tx.tx.get_mut().batch_execute(&format!(
                "CREATE TABLE {name} (LIKE entries INCLUDING ALL); \
                 ALTER TABLE entries ATTACH PARTITION {name} FOR VALUES IN ({month})"
            ))?;
        }
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

    fn hold_people(&self, shared: bool) -> Result<(), LedgerError> {
        self.hold("people", shared)
    }

    fn booked_at_once(&self) -> usize {
        BOOKED_AT_ONCE
    }

    fn prepare(&self) -> Option<Prepare> {
        Some(Prepared::new)
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
        let into = self.partitions(bookings)?;
        copy_rows(self.tx.tx.get_mut(), &into, &chosen)?;
        Ok(new)
    }

    fn add(&mut self, sums: &[(i64, Sums)]) -> Result<(), LedgerError> {
        add(&mut self.tx, sums)
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
             AND e.occurred_at = k.at AND e.entry = k.id {SHARING} ORDER BY k.n"
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
pub(super) fn all_changed(table: &'static str, changed: u64, rows: usize) -> Result<(), LedgerError> {
    if changed == rows as u64 {
        return Ok(());
    }
    Err(LedgerError::Damaged {
        what: table,
        place: format!("{} of {rows} rows that are missing", rows as u64 - changed),
    })
}

/// The key that a unique index refused: `Key (key)=(42) already exists.`
fn taken(error: &postgres::Error) -> Option<i64> {
    let error = error.as_db_error().filter(|e| *e.code() == SqlState::UNIQUE_VIOLATION)?;
    let (_, value) = error.detail()?.split_once("=(")?;
    value.split_once(')')?.0.parse().ok()
}

/// Copies ids of entries, with people's data.
fn copy_ids(tx: &mut Transaction<'_>, into: &Statement, new: &[&Booking<'_>]) -> Result<(), CopyError> {
    copy(tx, into, &[], |rows| new.iter().try_for_each(|b| prepared(b)?.write_id(b, rows)))
}

/// Copies entries, each into the partition of its month.
fn copy_rows(tx: &mut Transaction<'_>, into: &Partitions, new: &[&Booking<'_>]) -> Result<(), CopyError> {
    for of_month in new.chunk_by(|a, b| a.month == b.month) {
        let rows = &into[&of_month[0].month];
        copy(tx, rows, &[], |rows| of_month.iter().try_for_each(|b| prepared(b)?.write_entry(b, rows)))?;
    }
    Ok(())
}

/// Where the entries of each month are copied to.
type Partitions = BTreeMap<i64, Statement>;

fn prepared<'b>(booking: &Booking<'b>) -> Result<&'b Prepared, CopyError> {
    booking.prepared.ok_or_else(|| CopyError::Value("it was not written ahead".into()))
}

/// The partition of the entries of a month.
fn partition(month: i64) -> String {
    format!("entries_{}_{:02}", month / 12, month % 12 + 1)
}
