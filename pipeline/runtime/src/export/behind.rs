//! CSV written by a thread of its own, while the next rows are read: quoting, hashing and the file take as long as the
//! reading does.

use super::cells::{Fill, Row, Table, io_error, writer};
use super::write::ExportError;
use csv::ByteRecord;
use sha2::{Digest, Sha256};
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::{panic, thread};

/// Rows handed over at once: few enough to lie in the cache until they are written.
const BATCH: usize = 256;
/// Batches that wait for the writer at most.
const WAITING: usize = 2;

/// Bytes written, and their SHA-256 as hex.
pub(super) type Written = (u64, String);

/// Writes the rows that `fill` gives to `out`, amounts with so many decimals. Errors name `file`.
pub(super) fn csv_rows<T>(
    out: &mut (dyn io::Write + Send),
    decimals: u32,
    file: &str,
    fill: impl FnOnce(&mut dyn Table) -> Result<T, ExportError>,
) -> Result<(T, Written), ExportError> {
    thread::scope(|scope| {
        let (full, batches) = sync_channel(WAITING);
        let (done, used) = channel();
        let writing = scope.spawn(move || write(out, &batches, &done));
        let mut rows = Rows { row: Row::new(decimals), batch: Vec::new(), next: 0, full, used };
        let filled = fill(&mut rows).and_then(|filled| {
            rows.finish().map_err(|e| ExportError::writing(file, e))?;
            Ok(filled)
        });
        drop(rows);
        // Where the file failed, that is the error, and not that nobody takes rows any more.
        let written = writing.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked));
        let written = written.map_err(|e| ExportError::writing(file, e))?;
        Ok((filled?, written))
    })
}

/// Writes batches until there are no more.
fn write(
    out: &mut (dyn io::Write + Send),
    batches: &Receiver<Batch>,
    done: &Sender<Vec<ByteRecord>>,
) -> io::Result<Written> {
    let mut hashing = Hashing::new(out);
    let mut csv = writer(&mut hashing);
    for Batch { rows, count } in batches {
        for row in &rows[..count] {
            csv.write_byte_record(row).map_err(io_error)?;
        }
        // The reader may have ended.
        let _ = done.send(rows);
    }
    csv.flush()?;
    drop(csv);
    Ok(hashing.finish())
}

/// Rows, of which the first `count` are to be written; the others are there to be used again.
struct Batch {
    rows: Vec<ByteRecord>,
    count: usize,
}

/// The reader's end.
struct Rows {
    row: Row,
    batch: Vec<ByteRecord>,
    next: usize,
    full: SyncSender<Batch>,
    used: Receiver<Vec<ByteRecord>>,
}

impl Rows {
    fn hand_over(&mut self) -> io::Result<()> {
        let rows = std::mem::replace(&mut self.batch, self.used.try_recv().unwrap_or_default());
        let count = std::mem::take(&mut self.next);
        self.full.send(Batch { rows, count }).map_err(|_| io::Error::other("the writer of the file has ended"))
    }
}

impl Table for Rows {
    fn begin(&mut self, names: &[&str], _: Fill<'_>) -> io::Result<()> {
        self.write(&mut |row| names.iter().for_each(|name| row.text(name)))
    }

    fn write(&mut self, fill: Fill<'_>) -> io::Result<()> {
        if self.next == self.batch.len() {
            self.batch.push(ByteRecord::new());
        }
        // The cells are made where they will be read.
        std::mem::swap(&mut self.row.cells, &mut self.batch[self.next]);
        self.row.cells.clear();
        fill(&mut self.row);
        std::mem::swap(&mut self.row.cells, &mut self.batch[self.next]);
        self.next += 1;
        if self.next == BATCH { self.hand_over() } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.next > 0 { self.hand_over() } else { Ok(()) }
    }
}

/// Passes bytes on, counting and hashing them.
pub(super) struct Hashing<'w, W: ?Sized> {
    out: &'w mut W,
    hash: Sha256,
    bytes: u64,
}

impl<'w, W: ?Sized> Hashing<'w, W> {
    pub(super) fn new(out: &'w mut W) -> Self {
        Self { out, hash: Sha256::new(), bytes: 0 }
    }

    pub(super) fn finish(self) -> Written {
        (self.bytes, hex::encode(self.hash.finalize()))
    }
}

impl<W: io::Write + ?Sized> io::Write for Hashing<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.out.write(buf)?;
        self.hash.update(&buf[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
