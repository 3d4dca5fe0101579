//! `tollgate lots`: queues of waiting messages.

use std::process::ExitCode;

use clap::Args;
use tollgate_runtime::views::LotView;
use tollgate_wire::Time;

use super::accounts;
use crate::client::{Api, ClientArgs, Listing, path};
use crate::output::{self, Table};

/// Show what waits, for what, and until when.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate lots\n  tollgate lots acme --json")]
pub struct LotsArgs {
    /// Account id [default: all]
    account: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &LotsArgs, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&args.client)?;
    let accounts = match &args.account {
        Some(account) => vec![account.clone()],
        None => accounts::ids(&api).await?,
    };
    let mut table = Table::new(&[
        "account", "messages", "wait for", "of", "lane", "class", "campaign", "sender", "opens at", "done by",
    ]);
    let mut as_of = None;
    for account in accounts {
        let answer = api.get(&path(&["lots", &account])).await?.ok()?;
        if json {
            output::json(&answer.body)?;
            continue;
        }
        let at = |time: Option<Time>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        let list: Listing<LotView> = answer.json()?;
        as_of = Some(as_of.map_or(list.as_of, |oldest: Time| oldest.min(list.as_of)));
        for lot in list.items {
            table.row([
                account.clone(),
                lot.messages.to_string(),
                lot.reason.as_str().to_owned(),
                lot.resource,
                if lot.priority { "priority" } else { "bulk" }.to_owned(),
                lot.class,
                lot.campaign.unwrap_or_else(|| "-".to_owned()),
                lot.sender,
                at(lot.opens_at),
                at(lot.done_by),
            ]);
        }
    }
    if !json {
        table.print_as_of(as_of)?;
    }
    Ok(ExitCode::SUCCESS)
}
