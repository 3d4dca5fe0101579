//! The shard loop: one thread that reads inputs, lets the engine decide, and commits offsets, outputs and state
//! as one atomic batch. Nothing leaves before that batch is durable.
//!
//! `run` the loop over a log, in parts as long as `pace` says · `partition` one partition's shard, with the `phase` it is in · `input` one record ·
//! `tables` engine tables on store spaces, loading ·
//! `sink` effects into outputs and metrics, with `doubts` and `alarms` · `gauges` snapshots into metrics, with the `backlog` ·
//! `decisions` log lines · `spans` traces · `status` what others see of it.

mod alarms;
mod backlog;
mod decisions;
mod doubts;
mod gauges;
mod input;
mod pace;
mod partition;
mod phase;
mod run;
mod sink;
mod spans;
mod status;
mod tables;

pub use partition::{DecideError, ShardParts};
pub use phase::Phase;
pub use run::{ShardError, ShardOptions, Shards};
pub use status::Status;
pub use tables::{EngineStore, load};
