//! Tests of the repository live in `structure.rs`; the simulator is a crate of its own below this folder.
