//! The auditor is told lies; each must be found by the predicate that guards against it.

use tollgate_simulator::{Mutation, Options, REGRESSION_SEEDS, run};

/// A lie is found within these seeds and those in which every predicate is known to be asked: not every world has the
/// situation that it is about.
const SEEDS: std::ops::Range<u64> = 0..200;

#[test]
fn every_lie_is_found() {
    for (mutation, predicate) in Mutation::ALL {
        let options = Options { steps: 0, mutation: Some(mutation) };
        let mut other = Vec::new();
        let found = SEEDS.chain(REGRESSION_SEEDS.iter().map(|(seed, _)| *seed)).any(|seed| {
            match run(seed, &options).violation {
                Some(v) if v.predicate == predicate => true,
                Some(v) => {
                    other.push(v.predicate);
                    false
                }
                None => false,
            }
        });
        assert!(found, "{mutation:?}: {predicate} never failed, only {other:?}");
    }
}
