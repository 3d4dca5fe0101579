//! Databases for tests: a schema of its own for each, on the test program's server.

use super::PostgresConfig;
use std::sync::atomic::{AtomicU32, Ordering};

#[path = "../../../tests/postgres/mod.rs"]
mod started;

pub(crate) use started::Server;

/// An empty database.
pub(crate) fn database() -> PostgresConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let schema = format!("tollgate_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    PostgresConfig::new(started::server(), None, &schema, None).expect("the script's address")
}
