//! `tollgate consents`: opt-ins with their proof and opt-outs from a CSV file, and the suppression list.

mod file;
mod list;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use self::file::{Kind, People};
use self::list::{LiftArgs, ListArgs};
use crate::client::{Api, ClientArgs};
use crate::output;
use crate::upload::{Report, Sender, ServiceSender, Upload};

/// How long the service may be away in the middle.
const GIVE_UP: Duration = Duration::from_secs(120);

/// Record opt-ins and opt-outs, and keep the suppression list.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate consents import consents.csv --account acme")]
pub struct ConsentsArgs {
    #[command(subcommand)]
    command: ConsentsCommand,
}

#[derive(Debug, Subcommand)]
enum ConsentsCommand {
    Import(ImportArgs),
    Suppress(SuppressArgs),
    Suppressed(ListArgs),
    Unsuppress(LiftArgs),
}

/// Record the consents of a CSV file.
///
/// Columns: to (E.164), state (opt_in or opt_out), and as far as there are: category (marketing, utility,
/// authentication, service; empty for all), source, at (RFC 3339), text_version, expires (RFC 3339: when an opt-in ends),
/// confirmed (true: the person confirmed it already), brand (one of the account's `policy.brands`; empty for the account as a
/// whole). A bad row is reported with its line and does not stop the others;
/// then the exit code is 1.
///
/// The same row again, with its `at`, adds no proof. A row without `at` holds from the start of its import, by the
/// service's clock; each import adds a proof then. Rows of one person without `at` are of one time, and an opt-out among
/// them wins, in whatever order they stand. An opt-in said before an opt-out on record counts for nothing, in whatever
/// order they come; its
/// proof is kept.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate consents import consents.csv --account acme\n  \
    tollgate consents import consents.csv --account acme --json")]
struct ImportArgs {
    /// CSV with a header row
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Account id
    #[arg(long)]
    account: String,
    #[command(flatten)]
    client: ClientArgs,
}

/// Put the people of a CSV file on an account's suppression list.
///
/// Columns: to (E.164), and as far as there are: source (why), at (RFC 3339). Nothing is sent to whoever is on the list,
/// whatever was or will be consented to, answers and one-time codes included; `unsuppress` alone takes a person off it. A
/// bad row is reported with its line and does not stop the others; then the exit code is 1.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate consents suppress complaints.csv --account acme")]
struct SuppressArgs {
    /// CSV with a header row
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Account id
    #[arg(long)]
    account: String,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs it.
///
/// # Errors
/// The file cannot be read, or the service refuses or stays away.
pub async fn run(args: &ConsentsArgs, json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        ConsentsCommand::Import(args) => upload(Kind::Consent, args, json).await,
        ConsentsCommand::Suppress(SuppressArgs { file, account, client }) => {
            let args = ImportArgs { file: file.clone(), account: account.clone(), client: client.clone() };
            upload(Kind::Suppression, &args, json).await
        }
        ConsentsCommand::Suppressed(args) => list::show(args, json).await,
        ConsentsCommand::Unsuppress(args) => list::lift(args, json).await,
    }
}

async fn upload(kind: Kind, args: &ImportArgs, json: bool) -> anyhow::Result<ExitCode> {
    let file = args.file.display().to_string();
    let rows = People::open(kind, &args.file, &args.account)?;
    let bytes = std::fs::metadata(&args.file).map_or(0, |meta| meta.len());
    let api = Api::new(&args.client)?;
    let (path, bar) = ("/v1/consents:batch", output::bar(bytes, true));
    // A person may stand in several rows, and what was said last holds.
    let to = Sender::Service(Box::new(ServiceSender::new(&api, path, true, GIVE_UP).in_order().dated()));
    let upload = Upload { to: Arc::new(to), file: &file, bar };
    let (report, result) = upload.run(rows, |_, _| {}).await;
    if result.is_ok() || report.accepted > 0 {
        print(kind, &file, &report, json)?;
    }
    result?;
    Ok(if report.bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(kind: Kind, file: &str, report: &Report, json: bool) -> std::io::Result<()> {
    if json {
        return output::line(
            json!({ "file": file, "accepted": report.accepted, "bad": report.bad, "bad_rows": report.bad_rows }),
        );
    }
    let what = match kind {
        Kind::Consent => "consents recorded",
        Kind::Suppression => "people suppressed",
    };
    output::line(format_args!("{file}: {} {what}, {} bad rows", report.accepted, report.bad))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::tests::service;
    use std::fmt::Write as _;

    #[tokio::test]
    async fn what_is_said_last_is_sent_last() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("consents.csv");
        let mut rows = "to,state\n".to_owned();
        for state in ["opt_in", "opt_out"] {
            for n in 0..2_000 {
                writeln!(rows, "+55119{:08},{state}", 80_000_000 + n).expect("memory");
            }
        }
        std::fs::write(&file, rows).expect("written");
        let (address, seen) = service();
        let client = ClientArgs { url: Some(format!("http://{address}")), token_file: None };
        let args = ImportArgs { file, account: "acme".to_owned(), client };
        upload(Kind::Consent, &args, true).await.expect("all is taken");
        assert_eq!(seen.batches(), (1, vec![2, 2_002]), "after the header");
    }
}
