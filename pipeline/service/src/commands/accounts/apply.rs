//! `tollgate accounts apply`: what a file declares becomes what the service has.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use serde_json::json;
use tollgate_wire::command::AccountSpec;

use super::{Account, read_file};
use crate::client::{Api, ClientArgs, Problem, path};
use crate::commands::whole;
use crate::output;

/// How often the registry is asked whether it has the entry.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Create or change the accounts of a file.
///
/// The file is TOML with one account or many as [[account]], or JSON (*.json). It is the whole entry: what it leaves
/// out is removed or reset. Nothing is applied if the file is malformed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate accounts apply accounts.toml\n  \
    tollgate accounts apply accounts.toml --dry-run\n  \
    tollgate accounts show acme > acme.toml && tollgate accounts apply acme.toml")]
pub struct ApplyArgs {
    /// TOML, or JSON (*.json)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only tell what would be created or changed
    #[arg(long)]
    dry_run: bool,
    /// Seconds to wait until the service works with the new entries
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = whole::<u64>)]
    wait: u64,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs it.
///
/// # Errors
/// The file is malformed, or the service refuses; then the accounts before it in the file are applied.
pub async fn run(args: &ApplyArgs, json: bool) -> anyhow::Result<ExitCode> {
    let specs = read_file::read(&args.file)?;
    let api = Api::new(&args.client)?;
    let mut results = Vec::new();
    for (i, spec) in specs.iter().enumerate() {
        let before = have(&api, &spec.account).await?;
        let word = match before {
            None => "created",
            Some(before) if before == *spec => "unchanged",
            Some(_) => "changed",
        };
        if word != "unchanged" && !args.dry_run {
            put(&api, spec).await.map_err(|error| {
                let field = error.downcast_ref::<Box<Problem>>().and_then(|problem| problem.field.as_deref());
                let line = field.and_then(|field| read_file::line(&args.file, i, field));
                let line = line.map(|line| format!(":{line}")).unwrap_or_default();
                error.context(format!("{}{line}: account {:?}", args.file.display(), spec.account))
            })?;
            settled(&api, spec, Duration::from_secs(args.wait)).await?;
        }
        if json {
            results.push(json!({ "account": spec.account, "result": word }));
        } else {
            let would = if args.dry_run && word != "unchanged" { "would be " } else { "" };
            output::line(format_args!("{}: {would}{word}", spec.account))?;
        }
    }
    if json {
        output::line(json!({ "dry_run": args.dry_run, "accounts": results }))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn put(api: &Api, spec: &AccountSpec) -> anyhow::Result<()> {
    let body = serde_json::to_vec(spec)?;
    api.put(&path(&["accounts", &spec.account]), body.into()).await?.ok()?;
    Ok(())
}

/// The entry that the service works with.
async fn have(api: &Api, account: &str) -> anyhow::Result<Option<AccountSpec>> {
    let answer = api.get(&path(&["accounts", account])).await?;
    if answer.problem().is_some_and(|problem| problem.code == "unknown_account") {
        return Ok(None);
    }
    Ok(Some(answer.ok()?.json::<Account>()?.spec))
}

/// Waits until the service works with the entry: it was durable before, but what comes next may need it at once.
async fn settled(api: &Api, spec: &AccountSpec, bound: Duration) -> anyhow::Result<()> {
    let since = Instant::now();
    while have(api, &spec.account).await?.as_ref() != Some(spec) {
        if since.elapsed() >= bound {
            let account = &spec.account;
            return Err(anyhow!(
                "account {account:?} is accepted, but not in force after {} seconds; what the service refuses is in \
                 `tollgate dead-letters list` with what to correct, anything else in its log",
                bound.as_secs()
            ));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
