//! What every page has around it: head, skip link, who is signed in, navigation, the time that it holds for; and the
//! headers that keep others out of it.

use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::Response;
use maud::{DOCTYPE, Markup, html};
use tollgate_wire::Time;

use super::parts::{duration, time};
use super::show::Page;
use crate::gateway::{Action, Caller};

/// Nothing from elsewhere, no script at all, nowhere inside another page.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
/// Every account has a new snapshot at least every ten seconds; older ones mean that the views are behind. Milliseconds.
const BEHIND_MS: u64 = 30_000;

/// The console's parts, in the order of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Flow,
    Accounts,
    Campaigns,
    Waiting,
    Bill,
    Message,
}

impl Section {
    pub(super) const ALL: [Self; 6] =
        [Self::Flow, Self::Accounts, Self::Campaigns, Self::Waiting, Self::Bill, Self::Message];

    /// What a role must be allowed to do to see it. The table of roles is `gateway/access.rs`.
    pub(super) fn action(self) -> Action {
        match self {
            Self::Flow | Self::Accounts | Self::Campaigns | Self::Waiting => Action::ReadState,
            Self::Bill => Action::Billing,
            Self::Message => Action::ReadMessages,
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Flow => "/",
            Self::Accounts => "/console/accounts",
            Self::Campaigns => "/console/campaigns",
            Self::Waiting => "/console/waiting",
            Self::Bill => "/console/bill",
            Self::Message => "/console/message",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Flow => "Flow",
            Self::Accounts => "Accounts",
            Self::Campaigns => "Campaigns",
            Self::Waiting => "Waiting",
            Self::Bill => "Bill",
            Self::Message => "Message",
        }
    }
}

/// Who sees the page, and where it is.
pub(super) struct Around<'a> {
    /// `None`: nobody is signed in.
    pub(super) caller: Option<&'a Caller>,
    /// No token is configured: there is nothing to sign out of.
    pub(super) is_open: bool,
    pub(super) section: Option<Section>,
}

/// A page with the time that it holds for. `here` is its own address.
pub(super) fn page(around: &Around<'_>, page: &Page, here: &str, now: Time) -> Markup {
    let age_ms = page.as_of.map(|as_of| now.0.saturating_sub(as_of.0));
    let body = html! {
        p.as-of {
            @match page.as_of {
                Some(as_of) => { "As of " (time(as_of)) ". " }
                None => { "Nothing has been read yet: views follow within a second or two of the first messages. " }
            }
            a href=(here) { "Refresh" }
        }
        @if let Some(age_ms) = age_ms.filter(|age| page.is_live && *age > BEHIND_MS) {
            p.notice role="status" {
                strong { "The views are behind. " }
                "What is shown is " (duration(age_ms)) " old: the engine or the views stand still, or are catching up."
            }
        }
        (page.body)
    };
    plain(around, &page.title, &body)
}

/// A page.
pub(super) fn plain(around: &Around<'_>, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " – Tollgate" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="/console/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/console/style.css";
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    p.product { "Tollgate" }
                    @if let Some(caller) = around.caller {
                        nav aria-label="Console" {
                            ul {
                                @for section in Section::ALL {
                                    @if section.action().allowed_to(caller.role) {
                                        li {
                                            a href=(section.path())
                                                aria-current=[(around.section == Some(section)).then_some("page")] {
                                                (section.name())
                                            }
                                        }
                                    }
                                }
                            }
                        }
                        @if around.is_open {
                            p.who { "No token is configured: open on this machine" }
                        } @else {
                            form.who method="post" action="/console/logout" {
                                span { "Role " strong { (caller.role.as_str()) } (scope(caller)) }
                                button type="submit" { "Sign out" }
                            }
                        }
                    }
                }
                main id="content" tabindex="-1" {
                    h1 { (title) }
                    (body)
                }
            }
        }
    }
}

/// The accounts of a token, as far as they fit.
fn scope(caller: &Caller) -> String {
    match caller.accounts.as_deref() {
        None => ", all accounts".to_owned(),
        Some([account]) => format!(", account {account}"),
        Some(accounts) => format!(", {} accounts", accounts.len()),
    }
}

/// An answer with the headers that every one has. What says itself how long it may be kept stays so.
pub(super) fn guarded(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Not `no-referrer`: with it browsers leave the origin out of our own forms.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}
