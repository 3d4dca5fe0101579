//! The decision core of Tollgate: admission and its gates, the waiting room, the life of a message, charges.
//!
//! Pure: no I/O, no clock, no randomness, no float, no iteration over a hash map. [`Engine`] owns the resident
//! [`State`], is handed inputs with the time they happened at, and returns effects; whoever runs it (shard loop,
//! simulator, planner, bench) keeps the log, the store and the clock.
//!
//! `ids` packed keys · `record` what is stored · `state` tables and the one `apply` that can be undone · `people` contacts and pairs in memory ·
//! `admission` the eleven gates · `lots` the waiting room · `life` attempts and their results · `charge` booking · `close` the end of a month ·
//! `levels` upgrades and downgrades told ·
//! `effect`/`emit` what leaves · `engine` the loop around them · `codec` records as bytes.
#![deny(clippy::float_arithmetic)]

pub mod admission;
pub mod change;
pub mod charge;
mod close;
pub mod codec;
pub mod command;
pub mod consent;
pub mod credit;
pub mod decide;
pub mod effect;
pub mod emit;
pub mod engine;
mod fee;
pub mod hashing;
pub mod ids;
pub mod inbound;
mod levels;
pub mod life;
pub mod lots;
mod markup;
mod people;
mod pool;
pub mod record;
pub mod seen;
pub mod snapshot;
pub mod state;
pub mod window;

pub use change::Change;
pub use decide::{Decision, Event, decide};
pub use effect::Effect;
pub use engine::{Engine, EngineConfig};
pub use state::State;
