//! `tollgate senders`: the state of business phone numbers.

use std::process::ExitCode;

use clap::Args;
use tollgate_runtime::views::SenderView;
use tollgate_wire::Time;

use super::accounts;
use crate::client::{Api, ClientArgs, Listing, path};
use crate::output::{self, Table};

/// Show business phone numbers: quality, throughput, what is in flight.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate senders\n  tollgate senders acme --json")]
pub struct SendersArgs {
    /// Account id [default: all]
    account: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &SendersArgs, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&args.client)?;
    let accounts = match &args.account {
        Some(account) => vec![account.clone()],
        None => accounts::ids(&api).await?,
    };
    let mut table =
        Table::new(&["account", "sender", "display", "quality", "per second", "in flight", "users 24 h", "state"]);
    let mut as_of = None;
    for account in accounts {
        let answer = api.get(&path(&["senders", &account])).await?.ok()?;
        if json {
            output::json(&answer.body)?;
            continue;
        }
        let list: Listing<SenderView> = answer.json()?;
        as_of = Some(as_of.map_or(list.as_of, |oldest: Time| oldest.min(list.as_of)));
        for s in list.items {
            table.row([
                account.clone(),
                s.id,
                s.display,
                format!("{:?}", s.quality).to_uppercase(),
                format!("{}/{}", s.throughput_now, s.throughput),
                format!("{}/{}", s.in_flight, s.in_flight_limit),
                s.quota_used.map_or_else(|| "-".to_owned(), |users| users.to_string()),
                if s.blocked { "blocked" } else { "active" }.to_owned(),
            ]);
        }
    }
    if !json {
        table.print_as_of(as_of)?;
    }
    Ok(ExitCode::SUCCESS)
}
