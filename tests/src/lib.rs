//! What seeded tests share: their dice, and the harness that feeds parsers with bad input. Tests of the repository live
//! in `structure.rs`; simulator and money oracle are crates of their own below this folder.

mod dice;
pub mod fuzz;

pub use dice::Dice;
