//! Progress for people: a live line on a terminal, a plain line every few seconds elsewhere; nothing with `--json`
//! unless standard error is a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Between two plain lines of one phase.
const PLAIN_EVERY: Duration = Duration::from_secs(4);

/// Tells where the demo is.
pub(super) struct Progress {
    started: Instant,
    bar: Option<ProgressBar>,
    plain: bool,
    phase: &'static str,
    said: Instant,
}

impl Progress {
    pub(super) fn new(json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let started = Instant::now();
        Self { started, bar: None, plain: !terminal && !json, phase: "", said: started }
    }

    /// A new phase with `of` things to do.
    pub(super) fn phase(&mut self, phase: &'static str, of: u64) {
        self.end();
        self.phase = phase;
        self.said = Instant::now();
        if self.plain {
            eprintln!("[{:5.1} s] {phase}", self.started.elapsed().as_secs_f64());
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(of);
            let style = ProgressStyle::with_template("{spinner} {prefix} [{bar:30}] {pos}/{len} {wide_msg}");
            bar.set_style(style.expect("a template of this file").progress_chars("=> "));
            bar.set_prefix(phase);
            bar.enable_steady_tick(Duration::from_millis(120));
            self.bar = Some(bar);
        }
    }

    /// How far the phase is.
    pub(super) fn at(&mut self, done: u64, words: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(words.to_owned());
        } else if self.plain && self.said.elapsed() >= PLAIN_EVERY {
            self.said = Instant::now();
            eprintln!("[{:5.1} s]   {words}", self.started.elapsed().as_secs_f64());
        }
    }

    /// Takes the line away.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Seconds since the start.
    pub(super) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}
