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

/// Hash that must be equal everywhere, without a secret: ids of ledger entries.
#[must_use]
pub fn public(parts: &[&[u8]]) -> u128 {
    HashKey(*b"tollgate-entry-1").hash(parts)
}
