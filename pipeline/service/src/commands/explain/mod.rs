//! `tollgate explain`: a message's story in words, or a ledger entry's that belongs to none.

mod view;

use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use tollgate_runtime::views;

use crate::client::{Answer, Api, ClientArgs, path};
use crate::output;

/// Tell why a message is where it is, and why it cost what it did.
///
/// What other software sent on your numbers has no request: it is asked for by the entry that a detail export names.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate explain acme 01JD3Y7Q\n  \
    tollgate explain acme 01JD3Y7Q --json\n  \
    tollgate explain acme 6cb79debf9e5245618abeea9463d333d")]
pub struct ExplainArgs {
    /// Account id
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    account: String,
    /// Request id; or the ledger entry of what has none
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    id: String,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs it.
///
/// # Errors
/// The service, or there is no such message.
pub async fn run(args: &ExplainArgs, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&args.client)?;
    let answer = api.get(&path(&["messages", &args.account, &args.id])).await?;
    let told = answer.problem().map(|problem| problem.code);
    // Who may see bills alone may see entries.
    if matches!(told.as_deref(), Some("not_found" | "forbidden")) && is_entry(&args.id) {
        let of_entry = api.get(&path(&["ledger", &args.account, &args.id])).await?;
        if of_entry.problem().is_none() {
            return tell(&of_entry, json, |answer| Ok(views::explain_entry(&answer.json::<view::Entry>()?.0)));
        }
    }
    tell(&answer.ok()?, json, |answer| Ok(views::explain(&answer.json::<view::Message>()?.0)))
}

fn tell(answer: &Answer, json: bool, story: impl Fn(&Answer) -> anyhow::Result<String>) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&answer.body)?;
    } else {
        output::raw(story(answer)?.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether it may be the id of a ledger entry.
fn is_entry(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
