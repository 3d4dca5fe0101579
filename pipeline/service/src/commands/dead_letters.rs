//! `tollgate dead-letters list`: records that were set aside, without their bytes.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use tollgate_wire::Time;

use crate::client::{Api, ClientArgs, path};
use crate::output::{self, Table};

/// Show records that were set aside because they could not be read.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate dead-letters list")]
pub struct DeadLettersArgs {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    /// List them from the oldest that is kept, with the reason of each
    #[command(after_help = "Examples:\n  tollgate dead-letters list\n  tollgate dead-letters list --after 1200 --json")]
    List {
        /// Only those after this offset
        #[arg(long, value_name = "OFFSET")]
        after: Option<u64>,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        client: ClientArgs,
    },
}

#[derive(Deserialize)]
struct Page {
    items: Vec<DeadLetter>,
}

#[derive(Deserialize)]
struct DeadLetter {
    offset: u64,
    at: Time,
    headers: Vec<(String, String)>,
    bytes: u64,
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &DeadLettersArgs, json: bool) -> anyhow::Result<ExitCode> {
    let DeadLettersCommand::List { after, limit, client } = &args.command;
    let after = after.map_or_else(String::new, |after| format!("&after={after}"));
    let address = format!("{}?limit={limit}{after}", path(&["dead-letters"]));
    let answer = Api::new(client)?.get(&address).await?.ok()?;
    if json {
        output::json(&answer.body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(&["offset", "at", "reason", "topic", "bytes", "more"]);
    for letter in answer.json::<Page>()?.items {
        let mut headers = letter.headers;
        let mut take = |name: &str| match headers.iter().position(|(have, _)| have == name) {
            Some(at) => headers.remove(at).1,
            None => "-".to_owned(),
        };
        let (reason, topic) = (take("reason"), take("topic"));
        let more: Vec<String> = headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let bytes = letter.bytes.to_string();
        table.row([letter.offset.to_string(), letter.at.to_string(), reason, topic, bytes, more.join(" ")]);
    }
    table.print()?;
    Ok(ExitCode::SUCCESS)
}
