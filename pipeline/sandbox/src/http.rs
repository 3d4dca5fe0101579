//! The listener's side: which path does what.

pub(crate) mod control;
pub(crate) mod route;
pub(crate) mod send;
pub(crate) mod waba;
