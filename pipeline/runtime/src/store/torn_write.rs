//! A power cut during a write may leave the end of the journal with some pages missing. The engine drops a last
//! batch that ends early, but refuses to open when the batch looks complete and only its checksum is wrong. That
//! batch was never acknowledged (an fsync comes first), so it is cut off and kept in a file beside the journal.
//! If the damage turns out to lie elsewhere, the journal is put back as it was and the error stands.

use std::fs::{self, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Cuts the last batch off the newest journal in `database`, opens again, and undoes the cut if that fails too.
pub(super) fn set_aside_and_retry<T>(
    database: &Path,
    open: impl FnOnce() -> fjall::Result<T>,
) -> Result<fjall::Result<T>, StoreError> {
    let cut = cut_last_batch(database).map_err(StoreError::not_writable(database))?;
    let Some(cut) = cut else { return Ok(open()) };
    let opened = open();
    if opened.is_ok() {
        tracing::warn!(
            journal = %cut.journal.display(),
            bytes = cut.tail.len(),
            kept_in = %cut.kept_in.display(),
            "the last write was cut short, probably by a power cut, and was dropped; it had not been acknowledged"
        );
    } else {
        cut.undo().map_err(StoreError::not_writable(database))?;
    }
    Ok(opened)
}

struct Cut {
    journal: PathBuf,
    at: u64,
    tail: Vec<u8>,
    kept_in: PathBuf,
}

impl Cut {
    fn undo(&self) -> io::Result<()> {
        let mut journal = OpenOptions::new().write(true).open(&self.journal)?;
        journal.set_len(self.at)?;
        journal.seek(SeekFrom::Start(self.at))?;
        journal.write_all(&self.tail)?;
        journal.sync_all()?;
        fs::remove_file(&self.kept_in)
    }
}

fn cut_last_batch(database: &Path) -> io::Result<Option<Cut>> {
    let Some((number, journal)) = newest_journal(database)? else {
        return Ok(None);
    };
    let bytes = fs::read(&journal)?;
    let Some(at) = last_batch(&bytes) else {
        return Ok(None);
    };
    let tail = bytes[at..].to_vec();
    let kept_in = database.join(format!("{number}.torn"));
    let mut kept = fs::File::create(&kept_in)?;
    kept.write_all(&tail)?;
    kept.sync_all()?;
    let file = OpenOptions::new().write(true).open(&journal)?;
    file.set_len(at as u64)?;
    file.sync_all()?;
    Ok(Some(Cut { journal, at: at as u64, tail, kept_in }))
}

fn newest_journal(database: &Path) -> io::Result<Option<(u64, PathBuf)>> {
    let mut newest = None;
    for entry in fs::read_dir(database)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jnl") {
            continue;
        }
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        newest = newest.max(number.map(|number| (number, path)));
    }
    Ok(newest)
}

/// Where the last complete-looking batch begins. Layout of the engine's journal, format 3: a start mark (1, item
/// count u32, sequence u64), items (2, type, compression, keyspace u64, key length u16, value length u32, stored
/// length u32, key, value) or clears (4, keyspace u64), an end mark (3, checksum u64, four bytes of magic).
fn last_batch(bytes: &[u8]) -> Option<usize> {
    const START: usize = 13;
    const ITEM: usize = 21;
    const CLEAR: usize = 9;
    const END: usize = 13;
    let mut at = 0;
    let mut started = None;
    let mut last = None;
    while let Some(&tag) = bytes.get(at) {
        at += match tag {
            1 => {
                started = Some(at);
                START
            }
            2 => {
                let Some(head) = bytes.get(at..at + ITEM) else {
                    break;
                };
                let key = usize::from(u16::from_le_bytes([head[11], head[12]]));
                let stored = u32::from_le_bytes([head[17], head[18], head[19], head[20]]);
                ITEM + key + stored as usize
            }
            3 if at + END <= bytes.len() => {
                last = started.take().or(last);
                END
            }
            4 => CLEAR,
            _ => break,
        };
    }
    last
}
