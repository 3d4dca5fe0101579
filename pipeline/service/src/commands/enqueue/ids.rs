//! Ids that are the same in every run over the same rows, and a fingerprint of what has been read.

use std::collections::HashMap;
use std::hash::Hasher as _;

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;

/// Digits of an id: 128 bits.
const ID_HEX: usize = 32;

/// The ids of a file's rows. About 20 bytes of memory a row.
pub(super) struct Ids {
    job: String,
    seen: HashMap<u64, u32>,
    fingerprint: SipHasher13,
    /// Rows whose id stood in the file before.
    pub(super) duplicates: u64,
}

impl Ids {
    /// For a job: file name, account, campaign, template.
    pub(super) fn new(job: &str) -> Self {
        Self { job: job.to_owned(), seen: HashMap::new(), fingerprint: SipHasher13::new(), duplicates: 0 }
    }

    /// The id of a row that has none: by its content and, for equal rows, by how many came before. So rows that are
    /// added, removed or corrected in the file do not change the ids of the others.
    pub(super) fn of_row(&mut self, row: &[u8]) -> String {
        let before = self.count(row);
        let mut hash = Sha256::new();
        for part in [self.job.as_bytes(), row, before.to_string().as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut id = hex::encode(hash.finalize());
        id.truncate(ID_HEX);
        id
    }

    /// Counts an id that the file itself gives.
    pub(super) fn given(&mut self, id: &str) {
        if self.count(id.as_bytes()) > 0 {
            self.duplicates += 1;
        }
    }

    /// Takes a row into the fingerprint, and answers it.
    pub(super) fn read(&mut self, row: &[u8]) -> u64 {
        self.fingerprint.write_usize(row.len());
        self.fingerprint.write(row);
        self.fingerprint.finish()
    }

    /// How often the same was counted before.
    fn count(&mut self, what: &[u8]) -> u32 {
        let mut hash = SipHasher13::new();
        hash.write(what);
        let count = self.seen.entry(hash.finish()).or_default();
        *count += 1;
        *count - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_stable_and_differ_by_row_and_job() {
        let ids = |job: &str, rows: &[&str]| {
            let mut ids = Ids::new(job);
            rows.iter().map(|row| ids.of_row(row.as_bytes())).collect::<Vec<_>>()
        };
        let first = ids("a", &["x", "y", "x"]);
        assert_eq!(first, ids("a", &["x", "y", "x"]));
        assert!(first[0] != first[2], "equal rows are two messages");
        assert_eq!(first[1], ids("a", &["new", "x", "y"])[2], "an added row changes no other id");
        assert!(first.iter().zip(ids("b", &["x", "y", "x"])).all(|(a, b)| *a != b), "another campaign, other ids");
        assert_eq!(first[0].len(), ID_HEX);
    }
}
