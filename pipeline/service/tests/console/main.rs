//! The console as a person uses it: the real service beside a sandbox of the platform, and a real browser without a screen.
//! Every page is looked at in light and dark: contrast, labels, headings, what can be reached with the keyboard.
//!
//! It needs Chromium and its driver (`scripts/chromium fetch`). With `TOLLGATE_SCREENSHOTS` set to a folder the pages are
//! kept there as pictures.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
#[path = "../http/mod.rs"]
mod http;
mod looks;
mod path;
#[path = "../process/mod.rs"]
mod process;
mod scene;
#[path = "../world/mod.rs"]
mod world;
