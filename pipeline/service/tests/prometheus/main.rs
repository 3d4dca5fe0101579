//! A real Prometheus scrapes a real run: what it says is what outcomes and ledger say, every panel of the dashboards has
//! data, no alert fires in a healthy run, and when something breaks exactly its alert does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod healthy;
#[path = "../http/mod.rs"]
mod http;
mod panels;
#[path = "../process/mod.rs"]
mod process;
mod server;
#[path = "../world/mod.rs"]
mod world;
