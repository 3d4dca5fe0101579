//! The API: `/v1/…`. One file per subject; every handler asks [`Api::access`] first.

mod accounts;
mod batch;
mod billing;
mod campaign_exists;
mod campaigns;
mod closing;
mod consents;
mod consents_batch;
mod credit;
mod dead_letters;
mod messages;
mod outcomes;
mod people;
mod replay;
mod served;
mod state;
mod suppressions;
mod templates;
mod waiting_room;
mod windows;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tokio::sync::Semaphore;
use tollgate_metrics::Metrics;
use tollgate_rate_card::RateCards;
use tollgate_wire::command::{self, AccountSpec, Command, ConsentState};

use self::campaign_exists::Written;
use self::waiting_room::WaitingRoom;
use super::access::{Access, Action};
use super::body::{BodyBudget, Held};
use super::books::Books;
use super::config::GatewayConfig;
use super::problem::Problem;
use super::reads::{ReadError, Reads, ViewJson};
use super::syncs::Syncs;
use super::token::Tokens;
use super::{GatewayParts, Inbox};
use crate::clock::Clock;
use crate::log::{NewRecord, Topic};
use crate::registry::SharedRegistry;
use crate::traces::Traces;

/// Reads of the views at once; others wait for their turn.
const READS_MAX: usize = 16;
/// Exports at once: they may take minutes.
const EXPORTS_MAX: usize = 2;
/// Long polls at once; more are answered at once, empty.
const LONG_POLLS_MAX: usize = 256;

/// What every handler has.
pub(super) struct Api {
    access: Access,
    inbox: Arc<dyn Inbox>,
    reads: Arc<dyn Reads>,
    books: Arc<dyn Books>,
    syncs: Arc<dyn Syncs>,
    registry: SharedRegistry,
    rates: Arc<RateCards>,
    clock: Clock,
    metrics: Arc<Metrics>,
    traces: Traces,
    bodies: BodyBudget,
    waiting_room: WaitingRoom,
    /// Campaigns that were created here and may not be in the views yet.
    campaigns: Written,
    reading: Arc<Semaphore>,
    exporting: Arc<Semaphore>,
    /// One month at a time.
    booking: Arc<Semaphore>,
    /// Months that are worked on.
    works: closing::Works,
    polling: Arc<Semaphore>,
}

/// The routes: what the router has, and what the tests of access ask for.
macro_rules! routes {
    ($($path:literal => $($method:ident $handler:path),+;)+) => {
        fn routed() -> Router<Arc<Api>> {
            Router::new()$(.route($path, MethodRouter::new()$(.$method($handler))+))+
        }

        /// Method and path of every route.
        #[cfg(test)]
        pub(super) const ROUTES: &[(&str, &str)] = &[$($((stringify!($method), $path)),+),+];
    };
}

routes! {
    "/v1/messages" => post messages::enqueue;
    "/v1/messages:batch" => post batch::enqueue;
    "/v1/messages/{account}/{id}" => get messages::read;
    "/v1/campaigns/{account}" => get campaigns::list, post campaigns::put;
    "/v1/campaigns/{account}/{name}" => get campaigns::read, post campaigns::put_or_control;
    "/v1/campaigns/{account}/{name}/report" => get campaigns::report;
    "/v1/campaigns/{account}/{name}/test-recipients" => get campaigns::test_recipients;
    "/v1/contacts/{account}/{to}" => get people::export, delete people::erase;
    "/v1/contacts/{account}/{to}/consents" =>
        put consents::opt_in_or_out, delete consents::opt_out, get consents::read;
    "/v1/contacts/{account}/{to}/suppression" => put suppressions::put, delete suppressions::lift;
    "/v1/suppressions/{account}" => get suppressions::list;
    "/v1/consents:batch" => post consents_batch::record;
    "/v1/accounts/{account}" => put accounts::put, get accounts::read;
    "/v1/outcomes" => get outcomes::feed;
    "/v1/billing/{file}" => get billing::export, post closing::act;
    "/v1/billing/{month}/state" => get closing::stage;
    "/v1/ledger/{account}/{entry}" => get billing::entry;
    "/v1/accounts" => get state::accounts;
    "/v1/dead-letters" => get dead_letters::list;
    "/v1/dead-letters:replay" => post replay::replay;
    "/v1/dead-letters/{offset}" => get dead_letters::read;
    "/v1/lots/{account}" => get state::lots;
    "/v1/windows/{account}" => get windows::list;
    "/v1/senders/{account}" => get state::senders;
    "/v1/senders/{account}/history" => get state::levels;
    "/v1/templates/{account}" => get templates::list, post templates::sync;
}

pub(crate) use billing::stream as stream_billing;

type Shared = axum::extract::State<Arc<Api>>;

pub(super) fn router(config: &GatewayConfig, tokens: Tokens, parts: &GatewayParts) -> Router {
    let api = Api {
        access: Access::new(tokens),
        inbox: Arc::clone(&parts.inbox),
        reads: Arc::clone(&parts.reads),
        books: Arc::clone(&parts.books),
        syncs: Arc::clone(&parts.syncs),
        registry: parts.registry.clone(),
        rates: Arc::clone(&parts.rates),
        clock: parts.clock.clone(),
        metrics: Arc::clone(&parts.metrics),
        traces: parts.traces.clone(),
        bodies: BodyBudget::new(config.limits.body_bytes_max),
        waiting_room: WaitingRoom::default(),
        campaigns: Written::default(),
        reading: Arc::new(Semaphore::new(READS_MAX)),
        exporting: Arc::new(Semaphore::new(EXPORTS_MAX)),
        booking: Arc::new(Semaphore::new(1)),
        works: closing::Works::default(),
        polling: Arc::new(Semaphore::new(LONG_POLLS_MAX)),
    };
    routed().with_state(Arc::new(api)).merge(parts.beside_api.clone())
}

impl Api {
    /// Appends a command that has been checked, and answers 202 once it is durable.
    async fn command(&self, command: &Command, answer: &serde_json::Value) -> Result<Response, Problem> {
        command::check(command)?;
        let value = serde_json::to_vec(command).expect("commands have string keys only");
        let record = NewRecord::new(command.account().as_bytes().to_vec(), value, self.clock.now().0);
        self.inbox.append(vec![(Topic::Commands, record)]).await?;
        Ok(json(StatusCode::ACCEPTED, answer.to_string().into_bytes()))
    }

    fn known(&self, account: &str) -> Result<(), Problem> {
        match self.registry.snapshot().account(account) {
            Some(_) => Ok(()),
            None => Err(Problem::unknown_account(account)),
        }
    }

    /// The account is known, and so is the brand, if an opt-in names one. An opt-out may name one that is gone, which the
    /// registry does not have: the shard records it in any case.
    fn known_brand(&self, account: &str, state: ConsentState, brand: Option<&str>) -> Result<(), Problem> {
        let registry = self.registry.snapshot();
        let spec = registry.account(account).ok_or_else(|| Problem::unknown_account(account))?;
        brand_of(spec, brand.filter(|_| state == ConsentState::OptIn))
    }

    async fn body(&self, body: Body, bytes_max: usize) -> Result<Held, Problem> {
        self.bodies.read(body, bytes_max).await
    }

    /// Reads a view off the async threads.
    async fn view<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reads) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = Arc::clone(&self.reading).acquire_owned().await.expect("the semaphore is never closed");
        let reads = Arc::clone(&self.reads);
        let read = tokio::task::spawn_blocking(move || {
            let result = read(&*reads);
            drop(turn);
            result
        });
        let result = read.await.unwrap_or_else(|_| Err(ReadError::Failed("reading a view panicked".to_owned())));
        Ok(result?)
    }
}

fn brand_of(spec: &AccountSpec, brand: Option<&str>) -> Result<(), Problem> {
    match brand.filter(|brand| !spec.policy.brands.iter().any(|known| known.name == *brand)) {
        Some(unknown) => Err(Problem::unknown_brand(spec, unknown)),
        None => Ok(()),
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, content_type, body).into_response()
}

fn found(view: Option<ViewJson>, what: &'static str, field: &'static str, value: &str) -> Result<Response, Problem> {
    match view {
        Some(view) => Ok(json(StatusCode::OK, view)),
        None => Err(Problem::not_found(what, field, value)),
    }
}

/// Answers with the live state of an account, for whom may read it.
async fn state_of(
    api: &Api,
    headers: &HeaderMap,
    account: String,
    read: impl FnOnce(&dyn Reads, &str) -> Result<Option<ViewJson>, ReadError> + Send + 'static,
) -> Result<Response, Problem> {
    api.access.account(headers, Action::ReadState, &account)?;
    let wanted = account.clone();
    let view = api.view(move |reads| read(reads, &wanted)).await?;
    found(view, "account", "account", &account)
}

/// The same of one of its campaigns.
async fn state_of_campaign(
    api: &Api,
    headers: &HeaderMap,
    account: String,
    name: String,
    read: impl FnOnce(&dyn Reads, &str, &str) -> Result<Option<ViewJson>, ReadError> + Send + 'static,
) -> Result<Response, Problem> {
    api.access.account(headers, Action::ReadState, &account)?;
    let wanted = name.clone();
    let view = api.view(move |reads| read(reads, &account, &wanted)).await?;
    found(view, "campaign", "campaign", &name)
}

/// The query parameters, each at most once.
struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them; unknown names are an error so that a typo is never ignored.
    fn parse(query: Option<&str>, known: &[&'static str]) -> Result<Self, Problem> {
        let uri = format!("/?{}", query.unwrap_or_default());
        let unreadable = || Problem::bad_query("query", query.unwrap_or_default(), "write name=value pairs");
        let uri: axum::http::Uri = uri.parse().map_err(|_| unreadable())?;
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|_| unreadable())?.0;
        for (i, (name, value)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    "bad_query",
                    "the query parameter is not known here",
                )
                .field(name.clone(), value)
                .remedy(format!("use {}", known.join(", "))));
            }
            if pairs[..i].iter().any(|(other, _)| other == name) {
                return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_query", "the query parameter is given twice")
                    .field(name.clone(), value)
                    .remedy("give it once"));
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, Problem> {
        let number = |value: &str| value.parse().map_err(|_| Problem::bad_query(name, value, "write a whole number"));
        self.get(name).map(number).transpose()
    }
}

/// A JSON body that is not a record of a topic, with the field of its fault. Its size was bounded when it was read.
fn parse_json<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Problem> {
    Ok(tollgate_wire::input::read(bytes, usize::MAX)?)
}

/// Without tokens the browser of this machine must not be able to write from a foreign page: a JSON content type makes
/// it ask first. Required always, so that a missing token never changes the form of a request.
fn require_content_type(headers: &HeaderMap, wanted: &'static [&'static str]) -> Result<(), Problem> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim();
    if wanted.iter().any(|wanted| media.eq_ignore_ascii_case(wanted)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_content_type", "the body's type is not taken here")
        .field("content-type", given)
        .remedy(format!("send content-type: {}", wanted[0])))
}

const JSON: &[&str] = &["application/json"];
const NDJSON: &[&str] = &["application/x-ndjson", "application/jsonl", "application/json"];
