//! Rows of a long reading, fetched by a thread of their own while those before them are used: the database takes as long
//! for a row as what is made of it.

use super::LedgerError;
use super::sql::{Row, Value};
use rust_decimal::Decimal;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::{mem, panic, thread};

/// Rows handed over at once: few enough to lie in the cache until they are used.
const BATCH: usize = 128;
/// Batches that wait to be used at most.
const WAITING: usize = 4;

/// What is done with each row, read with what `C` is.
type Use<'f, C> = &'f mut dyn FnMut(&C, &dyn Row) -> Result<ControlFlow<()>, LedgerError>;

/// Fetches with `fetch` and lends what comes to `each`, in order; ends early when that breaks.
pub(super) fn ahead<C: Send>(
    fetch: impl FnOnce(&mut Fetcher<C>) -> Result<(), LedgerError> + Send,
    mut each: impl FnMut(&C, &dyn Row) -> Result<ControlFlow<()>, LedgerError>,
) -> Result<(), LedgerError> {
    thread::scope(|scope| {
        let (full, fetched) = sync_channel(WAITING);
        let (done, used) = channel();
        let fetching = scope.spawn(move || {
            let mut fetcher = Fetcher { full, used, rows: Rows::default() };
            fetch(&mut fetcher)?;
            // Whoever uses the rows may have ended.
            let _ = fetcher.hand_over();
            Ok(())
        });
        let given = give(fetched, &done, &mut each);
        let fetched = fetching.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        given.and(fetched)
    })
}

/// Lends rows until there are no more. The fetcher ends when the channel does.
#[expect(clippy::needless_pass_by_value, reason = "its end tells the fetcher")]
fn give<C>(fetched: Receiver<Fetched<C>>, done: &Sender<Rows>, each: Use<'_, C>) -> Result<(), LedgerError> {
    let mut context = None;
    for part in &fetched {
        match (part, &context) {
            (Fetched::Context(of), _) => context = Some(of),
            (Fetched::Rows(rows), Some(of)) => {
                for first in (0..rows.cells.len()).step_by(rows.width) {
                    if each(of, &HeldRow { rows: &rows, first })?.is_break() {
                        return Ok(());
                    }
                }
                let _ = done.send(rows);
            }
            (Fetched::Rows(_), None) => {}
        }
    }
    Ok(())
}

enum Fetched<C> {
    /// What the rows behind it are read with.
    Context(C),
    Rows(Rows),
}

/// The end that reads the database.
pub(super) struct Fetcher<C> {
    full: SyncSender<Fetched<C>>,
    /// Batches to be used again.
    used: Receiver<Rows>,
    rows: Rows,
}

impl<C> Fetcher<C> {
    /// Begins rows of so many columns, to be read with `context`.
    pub(super) fn begin(&mut self, context: C, width: usize) -> ControlFlow<()> {
        self.hand_over()?;
        self.rows.width = width;
        self.send(Fetched::Context(context))
    }

    /// Holds a row. Breaks when nobody takes rows any more.
    pub(super) fn push(&mut self, row: &dyn Row) -> Result<ControlFlow<()>, LedgerError> {
        self.rows.push(row)?;
        Ok(if self.rows.cells.len() < BATCH * self.rows.width { ControlFlow::Continue(()) } else { self.hand_over() })
    }

    fn hand_over(&mut self) -> ControlFlow<()> {
        if self.rows.cells.is_empty() {
            return ControlFlow::Continue(());
        }
        let mut empty = self.used.try_recv().unwrap_or_default();
        empty.clear(self.rows.width);
        let rows = mem::replace(&mut self.rows, empty);
        self.send(Fetched::Rows(rows))
    }

    fn send(&self, part: Fetched<C>) -> ControlFlow<()> {
        self.full.send(part).map_or(ControlFlow::Break(()), ControlFlow::Continue)
    }
}

/// Rows apart from the database.
#[derive(Default)]
struct Rows {
    width: usize,
    cells: Vec<Cell>,
    text: String,
    bytes: Vec<u8>,
}

/// A value, with where its text or bytes are.
enum Cell {
    Null,
    Int(i64),
    Text(u32, u32),
    Bytes(u32, u32),
    Amount(Decimal),
}

impl Rows {
    fn push(&mut self, row: &dyn Row) -> Result<(), LedgerError> {
        for column in 0..self.width {
            let cell = match row.value(column)? {
                Value::Null => Cell::Null,
                Value::Int(n) => Cell::Int(n),
                Value::Amount(amount) => Cell::Amount(amount),
                Value::Text(text) => {
                    let from = self.text.len() as u32;
                    self.text.push_str(text);
                    Cell::Text(from, self.text.len() as u32)
                }
                Value::Bytes(bytes) => {
                    let from = self.bytes.len() as u32;
                    self.bytes.extend_from_slice(bytes);
                    Cell::Bytes(from, self.bytes.len() as u32)
                }
            };
            self.cells.push(cell);
        }
        Ok(())
    }

    fn clear(&mut self, width: usize) {
        self.width = width;
        self.cells.clear();
        self.text.clear();
        self.bytes.clear();
    }
}

/// One of them.
struct HeldRow<'r> {
    rows: &'r Rows,
    first: usize,
}

impl Row for HeldRow<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>, LedgerError> {
        Ok(match self.rows.cells[self.first + column] {
            Cell::Null => Value::Null,
            Cell::Int(n) => Value::Int(n),
            Cell::Text(from, to) => Value::Text(&self.rows.text[from as usize..to as usize]),
            Cell::Bytes(from, to) => Value::Bytes(&self.rows.bytes[from as usize..to as usize]),
            Cell::Amount(amount) => Value::Amount(amount),
        })
    }
}
