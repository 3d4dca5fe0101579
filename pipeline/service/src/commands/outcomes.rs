//! `tollgate outcomes`: the outcomes feed of an account.

use std::io;
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::io::{Interest, Ready};
use tokio::net::unix::pipe;
use tollgate_wire::outcome::Outcome;

use super::whole;
use crate::client::{Answer, Api, CallError, ClientArgs, encode, path};
use crate::output;

/// Outcomes of one read.
const PAGE: u64 = 1_000;
/// How long a read waits for the next outcome while following, in seconds.
const WAIT_S: u64 = 25;
/// First wait for a service that has gone while following; doubles up to [`WAIT_MAX`].
const COME_BACK: Duration = Duration::from_secs(1);
/// Longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How long a service may be away before a follower gives up.
const GIVE_UP: Duration = Duration::from_secs(600);
/// Header with the cursor of the next read.
const NEXT: &str = "tollgate-next";

/// Follow what became of an account's messages.
///
/// Without --follow, ends after the newest. A follower waits up to ten minutes for a service that restarts. With --json
/// each line is the outcome with its `cursor`.
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
    #[arg(long, value_name = "CURSOR", value_parser = whole::<u64>)]
    after: Option<u64>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &OutcomesArgs, json: bool) -> anyhow::Result<ExitCode> {
    if !args.follow {
        return read(args, json).await;
    }
    tokio::select! {
        ended = read(args, json) => ended,
        () = reader_gone() => Ok(ExitCode::SUCCESS),
    }
}

async fn read(args: &OutcomesArgs, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&args.client)?;
    let mut after = args.after.unwrap_or(0);
    let (mut answered, mut pause) = (None::<Instant>, COME_BACK);
    loop {
        let wait = if args.follow { WAIT_S } else { 0 };
        let account = encode(&args.account);
        let address = format!("{}?account={account}&after={after}&limit={PAGE}&wait={wait}", path(&["outcomes"]));
        // A restart of the service does not end a follower.
        let waits = args.follow && answered.is_some_and(|at| at.elapsed() < GIVE_UP);
        let asked = match api.get(&address).await {
            Ok(answer) if waits && matches!(answer.status, 429 | 502..=504) => answer.retry_after_s(),
            Err(CallError::NobodyThere { .. } | CallError::Cut { .. }) if waits => None,
            answer => {
                let answer = answer?.ok()?;
                (answered, pause) = (Some(Instant::now()), COME_BACK);
                if json {
                    output::raw(&answer.body)?;
                } else {
                    print(&answer)?;
                }
                if answer.body.is_empty() && !args.follow {
                    return Ok(ExitCode::SUCCESS);
                }
                after = answer.number(NEXT).unwrap_or(after);
                continue;
            }
        };
        tokio::time::sleep(asked.map_or(pause, |seconds| Duration::from_secs(seconds).min(WAIT_MAX))).await;
        pause = (pause * 2).min(WAIT_MAX);
    }
}

/// Comes back once nobody reads stdout any more: a pipe whose other end is closed. Whatever else stdout is, never.
async fn reader_gone() {
    // Another handle of it; how it is written to stays as it is.
    let stdout = io::stdout().as_fd().try_clone_to_owned().and_then(pipe::Sender::from_owned_fd_unchecked);
    if let Ok(stdout) = stdout
        && stdout.ready(Interest::ERROR).await.is_ok_and(Ready::is_error)
    {
        return;
    }
    std::future::pending().await
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
