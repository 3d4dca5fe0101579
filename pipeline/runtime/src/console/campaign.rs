//! One campaign: where its messages are, what it cost, when it will be done.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use rust_decimal::Decimal;
use tollgate_wire::Time;

use super::Shared;
use super::campaigns::progress;
use super::layout::Section;
use super::parts::{account_link, cell, count, money, share, table, time};
use super::refusal::Refusal;
use super::show::{Look, Page, show};
use super::waiting;
use crate::gateway::ReadError;
use crate::views::{CampaignView, WaitView};

/// Queues that are listed, those with the most messages first.
const QUEUES_MAX: usize = 100;

/// A campaign that the snapshot does not have, as its messages are told.
fn past(look: &Look, account: &str, name: &str) -> Result<Option<CampaignView>, ReadError> {
    let view = look.reads.campaign(account, name)?;
    let read = view.map(|json| serde_json::from_slice(&json)).transpose();
    read.map_err(|error| ReadError::Failed(format!("the view of a campaign: {error}")))
}

/// `GET /console/campaign?account=A&name=N`.
pub(super) async fn page(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    show(console, headers, uri, Section::Campaigns, &["account", "name"], make).await
}

fn make(look: &Look) -> Result<Page, Refusal> {
    let account = look.required_account()?;
    let name = look.query.get("name").unwrap_or_default();
    let missing = || {
        let remedy = "Choose one of the list of campaigns; a new one follows within a second or two.";
        Refusal::not_found("The account has no such campaign", remedy)
    };
    let live = look.reads.live(&account)?.ok_or_else(missing)?;
    let campaign = match live.campaigns.into_iter().find(|campaign| campaign.spec.name == name) {
        Some(campaign) => campaign,
        None => past(look, &account, name)?.ok_or_else(missing)?,
    };
    let campaign = &campaign;
    let mut queues: Vec<WaitView> = live.waits;
    queues.retain(|wait| wait.lot.messages > 0 && wait.lot.campaign.as_deref() == Some(name));
    queues.sort_by_key(|wait| std::cmp::Reverse(wait.lot.messages));
    let done_by = done_by(&queues);
    let queues: Vec<_> = queues.into_iter().take(QUEUES_MAX).map(|wait| (account.clone(), wait)).collect();
    let body = html! {
        dl.facts {
            div { dt { "Account" } dd { (account_link(&account)) } }
            div { dt { "State" } dd { (campaign.state) } }
            div { dt { "Progress" } dd id="progress" { (progress(campaign)) } }
            div { dt { "Done by" } dd id="done-by" { (finish(campaign, done_by)) } }
            div { dt { "Spent" } dd { (money(campaign.spent, &campaign.currency)) } }
            div { dt { "Reserved" } dd { (money(campaign.reserved, &campaign.currency)) } }
            div { dt { "Budget" } dd { (budget(campaign)) } }
            @if let Some(rate) = campaign.spec.per_minute {
                div { dt { "Own rate" } dd { "at most " (rate) " a minute" } }
            }
            @if !campaign.spec.test_recipients.is_empty() {
                div { dt { "Test recipients" } dd { (campaign.spec.test_recipients.join(", ")) } }
            }
            @if let Some(hours) = &campaign.spec.hours {
                div { dt { "Sending hours" } dd { (hours.from) " to " (hours.to) " in " (hours.time_zone) } }
            }
        }
        (counts(campaign))
        (waiting::by_queue("What waits, the longest queue first", &queues, false))
    };
    Ok(Page { title: format!("Campaign {name}"), body, as_of: Some(live.account.as_of), is_live: true })
}

/// When the last of all queues will have gone: known only if it is known of each.
fn done_by(queues: &[WaitView]) -> Option<Time> {
    let times: Option<Vec<Time>> = queues.iter().map(|wait| wait.lot.done_by).collect();
    times.and_then(|times| times.into_iter().max())
}

fn finish(campaign: &CampaignView, done_by: Option<Time>) -> Markup {
    match (done_by, campaign.counts.parked) {
        (Some(at), _) => html! { "about " (time(at)) ", at the present pace" },
        (None, 0) => html! { "nothing waits" },
        (None, _) => html! { "not known: something waits for an event and not for a time" },
    }
}

/// What is spent and reserved of the budget, as a bar too.
fn budget(campaign: &CampaignView) -> Markup {
    let Some(budget) = campaign.spec.budget else { return html! { "none" } };
    let used = campaign.spent.saturating_add(campaign.reserved);
    // In thousandths, for the bar alone.
    let thousandths = used.checked_mul(Decimal::ONE_THOUSAND).and_then(|used| used.checked_div(budget));
    let thousandths = thousandths.and_then(|part| u64::try_from(part.trunc()).ok()).unwrap_or(1_000);
    html! {
        (money(budget, &campaign.currency)) ", " (share(thousandths, 1_000)) " spent or reserved "
        meter min="0" max="1000" value=(thousandths.min(1_000)) aria-label="Used part of the budget" {}
    }
}

fn counts(campaign: &CampaignView) -> Markup {
    let n = &campaign.counts;
    let places = [
        ("Requested", n.requested),
        ("Waiting", n.parked),
        ("On the way", n.on_the_way),
        ("Delivered, unread", n.delivered),
        ("Read", n.read),
        ("Failed", n.failed),
        ("Refused", n.refused),
        ("Expired", n.expired),
        ("Cancelled", n.cancelled),
        ("Undelivered or never known", n.undelivered),
    ];
    let row =
        |(name, messages): (&str, u64)| vec![cell(name), cell(count(messages)), cell(share(messages, n.requested))];
    let mut rows: Vec<Vec<Markup>> = places.into_iter().map(row).collect();
    if !n.test.is_empty() {
        rows.push(vec![cell("To test recipients, beside these"), cell(count(n.test.requested)), cell("")]);
    }
    table("Where its messages are", &["Place", "#Messages", "#Share"], &rows, "")
}
