//! Templates and numbers as the platform has them: asked for, compared, and what differs written to the log.
//!
//! `schedule` which WABA is due · `ask` one WABA · `told` what was told meanwhile · `compare` what differs ·
//! `pace` how often · `overdue` how many are told nothing of, or without figures · `figures` the platform's own figures,
//! once a day.

mod ask;
mod compare;
mod figures;
mod overdue;
mod pace;
mod schedule;
#[cfg(test)]
mod tests;
mod told;

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub use ask::{ByHand, SyncParts, Syncer};

/// When the platform is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncConfig {
    /// Pause between two times that a WABA is asked about; none = only when somebody asks for it.
    pub every: Option<Duration>,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self { every: Some(Self::EVERY) }
    }
}

impl SyncConfig {
    /// The pause when none is set, and of failures when nothing is on schedule.
    pub const EVERY: Duration = Duration::from_secs(900);
}

/// Sets the schedule going, if there is one.
pub fn start(syncer: &Arc<Syncer>, config: SyncConfig, stop: watch::Receiver<bool>) {
    if config.every.is_some() {
        tokio::spawn(overdue::run(Arc::clone(syncer), stop.clone()));
        tokio::spawn(schedule::run(Arc::clone(syncer), stop));
    }
}
