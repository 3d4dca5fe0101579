//! The HTTP edge: API, platform webhooks, metrics and health, each on its own listener.
//!
//! `config` addresses, bounds, secrets · `listen` sockets, timeouts, shutdown · `access` who may do what ·
//! `problem` errors · `reads` the seam to the views · `books` that to closing months ·
//! `syncs` that to asking the platform · `api` · `webhooks` · `health`.

mod access;
mod api;
mod body;
mod books;
mod config;
mod health;
mod idle;
mod listen;
mod path;
mod problem;
mod reads;
mod stalled;
mod syncs;
mod token;
mod webhooks;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tollgate_metrics::Metrics;
use tollgate_rate_card::RateCards;

pub use access::{Action, Role};
pub use books::{Allowed, BookError, Books, CreditOf, InvoiceOf, MonthOf, Stage};
pub use config::{AppSecrets, GatewayConfig, GatewayError, HttpLimits};
pub use health::Readiness;
pub use reads::{BillingQuery, DeadLetterRead, FeedPage, ReadError, Reads, ViewJson};
pub use syncs::{SyncError, Syncs};
pub use token::{TokenSpec, hash_token};

pub(crate) use access::{Access, local};
pub(crate) use api::stream_billing;
pub(crate) use problem::Problem;
pub(crate) use token::{Caller, Tokens};

use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::registry::SharedRegistry;
use crate::traces::Traces;

/// Configuration keys of the listeners, for errors.
const API: &str = "gateway.api";
const WEBHOOKS: &str = "gateway.webhooks";

/// What the gateway works with.
#[derive(Clone)]
pub struct GatewayParts {
    /// Where requests, commands and events go.
    pub inbox: Arc<dyn Inbox>,
    /// The views.
    pub reads: Arc<dyn Reads>,
    /// The books: settling and closing.
    pub books: Arc<dyn Books>,
    /// The platform's templates and numbers.
    pub syncs: Arc<dyn Syncs>,
    /// Known accounts, WABAs and senders.
    pub registry: SharedRegistry,
    /// Markets and currencies that declarations may name.
    pub rates: Arc<RateCards>,
    /// For the time of records.
    pub clock: Clock,
    /// Counted; shown by [`Gateway::start`].
    pub metrics: Arc<Metrics>,
    /// Where spans of requests with messages go.
    pub traces: Traces,
    /// Served on the API's listener besides the API: the console. Empty if there is none.
    pub beside_api: Router,
}

/// The gateway: metrics and health first, API and webhooks once there is something behind them.
#[derive(Debug)]
pub struct Gateway {
    health: Health,
    /// Bound, not accepting yet.
    listeners: Vec<listen::Listener>,
    serving: JoinSet<()>,
    addresses: Addresses,
    shutdown: watch::Receiver<bool>,
}

/// The listener of metrics and health.
#[derive(Debug)]
struct Health {
    configured: SocketAddr,
    routes: listen::Routes,
}

/// Where the gateway listens; ports are the real ones when 0 was configured. Without API and webhooks, their
/// addresses are shown as that of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// API and console.
    pub api: SocketAddr,
    /// Platform webhooks.
    pub webhooks: SocketAddr,
    /// Metrics and health.
    pub metrics: SocketAddr,
}

impl Gateway {
    /// Binds the listener of metrics and health and answers there from now on, so that whoever watches the process
    /// sees it live while the rest is being opened. Everything ends when `shutdown` becomes true or its sender is gone.
    ///
    /// # Errors
    /// The address is in use or not available.
    pub async fn start(
        config: &GatewayConfig,
        metrics: Arc<Metrics>,
        readiness: Readiness,
        shutdown: watch::Receiver<bool>,
    ) -> Result<Self, GatewayError> {
        let router = health::router(metrics, readiness);
        let listener = listen::Listener::bind("gateway.metrics", config.metrics, router, config.limits).await?;
        let health = Health { configured: listener.configured, routes: listener.routes.clone() };
        let at = listener.address;
        let mut serving = JoinSet::new();
        serving.spawn(listener.serve(shutdown.clone()));
        let addresses = Addresses { api: at, webhooks: at, metrics: at };
        Ok(Self { health, listeners: Vec::new(), serving, addresses, shutdown })
    }

    /// Checks the configuration and binds API and webhooks, before anything is opened or made for them; nothing is
    /// accepted yet. Listeners with the same configured address (and a port other than 0) share one socket.
    ///
    /// # Errors
    /// An address is in use or not available, a token's hash is malformed, or the API would be open to the network
    /// without any token.
    pub async fn reserve(&mut self, config: &GatewayConfig) -> Result<(), GatewayError> {
        config.check()?;
        for (key, address) in [(API, config.api), (WEBHOOKS, config.webhooks)] {
            if self.place(key, address).is_none() {
                let listener = listen::Listener::bind(key, address, Router::new(), config.limits).await?;
                self.listeners.push(listener);
            }
        }
        Ok(())
    }

    /// Gives API and webhooks what they serve; what shares the socket of metrics is served at once.
    ///
    /// # Errors
    /// As [`Gateway::reserve`], if that was not called before.
    pub async fn bind(&mut self, config: GatewayConfig, parts: GatewayParts) -> Result<(), GatewayError> {
        self.reserve(&config).await?;
        let tokens = config.check()?;
        if tokens.is_empty() {
            tracing::warn!(
                address = %config.api,
                "no API token is configured: the API answers anybody on this machine and is bound to loopback only"
            );
        }
        for (key, address, router) in [
            (API, config.api, api::router(&config, tokens, &parts)),
            (WEBHOOKS, config.webhooks, webhooks::router(&config, &parts)),
        ] {
            let Some((routes, bound)) = self.place(key, address) else { continue };
            routes.add(router);
            if key == API {
                self.addresses.api = bound;
            } else {
                self.addresses.webhooks = bound;
            }
        }
        Ok(())
    }

    /// The socket that serves a configured address: its own, or that of another listener with the same address.
    fn place(&self, key: &'static str, address: SocketAddr) -> Option<(&listen::Routes, SocketAddr)> {
        let same = |have: SocketAddr| have == address && address.port() != 0;
        if same(self.health.configured) {
            return Some((&self.health.routes, self.addresses.metrics));
        }
        let listener = self.listeners.iter().find(|l| l.key == key || same(l.configured))?;
        Some((&listener.routes, listener.address))
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves all of it until the shutdown; then accepts nothing more and lets requests in flight finish within
    /// [`HttpLimits::shutdown`].
    pub async fn serve(mut self) {
        self.health.routes.complete();
        for listener in self.listeners {
            listener.routes.complete();
            self.serving.spawn(listener.serve(self.shutdown.clone()));
        }
        self.serving.join_all().await;
    }
}

#[cfg(test)]
mod tests;
