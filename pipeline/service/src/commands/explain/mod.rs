//! `tollgate explain`: a message's story in words.

mod view;

use std::process::ExitCode;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use tollgate_runtime::views;

use crate::client::{Api, ClientArgs, path};
use crate::output;

/// Tell why a message is where it is, and why it cost what it did.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate explain acme 01JD3Y7Q\n  tollgate explain acme 01JD3Y7Q --json")]
pub struct ExplainArgs {
    /// Account id
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    account: String,
    /// Request id
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
    let answer = Api::new(&args.client)?.get(&path(&["messages", &args.account, &args.id])).await?.ok()?;
    if json {
        output::json(&answer.body)?;
    } else {
        output::raw(views::explain(&answer.json::<view::Message>()?.0).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}
