//! Keyed hashes as 16 bytes instead of 32 hex digits: half the size of the largest index.

use super::sql::Value;
use tollgate_wire::ledger::LedgerEntry;

/// A hash ready to be stored: 16 bytes if it is 32 lower-case hex digits, its text otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Hash<'a> {
    /// 32 lower-case hex digits.
    Packed([u8; 16]),
    /// Anything else, kept as it is.
    Text(&'a str),
}

impl<'a> Hash<'a> {
    /// Packs it if that loses nothing.
    pub(super) fn new(text: &'a str) -> Self {
        let mut packed = [0; 16];
        let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if lower && hex::decode_to_slice(text, &mut packed).is_ok() { Self::Packed(packed) } else { Self::Text(text) }
    }
}

/// The hashes of an entry, ready to be stored: 16 bytes, or nothing where the text is kept as it is.
pub(crate) struct Hashes {
    entry: Option<[u8; 16]>,
    adjusts: Option<[u8; 16]>,
    recipient: Option<[u8; 16]>,
    wamid: Option<[u8; 16]>,
}

impl Hashes {
    pub(super) fn of(e: &LedgerEntry<'_>) -> Self {
        let packed = |text: &str| match Hash::new(text) {
            Hash::Packed(bytes) => Some(bytes),
            Hash::Text(_) => None,
        };
        Self {
            entry: packed(&e.entry),
            adjusts: e.adjusts.as_deref().and_then(packed),
            recipient: packed(&e.recipient_hash),
            wamid: packed(&e.wamid_hash),
        }
    }

    /// The recipient's, where it is one.
    pub(super) const fn recipient(&self) -> Option<[u8; 16]> {
        self.recipient
    }

    /// What is stored of entry `e`, whose hashes these are: its id, the one that it corrects, recipient and wamid.
    pub(super) fn stored<'e>(&'e self, e: &'e LedgerEntry<'_>) -> [Value<'e>; 4] {
        fn of<'e>(packed: &'e Option<[u8; 16]>, text: Option<&'e str>) -> Value<'e> {
            packed.as_ref().map_or_else(|| text.into(), |bytes| Value::Bytes(bytes))
        }
        [
            of(&self.entry, Some(&e.entry)),
            of(&self.adjusts, e.adjusts.as_deref()),
            of(&self.recipient, Some(&e.recipient_hash)),
            of(&self.wamid, Some(&e.wamid_hash)),
        ]
    }
}

/// A stored hash as text again.
pub(super) fn unpack(stored: Value<'_>) -> Option<String> {
    match stored {
        Value::Bytes(bytes) => {
            // Into place: a character at a time is ten times as slow, and a detail export has four of them a row.
            let mut digits = [0; 32];
            match hex::encode_to_slice(bytes, &mut digits) {
                Ok(()) => std::str::from_utf8(&digits).ok().map(str::to_owned),
                Err(_) => Some(hex::encode(bytes)),
            }
        }
        Value::Text(text) => Some(text.to_owned()),
        Value::Null | Value::Int(_) | Value::Amount(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_back_unchanged_is_packed() {
        assert!(matches!(Hash::new("00112233445566778899aabbccddeeff"), Hash::Packed(b) if b[15] == 0xff));
        for text in ["00112233445566778899AABBCCDDEEFF", "e1", "", "00112233445566778899aabbccddeefg"] {
            assert!(matches!(Hash::new(text), Hash::Text(t) if t == text), "{text}");
        }
    }
}
