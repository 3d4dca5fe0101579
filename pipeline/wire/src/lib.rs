//! The shapes that cross Tollgate's topics and sockets, and nothing else: what a producer writes, what a
//! reader gets. Field names are contracts (`docs/schemas/`); meaning lives in `tollgate-core`.
//!
//! `request` what campaign systems ask · `outcome` each move of a message · `order` one attempt for the
//! dispatcher · `command` registry, campaigns, consents, templates · `event` what happened outside ·
//! `ledger` a charge · `analytics` the platform's own figures · `webhook` the platform's JSON into events ·
//! `platform_error` what an error code means · `trace` where a request belongs in its caller's trace.
#![deny(clippy::float_arithmetic)]

pub mod analytics;
pub mod command;
pub mod event;
pub mod input;
pub mod ledger;
pub mod naming;
pub mod order;
pub mod outcome;
pub mod partition;
pub mod platform_error;
pub mod reason;
pub mod request;
pub mod snapshot;
mod tagged;
pub mod text;
pub mod time;
pub mod trace;
pub mod webhook;

pub use input::InputError;
pub use reason::{DeadLetterReason, Reason};
pub use text::Text;
pub use time::Time;
