//! Seeded chance: the same seed and the same keys always give the same throws.

/// A `SplitMix64` stream started from an FNV-1a hash of its keys. Not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A stream that depends on `seed` and on `keys`, in order.
    pub(crate) fn new(seed: u64, keys: &[&[u8]]) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
        for key in keys {
            // The length separates "ab","c" from "a","bc".
            for byte in (key.len() as u64).to_le_bytes().iter().chain(key.iter()) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        Self(hash)
    }

    /// 64 evenly distributed bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// An even share in `[0, 1)`.
    pub(crate) fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with probability `rate`. Always takes one throw, so that changing one rate leaves
    /// every other decision as it was.
    pub(crate) fn chance(&mut self, rate: f64) -> bool {
        self.share() < rate
    }

    /// A log-normal delay in milliseconds with this median and shape, at most an hour.
    pub(crate) fn delay_ms(&mut self, median_ms: f64, sigma: f64) -> u32 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.share()).cos();
        // `as` saturates, and NaN becomes 0.
        (median_ms * (sigma * normal).exp()).min(3_600_000.0) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn same_seed_and_keys_throw_the_same() {
        let throws = |seed, key: &[u8]| {
            let mut dice = Dice::new(seed, &[key]);
            (dice.bits(), dice.bits())
        };
        assert_eq!(throws(7, b"16505551234"), throws(7, b"16505551234"));
        assert_ne!(throws(7, b"16505551234"), throws(8, b"16505551234"));
        assert_ne!(throws(7, b"16505551234"), throws(7, b"16505551235"));
    }

    #[test]
    fn delays_have_the_stated_median() {
        let mut delays: Vec<u32> =
            (0..10_001_u32).map(|n| Dice::new(1, &[&n.to_le_bytes()]).delay_ms(1_200.0, 0.8)).collect();
        delays.sort_unstable();
        let median = delays[5_000];
        assert!((1_100..1_300).contains(&median), "median {median}");
    }

    #[test]
    fn chance_keeps_its_rate() {
        let hits = (0..10_000_u32).filter(|n| Dice::new(3, &[&n.to_le_bytes()]).chance(0.2)).count();
        assert!((1_850..2_150).contains(&hits), "hits {hits}");
    }
}
