//! What waits, by reason and by queue.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use tollgate_wire::{Reason, Time};

use super::Shared;
use super::layout::Section;
use super::parts::{account_link, campaign_link, cell, count, masked, paged, table, time_or, words};
use super::refusal::Refusal;
use super::show::{Look, Page, show};
use crate::views::{LiveView, WaitView};

/// Accounts on a page.
const ACCOUNTS_PER_PAGE: usize = 50;
/// Queues of a page that are listed, those with the most messages first.
const QUEUES_MAX: usize = 200;

/// What waits, by reason.
#[derive(Default)]
pub(super) struct Reasons(BTreeMap<Reason, Waiting>);

#[derive(Default)]
struct Waiting {
    messages: u64,
    accounts: BTreeSet<String>,
    opens_at: Option<Time>,
    /// When all are gone; known only if it is known of each queue.
    done_by: Option<Option<Time>>,
}

impl Reasons {
    /// Adds what waits in an account.
    pub(super) fn add(&mut self, account: &str, live: &LiveView) {
        for wait in live.waits.iter().filter(|wait| wait.lot.messages > 0) {
            let reason = self.0.entry(wait.lot.reason).or_default();
            reason.messages += wait.lot.messages;
            reason.accounts.insert(account.to_owned());
            reason.opens_at = [reason.opens_at, wait.lot.opens_at].into_iter().flatten().min();
            let done_by = match reason.done_by {
                None => wait.lot.done_by,
                Some(before) => before.zip(wait.lot.done_by).map(|(a, b)| a.max(b)),
            };
            reason.done_by = Some(done_by);
        }
    }
}

/// `GET /console/waiting[?account=A][&page=N]`.
pub(super) async fn page(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    show(console, headers, uri, Section::Waiting, &["account", "page"], make).await
}

fn make(look: &Look) -> Result<Page, Refusal> {
    let one = look.account()?;
    let accounts = one.clone().map_or_else(|| look.accounts(), |account| vec![account]);
    let paged = paged(&accounts, look.query.page()?, ACCOUNTS_PER_PAGE);
    let (mut reasons, mut queues, mut as_of) = (Reasons::default(), Vec::new(), None);
    for account in paged.items {
        let Some(live) = look.reads.live(account)? else { continue };
        as_of = Some(as_of.map_or(live.account.as_of, |oldest: Time| oldest.min(live.account.as_of)));
        reasons.add(account, &live);
        queues.extend(live.waits.into_iter().filter(|wait| wait.lot.messages > 0).map(|wait| (account.clone(), wait)));
    }
    queues.sort_by_key(|(_, wait)| std::cmp::Reverse(wait.lot.messages));
    let more = queues.len().saturating_sub(QUEUES_MAX);
    queues.truncate(QUEUES_MAX);
    let body = html! {
        @if let Some(account) = &one {
            p { "Of account " (account_link(account)) " alone. " a href="/console/waiting" { "All accounts" } }
        }
        (by_reason("By reason", &reasons))
        (by_queue("Queues, the longest first", &queues, true))
        @if more > 0 { p.notice { "And " (more) " queues with fewer messages: they are on the pages of their accounts." } }
        (paged.links("accounts", "/console/waiting", &[]))
    };
    let title = one.map_or_else(|| "What waits".to_owned(), |account| format!("What waits in {account}"));
    Ok(Page { title, body, as_of, is_live: true })
}

/// A table of reasons.
pub(super) fn by_reason(caption: &str, reasons: &Reasons) -> Markup {
    let row = |(reason, waiting): (&Reason, &Waiting)| {
        vec![
            cell(words(reason.as_str())),
            cell(count(waiting.messages)),
            cell(count(waiting.accounts.len() as u64)),
            time_or(waiting.opens_at, "not by time alone"),
            time_or(waiting.done_by.flatten(), "not known"),
        ]
    };
    let mut rows: Vec<_> = reasons.0.iter().collect();
    rows.sort_by_key(|(_, waiting)| std::cmp::Reverse(waiting.messages));
    let rows: Vec<Vec<Markup>> = rows.into_iter().map(row).collect();
    let headings = ["Waits for", "#Messages", "#Accounts", "First may go", "All gone by about"];
    table(caption, &headings, &rows, "Nothing waits.")
}

/// A table of queues.
pub(super) fn by_queue(caption: &str, queues: &[(String, WaitView)], with_account: bool) -> Markup {
    let mut headings =
        vec!["Waits for", "Account", "#Messages", "Class", "Campaign", "Number", "First may go", "All gone by about"];
    let row = |(account, wait): &(String, WaitView)| {
        let lot = &wait.lot;
        let number = wait.sender.as_ref().map_or_else(|| lot.sender.clone(), |sender| masked(&sender.display));
        let class = format!("{}{}", lot.class, if lot.priority { ", priority" } else { "" });
        let mut row = vec![
            html! { (words(lot.reason.as_str())) br; span.hint { (wait.words()) } },
            account_link(account),
            cell(count(lot.messages)),
            cell(class),
            lot.campaign.as_ref().map_or_else(|| html! { "none" }, |name| campaign_link(account, name)),
            cell(number),
            time_or(lot.opens_at, "not by time alone"),
            time_or(lot.done_by, "not known"),
        ];
        if !with_account {
            row.remove(1);
        }
        row
    };
    let rows: Vec<Vec<Markup>> = queues.iter().map(row).collect();
    if !with_account {
        headings.remove(1);
    }
    table(caption, &headings, &rows, "No queue has messages.")
}
