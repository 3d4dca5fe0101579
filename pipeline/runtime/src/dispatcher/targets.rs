//! A sender's address and token, from the registry and the configured apps.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::graph::{GraphClient, Target};
use crate::registry::{Registry, SharedRegistry};

/// Messages a second for a sender that the registry does not know: the platform's default.
const DEFAULT_THROUGHPUT: u32 = 80;

/// Targets by sender, built on first use and again when the registry changes.
pub(super) struct Targets {
    graph: GraphClient,
    tokens: HashMap<String, String>,
    changes: watch::Receiver<Arc<Registry>>,
    registry: Arc<Registry>,
    built: HashMap<Arc<str>, Option<Target>>,
}

impl Targets {
    pub(super) fn new(graph: GraphClient, tokens: HashMap<String, String>, registry: &SharedRegistry) -> Self {
        let mut changes = registry.watch();
        let registry = Arc::clone(&changes.borrow_and_update());
        Self { graph, tokens, changes, registry, built: HashMap::new() }
    }

    /// Follows the registry; call once per round.
    pub(super) fn refresh(&mut self) {
        if self.changes.has_changed().unwrap_or(false) {
            self.registry = Arc::clone(&self.changes.borrow_and_update());
            self.built.clear();
        }
    }

    /// The sender's rate, messages a second.
    pub(super) fn throughput(&self, sender: &str) -> u32 {
        self.registry.sender(sender).map_or(DEFAULT_THROUGHPUT, |entry| entry.throughput)
    }

    /// Where the sender's messages go; `None` when the sender or its app's token is not known, which is logged once.
    pub(super) fn of(&mut self, sender: &Arc<str>) -> Option<Target> {
        if let Some(built) = self.built.get(sender) {
            return built.clone();
        }
        let built = self.build(sender);
        self.built.insert(Arc::clone(sender), built.clone());
        built
    }

    fn build(&self, sender: &str) -> Option<Target> {
        let Some(entry) = self.registry.sender(sender) else {
            tracing::error!(sender, "order for a sender that is not in the registry; its messages are not sent");
            return None;
        };
        let Some(token) = self.tokens.get(&*entry.app) else {
            tracing::error!(sender, app = &*entry.app, "no access token for this app; configure one under apps");
            return None;
        };
        match self.graph.target(sender, &entry.app, token) {
            Ok(target) => Some(target),
            Err(error) => {
                tracing::error!(sender, %error, "its messages are not sent");
                None
            }
        }
    }
}
