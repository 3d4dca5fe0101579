//! What a sender may do: quality score, tier, exact rolling unique-user count, pacing and throughput buckets. Pure.
//!
//! | file | subject |
//! |---|---|
//! | `score` | the sender's quality score |
//! | `tier` | the messaging limit, in all its spellings |
//! | `counted` | when one contact last took a token of the limit |
//! | `rolling` | how many users are counted in one scope, and when the next token returns |
//! | `rate`, `bucket` | a token bucket whose whole state is one time |
//! | `pacing` | how much of the limit a sender may use, by score and category |
//! | `throughput` | messages per second of one sender, halved on 130429 |
//! | `pair` | messages from one sender to one user, backing off on 131056 |
//!
//! Time is an argument everywhere: `*_ms` is milliseconds and `*_s` whole seconds since the Unix epoch
//! (or, in a policy, a length of time). Values are small and `Copy`; a method that changes one returns
//! the new value, so that the caller can record the change and undo it by putting the old value back.
#![deny(clippy::float_arithmetic)]

mod bucket;
mod counted;
mod pacing;
mod pair;
mod percent;
mod rate;
mod rolling;
mod score;
mod throughput;
mod tier;
mod time;

pub use bucket::{Bucket, Wait};
pub use counted::{COUNTED_S, Counted, RETURNS_AFTER_S};
pub use pacing::{CategoryClass, Pace, PacingPolicy, PolicyError, ScorePacing, Share, Weight};
pub use pair::{BackOff, Burst, PairPolicy};
pub use percent::{Percent, PercentError};
pub use rate::{DAY, Rate};
pub use rolling::RollingCount;
pub use score::{Score, ScoreError};
pub use throughput::{Lane, RateFactor, ThroughputPolicy};
pub use tier::{Limit, LimitError};
pub use time::second_of;
