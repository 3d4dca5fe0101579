//! The dispatcher against a real local server and a log that remembers what was taken when.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod at_most_once;
mod order;
mod panics;
mod rate;
mod taken_marks;
mod traces;
mod world;
