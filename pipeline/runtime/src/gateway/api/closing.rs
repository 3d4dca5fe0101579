//! Settling and closing a month of an account. A month may take minutes, so the work goes on by itself and whoever asks
//! again joins it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use tokio::sync::watch;
use tollgate_rate_card::YearMonth;
use tollgate_wire::event::{self, Events, PlatformEvent};

use super::{Api, Query, Shared, credit, json as answer_json};
use crate::clock::monotonic;
use crate::gateway::access::Action;
use crate::gateway::books::{Allowed, BookError, Books, CreditOf, InvoiceOf, MonthOf, Stage};
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;
use crate::gateway::reads::ViewJson;
use crate::log::{NewRecord, Topic};

/// How long an answer waits for the work; then it says that it goes on, and the caller asks again.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the ledger is given to read the end of a month, or a credit.
pub(super) const END_WITHIN: Duration = Duration::from_secs(120);
/// How often it is looked at first, and at last.
pub(super) const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Pieces of work that are kept, those with a result that nobody has fetched among them.
const WORK_MAX: usize = 64;

/// How long a result is kept for whoever was told that the work goes on. An older one is not what is asked for now.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// What may be asked with.
const ASKED: [&str; 13] = [
    "account",
    "allow",
    "forced",
    "invoice",
    "tax_code",
    "replace",
    "waba",
    "id",
    "amount",
    "cost",
    "price",
    "reason",
    "reference",
];

/// What a piece of work came to.
pub(super) type Outcome = Result<ViewJson, Problem>;

/// A piece of work: nothing yet, or the result and when it was there.
type Going = watch::Receiver<Option<(Outcome, Instant)>>;

/// What is asked for; who asks for the same joins it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Asked {
    Settle(MonthOf),
    Correct(MonthOf),
    Close(MonthOf, Allowed, Option<String>),
    Invoice(MonthOf, InvoiceOf),
    Credit(MonthOf, CreditOf),
}

/// Work that goes on, and results that nobody has fetched yet.
#[derive(Default)]
pub(super) struct Works(Mutex<HashMap<Asked, Going>>);

impl Works {
    /// Begins the work, or joins it.
    fn join(&self, api: &Arc<Api>, asked: &Asked) -> Result<Going, Problem> {
        let mut works = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Results that nobody came back for.
        works.retain(|_, work| work.borrow().as_ref().is_none_or(|(_, at)| at.elapsed() < KEPT_FOR));
        if let Some(going) = works.get(asked) {
            return Ok(going.clone());
        }
        if works.len() >= WORK_MAX {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "many months are being worked on");
            return Err(problem.remedy("ask again when they are done").retry_after(10));
        }
        let (told, going) = watch::channel(None);
        works.insert(asked.clone(), going.clone());
        let (api, asked) = (Arc::clone(api), asked.clone());
        tokio::spawn(async move {
            let outcome = match asked {
                Asked::Settle(of) => work(&api, move |books| books.settle(&of)).await,
                Asked::Correct(of) => work(&api, move |books| books.correct(&of)).await,
                Asked::Close(of, allowed, forced) => close(&api, of, allowed, forced).await,
                Asked::Invoice(of, invoice) => work(&api, move |books| books.attach_invoice(&of, &invoice)).await,
                Asked::Credit(of, asked) => credit::book(&api, of, asked).await,
            };
            told.send_replace(Some((outcome, monotonic())));
        });
        Ok(going)
    }

    fn forget(&self, asked: &Asked) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(asked);
    }
}

/// `GET /v1/billing/{month}/state?account=A`: how far the month is, and its manifest once it is closed.
pub(super) async fn stage(
    State(api): Shared,
    Path(month): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref(), &["account"])?;
    let of = month_of(&api, &headers, Action::Billing, &month, &query)?;
    let (_, view) = look(&api, of).await?;
    Ok(answer_json(StatusCode::OK, view))
}

/// `POST /v1/billing/{month}:settle?account=A`, `…:correct?account=A` for a month that may be closed,
/// `…:close?account=A[&allow=unpriced,…][&forced=REASON]`, and of a closed one
/// `…:invoice?account=A&invoice=ID[&tax_code=CODE][&replace=true]`, and of any month that has begun
/// `…:credit?account=A&waba=W&id=ID&reason=WHY[&amount=N | &cost=N&price=N][&reference=DOCUMENT]`. 200 when it is done, 202 while it goes on: the same call asks
/// again.
pub(super) async fn act(
    State(api): Shared,
    Path(what): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref(), &ASKED)?;
    let (month, verb) = what.split_once(':').unwrap_or((&what, ""));
    let of = month_of(&api, &headers, Action::CloseMonths, month, &query)?;
    let asked = match verb {
        "settle" => Asked::Settle(of),
        "correct" => Asked::Correct(of),
        "close" => {
            let forced = query.get("forced").map(str::to_owned);
            // What the engine would not read is refused here, where somebody hears why.
            ending(&of, 0, forced.as_deref())?;
            Asked::Close(of, allowed(&query)?, forced)
        }
        "invoice" => Asked::Invoice(of, invoice(&query)?),
        "credit" => {
            let by = api.access.caller(&headers, Action::CloseMonths)?.name;
            let asked = credit::read(&query, by)?;
            // What the engine would not read is refused here, where somebody hears why.
            credit::event(&of, &asked)?;
            Asked::Credit(of, asked)
        }
        other => {
            return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_action", "there is no such action")
                .field("action", other)
                .remedy("use :settle, :correct, :close, :invoice or :credit"));
        }
    };
    let mut going = api.works.join(&api, &asked)?;
    let done = tokio::time::timeout(PATIENCE, going.wait_for(Option::is_some)).await;
    let outcome = match done {
        Err(_) => {
            let remedy = "ask again in a moment: what was done is not done twice";
            let view = json!({ "state": "working", "remedy": remedy });
            return Ok(answer_json(StatusCode::ACCEPTED, view.to_string().into_bytes()));
        }
        // The work has ended without a word.
        Ok(Err(_)) => None,
        Ok(Ok(outcome)) => outcome.as_ref().map(|(outcome, _)| outcome.clone()),
    };
    api.works.forget(&asked);
    let failed = || BookError::Failed("working on the books panicked".to_owned());
    Ok(answer_json(StatusCode::OK, outcome.unwrap_or_else(|| Err(failed().into()))?))
}

async fn close(api: &Api, of: MonthOf, allowed: Allowed, forced: Option<String>) -> Outcome {
    if look(api, of.clone()).await?.0 == Stage::Open {
        let (asked, is_forced, now) = (of.clone(), forced.is_some(), api.clock.now());
        work(api, move |books| books.may_end(&asked, allowed, is_forced, now)).await?;
        end(api, &of, forced.as_deref()).await?;
    }
    work(api, move |books| books.close(&of, allowed)).await
}

/// Lets the engine end the month among the account's events, so that whatever the platform said before is in it, and
/// waits until the ledger has read it.
async fn end(api: &Api, of: &MonthOf, forced: Option<&str>) -> Result<(), Problem> {
    let value = ending(of, api.books.settle_days(), forced)?;
    let record = NewRecord::new(of.account.as_bytes().to_vec(), value, api.clock.now().0);
    api.inbox.append(vec![(Topic::Events, record)]).await?;
    let (begun, (mut pause, longest)) = (monotonic(), LOOK_EVERY);
    while look(api, of.clone()).await?.0 == Stage::Open {
        if begun.elapsed() > END_WITHIN {
            let detail = "the ledger has not read the end of the month yet";
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not_ended", detail);
            let remedy = "see whether shards and ledger run and what tollgate_log_lag_seconds says, and ask again";
            return Err(problem.remedy(remedy).retry_after(10));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
    Ok(())
}

/// The event that ends a month, as the engine will read it.
fn ending(of: &MonthOf, settle_days: u8, forced: Option<&str>) -> Result<Vec<u8>, Problem> {
    let event = PlatformEvent::CloseMonth { month: of.month, settle_days, forced: forced.map(Into::into) };
    let events = Events { account: of.account.as_str().into(), events: vec![event] };
    let value = serde_json::to_vec(&events).expect("plain data");
    event::parse(&value)?;
    Ok(value)
}

/// How far the month is.
async fn look(api: &Api, of: MonthOf) -> Result<(Stage, ViewJson), Problem> {
    blocking(api, &api.reading, move |books| books.stage(&of)).await
}

/// Works on the books, when it is this one's turn.
pub(super) async fn work<T: Send + 'static>(
    api: &Api,
    work: impl FnOnce(&dyn Books) -> Result<T, BookError> + Send + 'static,
) -> Result<T, Problem> {
    blocking(api, &api.booking, work).await
}

pub(super) async fn blocking<T: Send + 'static>(
    api: &Api,
    turns: &Arc<tokio::sync::Semaphore>,
    work: impl FnOnce(&dyn Books) -> Result<T, BookError> + Send + 'static,
) -> Result<T, Problem> {
    let turn = Arc::clone(turns).acquire_owned().await.expect("the semaphore is never closed");
    let books = Arc::clone(&api.books);
    let done = tokio::task::spawn_blocking(move || {
        let done = work(&*books);
        drop(turn);
        done
    });
    let done = done.await.unwrap_or_else(|_| Err(BookError::Failed("working on the books panicked".to_owned())));
    Ok(done?)
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
            let remedy = "write unpriced, unverified, bands_unknown, set_aside or several of them, divided by commas";
            return Err(Problem::bad_query("allow", name, remedy));
        }
    }
    Ok(allowed)
}

fn invoice(query: &Query) -> Result<InvoiceOf, Problem> {
    let invoice = query.get("invoice").ok_or_else(|| Problem::bad_query("invoice", "", "add invoice=…, its number"))?;
    let replace = match query.get("replace") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(Problem::bad_query("replace", other, "write true or false")),
    };
    Ok(InvoiceOf { invoice: invoice.to_owned(), tax_code: query.get("tax_code").map(str::to_owned), replace })
}

impl From<BookError> for Problem {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Refused { code: code @ ("malformed" | "unknown_waba"), detail } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
            }
            BookError::Refused { code, detail } => Self::new(StatusCode::CONFLICT, code, detail),
            BookError::Failed(detail) => {
                tracing::error!(detail, "the books cannot be worked on");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the books cannot be worked on")
                    .remedy("see the log of the service")
            }
        }
    }
}
