//! `tollgate billing export`: a month as CSV, from the ledger's file or through the service.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use tollgate_rate_card::YearMonth;
use tollgate_runtime::export::{Format, Request, export, write_csv};
use tollgate_runtime::ledger::{Options, Reader, Stream};
use tollgate_runtime::node::LEDGER_FILE;

use super::wait;
use crate::client::{Api, ClientArgs, encode, path};
use crate::config::ConfigArgs;
use crate::exit::WrongUse;
use crate::output;

/// Export what a month cost.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate billing export --month 2026-10")]
pub struct BillingArgs {
    #[command(subcommand)]
    command: BillingCommand,
}

#[derive(Debug, Subcommand)]
enum BillingCommand {
    /// Write a month's CSV and its manifest
    Export(ExportArgs),
}

/// Write a month's CSV and its manifest.
///
/// Reads the ledger in data_dir, while the service runs or not; with --url it asks the service instead, which gives no
/// manifest. The CSV is replaced whole or not at all.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing export --month 2026-10\n  \
    tollgate billing export --month 2026-10 --account acme --format detail --out acme.csv\n  \
    tollgate billing export --month 2026-10 --out - | head\n  \
    tollgate billing export --month 2026-10 --url https://tollgate.example.com --token-file finance.token")]
struct ExportArgs {
    /// Billing month, YYYY-MM, in each WABA's time zone
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    /// Rows: sums, or every ledger entry
    #[arg(long, value_enum, default_value_t = FormatName::Summary)]
    format: FormatName,
    /// File to write, `-` for stdout without a manifest [default: billing_MONTH_FORMAT.csv]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Add recipient and wamid to the detail, where they were not erased
    #[arg(long)]
    with_recipients: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// One row per combination of the summary columns.
    Summary,
    /// One row per ledger entry.
    Detail,
}

impl FormatName {
    fn format(self) -> Format {
        match self {
            Self::Summary => Format::Summary,
            Self::Detail => Format::Detail,
        }
    }
}

/// Runs it.
///
/// # Errors
/// The ledger, the service or the file.
pub fn run(args: BillingArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    let BillingCommand::Export(mut args) = args.command;
    args.config = args.config.or(before);
    if args.with_recipients && args.format != FormatName::Detail {
        return Err(WrongUse("--with-recipients needs --format detail: sums have no recipients".to_owned()).into());
    }
    let name = format!("billing_{}_{}.csv", args.month, args.format.format().as_str());
    let out = args.out.clone().unwrap_or_else(|| name.into());
    if args.client.url.is_some() {
        wait(through_http(&args, &out, json))?;
    } else {
        from_file(&args, &out, json)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn from_file(args: &ExportArgs, out: &Path, json: bool) -> anyhow::Result<()> {
    let reader = Reader::open(&args.config.data_dir()?.join(LEDGER_FILE), Options::default())?;
    let request = Request {
        month: args.month,
        account: args.account.clone(),
        format: args.format.format(),
        with_recipients: args.with_recipients,
        as_of: reader.as_of(Stream::Ledger)?,
    };
    let bar = output::bar(0, false);
    let mut progress = |rows, of| {
        bar.set_length(of);
        bar.set_position(rows);
    };
    if is_stdout(out) {
        write_csv(&reader, &request, "stdout", &mut std::io::stdout().lock(), &mut progress)?;
        bar.finish_and_clear();
        return Ok(());
    }
    let manifest = export(&reader, &request, out, &mut progress)?;
    bar.finish_and_clear();
    if json {
        output::line(manifest.to_json().trim_end())?;
    } else {
        output::line(format_args!(
            "{}: {} rows of {} entries, as of {}",
            out.display(),
            manifest.rows,
            manifest.entries,
            manifest.as_of
        ))?;
    }
    Ok(())
}

async fn through_http(args: &ExportArgs, out: &Path, json: bool) -> anyhow::Result<()> {
    if args.with_recipients {
        let remedy = "the service gives no recipients; run it where data_dir is, without --url and TOLLGATE_URL";
        return Err(WrongUse(format!("--with-recipients with --url: {remedy}")).into());
    }
    let api = Api::new(&args.client)?;
    let account = args.account.as_deref().map(|account| format!("&account={}", encode(account)));
    let address = format!(
        "{}?format={}{}",
        path(&["billing", &format!("{}.csv", args.month)]),
        args.format.format().as_str(),
        account.unwrap_or_default()
    );
    if is_stdout(out) {
        api.download(&address, &mut std::io::stdout().lock()).await?;
        return Ok(());
    }
    let mut partial = out.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = download(&api, &address, &partial, out).await.inspect_err(|_| {
        // It may not exist; the error that matters is the one at hand.
        let _ = std::fs::remove_file(&partial);
    })?;
    if json {
        output::line(json!({ "file": out, "bytes": written }))?;
    } else {
        output::line(format_args!("{}: {written} bytes", out.display()))?;
    }
    Ok(())
}

/// Beside, then renamed, so that nothing half-written ever has the name.
async fn download(api: &Api, address: &str, partial: &Path, out: &Path) -> anyhow::Result<u64> {
    let cannot = || format!("--out {} cannot be written", out.display());
    let mut file = File::create(partial).with_context(cannot)?;
    let written = api.download(address, &mut file).await?;
    file.flush().with_context(cannot)?;
    file.sync_all().with_context(cannot)?;
    std::fs::rename(partial, out).with_context(cannot)?;
    Ok(written)
}

fn is_stdout(out: &Path) -> bool {
    out.as_os_str() == "-"
}
