//! `tollgate person`: one person's data, given out and erased.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::client::{Api, ClientArgs, path};
use crate::output;

/// Give out or erase what is held of one person.
///
/// Number and business-scoped id are held each for itself: ask for both where a person is addressed by both.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate person export acme +5511987654321 > person.json\n  \
    tollgate person erase acme +5511987654321 --yes")]
pub struct PersonArgs {
    #[command(subcommand)]
    command: PersonCommand,
}

#[derive(Debug, Subcommand)]
enum PersonCommand {
    Export(ExportArgs),
    Erase(EraseArgs),
}

/// Write all that views and ledger hold of a person as JSON.
///
/// Consents with their proofs, messages with where they are, and ledger entries; of each of the last two the newest ten
/// thousand, `more` says when there are others. Then what the person waits for an answer to, and the campaigns that are tried
/// on the person. The content of messages is not kept.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate person export acme +5511987654321 > person.json")]
struct ExportArgs {
    /// Account id
    account: String,
    /// E.164 number or business-scoped id
    to: String,
    #[command(flatten)]
    client: ClientArgs,
}

/// Erase a person: number and platform's message ids beside the ledger and in the views, metadata, proofs, and consents.
///
/// Amounts stay with keyed hashes; so does what the person refuses, with a place on the suppression list, because it must be
/// kept to. What is told later of messages that were requested before is kept without number, ids and metadata; messages
/// that others sent are so for 30 days more, as it is not known when they were requested. What is requested afterwards is kept
/// as usual. Records of the log go with its retention, messages of the shards 30 days after they ended. Records that could
/// not be read (`tollgate dead-letters`, table `rejected` of the ledger) are kept as they came: look there by hand. A person
/// addressed by number and by business-scoped id is erased by both. This cannot be undone.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate person erase acme +5511987654321 --yes")]
struct EraseArgs {
    /// Account id
    account: String,
    /// E.164 number or business-scoped id
    to: String,
    /// Needed: it cannot be undone
    #[arg(long, required = true)]
    yes: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &PersonArgs) -> anyhow::Result<ExitCode> {
    let answer = match &args.command {
        PersonCommand::Export(ExportArgs { account, to, client }) => {
            Api::new(client)?.get(&path(&["contacts", account, to])).await?.ok()?
        }
        PersonCommand::Erase(EraseArgs { account, to, client, .. }) => {
            Api::new(client)?.delete(&path(&["contacts", account, to])).await?.ok()?
        }
    };
    output::json(&answer.body)?;
    Ok(ExitCode::SUCCESS)
}
