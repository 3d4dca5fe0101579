//! Answers 429 while an account's waiting room is full, so that a campaign system slows down before every message is
//! refused. Only bulk requests are held back; the engine decides exactly, this looks at the last snapshot.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tollgate_wire::Time;
use tollgate_wire::command::AccountSpec;

use super::Api;
use crate::gateway::problem::Problem;

/// How long an answer of the views is used, in milliseconds: snapshots come at most once a second.
const FRESH_MS: u64 = 1_000;
/// How long the views are waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// When to come back, in seconds.
const RETRY_AFTER_S: u32 = 30;

/// What waits per account, as last read.
#[derive(Default)]
pub(super) struct WaitingRoom {
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone, Copy)]
struct Known {
    read_at: Time,
    messages: u64,
    bytes: u64,
}

impl WaitingRoom {
    /// Refuses while the account's last snapshot is at its bound.
    pub(super) async fn check(&self, api: &Api, spec: &AccountSpec) -> Result<(), Problem> {
        let known = self.known(api, &spec.account).await;
        let policy = &spec.policy;
        if known.messages < policy.waiting_messages && known.bytes < policy.waiting_bytes {
            return Ok(());
        }
        let detail = format!("{} messages ({} bytes) wait already", known.messages, known.bytes);
        Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "waiting_room_full", detail)
            .field("account", &spec.account)
            .remedy("wait, raise the limits of the account's policy, or cancel a campaign")
            .retry_after(RETRY_AFTER_S))
    }

    /// One look-up of a single row per account and second. Views that do not answer hold nothing up: the engine has the
    /// bound too.
    async fn known(&self, api: &Api, account: &str) -> Known {
        let now = api.clock.now();
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(account).filter(|known| now.0 < known.read_at.0 + FRESH_MS) {
            return *known;
        }
        let name = account.to_owned();
        let read = api.view(move |reads| reads.waiting(&name));
        let (messages, bytes) = match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(waiting)) => waiting.unwrap_or_default(),
            Ok(Err(_)) | Err(_) => Default::default(),
        };
        let known = Known { read_at: now, messages, bytes };
        lock().insert(account.to_owned(), known);
        known
    }
}
