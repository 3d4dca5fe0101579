//! The gateway over real sockets.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod access;
mod accounts;
mod batch;
mod closing;
mod enqueue;
mod forms;
mod listener;
mod rate;
mod replay;
mod traces;
mod webhook;
mod world;
