//! Everything that touches the outside: shard loop, log, store, dispatcher, gateway, ledger, views, export.

pub mod clock;
pub mod dispatcher;
pub mod gateway;
pub mod graph;
pub mod inbox;
pub mod log;
pub mod registry;
pub mod store;
