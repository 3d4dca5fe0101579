//! What is in `deploy/` fits the program: units and manifests are what their own software takes, and their numbers,
//! addresses and variables are those of the configuration.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod containers;
mod kubernetes;
mod program;
mod systemd;
