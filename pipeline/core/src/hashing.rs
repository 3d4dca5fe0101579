//! Hashes. Resident maps use foldhash with a fixed seed (keys are ours, runs must repeat); what leaves the
//! process or must not be guessed is SipHash-2-4 with 128 bits, keyed with the deployment's secret.

use foldhash::fast::FixedState;
use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;

/// Resident map over packed keys. Never iterated where order could be seen.
pub type Map<K, V> = hashbrown::HashMap<K, V, FixedState>;
/// Resident set over packed keys.
pub type Set<K> = hashbrown::HashSet<K, FixedState>;

/// The deployment's secret for keyed hashes of recipients, wamids and request ids.
#[derive(Clone, Copy)]
pub struct HashKey(pub [u8; 16]);

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(…)")
    }
}

impl HashKey {
    /// Tells this key from others without telling it.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 8] {
        let hash = self.hash(&[b"fingerprint"]).to_be_bytes();
        [hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]
    }

    /// 128 bits over the parts, each preceded by its length so that no two lists collide by joining.
    #[must_use]
    pub fn hash(&self, parts: &[&[u8]]) -> u128 {
        let mut h = SipHasher24::new_with_key(&self.0);
        for p in parts {
            h.write_u32(p.len() as u32);
            h.write(p);
        }
        h.finish128().as_u128()
    }

    /// Hash of a request id within its account.
    #[must_use]
    pub fn request(&self, account: &str, id: &str) -> u128 {
        self.hash(&[b"request", account.as_bytes(), id.as_bytes()])
    }

    /// Hash of the platform's message id.
    #[must_use]
    pub fn wamid(&self, wamid: &str) -> u128 {
        self.hash(&[b"wamid", wamid.as_bytes()])
    }

    /// Hash of a recipient.
    #[must_use]
    pub fn recipient(&self, to: &str) -> u128 {
        self.hash(&[b"recipient", to.as_bytes()])
    }
}

/// A hash as 32 hexadecimal digits, without an allocation: each outcome has one and each entry four.
pub struct Hex([u8; 32]);

impl Hex {
    /// The digits of a hash, the highest first.
    #[must_use]
    pub fn new(hash: u128) -> Self {
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(hash.to_be_bytes()) {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        Self(digits)
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Hash that must be equal everywhere, without a secret: ids of ledger entries.
#[must_use]
pub fn public(parts: &[&[u8]]) -> u128 {
    HashKey(*b"tollgate-entry-1").hash(parts)
}

#[cfg(test)]
mod tests {
    use super::Hex;

    #[test]
    fn digits_are_those_of_the_number() {
        for hash in [0, 1, 0xdead_beef, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
            assert_eq!(Hex::new(hash).as_str(), format!("{hash:032x}"));
        }
    }
}
