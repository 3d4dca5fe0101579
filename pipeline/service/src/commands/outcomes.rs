//! `tollgate outcomes`: the outcomes feed of an account.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tollgate_wire::outcome::Outcome;

use crate::client::{Answer, Api, CallError, ClientArgs, encode, path};
use crate::output;

/// Outcomes of one read.
const PAGE: u64 = 1_000;
/// How long a read waits for the next outcome while following, in seconds.
const WAIT_S: u64 = 25;
/// How long to wait for a service that has gone while following.
const COME_BACK: Duration = Duration::from_secs(1);
/// Header with the cursor of the next read.
const NEXT: &str = "tollgate-next";

/// Follow what became of an account's messages.
///
/// Without --follow, ends after the newest. With --json each line is the outcome with its `cursor`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate outcomes acme --follow\n  \
    tollgate outcomes acme --after 81236 --json | jq 'select(.outcome==\"failed\")'")]
pub struct OutcomesArgs {
    /// Account id
    account: String,
    /// Go on as outcomes come; interrupt to end
    #[arg(long)]
    follow: bool,
    /// Only those after this cursor [default: from the oldest that is kept]
    #[arg(long, value_name = "CURSOR")]
    after: Option<u64>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &OutcomesArgs, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&args.client)?;
    let mut after = args.after.unwrap_or(0);
    let mut reached = false;
    loop {
        let wait = if args.follow { WAIT_S } else { 0 };
        let account = encode(&args.account);
        let address = format!("{}?account={account}&after={after}&limit={PAGE}&wait={wait}", path(&["outcomes"]));
        let answer = match api.get(&address).await {
            Ok(answer) => answer.ok()?,
            // A restart of the service does not end a follower.
            Err(CallError::NobodyThere { .. } | CallError::Cut { .. }) if args.follow && reached => {
                tokio::time::sleep(COME_BACK).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        reached = true;
        if json {
            output::raw(&answer.body)?;
        } else {
            print(&answer)?;
        }
        if answer.body.is_empty() && !args.follow {
            return Ok(ExitCode::SUCCESS);
        }
        after = answer.number(NEXT).unwrap_or(after);
    }
}

fn print(answer: &Answer) -> anyhow::Result<()> {
    let lines = answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for bytes in lines {
        let o: Outcome<'_> = serde_json::from_slice(bytes)?;
        let reason = o.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let retry = o.retry_at.map(|at| format!(", next try {at}")).unwrap_or_default();
        let charge = o.charge.as_ref().map(|charge| {
            let amount = charge.amount.map_or_else(|| "unpriced".to_owned(), |amount| amount.normalize().to_string());
            format!(", {amount} {}", charge.currency)
        });
        output::line(format_args!(
            "{}  {}  {}  {}{reason}{retry}{}",
            o.at,
            o.to,
            o.id,
            o.outcome,
            charge.unwrap_or_default()
        ))?;
    }
    Ok(())
}
