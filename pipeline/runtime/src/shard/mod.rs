//! The shard loop: one thread that reads inputs, lets the engine decide, and commits offsets, outputs and state
//! as one atomic batch. Nothing leaves before that batch is durable.
//!
//! `run` the loop · `tables` engine tables on store spaces, loading · `sink` effects into outputs and metrics.

mod run;
mod sink;
mod tables;

pub use run::{Shard, ShardError, ShardOptions, Status};
pub use tables::{EngineStore, load};
