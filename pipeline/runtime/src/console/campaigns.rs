//! Campaigns with their progress and cost against budget.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use tollgate_wire::Time;

use super::Shared;
use super::layout::Section;
use super::parts::{account_link, campaign_link, cell, count, money, paged, share, table};
use super::refusal::Refusal;
use super::show::{Look, Page, show};
use crate::views::CampaignView;

/// Accounts on a page.
const ACCOUNTS_PER_PAGE: usize = 20;
/// Campaigns of an account that are listed among those of others; all of them are on its own list.
const OF_EACH_MAX: usize = 50;
/// Campaigns on a page of one account's list.
const PER_PAGE: usize = 100;

/// `GET /console/campaigns[?account=A][&page=N]`.
pub(super) async fn page(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    show(console, headers, uri, Section::Campaigns, &["account", "page"], make).await
}

fn make(look: &Look) -> Result<Page, Refusal> {
    match look.account()? {
        Some(account) => of_one(look, &account),
        None => of_all(look),
    }
}

fn of_all(look: &Look) -> Result<Page, Refusal> {
    let accounts = look.accounts();
    let paged = paged(&accounts, look.query.page()?, ACCOUNTS_PER_PAGE);
    let (mut rows, mut cut, mut as_of) = (Vec::new(), Vec::new(), None);
    for account in paged.items {
        let Some(live) = look.reads.live(account)? else { continue };
        as_of = Some(as_of.map_or(live.account.as_of, |oldest: Time| oldest.min(live.account.as_of)));
        if live.campaigns.len() > OF_EACH_MAX {
            cut.push(account.clone());
        }
        rows.extend(live.campaigns.into_iter().take(OF_EACH_MAX).map(|campaign| (account.clone(), campaign)));
    }
    let body = html! {
        (list("Campaigns", &rows, true))
        @if !cut.is_empty() {
            p.notice { "Of these accounts the first " (OF_EACH_MAX) " are listed, all of them on a list of their own: "
                @for (n, account) in cut.iter().enumerate() {
                    @if n > 0 { ", " }
                    a href=(super::parts::link("/console/campaigns", &[("account", account)])) { (account) }
                }
            }
        }
        (paged.links("accounts", "/console/campaigns", &[]))
    };
    Ok(Page { title: "Campaigns".to_owned(), body, as_of, is_live: true })
}

fn of_one(look: &Look, account: &str) -> Result<Page, Refusal> {
    let live = look.reads.live(account)?;
    let as_of = live.as_ref().map(|live| live.account.as_of);
    let left_out = live.as_ref().map_or(0, |live| live.account.campaigns.saturating_sub(live.campaigns.len()));
    let campaigns = live.map(|live| live.campaigns).unwrap_or_default();
    let rows: Vec<_> = campaigns.into_iter().map(|campaign| (account.to_owned(), campaign)).collect();
    let paged = paged(&rows, look.query.page()?, PER_PAGE);
    let body = html! {
        p { "Of account " (account_link(account)) " alone. " a href="/console/campaigns" { "All accounts" } }
        (list("Campaigns", paged.items, false))
        @if left_out != 0 {
            p.notice { (left_out) " more that are over are not listed; the page of each shows it by its name." }
        }
        (paged.links("campaigns", "/console/campaigns", &[("account", account)]))
    };
    Ok(Page { title: format!("Campaigns of {account}"), body, as_of, is_live: true })
}

/// A table of campaigns.
pub(super) fn list(caption: &str, campaigns: &[(String, CampaignView)], with_account: bool) -> Markup {
    let mut headings =
        vec!["Campaign", "Account", "State", "Progress", "#Requested", "#Waiting", "#Delivered", "#Spent", "#Budget"];
    let row = |(account, c): &(String, CampaignView)| {
        let n = &c.counts;
        let mut row = vec![
            campaign_link(account, &c.spec.name),
            account_link(account),
            cell(&c.state),
            progress(c),
            cell(count(n.requested)),
            cell(count(n.parked)),
            cell(count(n.delivered + n.read)),
            cell(money(c.spent, &c.currency)),
            cell(c.spec.budget.map_or_else(|| "none".to_owned(), |budget| money(budget, &c.currency))),
        ];
        if !with_account {
            row.remove(1);
        }
        row
    };
    let rows: Vec<Vec<Markup>> = campaigns.iter().map(row).collect();
    if !with_account {
        headings.remove(1);
    }
    table(caption, &headings, &rows, "There is no campaign.")
}

/// How many of a campaign's messages have come to an end, as a bar too.
pub(super) fn progress(c: &CampaignView) -> Markup {
    let n = &c.counts;
    let ended = n.requested.saturating_sub(n.parked + n.on_the_way);
    html! {
        (share(ended, n.requested)) " done "
        progress max=(n.requested.max(1)) value=(ended) aria-label=(format!("Progress of {}", c.spec.name)) {}
    }
}
