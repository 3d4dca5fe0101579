//! Every account that may be seen: its quota, what waits, its numbers' quality.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use tollgate_quality::Limit;
use tollgate_wire::Time;

use super::Shared;
use super::layout::Section;
use super::parts::{account_link, cell, count, limit, paged, share, table, time_or};
use super::refusal::Refusal;
use super::show::{Look, Page, show};
use crate::views::{AccountView, LiveView, SenderView};

/// Accounts on a page.
const PER_PAGE: usize = 50;

/// `GET /console/accounts[?page=N]`.
pub(super) async fn page(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    show(console, headers, uri, Section::Accounts, &["page"], make).await
}

fn make(look: &Look) -> Result<Page, Refusal> {
    let accounts = look.accounts();
    let paged = paged(&accounts, look.query.page()?, PER_PAGE);
    let (mut rows, mut as_of) = (Vec::new(), None);
    for account in paged.items {
        let live = look.reads.live(account)?;
        if let Some(live) = &live {
            as_of = Some(as_of.map_or(live.account.as_of, |oldest: Time| oldest.min(live.account.as_of)));
        }
        rows.push(row(account, live.as_ref()));
    }
    let headings =
        ["Account", "Name", "State", "Users in 24 hours", "Next token returns", "#Waiting", "Numbers", "#Campaigns"];
    let body = html! {
        (table("Accounts", &headings, &rows, "There is no account that you may see."))
        (paged.links("accounts", "/console/accounts", &[]))
    };
    Ok(Page { title: "Accounts".to_owned(), body, as_of, is_live: true })
}

fn row(account: &str, live: Option<&LiveView>) -> Vec<Markup> {
    let Some(LiveView { account: view, senders, .. }) = live else {
        let mut row = vec![account_link(account), cell("nothing is known yet")];
        row.resize_with(8, || html! { "–" });
        return row;
    };
    vec![
        account_link(account),
        cell(&view.name),
        cell(if view.disabled { "disabled" } else { "active" }),
        quota(view),
        next_token(view),
        cell(count(view.parked_messages)),
        cell(qualities(senders)),
        cell(count(view.campaigns as u64)),
    ]
}

/// Used and limit, as a bar too.
pub(super) fn quota(view: &AccountView) -> Markup {
    let used = view.quota_used;
    html! {
        (count(used.into())) " of " (limit(view.limit))
        @if let Limit::Users(most) = view.limit {
            " (" (share(used.into(), most.into())) ") "
            meter min="0" max=(most.max(1)) value=(used.min(most)) aria-label="Used part of the limit" {}
        }
    }
}

/// When a place in the limit comes free.
pub(super) fn next_token(view: &AccountView) -> Markup {
    time_or(view.quota_next_return, "nobody is counted")
}

/// How many numbers have which quality, are paced by it, or blocked.
fn qualities(senders: &[SenderView]) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for sender in senders {
        *counts.entry(sender.quality.as_str()).or_default() += 1;
    }
    let blocked = senders.iter().filter(|sender| sender.blocked).count();
    let mut told: Vec<String> = counts.into_iter().map(|(quality, n)| format!("{n} {quality}")).collect();
    let paced = senders.iter().filter(|sender| sender.next_pacing_token.is_some()).count();
    if paced > 0 {
        told.push(format!("{paced} paced"));
    }
    if blocked > 0 {
        told.push(format!("{blocked} blocked"));
    }
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}
