//! What seeded tests share. Tests of the repository live in `structure.rs`; simulator and money oracle are crates of
//! their own below this folder.

mod dice;

pub use dice::Dice;
