//! Addresses, bounds and secrets of the gateway, and what makes them unusable.

use std::net::SocketAddr;
use std::time::Duration;

use super::token::{TokenSpec, Tokens};

/// Where the gateway listens and whom it trusts. `Debug` never prints a secret.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Address of the API and the console.
    pub api: SocketAddr,
    /// Whether the console is served beside the API.
    pub console: bool,
    /// Address of the platform webhooks.
    pub webhooks: SocketAddr,
    /// Address of metrics and health.
    pub metrics: SocketAddr,
    /// API tokens. With none the API must be bound to loopback.
    pub tokens: Vec<TokenSpec>,
    /// Apps whose webhooks are received.
    pub apps: Vec<AppSecrets>,
    /// Bounds on clients.
    pub limits: HttpLimits,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            api: loopback(8080),
            console: true,
            webhooks: loopback(8081),
            metrics: loopback(9090),
            tokens: Vec::new(),
            apps: Vec::new(),
            limits: HttpLimits::default(),
        }
    }
}

impl GatewayConfig {
    /// Checks what needs no socket.
    pub(super) fn check(&self) -> Result<Tokens, GatewayError> {
        let tokens = Tokens::new(&self.tokens)?;
        if tokens.is_empty() && !self.api.ip().is_loopback() {
            return Err(GatewayError::OpenApi { address: self.api });
        }
        for (i, app) in self.apps.iter().enumerate() {
            if self.apps[..i].iter().any(|other| other.name == app.name) {
                return Err(GatewayError::DuplicateApp { name: app.name.clone() });
            }
            let empty = [("app_secret", &app.app_secret), ("verify_token", &app.verify_token)];
            if let Some((key, _)) = empty.into_iter().find(|(_, secret)| secret.is_empty()) {
                return Err(GatewayError::EmptySecret { name: app.name.clone(), key });
            }
        }
        Ok(tokens)
    }
}

/// One app of the platform: what signs its webhooks, what it is verified by, what it sends with.
#[derive(Clone)]
pub struct AppSecrets {
    /// Name, as accounts refer to it and as it stands in the webhook's path.
    pub name: String,
    /// Key of `X-Hub-Signature-256`.
    pub app_secret: String,
    /// Expected `hub.verify_token`.
    pub verify_token: String,
    /// Bearer token of send calls; the dispatcher's, not the gateway's.
    pub access_token: String,
}

impl std::fmt::Debug for AppSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppSecrets").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Bounds on clients, per listener unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Connections at once.
    pub connections_max: usize,
    /// From the first byte of a request, or an idle connection's last answer, to the end of its headers.
    pub header_timeout: Duration,
    /// From the end of the headers to the start of the answer, the body included. A long poll ends before it.
    pub request_timeout: Duration,
    /// How long a client may leave an answer unread.
    pub write_timeout: Duration,
    /// How long requests in flight may take after a stop.
    pub shutdown: Duration,
    /// Memory for request bodies at once, in bytes; further requests wait for it within `request_timeout`.
    pub body_bytes_max: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            header_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(40),
            write_timeout: Duration::from_secs(20),
            shutdown: Duration::from_secs(10),
            body_bytes_max: 96 << 20,
        }
    }
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A socket cannot be bound.
    #[error("{key} = \"{address}\" cannot be bound: {source}; stop what uses the address or set {key} to another one")]
    Bind {
        /// Configuration key.
        key: &'static str,
        /// Address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Anybody on the network could use the API.
    #[error(
        "gateway.api = \"{address}\" is reachable from the network and no token is configured; add one under gateway.tokens or bind gateway.api to 127.0.0.1"
    )]
    OpenApi {
        /// Address.
        address: SocketAddr,
    },
    /// A token's hash is not one.
    #[error(
        "gateway.tokens: the hash of {name} is not the SHA-256 of a token in 64 hexadecimal digits; hash the token, never store it"
    )]
    TokenHash {
        /// The token's name.
        name: String,
    },
    /// Two apps of one name.
    #[error("apps: {name} is configured twice; keep one")]
    DuplicateApp {
        /// App name.
        name: String,
    },
    /// A secret that would let anybody in.
    #[error("apps.{name}.{key} is empty; anybody could sign webhooks with it, so set it")]
    EmptySecret {
        /// App name.
        name: String,
        /// Configuration key.
        key: &'static str,
    },
}
