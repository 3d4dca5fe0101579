//! A seeded world under virtual time around the decision core, and an auditor that keeps its own books.
//!
//! `world` everything outside: campaign systems, people, operators, dispatcher, platform · `shard` engine and
//! store, with commits, aborts and restarts · `auditor` recomputes from inputs and outputs alone, in a simpler way ·
//! `run` the loop of one seed. [`run`] plays one seed, [`Mutation`] spoils what the auditor sees, to show that its
//! checks can fail.

mod auditor;
mod digest;
mod money;
mod mutation;
mod run;
mod seeds;
mod shard;
mod step;
mod store;
mod world;

pub use mutation::Mutation;
pub use run::{Options, Report, Violation, run};
pub use seeds::{CI_SEEDS, REGRESSION_SEEDS};
