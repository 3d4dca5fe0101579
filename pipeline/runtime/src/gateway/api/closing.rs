//! Settling and closing a month of an account.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use tollgate_rate_card::YearMonth;
use tollgate_wire::event::{Events, MAX_FORCED, PlatformEvent};

use super::{Api, Query, Shared, json as answer_json};
use crate::clock::monotonic;
use crate::gateway::access::Action;
use crate::gateway::books::{Allowed, BookError, Books, MonthOf, Stage};
use crate::gateway::problem::Problem;
use crate::log::{NewRecord, Topic};

/// How long an answer waits for what was begun; then it says that it goes on, and the caller asks again.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the end of a month is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// `GET /v1/billing/{month}/state?account=A`: how far the month is, and its manifest once it is closed.
pub(super) async fn stage(
    State(api): Shared,
    Path(month): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref(), &["account"])?;
    let of = month_of(&api, &headers, Action::Billing, &month, &query)?;
    let told = work(&api, false, move |books| books.stage(&of)).await?;
    Ok(told.map_or_else(goes_on, |(_, view)| answer_json(StatusCode::OK, view)))
}

/// `POST /v1/billing/{month}:settle?account=A`, and `…:close?account=A[&allow=unpriced,…][&forced=REASON]`. 200 when it
/// is done, 202 while it goes on: the same call asks again.
pub(super) async fn act(
    State(api): Shared,
    Path(what): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref(), &["account", "allow", "forced"])?;
    let (month, verb) = what.split_once(':').unwrap_or((&what, ""));
    let of = month_of(&api, &headers, Action::CloseMonths, month, &query)?;
    match verb {
        "settle" => {
            let found = work(&api, true, move |books| books.settle(&of)).await?;
            Ok(found.map_or_else(goes_on, |view| answer_json(StatusCode::OK, view)))
        }
        "close" => {
            let forced = query.get("forced").map(str::to_owned);
            if let Some(reason) = forced.as_ref().filter(|reason| reason.is_empty() || reason.len() > MAX_FORCED) {
                return Err(Problem::bad_query("forced", reason, "give a reason of 1 to 256 bytes"));
            }
            close(&api, of, allowed(&query)?, forced).await
        }
        other => Err(Problem::new(StatusCode::NOT_FOUND, "unknown_action", "there is no such action")
            .field("action", other)
            .remedy("use :settle or :close")),
    }
}

async fn close(api: &Api, of: MonthOf, allowed: Allowed, forced: Option<String>) -> Result<Response, Problem> {
    let now = api.clock.now();
    let (asked, is_forced) = (of.clone(), forced.is_some());
    let begun = work(api, true, move |books| {
        let (stage, _) = books.stage(&asked)?;
        if stage == Stage::Open {
            books.may_end(&asked, allowed, is_forced, now)?;
        }
        Ok(stage)
    });
    let Some(stage) = begun.await? else { return Ok(goes_on()) };
    if stage == Stage::Open && !end(api, &of, forced).await? {
        return Ok(goes_on());
    }
    let manifest = work(api, true, move |books| books.close(&of, allowed)).await?;
    Ok(manifest.map_or_else(goes_on, |view| answer_json(StatusCode::OK, view)))
}

/// Lets the engine end the month among the account's events, so that whatever the platform said before is in it. Whether
/// the ledger has read it.
async fn end(api: &Api, of: &MonthOf, forced: Option<String>) -> Result<bool, Problem> {
    let settle_days = api.books.settle_days();
    let event = PlatformEvent::CloseMonth { month: of.month, settle_days, forced: forced.map(Into::into) };
    let events = Events { account: of.account.as_str().into(), events: vec![event] };
    let value = serde_json::to_vec(&events).expect("plain data");
    let record = NewRecord::new(of.account.as_bytes().to_vec(), value, api.clock.now().0);
    api.inbox.append(vec![(Topic::Events, record)]).await?;
    let begun = monotonic();
    while begun.elapsed() < PATIENCE {
        let asked = of.clone();
        match work(api, false, move |books| books.stage(&asked)).await? {
            Some((Stage::Open, _)) => tokio::time::sleep(LOOK_EVERY).await,
            Some(_) => return Ok(true),
            None => return Ok(false),
        }
    }
    Ok(false)
}

/// Does something with the books off the async threads. What writes has its turn, one at a time, and goes on when nobody
/// waits any more; `None` then.
async fn work<T: Send + 'static>(
    api: &Api,
    writes: bool,
    work: impl FnOnce(&dyn Books) -> Result<T, BookError> + Send + 'static,
) -> Result<Option<T>, Problem> {
    let turns = if writes { &api.booking } else { &api.reading };
    let books = Arc::clone(&api.books);
    let done = async {
        let turn = Arc::clone(turns).acquire_owned().await.expect("the semaphore is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&*books);
            drop(turn);
            done
        });
        done.await.unwrap_or_else(|_| Err(BookError::Failed("working on the books panicked".to_owned())))
    };
    match tokio::time::timeout(PATIENCE, done).await {
        Ok(done) => Ok(Some(done?)),
        Err(_) => Ok(None),
    }
}

fn goes_on() -> Response {
    let remedy = "ask again in a moment: what was done is not done twice";
    answer_json(StatusCode::ACCEPTED, json!({ "state": "working", "remedy": remedy }).to_string().into_bytes())
}

fn month_of(api: &Api, headers: &HeaderMap, action: Action, month: &str, query: &Query) -> Result<MonthOf, Problem> {
    let account = query.get("account").ok_or_else(|| Problem::bad_query("account", "", "add account=…"))?;
    api.access.account(headers, action, account)?;
    api.known(account)?;
    let month: YearMonth = month.parse().map_err(|_| {
        Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such month")
            .field("month", month)
            .remedy("write the month as in /v1/billing/2026-10:close")
    })?;
    Ok(MonthOf { account: account.to_owned(), month })
}

fn allowed(query: &Query) -> Result<Allowed, Problem> {
    let mut allowed = Allowed::default();
    for name in query.get("allow").into_iter().flat_map(|names| names.split(',')) {
        if !allowed.add(name) {
            return Err(Problem::bad_query(
                "allow",
                name,
                "write unpriced, unverified, bands_unknown or several of them",
            ));
        }
    }
    Ok(allowed)
}

impl From<BookError> for Problem {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Refused { code, detail } => Self::new(StatusCode::CONFLICT, code, detail),
            BookError::Failed(detail) => {
                tracing::error!(detail, "the books cannot be worked on");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the books cannot be worked on")
                    .remedy("see the log of the service")
            }
        }
    }
}
