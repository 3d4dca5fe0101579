//! Records of the ledger's topic that could not be booked: what they were to bill is in no month.

use crate::ledger::{LedgerError, Reader, Stream, beyond};
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Records that are looked at; more count without.
const READ_MAX: u64 = 10_000;

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    account: Cow<'a, str>,
}

/// How many are of the account or of nobody who could be told, and the first one with its reason. For which there was no room may
/// be anybody's.
pub(super) fn set_aside(reader: &Reader, account: &str) -> Result<(u64, String), LedgerError> {
    reader.read(|db| {
        let (mut read, mut count, mut first) = (0, 0, String::new());
        let sql = "SELECT value, partition, \"offset\", reason FROM rejected WHERE topic = ?1 \
             ORDER BY partition, \"offset\" LIMIT ?2";
        let topic = Stream::Ledger.as_str().into();
        db.rows(sql, &[topic, (READ_MAX as i64).into()], &mut |row| {
            read += 1;
            // Bytes that are no text cannot be read from PostgreSQL, and are nobody's.
            if row.value(0).is_ok_and(|value| is_of_another(value.bytes(), account)) {
                return Ok(ControlFlow::Continue(()));
            }
            count += 1;
            if first.is_empty() {
                let (partition, offset) = (row.required(1)?, row.required(2)?);
                first = format!("first: partition {partition}, offset {offset}, {}", row.words(3)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if read == READ_MAX {
            let all = db.number("SELECT count(*) FROM rejected WHERE topic = ?1", &[topic])?;
            count += (all.unwrap_or_default() as u64).saturating_sub(read);
        }
        let more = beyond(db, Stream::Ledger)?;
        if more > 0 && first.is_empty() {
            first = format!("{more} of them were only counted, in table `rejected_beyond`");
        }
        count += more;
        Ok((count, first))
    })
}

fn is_of_another(value: &[u8], account: &str) -> bool {
    serde_json::from_slice::<Named<'_>>(value).is_ok_and(|named| named.account != account)
}

#[cfg(test)]
mod tests {
    use super::is_of_another;

    #[test]
    fn who_cannot_be_told_is_everybody() {
        assert!(is_of_another(br#"{"account": "zeta", "kind": 7}"#, "acme"));
        for value in [&br#"{"account": "acme"}"#[..], br#"{"account": "\u0061cme"}"#, b"{", b"", br#"{"account": 7}"#] {
            assert!(!is_of_another(value, "acme"), "{value:?}");
        }
    }
}
