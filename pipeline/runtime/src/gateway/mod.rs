//! The HTTP edge: API, platform webhooks, metrics and health, each on its own listener.
//!
//! `config` addresses, bounds, secrets · `listen` sockets, timeouts, shutdown · `access` who may do what ·
//! `problem` errors · `reads` the seam to the views · `api` · `webhooks` · `health`.

mod access;
mod api;
mod body;
mod config;
mod health;
mod listen;
mod problem;
mod reads;
mod stalled;
mod token;
mod webhooks;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tollgate_metrics::Metrics;

pub use access::{Action, Role};
pub use config::{AppSecrets, GatewayConfig, GatewayError, HttpLimits};
pub use health::Readiness;
pub use reads::{BillingQuery, FeedPage, ReadError, Reads, ViewJson};
pub use token::{TokenSpec, hash_token};

use crate::clock::Clock;
use crate::inbox::Inbox;
use crate::registry::SharedRegistry;

/// What the gateway works with.
#[derive(Clone)]
pub struct GatewayParts {
    /// Where requests, commands and events go.
    pub inbox: Arc<dyn Inbox>,
    /// The views.
    pub reads: Arc<dyn Reads>,
    /// Known accounts, WABAs and senders.
    pub registry: SharedRegistry,
    /// For the time of records.
    pub clock: Clock,
    /// Metrics, exposed and counted.
    pub metrics: Arc<Metrics>,
    /// Whether the process is ready; the text says what it waits for.
    pub readiness: Readiness,
    /// Served on the API's listener besides the API: the console. Empty if there is none.
    pub beside_api: Router,
}

/// The gateway with its sockets bound.
#[derive(Debug)]
pub struct Gateway {
    listeners: Vec<listen::Listener>,
    addresses: Addresses,
}

/// Where the gateway listens; ports are the real ones when 0 was configured.
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
    /// Checks the configuration and binds the sockets; nothing is accepted yet. Listeners with the same configured
    /// address (and a port other than 0) share one socket.
    ///
    /// # Errors
    /// An address is in use or not available, a token's hash is malformed, or the API would be open to the network
    /// without any token.
    pub async fn bind(config: GatewayConfig, parts: GatewayParts) -> Result<Self, GatewayError> {
        let tokens = config.check()?;
        if tokens.is_empty() {
            tracing::warn!(
                address = %config.api,
                "no API token is configured: the API answers anybody on this machine and is bound to loopback only"
            );
        }
        let routers = [
            ("gateway.api", config.api, api::router(&config, tokens, &parts)),
            ("gateway.webhooks", config.webhooks, webhooks::router(&config, &parts)),
            (
                "gateway.metrics",
                config.metrics,
                health::router(Arc::clone(&parts.metrics), Arc::clone(&parts.readiness)),
            ),
        ];
        let mut listeners: Vec<listen::Listener> = Vec::new();
        let mut bound = Vec::new();
        for (key, address, router) in routers {
            let shared = listeners.iter_mut().find(|have| have.configured == address && address.port() != 0);
            match shared {
                Some(listener) => {
                    listener.add(router);
                    bound.push(listener.address);
                }
                None => {
                    let listener = listen::Listener::bind(key, address, router, config.limits).await?;
                    bound.push(listener.address);
                    listeners.push(listener);
                }
            }
        }
        let addresses = Addresses { api: bound[0], webhooks: bound[1], metrics: bound[2] };
        Ok(Self { listeners, addresses })
    }

    /// Binds the metrics listener alone, for a process without API and webhooks; their addresses are shown as its own.
    ///
    /// # Errors
    /// The address is in use or not available.
    pub async fn bind_health(
        config: &GatewayConfig,
        metrics: Arc<Metrics>,
        readiness: Readiness,
    ) -> Result<Self, GatewayError> {
        let router = health::router(metrics, readiness);
        let listener = listen::Listener::bind("gateway.metrics", config.metrics, router, config.limits).await?;
        let address = listener.address;
        let addresses = Addresses { api: address, webhooks: address, metrics: address };
        Ok(Self { listeners: vec![listener], addresses })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves until `shutdown` becomes true or its sender is gone; then accepts nothing more and lets requests in
    /// flight finish within [`HttpLimits::shutdown`].
    pub async fn serve(self, shutdown: watch::Receiver<bool>) {
        let mut listeners = JoinSet::new();
        for listener in self.listeners {
            listeners.spawn(listener.serve(shutdown.clone()));
        }
        listeners.join_all().await;
    }
}

#[cfg(test)]
mod tests;
