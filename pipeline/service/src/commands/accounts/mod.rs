//! `tollgate accounts`: the registry's entries, from files and back.

mod apply;
mod read_file;

pub use read_file::read as read_accounts;
#[cfg(test)]
pub use read_file::read_text;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use tollgate_wire::Time;

use crate::client::{Api, ClientArgs, Listing, path};
use crate::output::{self, Table};

/// Create, change and show accounts.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate accounts apply accounts.toml\n  tollgate accounts show acme")]
pub struct AccountsArgs {
    #[command(subcommand)]
    command: AccountsCommand,
}

#[derive(Debug, Subcommand)]
enum AccountsCommand {
    Apply(apply::ApplyArgs),
    /// List all accounts
    #[command(after_help = "Examples:\n  tollgate accounts list\n  tollgate accounts list --json")]
    List {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show an account as it was declared, with its live state
    #[command(after_help = "Examples:\n  tollgate accounts show acme\n  tollgate accounts show acme --json")]
    Show {
        /// Account id
        account: String,
        #[command(flatten)]
        client: ClientArgs,
    },
}

/// An account's live state, as far as it is shown.
#[derive(Debug, Deserialize)]
struct AccountState {
    as_of: Time,
    account: String,
    name: String,
    disabled: bool,
    limit: tollgate_quality::Limit,
    quota_used: u32,
    parked_messages: u64,
    senders: u64,
    campaigns: u64,
}

#[derive(Deserialize)]
struct Account {
    spec: tollgate_wire::command::AccountSpec,
    #[serde(default)]
    state: Option<AccountState>,
}

/// Runs it.
///
/// # Errors
/// The file, the service or stdout.
pub async fn run(args: &AccountsArgs, json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        AccountsCommand::Apply(args) => apply::run(args, json).await,
        AccountsCommand::List { client } => list(client, json).await,
        AccountsCommand::Show { account, client } => show(account, client, json).await,
    }
}

/// Ids of all accounts that the token may see.
///
/// # Errors
/// The service is not there or refuses.
pub async fn ids(api: &Api) -> anyhow::Result<Vec<String>> {
    let list: Listing<AccountState> = api.get(&path(&["accounts"])).await?.ok()?.json()?;
    Ok(list.items.into_iter().map(|account| account.account).collect())
}

async fn list(client: &ClientArgs, json: bool) -> anyhow::Result<ExitCode> {
    let answer = Api::new(client)?.get(&path(&["accounts"])).await?.ok()?;
    if json {
        output::json(&answer.body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let list: Listing<AccountState> = answer.json()?;
    let mut table = Table::new(&["account", "name", "state", "limit", "used", "waiting", "senders", "campaigns"]);
    for a in list.items {
        table.row([
            a.account,
            a.name,
            if a.disabled { "disabled" } else { "active" }.to_owned(),
            limit(a.limit),
            a.quota_used.to_string(),
            a.parked_messages.to_string(),
            a.senders.to_string(),
            a.campaigns.to_string(),
        ]);
    }
    table.print_as_of(Some(list.as_of))?;
    Ok(ExitCode::SUCCESS)
}

async fn show(account: &str, client: &ClientArgs, json: bool) -> anyhow::Result<ExitCode> {
    let answer = Api::new(client)?.get(&path(&["accounts", account])).await?.ok()?;
    if json {
        output::json(&answer.body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Account { spec, state } = answer.json()?;
    // The entry as `apply` takes it, so that it can be edited and applied again.
    output::raw(toml::to_string(&spec)?.as_bytes())?;
    if let Some(state) = state {
        output::line(format_args!("\n# As of {}", state.as_of))?;
        output::line(format_args!("# unique users in 24 h  {} of {}", state.quota_used, limit(state.limit)))?;
        output::line(format_args!("# messages waiting      {}", state.parked_messages))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn limit(limit: tollgate_quality::Limit) -> String {
    serde_json::to_value(limit).ok().map_or_else(String::new, |limit| limit.to_string().trim_matches('"').to_owned())
}
