//! `tollgate senders`: the state of business phone numbers, how they are paced, and how that came.

use std::process::ExitCode;

use clap::Args;
use tollgate_quality::Share;
use tollgate_runtime::views::{LevelView, SenderView};
use tollgate_wire::Time;

use super::accounts;
use crate::client::{Api, ClientArgs, Listing, path};
use crate::output::{self, Table};

/// Show business phone numbers: quality, throughput, pace, what is in flight.
///
/// The pace is the share of the messaging limit that each category may use at the number's quality, by the account's
/// policy.pacing; "spread" is evenly over 24 hours.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  tollgate senders\n  tollgate senders acme --json\n  tollgate senders acme --history"
)]
pub struct SendersArgs {
    /// Account id [default: all]
    account: Option<String>,
    /// Show upgrades and downgrades instead, newest first: quality, throughput, messaging limit
    #[arg(long)]
    history: bool,
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
    if args.history {
        history(&api, accounts, json).await?;
    } else {
        list(&api, accounts, json).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(api: &Api, accounts: Vec<String>, json: bool) -> anyhow::Result<()> {
    let columns = ["account", "sender", "display", "quality", "pace", "per second", "in flight", "users 24 h", "state"];
    let (mut table, mut as_of) = (Table::new(&columns), None);
    for account in accounts {
        let answer = api.get(&path(&["senders", &account])).await?.ok()?;
        if json {
            output::json(&answer.body)?;
            continue;
        }
        let list: Listing<SenderView> = answer.json()?;
        as_of = Some(as_of.map_or(list.as_of, |oldest: Time| oldest.min(list.as_of)));
        for s in list.items {
            let pace = pace(&s);
            table.row([
                account.clone(),
                s.id,
                s.display,
                s.quality.to_string(),
                pace,
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
    Ok(())
}

/// The shares of the classes that have not all, or that all have it.
fn pace(sender: &SenderView) -> String {
    let Some(pacing) = &sender.pacing else { return "-".to_owned() };
    let shares = [
        ("marketing", pacing.marketing),
        ("utility", pacing.utility),
        ("authentication", pacing.authentication),
        ("service", pacing.service),
    ];
    let share = |(class, share): (&str, Share)| {
        let spread = if share.spread { " spread" } else { "" };
        (share != Share::ALL).then(|| format!("{class} {}%{spread}", share.percent.get()))
    };
    let shares: Vec<String> = shares.into_iter().filter_map(share).collect();
    if shares.is_empty() { "all".to_owned() } else { shares.join(", ") }
}

async fn history(api: &Api, accounts: Vec<String>, json: bool) -> anyhow::Result<()> {
    let (mut table, mut as_of) = (Table::new(&["at", "account", "sender", "level", "from", "to"]), None);
    for account in accounts {
        let answer = api.get(&path(&["senders", &account, "history"])).await?.ok()?;
        if json {
            output::json(&answer.body)?;
            continue;
        }
        let list: Listing<LevelView> = answer.json()?;
        as_of = Some(as_of.map_or(list.as_of, |oldest: Time| oldest.min(list.as_of)));
        for level in list.items {
            let of = level.sender.unwrap_or_else(|| "all".to_owned());
            let cells =
                [level.at.to_string(), account.clone(), of, level.level.as_str().to_owned(), level.from, level.to];
            table.row(cells);
        }
    }
    if !json {
        table.print_as_of(as_of)?;
    }
    Ok(())
}
