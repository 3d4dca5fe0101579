//! What flows: where messages are, what moved in the last minute, what waits and why.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use tollgate_wire::Time;
use tollgate_wire::outcome::OutcomeKind;

use super::Shared;
use super::layout::Section;
use super::parts::{account_link, cell, count, link, share, table, words};
use super::refusal::Refusal;
use super::show::{Look, Page, show};
use super::waiting::{self, Reasons};
use crate::views::FlowView;

/// Accounts taken together, at most; more are seen one by one.
const ACCOUNTS_MAX: usize = 50;
/// How far back moves are counted. Milliseconds.
const LATELY_MS: u64 = 60_000;
/// Reasons of refusals that are listed.
const REASONS_MAX: usize = 20;

/// Where a message can be, as people see it, with the outcomes of the topic that stand for it.
const PLACES: [(&str, &[OutcomeKind]); 10] = [
    ("Waiting", &[OutcomeKind::Parked]),
    ("On the way", &[OutcomeKind::Admitted, OutcomeKind::NotSent, OutcomeKind::Accepted, OutcomeKind::Held]),
    ("Sent, not delivered yet", &[OutcomeKind::Sent]),
    ("In doubt", &[OutcomeKind::InDoubt]),
    ("Delivered, unread", &[OutcomeKind::Delivered]),
    ("Read", &[OutcomeKind::Read]),
    ("Failed", &[OutcomeKind::Failed]),
    ("Refused", &[OutcomeKind::Refused]),
    ("Expired or cancelled", &[OutcomeKind::Expired, OutcomeKind::Cancelled]),
    ("Undelivered or never known", &[OutcomeKind::Undelivered, OutcomeKind::Unknown]),
];

/// Moves of the last minute that are shown, in the order of a message's life.
const MOVES: [(&str, &[OutcomeKind]); 8] = [
    ("Parked to wait", &[OutcomeKind::Parked]),
    ("Refused", &[OutcomeKind::Refused]),
    ("Admitted: an order was made", &[OutcomeKind::Admitted]),
    ("Accepted by the platform", &[OutcomeKind::Accepted, OutcomeKind::Held]),
    ("Sent", &[OutcomeKind::Sent]),
    ("Delivered", &[OutcomeKind::Delivered]),
    ("Read", &[OutcomeKind::Read]),
    ("Failed", &[OutcomeKind::Failed]),
];

/// `GET /[?account=A]`.
pub(super) async fn page(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    show(console, headers, uri, Section::Flow, &["account"], make).await
}

fn make(look: &Look) -> Result<Page, Refusal> {
    let one = look.account()?;
    let mut accounts = one.clone().map_or_else(|| look.accounts(), |account| vec![account]);
    let all = accounts.len();
    accounts.truncate(ACCOUNTS_MAX);
    let flow = look.reads.flow(&accounts, Time(look.now.0.saturating_sub(LATELY_MS)))?;
    let mut reasons = Reasons::default();
    let mut as_of: Option<Time> = None;
    for account in &accounts {
        if let Some(live) = look.reads.live(account)? {
            as_of = Some(as_of.map_or(live.account.as_of, |oldest| oldest.min(live.account.as_of)));
            reasons.add(account, &live);
        }
    }
    let body = html! {
        @if let Some(account) = &one {
            p { "Of account " (account_link(account)) " alone. " a href="/" { "All accounts" } }
        } @else if all > ACCOUNTS_MAX {
            p.notice { "Of the first " (ACCOUNTS_MAX) " of " (count(all as u64)) " accounts, by id; the others are seen one by one." }
        }
        (counts(&flow))
        (moves(&flow))
        (waiting::by_reason("What waits, and why", &reasons))
        p { a href=(waiting_link(one.as_deref())) { "Every queue" } }
        (ended(&flow))
    };
    let title = one.map_or_else(|| "Flow".to_owned(), |account| format!("Flow of {account}"));
    Ok(Page { title, body, as_of, is_live: true })
}

fn waiting_link(account: Option<&str>) -> String {
    let parameters: Vec<(&str, &str)> = account.map(|account| ("account", account)).into_iter().collect();
    link("/console/waiting", &parameters)
}

/// Messages by outcome, without their reasons.
fn by_outcome(flow: &FlowView) -> BTreeMap<&str, u64> {
    let mut sums = BTreeMap::new();
    for each in &flow.now {
        *sums.entry(each.outcome.as_str()).or_default() += each.messages;
    }
    sums
}

fn of(sums: &BTreeMap<&str, u64>, outcomes: &[OutcomeKind]) -> u64 {
    outcomes.iter().filter_map(|outcome| sums.get(outcome.as_str())).sum()
}

fn counts(flow: &FlowView) -> Markup {
    let sums = by_outcome(flow);
    let duplicates = of(&sums, &[OutcomeKind::Duplicate]);
    let requests = sums.values().sum::<u64>() - duplicates;
    let waiting = of(&sums, &[OutcomeKind::Parked]);
    let delivered = of(&sums, &[OutcomeKind::Delivered, OutcomeKind::Read]);
    let reached = |upto: u64| format!("{} ({})", count(upto), share(upto, requests));
    // What the platform took, wherever it is since.
    let not_taken = [
        OutcomeKind::Parked,
        OutcomeKind::Admitted,
        OutcomeKind::NotSent,
        OutcomeKind::InDoubt,
        OutcomeKind::Refused,
        OutcomeKind::Expired,
        OutcomeKind::Cancelled,
        OutcomeKind::Failed,
        OutcomeKind::Unknown,
    ];
    let taken = requests - of(&sums, &not_taken);
    let rows: Vec<Vec<Markup>> = PLACES
        .iter()
        .map(|(name, outcomes)| {
            let messages = of(&sums, outcomes);
            vec![cell(*name), cell(count(messages)), cell(share(messages, requests))]
        })
        .collect();
    html! {
        dl.figures {
            div { dt { "Requests" } dd id="requests" { (count(requests)) } }
            div { dt { "Decided" } dd { (reached(requests - waiting)) } }
            div { dt { "Sent" } dd { (reached(taken)) } }
            div { dt { "Delivered" } dd id="delivered" { (reached(delivered)) } }
        }
        p.hint {
            "Each message is counted where it is now, once. Decided: it does not wait. Sent: the platform took it and did \
             not fail it."
            @if duplicates > 0 { " Beside them " (count(duplicates)) " requests repeated an id: nothing was done for them." }
        }
        (table("Where messages are", &["Place", "#Messages", "#Share"], &rows, ""))
    }
}

fn moves(flow: &FlowView) -> Markup {
    let sums: BTreeMap<&str, u64> = flow.moves.iter().map(|(outcome, n)| (outcome.as_str(), *n)).collect();
    let least = if flow.complete { "" } else { "at least " };
    let row = |(name, outcomes): &(&str, &[OutcomeKind])| {
        let moves = of(&sums, outcomes);
        (moves > 0).then(|| vec![cell(*name), cell(format!("{least}{}", count(moves)))])
    };
    let requests = (flow.requests > 0)
        .then(|| vec![cell("Requests, decided for the first time"), cell(format!("{least}{}", count(flow.requests)))]);
    let rows: Vec<Vec<Markup>> = requests.into_iter().chain(MOVES.iter().filter_map(row)).collect();
    table("In the last minute", &["Move", "#Messages"], &rows, "Nothing moved in the last minute.")
}

/// What ended without a delivery, by reason.
fn ended(flow: &FlowView) -> Markup {
    let is_end = |outcome: &str| ["refused", "failed", "expired", "cancelled"].contains(&outcome);
    let mut ends: Vec<_> = flow.now.iter().filter(|each| is_end(&each.outcome)).collect();
    ends.sort_by_key(|each| std::cmp::Reverse(each.messages));
    let more = ends.len().saturating_sub(REASONS_MAX);
    let row = |each: &&crate::views::OutcomeCount| {
        let reason = each.reason.as_deref().unwrap_or("–");
        vec![cell(words(reason)), cell(words(&each.outcome)), cell(count(each.messages))]
    };
    let rows: Vec<Vec<Markup>> = ends.iter().take(REASONS_MAX).map(row).collect();
    html! {
        (table("Ended without delivery", &["Reason", "How", "#Messages"], &rows, "Nothing ended without delivery."))
        @if more > 0 { p { "And " (more) " reasons with fewer messages." } }
    }
}
