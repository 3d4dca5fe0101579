//! Signing in with a token of the API, and out.

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use maud::html;

use super::query::Query;
use super::refusal::Refusal;
use super::show::{Away, answer, around, redirect, refuse};
use super::{Console, Shared, layout, origin};

/// Longest body of a form. Bytes.
const FORM_BYTES_MAX: usize = 8 << 10;

/// `GET /console/login[?next=ADDRESS]`: the form.
pub(super) async fn form(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    let query = match Query::parse(uri.query().unwrap_or_default(), &["next"]) {
        Ok(query) => query,
        Err(refusal) => return refuse(&console, &headers, &refusal),
    };
    let next = next(&query);
    match console.caller(&headers) {
        Ok(_) => redirect(&next),
        Err(Away::SignIn) => shown(&console, &next, false),
        Err(Away::Refused(refusal)) => refuse(&console, &headers, &refusal),
    }
}

/// `POST /console/login` with `token` and `next`.
pub(super) async fn sign_in(State(console): Shared, headers: HeaderMap, body: Body) -> Response {
    match try_sign_in(&console, &headers, body).await {
        Ok(answer) => answer,
        Err(refusal) => refuse(&console, &headers, &refusal),
    }
}

async fn try_sign_in(console: &Console, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
    check_own(headers)?;
    let body = to_bytes(body, FORM_BYTES_MAX).await;
    let unreadable = || Refusal::bad_query("The form cannot be read", "Use the form of the console.");
    let body = body.map_err(|_| unreadable())?;
    let form = Query::parse(std::str::from_utf8(&body).map_err(|_| unreadable())?, &["token", "next"])?;
    let next = next(&form);
    if console.access.is_open() {
        return Ok(redirect(&next));
    }
    let now = crate::clock::monotonic();
    let Some(caller) = console.access.holder(form.get("token").unwrap_or_default()) else {
        // Wrong ones alone are counted, so that nobody keeps others out.
        if !console.attempts.take(now) {
            return Err(Refusal::too_many_attempts());
        }
        tracing::warn!("somebody gave the console a token that is not known");
        return Ok(shown(console, &next, true));
    };
    // One session a browser: another one would only be forgotten.
    if let Some(id) = origin::session_id(headers) {
        console.sessions.end(id);
    }
    let id = console.sessions.begin(caller, now).map_err(|error| {
        tracing::error!(%error, "the system has no random bytes for a session");
        Refusal::unavailable()
    })?;
    Ok(with_cookie(redirect(&next), headers, &id))
}

/// `POST /console/logout`.
pub(super) async fn sign_out(State(console): Shared, headers: HeaderMap) -> Response {
    if let Err(refusal) = check_own(&headers) {
        return refuse(&console, &headers, &refusal);
    }
    if let Some(id) = origin::session_id(&headers) {
        console.sessions.end(id);
    }
    with_cookie(redirect("/console/login"), &headers, "")
}

/// A form must come from a page of ours.
fn check_own(headers: &HeaderMap) -> Result<(), Refusal> {
    match origin::is_own(headers) {
        true => Ok(()),
        false => Err(Refusal::foreign(
            "Open the console by its own address. A proxy before it must pass on Host, or give it as X-Forwarded-Host.",
        )),
    }
}

fn with_cookie(mut answer: Response, headers: &HeaderMap, id: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(&origin::cookie(headers, id)) {
        answer.headers_mut().insert(SET_COOKIE, cookie);
    }
    answer
}

/// Where to go afterwards: a page of ours, and no other place whatever the address says.
fn next(query: &Query) -> String {
    let wanted = query.get("next").unwrap_or("/");
    let is_ours = wanted == "/" || wanted.starts_with("/?") || wanted.starts_with("/console/");
    let is_plain = wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours && is_plain { wanted.to_owned() } else { "/".to_owned() }
}

fn shown(console: &Console, next: &str, is_wrong: bool) -> Response {
    let body = html! {
        @if is_wrong {
            p.error id="wrong" role="alert" {
                strong { "The token is not known. " }
                "Check that it was pasted whole and is configured in this service."
            }
        }
        form.sign-in method="post" action="/console/login" {
            label for="token" { "Token of the API" }
            input id="token" name="token" type="password" required autocomplete="current-password" spellcheck="false"
                autofocus aria-describedby=(if is_wrong { "wrong hint" } else { "hint" })
                aria-invalid=[is_wrong.then_some("true")];
            p.hint id="hint" { "What you see is what the role and the accounts of the token allow. It is not kept in the browser." }
            input type="hidden" name="next" value=(next);
            button type="submit" { "Sign in" }
        }
    };
    // Not 401: that speaks of a header that no form can send.
    let status = if is_wrong { StatusCode::FORBIDDEN } else { StatusCode::OK };
    answer(status, &layout::plain(&around(console, None, None), "Sign in", &body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_signing_in_one_stays_here() {
        let to = |address: &str| {
            let text = super::super::parts::link("", &[("next", address)]);
            next(&Query::parse(text.trim_start_matches('?'), &["next"]).expect("a query"))
        };
        for good in ["/", "/?account=acme", "/console/bill?month=2026-10", "/console/message?account=a&id=b%20c"] {
            assert_eq!(to(good), good);
        }
        let bad = [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/v1/accounts",
            "/console/a\r\nb: c",
            "",
            "x",
        ];
        for bad in bad {
            assert_eq!(to(bad), "/", "{bad:?}");
        }
    }
}
