//! The platform's webhooks: verification challenge, and signed events that are durable before they are answered.

mod address;
mod kept;
mod notice;
mod signature;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tollgate_metrics::{Metrics, WebhookResult};
use tollgate_rate_card::RateCards;
use tollgate_wire::{DeadLetterReason, Time, webhook};

use self::address::Sorted;
use self::kept::Kept;
use self::signature::{AppKey, same};
use super::GatewayParts;
use super::body::BodyBudget;
use super::config::GatewayConfig;
use super::path::Path;
use super::problem::Problem;
use crate::clock::Clock;
use crate::inbox::{AppendError, Inbox};
use crate::log::{NewRecord, Topic, dead_letter};
use crate::registry::{Registry, SharedRegistry};

/// Largest body, in bytes. The platform sends at most 3 MB.
const BODY_BYTES_MAX: usize = 4 << 20;

struct Webhooks {
    apps: HashMap<String, AppKey>,
    inbox: Arc<dyn Inbox>,
    registry: SharedRegistry,
    rates: Arc<RateCards>,
    clock: Clock,
    metrics: Arc<Metrics>,
    bodies: BodyBudget,
    kept: Kept,
}

pub(super) fn router(config: &GatewayConfig, parts: &GatewayParts) -> Router {
    let webhooks = Webhooks {
        apps: config.apps.iter().map(|app| (app.name.clone(), AppKey::new(app))).collect(),
        inbox: Arc::clone(&parts.inbox),
        registry: parts.registry.clone(),
        rates: Arc::clone(&parts.rates),
        clock: parts.clock.clone(),
        metrics: Arc::clone(&parts.metrics),
        bodies: BodyBudget::new(config.limits.body_bytes_max),
        kept: Kept::default(),
    };
    Router::new().route("/webhooks/whatsapp/{app}", get(verify).post(receive)).with_state(Arc::new(webhooks))
}

#[derive(Deserialize)]
struct Verification {
    #[serde(rename = "hub.mode", default)]
    mode: String,
    #[serde(rename = "hub.verify_token", default)]
    token: String,
    #[serde(rename = "hub.challenge", default)]
    challenge: String,
}

/// `GET /webhooks/whatsapp/{app}`: the challenge, to whoever knows the verify token.
async fn verify(
    State(webhooks): State<Arc<Webhooks>>,
    Path(app): Path<String>,
    asked: Result<Query<Verification>, QueryRejection>,
) -> Result<Response, Problem> {
    let key = webhooks.app(&app)?;
    let Query(asked) = asked.map_err(|_| {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "bad_query", "the query cannot be read");
        problem.remedy("give hub.mode, hub.verify_token and hub.challenge once each")
    })?;
    if asked.mode == "subscribe" && same(asked.token.as_bytes(), key.verify_token.as_bytes()) {
        return Ok(asked.challenge.into_response());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "bad_verify_token", "the verify token is not this app's")
        .remedy("enter the configured verify token in the platform's app dashboard"))
}

/// `POST /webhooks/whatsapp/{app}`: 200 once every event is durable; 503 makes the platform send it again.
async fn receive(
    State(webhooks): State<Arc<Webhooks>>,
    Path(app): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let key = webhooks.app(&app)?;
    let count = |result| webhooks.metrics.webhook("none", result);
    let body = webhooks.bodies.read(body, BODY_BYTES_MAX).await.inspect_err(|_| count(WebhookResult::Limited))?;
    if !key.signed(&headers, &body.bytes) {
        count(WebhookResult::BadSignature);
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "bad_signature", "X-Hub-Signature-256 does not match")
            .remedy("configure the app secret of the app that is subscribed to this address"));
    }
    let (sorted, records) = match webhook::parse(&body.bytes) {
        Ok(parsed) => {
            let now = webhooks.clock.now();
            let kept = webhooks.kept.of(&body.bytes, &parsed.unknown, now);
            let registry = webhooks.registry.snapshot();
            notice::tell(&parsed.notices, &app, &registry, &webhooks.rates);
            let sorted = Sorted::new(parsed, &app, &registry);
            let mut records = sorted.records(now);
            if let Some(reason) = sorted.misplaced() {
                records.push(webhooks.dead_letter(&app, &body.bytes, reason));
            }
            for change in kept {
                tracing::warn!(
                    app,
                    detail = change.detail,
                    "a change of a webhook is not understood; put into dead-letters"
                );
                let (topic, mut letter) = webhooks.dead_letter(&app, &Bytes::from(change.body), change.reason);
                letter.headers.push((dead_letter::DETAIL.to_owned(), Bytes::from(change.detail)));
                records.push((topic, letter));
            }
            (sorted, records)
        }
        Err(error) => {
            // It is signed, so sending it again changes nothing: kept for people and answered.
            tracing::warn!(app, %error, "a signed webhook cannot be read; put into dead-letters");
            count(WebhookResult::Malformed);
            (Sorted::default(), vec![webhooks.dead_letter(&app, &body.bytes, DeadLetterReason::Malformed)])
        }
    };
    if !records.is_empty() {
        webhooks.inbox.append(records).await.map_err(|error| {
            sorted.count(&webhooks.metrics, WebhookResult::Failed);
            unavailable(error)
        })?;
    }
    sorted.count(&webhooks.metrics, WebhookResult::Accepted);
    webhooks.metrics.webhook_accepted(webhooks.clock.now().0 / 1000);
    Ok(StatusCode::OK)
}

/// The events of a body that was set aside, for the accounts as they are now. Those that went their way before are
/// recognised where they are decided.
///
/// # Errors
/// Why it would only be set aside again.
pub(super) fn again(app: &str, body: &[u8], registry: &Registry, now: Time) -> Result<Vec<NewRecord>, String> {
    let parsed = webhook::parse(body).map_err(|error| format!("the webhook cannot be read: {error}"))?;
    let sorted = Sorted::new(parsed, app, registry);
    let records: Vec<NewRecord> = sorted.records(now).into_iter().map(|(_, record)| record).collect();
    match (sorted.unknown, sorted.wrong_app) {
        (0, 0) if records.is_empty() => Err("the webhook has no event of an account of this app".to_owned()),
        (0, 0) => Ok(records),
        (0, others) => Err(format!(
            "{others} of its events are of a WABA that another app has, not {app}; correct the account's app, or leave it"
        )),
        (unknown, _) => {
            Err(format!("{unknown} of its events are of a WABA or sender in no account; apply the account first"))
        }
    }
}

/// The platform repeats on any status but 200, for days: what never fits is answered like what does not fit now.
fn unavailable(error: AppendError) -> Problem {
    if let AppendError::TooLarge(detail) = &error {
        tracing::error!(detail, "a webhook exceeds the log's record size; raise it, the platform will send again");
        return AppendError::Failed(detail.clone()).into();
    }
    error.into()
}

impl Webhooks {
    fn app(&self, app: &str) -> Result<&AppKey, Problem> {
        self.apps.get(app).ok_or_else(|| {
            Problem::new(StatusCode::NOT_FOUND, "unknown_app", "no such app is configured")
                .field("app", app)
                .remedy("configure it under apps, or correct the address in the platform's app dashboard")
        })
    }

    fn dead_letter(&self, app: &str, body: &Bytes, reason: DeadLetterReason) -> (Topic, NewRecord) {
        self.metrics.dead_letter(self.metrics.reason(reason.as_str()));
        let mut record = NewRecord::new(app.as_bytes().to_vec(), body.clone(), self.clock.now().0);
        record.headers = vec![
            (dead_letter::TOPIC.to_owned(), Bytes::from_static(Topic::Events.name().as_bytes())),
            (dead_letter::SOURCE.to_owned(), Bytes::from(format!("/webhooks/whatsapp/{app}"))),
            (dead_letter::REASON.to_owned(), Bytes::from_static(reason.as_str().as_bytes())),
        ];
        (Topic::DeadLetters, record)
    }
}
