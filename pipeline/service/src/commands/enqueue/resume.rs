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
        Self { state: state.unwrap_or(fresh), path, writable: true }
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

    /// Remembers how far the service has acknowledged everything.
    pub(super) fn acknowledged(&mut self, mark: Mark) {
        self.state.rows = mark.rows;
        self.state.fingerprint = hex(mark);
        self.save();
    }

    /// Bad rows of earlier runs.
    pub(super) fn bad(&self) -> u64 {
        self.state.bad
    }

    /// Remembers the bad rows of this run, so that a rerun that skips them does not call the file good.
    pub(super) fn ended(&mut self, bad: u64) {
        if bad > 0 {
            self.state.bad += bad;
            self.save();
        }
    }

    /// Forgets an earlier run.
    pub(super) fn forget(&mut self) {
        self.state = State { job: std::mem::take(&mut self.state.job), ..State::default() };
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
