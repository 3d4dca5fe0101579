//! CSV hashed and written by a thread of its own, while the next rows are made.

use super::cells::{Fill, Row, Table};
use super::write::ExportError;
use sha2::{Digest, Sha256};
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::{panic, thread};

/// Bytes handed over at once, and a row more: few enough to lie in the cache until they are written.
const BLOCK: usize = 128 << 10;
/// Blocks that wait for the writer at most.
const WAITING: usize = 4;

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
        let (full, blocks) = sync_channel(WAITING);
        let (done, used) = channel();
        let writing = scope.spawn(move || write(out, &blocks, &done));
        let mut rows = Rows { row: Row::new(decimals), full, used };
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

/// Writes blocks until there are no more.
fn write(out: &mut (dyn io::Write + Send), blocks: &Receiver<String>, done: &Sender<String>) -> io::Result<Written> {
    let mut hashing = Hashing::new(out);
    for mut block in blocks {
        io::Write::write_all(&mut hashing, block.as_bytes())?;
        block.clear();
        // The reader may have ended.
        let _ = done.send(block);
    }
    io::Write::flush(&mut hashing)?;
    Ok(hashing.finish())
}

/// The reader's end.
struct Rows {
    row: Row,
    full: SyncSender<String>,
    /// Blocks to be used again.
    used: Receiver<String>,
}

impl Rows {
    fn hand_over(&mut self) -> io::Result<()> {
        let block = std::mem::replace(&mut self.row.out, self.used.try_recv().unwrap_or_default());
        self.full.send(block).map_err(|_| io::Error::other("the writer of the file has ended"))
    }
}

impl Table for Rows {
    fn begin(&mut self, names: &[&str], _: Fill<'_>) -> io::Result<()> {
        self.write(&mut |row| names.iter().for_each(|name| row.text(name)))
    }

    fn write(&mut self, fill: Fill<'_>) -> io::Result<()> {
        let begun = self.row.out.len();
        fill(&mut self.row);
        self.row.end(begun);
        if self.row.out.len() >= BLOCK { self.hand_over() } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.row.out.is_empty() { Ok(()) } else { self.hand_over() }
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
