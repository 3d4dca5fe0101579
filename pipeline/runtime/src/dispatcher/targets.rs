//! A sender's address and token, from the registry and the configured apps.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::clock::monotonic;
use crate::graph::{GraphClient, Target};
use crate::registry::{Registry, SharedRegistry};

/// Messages a second for a sender that the registry does not know: the platform's default.
const DEFAULT_THROUGHPUT: u32 = 80;
/// How long a sender may be unknown before its messages come back: of an account that was declared a moment ago the first
/// order can be here before the account is.
const DECLARED_WITHIN: Duration = Duration::from_secs(2);

/// Targets by sender, built on first use and again when the registry changes.
pub(super) struct Targets {
    apps: Arc<Apps>,
    changes: watch::Receiver<Arc<Registry>>,
    registry: Arc<Registry>,
    built: HashMap<Arc<str>, Option<Target>>,
    /// When each sender was asked for that the registry does not know.
    unknown: HashMap<Arc<str>, Instant>,
}

/// How apps are called.
struct Apps {
    graph: GraphClient,
    tokens: HashMap<String, String>,
}

/// Where a call goes.
pub(super) enum Destination {
    /// What is known; `None` when there is no way to send.
    Known(Option<Target>),
    /// The registry may learn of the sender until then.
    Awaited(Awaited),
}

/// A sender that the registry may learn of.
pub(super) struct Awaited {
    apps: Arc<Apps>,
    changes: watch::Receiver<Arc<Registry>>,
    sender: Arc<str>,
    until: Instant,
    /// Of several orders that wait one says so in the log.
    is_first: bool,
}

impl Targets {
    pub(super) fn new(graph: GraphClient, tokens: HashMap<String, String>, registry: &SharedRegistry) -> Self {
        let mut changes = registry.watch();
        let registry = Arc::clone(&changes.borrow_and_update());
        let apps = Arc::new(Apps { graph, tokens });
        Self { apps, changes, registry, built: HashMap::new(), unknown: HashMap::new() }
    }

    /// Follows the registry; call once per round.
    pub(super) fn refresh(&mut self) {
        if self.changes.has_changed().unwrap_or(false) {
            self.registry = Arc::clone(&self.changes.borrow_and_update());
            self.built.clear();
            self.unknown.retain(|sender, _| self.registry.sender(sender).is_none());
        }
    }

    /// The sender's rate, messages a second.
    pub(super) fn throughput(&self, sender: &str) -> u32 {
        self.registry.sender(sender).map_or(DEFAULT_THROUGHPUT, |entry| entry.throughput)
    }

    /// Where the sender's messages go. That the sender or its app's token is not known is logged once.
    pub(super) fn of(&mut self, sender: &Arc<str>) -> Destination {
        if let Some(built) = self.built.get(sender) {
            return Destination::Known(built.clone());
        }
        if self.registry.sender(sender).is_none() {
            let now = monotonic();
            let is_first = !self.unknown.contains_key(sender);
            let until = *self.unknown.entry(Arc::clone(sender)).or_insert(now) + DECLARED_WITHIN;
            if now < until {
                let (apps, changes) = (Arc::clone(&self.apps), self.changes.clone());
                return Destination::Awaited(Awaited { apps, changes, sender: Arc::clone(sender), until, is_first });
            }
        }
        let built = self.apps.target(&self.registry, sender);
        self.built.insert(Arc::clone(sender), built.clone());
        Destination::Known(built)
    }
}

impl Destination {
    /// The target, waited for if need be; `None` when there is no way to send.
    pub(super) async fn target(self) -> Option<Target> {
        match self {
            Self::Known(target) => target,
            Self::Awaited(Awaited { apps, mut changes, sender, until, is_first }) => {
                let declared = changes.wait_for(|registry| registry.sender(&sender).is_some());
                match tokio::time::timeout_at(until.into(), declared).await {
                    Ok(Ok(registry)) => apps.target(&registry, &sender),
                    _ if is_first => apps.target(&Registry::default(), &sender),
                    _ => None,
                }
            }
        }
    }
}

impl Apps {
    fn target(&self, registry: &Registry, sender: &str) -> Option<Target> {
        let Some(entry) = registry.sender(sender) else {
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
