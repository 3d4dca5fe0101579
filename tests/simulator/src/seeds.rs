//! Seeds that are run every time.

/// Ordinary seeds of the test run.
pub const CI_SEEDS: std::ops::Range<u64> = 0..40;

/// Seeds that once found something, and what.
pub const REGRESSION_SEEDS: &[(u64, &str)] = &[];
