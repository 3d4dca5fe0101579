//! What commands print: data on stdout, progress on stderr when it is a terminal.

mod table;

use std::io::{self, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

pub use table::Table;

/// Writes a line of data. Not `println!`, which panics when the reader has gone.
///
/// # Errors
/// Stdout cannot be written.
pub fn line(text: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Writes bytes of data as they are.
///
/// # Errors
/// Stdout cannot be written.
pub fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Writes a JSON answer with a line end.
///
/// # Errors
/// Stdout cannot be written.
pub fn json(body: &[u8]) -> io::Result<()> {
    raw(body)?;
    line("")
}

/// A progress bar over a known number of bytes or rows; nothing when stderr is no terminal.
pub fn bar(total: u64, bytes: bool) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let template = if bytes {
        "{wide_bar} {bytes}/{total_bytes}  {eta} left  {msg}"
    } else {
        "{wide_bar} {human_pos}/{human_len}  {eta} left  {msg}"
    };
    bar.set_style(ProgressStyle::with_template(template).expect("a fixed template"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
