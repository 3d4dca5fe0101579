//! A separate HTTP server that plays the WhatsApp Cloud API, with its own independent limits.
//!
//! It accepts sends as the platform would, refuses them with the platform's error bodies, and
//! reports what happened through signed webhooks. It shares no code with the engine that sends:
//! its throughput, pair-rate and unique-user counts are kept in another, simpler way, so that a
//! disagreement shows a fault in one of the two. See the README for the recipient suffix table.
//!
//! Map: `config` what can be set · `http` the listener and its routes · `graph` the messages
//! endpoint, its body and its errors, analytics · `limits` the three limits · `world` the life of a message ·
//! `webhook` batches, signature, delivery · `journal` the record an auditor reads.

mod args;
mod clock;
mod config;
mod dice;
mod error;
mod graph;
mod http;
mod journal;
mod limits;
mod server;
mod stats;
mod webhook;
mod world;

pub use args::{SandboxArgs, run};
pub use config::account::{LimitScope, MessagingLimit, PortfolioConfig, SenderConfig};
pub use config::bands::VolumeBandsConfig;
pub use config::behaviour::{DelayConfig, LimitConfig, PairRule, RateConfig};
pub use config::template::Rating;
pub use config::template::{
    BodyParameters, ButtonConfig, ButtonKind, CardsConfig, Category, HeaderFormat, TemplateConfig, TemplateStatus,
};
pub use config::webhook::{AppSecret, WebhookConfig};
pub use config::{JournalConfig, SandboxConfig};
pub use error::SandboxError;
pub use server::{Sandbox, SandboxHandle};
pub use stats::{SandboxStats, UniqueUsersStats, Violation, ViolationRule};
