//! A month's bill: by account, or one account's by country and category, with the download.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use rust_decimal::Decimal;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;

use super::Shared;
use super::layout::{Section, guarded};
use super::parts::{account_link, cell, link, money, paged, signed, table};
use super::query::Query;
use super::refusal::Refusal;
use super::show::{Look, Page, refuse, show, turn_away};
use crate::gateway::{BillingQuery, stream_billing};
use crate::views::{AccountBill, BillLine};

/// Accounts on a page.
const PER_PAGE: usize = 50;

/// `GET /console/bill[?month=YYYY-MM][&account=A][&page=N]`.
pub(super) async fn page(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    show(console, headers, uri, Section::Bill, &["month", "account", "page"], make).await
}

fn make(look: &Look) -> Result<Page, Refusal> {
    let month = month(&look.query, look.now)?;
    match look.account()? {
        Some(account) => of_one(look, month, &account),
        None => of_all(look, month),
    }
}

/// The month that is asked for, or the one that it is (UTC; a bill goes by the days of each WABA's zone).
fn month(query: &Query, now: Time) -> Result<YearMonth, Refusal> {
    let current = now.to_string();
    let wanted = query.get("month").unwrap_or(&current[..7]);
    wanted.parse().map_err(|_| Refusal::bad_query("There is no such month", "Write it as in 2026-10."))
}

fn of_all(look: &Look, month: YearMonth) -> Result<Page, Refusal> {
    let (as_of, bills) = look.reads.bills(month, &|account| look.caller.account(account).is_ok())?;
    let paged = paged(&bills, look.query.page()?, PER_PAGE);
    let name = month.to_string();
    let row = |bill: &AccountBill| {
        vec![
            html! { a href=(link("/console/bill", &[("account", &bill.account), ("month", &name)])) { (bill.account) } },
            cell(signed(bill.messages)),
            cell(signed(bill.free)),
            cell(signed(bill.unpriced)),
            cell(money(bill.cost, &bill.cost_currency)),
            cell(money(bill.price_ex_tax, &bill.price_currency)),
            download_link(month, &bill.account),
        ]
    };
    let rows: Vec<Vec<Markup>> = paged.items.iter().map(row).collect();
    let headings = [
        "Account",
        "#Messages",
        "#Of them free",
        "#Without a price",
        "#Cost by the platform",
        "#Price for the client, before tax",
        "Download",
    ];
    let body = html! {
        (choose(None, month))
        (totals(bills.iter().map(|bill| Sum {
            cost: (&bill.cost_currency, bill.cost),
            price: (&bill.price_currency, bill.price_ex_tax),
        })))
        (table(&format!("Bill of {name} by account"), &headings, &rows, "Nothing is booked in this month."))
        (paged.links("lines", "/console/bill", &[("month", &name)]))
        @if look.caller.accounts.is_none() && !bills.is_empty() {
            p { a href=(link("/console/bill.csv", &[("month", &name)])) download { "Download the bill of all accounts (CSV)" } }
        }
    };
    Ok(Page { title: format!("Bill of {name}"), body, as_of: known(as_of), is_live: false })
}

fn of_one(look: &Look, month: YearMonth, account: &str) -> Result<Page, Refusal> {
    let bill = look.reads.bill(account, month)?;
    let row = |line: &BillLine| {
        let or_unknown = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
        vec![
            cell(or_unknown(&line.country)),
            cell(or_unknown(&line.category)),
            cell(signed(line.messages)),
            cell(signed(line.free)),
            cell(signed(line.unpriced)),
            cell(money(line.cost, &line.cost_currency)),
            cell(money(line.price_ex_tax, &line.price_currency)),
        ]
    };
    let rows: Vec<Vec<Markup>> = bill.lines.iter().map(row).collect();
    let headings = [
        "Country",
        "Category",
        "#Messages",
        "#Of them free",
        "#Without a price",
        "#Cost by the platform",
        "#Price for the client, before tax",
    ];
    let body = html! {
        p { "Of account " (account_link(account)) ". "
            a href=(link("/console/bill", &[("month", &month.to_string())])) { "All accounts" } }
        (choose(Some(account), month))
        (totals(bill.lines.iter().map(|line| Sum {
            cost: (&line.cost_currency, line.cost),
            price: (&line.price_currency, line.price_ex_tax),
        })))
        (table(&format!("Bill of {month} by country and category"), &headings, &rows, "Nothing is booked in this month."))
        @if !rows.is_empty() { p { (download_link(month, account)) } }
    };
    Ok(Page { title: format!("Bill of {account}, {month}"), body, as_of: known(bill.as_of), is_live: false })
}

/// The ledger was read at least once.
fn known(as_of: Time) -> Option<Time> {
    Some(as_of).filter(|as_of| *as_of > Time::default())
}

fn download_link(month: YearMonth, account: &str) -> Markup {
    let to = link("/console/bill.csv", &[("month", &month.to_string()), ("account", account)]);
    html! { a href=(to) download { "Download the bill of " (account) " (CSV)" } }
}

/// The form that chooses a month.
fn choose(account: Option<&str>, month: YearMonth) -> Markup {
    html! {
        form.search method="get" action="/console/bill" {
            @if let Some(account) = account { input type="hidden" name="account" value=(account); }
            div {
                label for="month" { "Month, as in 2026-10" }
                input id="month" name="month" value=(month.to_string()) required pattern="[0-9]{4}-[0-9]{2}" inputmode="numeric"
                    maxlength="7" size="8" autocomplete="off";
            }
            button type="submit" { "Show" }
        }
    }
}

/// What is added up: cost and price with their currencies.
struct Sum<'a> {
    cost: (&'a str, Decimal),
    price: (&'a str, Decimal),
}

/// Totals by currency: amounts of two currencies have no sum.
fn totals<'a>(lines: impl Iterator<Item = Sum<'a>>) -> Markup {
    let (mut costs, mut prices) = (BTreeMap::<&str, Option<Decimal>>::new(), BTreeMap::<&str, Option<Decimal>>::new());
    for line in lines {
        for (sums, (currency, amount)) in [(&mut costs, line.cost), (&mut prices, line.price)] {
            let sum = sums.entry(currency).or_insert(Some(Decimal::ZERO));
            *sum = sum.and_then(|sum| sum.checked_add(amount));
        }
    }
    let told = |sums: &BTreeMap<&str, Option<Decimal>>| {
        let each = sums.iter().map(|(currency, sum)| match sum {
            Some(sum) => money(*sum, currency),
            None => format!("too large to add up in {currency}"),
        });
        each.collect::<Vec<_>>().join(", ")
    };
    html! {
        @if !costs.is_empty() {
            dl.figures {
                div { dt { "Cost by the platform" } dd id="cost" { (told(&costs)) } }
                div { dt { "Price for clients, before tax" } dd id="price" { (told(&prices)) } }
            }
        }
    }
}

/// `GET /console/bill.csv?month=YYYY-MM[&account=A]`: the summary, as the API and `tollgate billing export` give it.
pub(super) async fn download(State(console): Shared, headers: HeaderMap, uri: Uri) -> Response {
    let caller = match console.admit(&headers, Section::Bill) {
        Ok(caller) => caller,
        Err(away) => return turn_away(&console, &headers, &uri, away),
    };
    let query = Query::parse(uri.query().unwrap_or_default(), &["month", "account"]).and_then(|query| {
        let now = console.clock.now();
        let month = month(&query, now)?.to_string();
        let look =
            Look { reads: Arc::clone(&console.reads), registry: console.registry.snapshot(), caller, query, now };
        let account = look.account()?;
        if account.is_none() && look.caller.accounts.is_some() {
            return Err(Refusal::account());
        }
        let file = format!("{month}.csv");
        Ok(BillingQuery { month, format: "summary".to_owned(), view: None, account, invoices: false, file })
    });
    let answer = match query {
        Ok(query) => stream_billing(Arc::clone(&console.reads), &console.exporting, query, false).await,
        Err(refusal) => return refuse(&console, &headers, &refusal),
    };
    match answer {
        Ok(answer) => guarded(answer),
        Err(problem) => refuse(&console, &headers, &Refusal::from(problem)),
    }
}
