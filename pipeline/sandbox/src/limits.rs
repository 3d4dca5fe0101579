//! The limits, counted in the simplest way that is exact: this is the auditor's side.

pub(crate) mod pair;
pub(crate) mod questions;
pub(crate) mod throughput;
pub(crate) mod unique_users;
