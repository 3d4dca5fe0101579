//! One account: quota, numbers with quality and pacing, campaigns, what waits.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use tollgate_wire::command::LimitScope;

use super::Shared;
use super::accounts::{next_token, quota};
use super::layout::Section;
use super::parts::{cell, count, link, masked, table, time_or};
use super::refusal::Refusal;
use super::show::{Look, Page, show};
use super::{campaigns, waiting};
use crate::gateway::Action;
use crate::views::SenderView;

/// Rows of each table, at most.
const ROWS_MAX: usize = 100;

/// `GET /console/account?account=A`.
pub(super) async fn page(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    show(console, headers, uri, Section::Accounts, &["account"], make).await
}

fn make(look: &Look) -> Result<Page, Refusal> {
    let account = look.required_account()?;
    let Some(live) = look.reads.live(&account)? else {
        let body = html! { p { "The account is declared, and nothing is known of it yet." } };
        return Ok(Page { title: format!("Account {account}"), body, as_of: None, is_live: true });
    };
    let view = &live.account;
    let of = [("account", account.as_str())];
    let numbers: Vec<Vec<Markup>> = live.senders.iter().take(ROWS_MAX).map(number).collect();
    let mut queues: Vec<_> = live.waits.into_iter().filter(|wait| wait.lot.messages > 0).collect();
    queues.sort_by_key(|wait| std::cmp::Reverse(wait.lot.messages));
    let queues: Vec<_> = queues.into_iter().take(ROWS_MAX).map(|wait| (account.clone(), wait)).collect();
    let shown: Vec<_> = live.campaigns.iter().take(ROWS_MAX).map(|c| (account.clone(), c.clone())).collect();
    let shared_by = match view.limit_scope {
        LimitScope::Portfolio => "all numbers together",
        LimitScope::Number => "each number alone",
    };
    let body = html! {
        dl.facts {
            div { dt { "Name" } dd { (view.name) } }
            div { dt { "State" } dd { @if view.disabled { "disabled" } @else { "active" } } }
            div { dt { "Unique users in 24 hours" } dd id="quota" { (quota(view)) } }
            div { dt { "The limit is for" } dd { (shared_by) } }
            div { dt { "Next token returns" } dd { (next_token(view)) } }
            div { dt { "Messages waiting" } dd { (count(view.parked_messages)) " (" (count(view.parked_bytes)) " bytes)" } }
        }
        ul.links {
            li { a href=(link("/", &of)) { "Flow" } }
            @if look.may(Action::Billing) {
                li { a href=(link("/console/bill", &of)) { "Bill" } }
            }
            @if look.may(Action::ReadMessages) {
                li { a href=(link("/console/message", &of)) { "A message's story" } }
            }
        }
        (table("Numbers", &NUMBERS, &numbers, "It has no number."))
        (cut(live.senders.len(), "numbers"))
        (campaigns::list("Campaigns", &shown, false))
        @if live.campaigns.len() > ROWS_MAX {
            p { a href=(link("/console/campaigns", &of)) { "All " (live.campaigns.len()) " campaigns" } }
        }
        (waiting::by_queue("What waits, the longest queue first", &queues, false))
    };
    Ok(Page { title: format!("Account {account}"), body, as_of: Some(view.as_of), is_live: true })
}

const NUMBERS: [&str; 8] = [
    "Number",
    "Id",
    "Quality",
    "State",
    "Messages a second",
    "Calls under way",
    "Next marketing token",
    "Users in 24 hours",
];

fn number(sender: &SenderView) -> Vec<Markup> {
    let pace = match sender.throughput_now < sender.throughput {
        true => format!("{} now, {} reported", sender.throughput_now, sender.throughput),
        false => sender.throughput.to_string(),
    };
    vec![
        cell(masked(&sender.display)),
        cell(&sender.id),
        cell(sender.quality.as_str()),
        cell(if sender.blocked { "blocked" } else { "active" }),
        cell(pace),
        cell(format!("{} of {}", sender.in_flight, sender.in_flight_limit)),
        time_or(sender.next_pacing_token, "now, or not paced"),
        cell(sender.quota_used.map_or_else(|| "shared".to_owned(), |users| count(users.into()))),
    ]
}

fn cut(all: usize, what: &str) -> Markup {
    html! {
        @if all > ROWS_MAX { p.notice { "The first " (ROWS_MAX) " of " (all) " " (what) "; the API has all." } }
    }
}
