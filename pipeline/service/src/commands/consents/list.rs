//! The suppression list: who is on it, and off it again.

use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use tollgate_wire::Time;

use crate::client::{Api, ClientArgs, encode, path};
use crate::output;

/// People of one read.
const PAGE: u64 = 1_000;

/// Show who is on an account's suppression list.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate consents suppressed --account acme\n  \
    tollgate consents suppressed --account acme --json")]
pub(super) struct ListArgs {
    /// Account id
    #[arg(long)]
    account: String,
    #[command(flatten)]
    client: ClientArgs,
}

/// Take a person off an account's suppression list.
///
/// What the person consented to, or refused, holds as before.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  tollgate consents unsuppress +5511987654321 --account acme --source \"asked by letter\""
)]
pub(super) struct LiftArgs {
    /// E.164 number or business-scoped id
    to: String,
    /// Account id
    #[arg(long)]
    account: String,
    /// Why, for the proof
    #[arg(long, default_value = "command line")]
    source: String,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Deserialize)]
struct Page {
    as_of: Time,
    items: Vec<Listed>,
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    to: String,
}

/// Shows the list, page by page.
pub(super) async fn show(args: &ListArgs, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&args.client)?;
    let mut after = String::new();
    loop {
        let address = format!("{}?after={}&limit={PAGE}", path(&["suppressions", &args.account]), encode(&after));
        let answer = api.get(&address).await?.ok()?;
        let page: Page = answer.json()?;
        for Listed { to } in &page.items {
            match json {
                true => output::line(serde_json::json!({ "to": to, "as_of": page.as_of }))?,
                false => output::line(to)?,
            }
        }
        match page.next {
            Some(next) => after = next,
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Takes one person off it.
pub(super) async fn lift(args: &LiftArgs, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&args.client)?;
    let address = path(&["contacts", &args.account, &args.to, "suppression"]);
    let answer = api.delete(&format!("{address}?source={}", encode(&args.source))).await?.ok()?;
    if json {
        output::json(&answer.body)?;
    } else {
        output::line("off the suppression list")?;
    }
    Ok(ExitCode::SUCCESS)
}
