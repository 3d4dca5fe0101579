//! The console: pages for people, at `/` of the API's listener. Rendered here, without scripts and without anything from
//! elsewhere.
//!
//! `show` the way of every page: who asks, what may be seen, reading, refusing · `layout` what every page has around it ·
//! `parts` what pages are made of · `session`, `attempts`, `origin`, `sign_in` signing in and out · `query` what an
//! address says · `refusal` pages that say no · `flow`, `accounts`, `account`, `campaigns`, `campaign`, `waiting`, `bill`,
//! `story` a page each.

mod account;
mod accounts;
mod attempts;
mod bill;
mod campaign;
mod campaigns;
mod flow;
mod layout;
mod origin;
mod parts;
mod query;
mod refusal;
mod session;
mod show;
mod sign_in;
mod story;
mod waiting;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use self::attempts::Attempts;
use self::session::Sessions;
use crate::clock::Clock;
use crate::gateway::{Access, GatewayConfig, GatewayError, Reads, Tokens};
use crate::registry::SharedRegistry;

/// Reads of the views at once: a number of their own, so that clicks and campaign systems do not wait for each other.
const READS_MAX: usize = 4;
/// Downloads at once.
const EXPORTS_MAX: usize = 2;

/// What every page has.
pub(crate) struct Console {
    access: Access,
    sessions: Sessions,
    attempts: Attempts,
    reads: Arc<dyn Reads>,
    registry: SharedRegistry,
    clock: Clock,
    reading: Arc<Semaphore>,
    exporting: Arc<Semaphore>,
}

type Shared = State<Arc<Console>>;

/// The console's routes.
///
/// # Errors
/// A token's hash is malformed.
pub(crate) fn router(
    config: &GatewayConfig,
    reads: Arc<dyn Reads>,
    registry: &SharedRegistry,
    clock: &Clock,
) -> Result<Router, GatewayError> {
    let console = Console {
        access: Access::new(Tokens::new(&config.tokens)?),
        sessions: Sessions::default(),
        attempts: Attempts::new(crate::clock::monotonic()),
        reads,
        registry: registry.clone(),
        clock: clock.clone(),
        reading: Arc::new(Semaphore::new(READS_MAX)),
        exporting: Arc::new(Semaphore::new(EXPORTS_MAX)),
    };
    Ok(Router::new()
        .route("/", get(flow::page))
        .route("/console/accounts", get(accounts::page))
        .route("/console/account", get(account::page))
        .route("/console/campaigns", get(campaigns::page))
        .route("/console/campaign", get(campaign::page))
        .route("/console/waiting", get(waiting::page))
        .route("/console/bill", get(bill::page))
        .route("/console/bill.csv", get(bill::download))
        .route("/console/message", get(story::page))
        .route("/console/login", get(sign_in::form).post(sign_in::sign_in))
        .route("/console/logout", post(sign_in::sign_out))
        .route("/console/style.css", get(style))
        .route("/console/icon.svg", get(icon))
        .route("/console/{*rest}", get(nowhere))
        .with_state(Arc::new(console)))
}

async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("style.css"))
}

async fn icon() -> Response {
    asset("image/svg+xml", include_str!("icon.svg"))
}

/// A file that comes with the program, the same for everybody.
fn asset(content_type: &'static str, text: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "max-age=300")];
    layout::guarded((headers, text).into_response())
}

async fn nowhere(State(console): Shared, headers: HeaderMap) -> Response {
    let refusal = refusal::Refusal::not_found("There is no such page", "Use the links above.");
    show::refuse(&console, &headers, &refusal)
}
