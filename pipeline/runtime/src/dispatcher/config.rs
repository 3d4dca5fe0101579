//! Bounds of the dispatcher and why it can end.

use std::collections::HashMap;

use crate::log::LogError;

/// Bounds of the dispatcher, and the apps' tokens.
#[derive(Clone)]
pub struct DispatcherConfig {
    /// Orders taken and without a durable result, at most. A fifth is kept for the priority lane.
    pub concurrent_max: usize,
    /// Orders read ahead, at most. Priority orders are seen first only within it; the engine's window of attempts
    /// without a result per sender keeps what is pending far below.
    pub lookahead_max: usize,
    /// Access token by app name.
    pub access_tokens: HashMap<String, String>,
}

impl Default for DispatcherConfig {
    fn default() -> Self {
        Self { concurrent_max: 2_048, lookahead_max: 16_384, access_tokens: HashMap::new() }
    }
}

impl DispatcherConfig {
    /// Slots that bulk orders may use: four fifths, at least one.
    pub(super) fn bulk_max(&self) -> usize {
        (self.concurrent_max * 4 / 5).max(1)
    }
}

impl std::fmt::Debug for DispatcherConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let apps: Vec<&String> = self.access_tokens.keys().collect();
        f.debug_struct("DispatcherConfig")
            .field("concurrent_max", &self.concurrent_max)
            .field("lookahead_max", &self.lookahead_max)
            .field("apps", &apps)
            .finish_non_exhaustive()
    }
}

/// Why the dispatcher ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum DispatcherError {
    /// Orders could not be read or taken.
    #[error("orders cannot be read or taken: {0}")]
    Log(#[from] LogError),
    /// A bug.
    #[error("the dispatcher panicked; calls under way become in doubt")]
    Panicked,
}
