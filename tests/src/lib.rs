//! What tests share: dice from a seed, the harness that feeds parsers with bad input, what services said. Tests of the repository live
//! in `structure.rs`; simulator and money oracle are crates of their own below this folder.

mod dice;
pub mod fuzz;
pub mod logs;

pub use dice::Dice;
