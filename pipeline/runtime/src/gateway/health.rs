//! Metrics, liveness and readiness.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tollgate_metrics::{CONTENT_TYPE as TEXT_FORMAT, Metrics};

/// Answers whether the process is ready; the text says what it waits for.
pub type Readiness = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

#[derive(Clone)]
struct Health {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

pub(super) fn router(shown: Arc<Metrics>, readiness: Readiness) -> Router {
    let health = Health { metrics: shown, readiness };
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { plain(StatusCode::OK, "ok\n".to_owned()) }))
        .route("/readyz", get(ready))
        .with_state(health)
}

async fn metrics(State(health): State<Health>) -> Response {
    // A look at files may wait for a disk; the other answers must not.
    let encoded = tokio::task::spawn_blocking(move || health.metrics.encode()).await;
    match encoded {
        Ok(Ok(text)) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Ok(Err(error)) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "reading the metrics panicked\n".to_owned()),
    }
}

async fn ready(State(health): State<Health>) -> Response {
    match (health.readiness)() {
        Ok(()) => plain(StatusCode::OK, "ready\n".to_owned()),
        Err(waits_for) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {waits_for}\n")),
    }
}

fn plain(status: StatusCode, text: String) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}
