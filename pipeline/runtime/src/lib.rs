//! Everything that touches the outside: shard loop, log, store, dispatcher, gateway, console, ledger, views, export, rerate,
//! settle, reconcile, forecast, sync, traces.

pub mod clock;
mod console;
pub mod csv_lines;
pub mod dispatcher;
pub mod export;
pub mod forecast;
pub mod gateway;
pub mod graph;
pub mod inbox;
pub mod lag;
pub mod lane;
pub mod ledger;
pub mod log;
pub mod node;
pub mod reconcile;
pub mod registry;
pub mod rerate;
pub mod settle;
pub mod shard;
pub mod store;
pub mod sync;
pub mod traces;
pub mod views;
