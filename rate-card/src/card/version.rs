//! Versions of a card and of its bands: a correction is a further file, and what was billed by the earlier one can still
//! be looked up.

use super::Card;
use crate::Validity;

impl Card {
    /// As its file declares it, which volume bands refer to.
    #[must_use]
    pub const fn declared_validity(&self) -> Validity {
        self.declared
    }

    /// True if a later version of the card prices its days: `pmp-usd-2026-10-01-v2` replaces `pmp-usd-2026-10-01`.
    #[must_use]
    pub const fn is_replaced(&self) -> bool {
        self.replaced
    }

    /// The id without its version, and the version: 1 without a suffix `-v2`, `-v3`, ….
    #[must_use]
    pub fn version(&self) -> (&str, u32) {
        let suffixed = self.id.rsplit_once("-v").and_then(|(base, number)| {
            let version: u32 = number.parse().ok().filter(|version| *version > 1)?;
            // Not `-v02` or `-v+2`: they would be the same version under another name.
            (version.to_string() == number).then_some((base, version))
        });
        suffixed.unwrap_or((&self.id, 1))
    }

    /// Its id in 32 bits, for records that keep the card of each of very many charges: FNV-1a, never 0, the same in every
    /// catalogue.
    #[must_use]
    pub fn digest(&self) -> u32 {
        let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        self.id.bytes().fold(0x811c_9dc5, step).max(1)
    }

    /// The highest version among the files of volume bands for its currency and days; 0 if there is none.
    #[must_use]
    pub const fn bands_version(&self) -> u32 {
        self.bands_version
    }

    /// How many markets and categories have volume bands.
    #[must_use]
    pub fn band_tables(&self) -> usize {
        self.bands.len()
    }

    pub(crate) const fn set_replaced(&mut self) {
        self.replaced = true;
    }

    pub(crate) const fn set_validity(&mut self, validity: Validity) {
        self.validity = validity;
    }

    pub(crate) const fn set_bands_version(&mut self, version: u32) {
        self.bands_version = version;
    }
}
