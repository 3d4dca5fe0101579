//! `FILE.progress`: how far an earlier run of the same job came, so that a rerun skips quickly. It is only a shortcut:
//! without it every row is sent again under its id, which the service takes once.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mark_of;
use crate::upload::{Item, Mark};

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    job: String,
    rows: u64,
    fingerprint: String,
    /// Bad rows among them, of all runs.
    bad: u64,
}

/// The progress of one job.
pub(super) struct Resume {
    path: PathBuf,
    state: State,
    /// Bad rows of earlier runs.
    bad: u64,
    writable: bool,
}

impl Resume {
    /// Reads what an earlier run of the same job left, unless it is to be forgotten.
    pub(super) fn open(input: &Path, job: &str, restart: bool) -> Self {
        let mut path = OsString::from(input);
        path.push(".progress");
        let path = PathBuf::from(path);
        let fresh = State { job: job.to_owned(), ..State::default() };
        let read = || serde_json::from_slice::<State>(&fs::read(&path).ok()?).ok();
        let state = if restart { None } else { read().filter(|state| state.job == job) };
        let state = state.unwrap_or(fresh);
        Self { bad: state.bad, state, path, writable: true }
    }

    /// Skips the rows that are acknowledged. Answers how many; `None` if they are not the rows of then.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub(super) fn skip(
        &mut self,
        rows: &mut impl Iterator<Item = anyhow::Result<Item>>,
    ) -> anyhow::Result<Option<u64>> {
        let wanted = self.state.rows;
        if wanted == 0 {
            return Ok(Some(0));
        }
        let mut last = Mark::default();
        while last.rows < wanted {
            match rows.next().transpose()? {
                Some(item) => last = mark_of(&item),
                None => break,
            }
        }
        let same = last.rows == wanted && hex(last) == self.state.fingerprint;
        Ok(same.then_some(wanted))
    }

    /// Remembers how far the service has acknowledged everything, with the rows up to there that were bad in this run, so
    /// that a rerun that skips them does not call the file good, however this run ends.
    pub(super) fn acknowledged(&mut self, mark: Mark, bad: u64) {
        self.state.rows = mark.rows;
        self.state.fingerprint = hex(mark);
        self.state.bad = self.bad + bad;
        self.save();
    }

    /// Bad rows of earlier runs.
    pub(super) fn bad(&self) -> u64 {
        self.bad
    }

    /// Forgets an earlier run.
    pub(super) fn forget(&mut self) {
        self.state = State { job: std::mem::take(&mut self.state.job), ..State::default() };
        self.bad = 0;
    }

    fn save(&mut self) {
        if self.writable
            && let Err(error) = self.write()
        {
            self.writable = false;
            eprintln!(
                "tollgate: {} cannot be written: {error}; a rerun sends every row again under its id",
                self.path.display()
            );
        }
    }

    /// Beside, then renamed: a cut write leaves the old state.
    fn write(&self) -> std::io::Result<()> {
        let mut partial = self.path.clone().into_os_string();
        partial.push(".partial");
        fs::write(&partial, serde_json::to_vec(&self.state)?)?;
        fs::rename(&partial, &self.path)
    }
}

fn hex(mark: Mark) -> String {
    format!("{:016x}", mark.fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_killed_leaves_its_bad_rows_to_the_next() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("people.csv");
        let mark = |rows| Mark { rows, fingerprint: rows, bytes: rows };
        let mut first = Resume::open(&file, "job", false);
        first.acknowledged(mark(10), 2);
        first.acknowledged(mark(20), 3);
        drop(first);
        let mut second = Resume::open(&file, "job", false);
        assert_eq!(second.bad(), 3);
        second.acknowledged(mark(30), 1);
        assert_eq!((second.bad(), Resume::open(&file, "job", false).bad()), (3, 4));
        second.forget();
        assert_eq!((second.bad(), Resume::open(&file, "another", false).bad()), (0, 0));
    }
}
