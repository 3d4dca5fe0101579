//! The way of every page: who asks, whether the role may see it, the address, the read off the async threads, and a page in
//! any case.

use std::sync::Arc;

use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use tollgate_wire::Time;

use super::Console;
use super::layout::{self, Around, Section};
use super::origin;
use super::parts::link;
use super::query::{Query, VALUE_BYTES_MAX};
use super::refusal::Refusal;
use crate::gateway::{Action, Caller, Reads, local};
use crate::registry::Registry;

/// What a page is made of.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) body: Markup,
    /// Until when everything is in it that it shows; `None` where that is not known.
    pub(super) as_of: Option<Time>,
    /// Whether the views may be judged by that time: what has a snapshot is never old while all goes well.
    pub(super) is_live: bool,
}

/// Who looks, at what, when.
pub(super) struct Look {
    pub(super) caller: Caller,
    pub(super) reads: Arc<dyn Reads>,
    pub(super) registry: Arc<Registry>,
    pub(super) query: Query,
    pub(super) now: Time,
}

impl Look {
    /// Accounts that may be seen, by id.
    pub(super) fn accounts(&self) -> Vec<String> {
        let accounts = self.registry.accounts().map(|spec| spec.account.clone());
        accounts.filter(|account| self.caller.account(account).is_ok()).collect()
    }

    /// The account that the address names, if it names one: it may be seen and it is there.
    pub(super) fn account(&self) -> Result<Option<String>, Refusal> {
        let Some(account) = self.query.get("account") else { return Ok(None) };
        self.caller.account(account).map_err(|_| Refusal::account())?;
        match self.registry.account(account) {
            Some(spec) => Ok(Some(spec.account.clone())),
            None => Err(Refusal::unknown_account()),
        }
    }

    /// As [`Look::account`], where there must be one.
    pub(super) fn required_account(&self) -> Result<String, Refusal> {
        let nameless = || Refusal::bad_query("No account is named", "Choose one of the list of accounts.");
        self.account()?.ok_or_else(nameless)
    }

    pub(super) fn may(&self, action: Action) -> bool {
        action.allowed_to(self.caller.role)
    }
}

/// Nobody is signed in, or the request is none of ours.
pub(super) enum Away {
    SignIn,
    Refused(Refusal),
}

impl Console {
    /// Who asks.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Away> {
        if self.access.is_open() {
            return local(headers).map_err(|problem| Away::Refused(Refusal::foreign(problem.line())));
        }
        let found = origin::session_id(headers).and_then(|id| self.sessions.find(id, crate::clock::monotonic()));
        found.ok_or(Away::SignIn)
    }

    /// Who asks, with the role to see a section.
    pub(super) fn admit(&self, headers: &HeaderMap, section: Section) -> Result<Caller, Away> {
        let caller = self.caller(headers)?;
        if section.action().allowed_to(caller.role) {
            Ok(caller)
        } else {
            Err(Away::Refused(Refusal::role(caller.role)))
        }
    }

    /// Reads off the async threads, in turn.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = Arc::clone(&self.reading).acquire_owned().await.expect("the semaphore is never closed");
        let read = tokio::task::spawn_blocking(move || {
            let result = read();
            drop(turn);
            result
        });
        read.await.unwrap_or_else(|_| {
            tracing::error!("a page of the console panicked");
            Err(Refusal::unavailable())
        })
    }
}

/// Answers a page of a section. `known` are the parameters that its address may have.
pub(super) async fn show(
    console: Arc<Console>,
    headers: HeaderMap,
    uri: Uri,
    section: Section,
    known: &'static [&'static str],
    make: impl FnOnce(&Look) -> Result<Page, Refusal> + Send + 'static,
) -> Response {
    let caller = match console.admit(&headers, section) {
        Ok(caller) => caller,
        Err(away) => return turn_away(&console, &headers, &uri, away),
    };
    let look = Query::parse(uri.query().unwrap_or_default(), known).map(|query| Look {
        caller: caller.clone(),
        reads: Arc::clone(&console.reads),
        registry: console.registry.snapshot(),
        query,
        now: console.clock.now(),
    });
    let page = match look {
        Ok(look) => console.read(move || make(&look)).await,
        Err(refusal) => Err(refusal),
    };
    match page {
        Ok(page) => {
            let around = around(&console, Some(&caller), Some(section));
            let here = uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
            answer(StatusCode::OK, &layout::page(&around, &page, here, console.clock.now()))
        }
        Err(refusal) => refuse(&console, &headers, &refusal),
    }
}

/// Sends to the form of signing in, and from there back; or refuses.
pub(super) fn turn_away(console: &Console, headers: &HeaderMap, uri: &Uri, away: Away) -> Response {
    match away {
        Away::SignIn => {
            let here = uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
            // A longer one the form would not take.
            let here = if here.len() <= VALUE_BYTES_MAX { here } else { "/" };
            redirect(&link("/console/login", &[("next", here)]))
        }
        Away::Refused(refusal) => refuse(console, headers, &refusal),
    }
}

/// A page that says no. Who is not signed in learns nothing from it but the way in.
pub(super) fn refuse(console: &Console, headers: &HeaderMap, refusal: &Refusal) -> Response {
    let caller = console.caller(headers).ok();
    let around = around(console, caller.as_ref(), None);
    let body = html! { p { (refusal.remedy) } };
    let mut answer = answer(refusal.status, &layout::plain(&around, &refusal.title, &body));
    if let Some(seconds) = refusal.retry_after {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

pub(super) fn around<'a>(console: &Console, caller: Option<&'a Caller>, section: Option<Section>) -> Around<'a> {
    Around { caller, is_open: console.access.is_open(), section }
}

/// A page as an answer.
pub(super) fn answer(status: StatusCode, page: &Markup) -> Response {
    layout::guarded((status, axum::response::Html(page.0.clone())).into_response())
}

/// Another address of ours: `to` is encoded and begins with one slash.
pub(super) fn redirect(to: &str) -> Response {
    let mut answer = layout::guarded(StatusCode::SEE_OTHER.into_response());
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(LOCATION, location);
    answer
}
