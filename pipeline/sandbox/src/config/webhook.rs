//! Where webhooks go, how they are batched and how long they are retried.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Webhook delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// `http://host:port/path` of the receiver. Default none: updates are only journalled.
    pub url: Option<String>,
    /// App secret that signs each body. Default `sandbox-secret`.
    pub app_secret: AppSecret,
    /// Most updates in one POST, 1 to 1000 (the platform's own bound). Default 100.
    pub updates_max: usize,
    /// Whether people with a number have a business-scoped id too, as the platform's page on these ids says of all since
    /// April 2026: `user_id` in contacts and preferences, `from_user_id` in messages, `recipient_user_id` in sent,
    /// delivered and read statuses, which then come with `contacts`. Default false: the older shapes.
    pub user_ids: bool,
    /// How often collected updates leave, in milliseconds. Default 20.
    pub flush_ms: u64,
    /// POSTs in flight at once. Default 8.
    pub concurrency: usize,
    /// Answer time after which a POST counts as failed, in milliseconds. Default 10000.
    pub timeout_ms: u64,
    /// First retry after this many milliseconds, doubled each time. Default 250.
    pub retry_first_ms: u64,
    /// Longest pause between two tries, in milliseconds. Default 30000.
    pub retry_max_ms: u64,
    /// A POST is given up this many seconds after its first try. Default 3600 (the platform:
    /// 36 hours or 7 days, its documents differ).
    pub retry_horizon_seconds: u64,
    /// Updates kept for delivery; beyond it the oldest POST is given up. Default 500000.
    pub queue_max_updates: usize,
    /// How long `shutdown` goes on delivering, in milliseconds. Default 5000.
    pub drain_ms: u64,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self {
            url: None,
            app_secret: AppSecret("sandbox-secret".to_owned()),
            updates_max: 100,
            user_ids: false,
            flush_ms: 20,
            concurrency: 8,
            timeout_ms: 10_000,
            retry_first_ms: 250,
            retry_max_ms: 30_000,
            retry_horizon_seconds: 3_600,
            queue_max_updates: 500_000,
            drain_ms: 5_000,
        }
    }
}

/// The app secret: its characters are the key as they stand (the platform's secrets are hex
/// digits used as text), or, after the prefix `hex:`, the bytes they spell. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppSecret(pub String);

impl AppSecret {
    /// The key; `None` when the text after `hex:` is not hexadecimal.
    pub(crate) fn key(&self) -> Option<Vec<u8>> {
        match self.0.strip_prefix("hex:") {
            Some(digits) => hex::decode(digits).ok(),
            None => Some(self.0.clone().into_bytes()),
        }
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AppSecret(…)")
    }
}
