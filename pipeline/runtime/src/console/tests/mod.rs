//! The console's router, asked as a browser asks it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod pages;
mod roles;
mod signing_in;
mod world;
