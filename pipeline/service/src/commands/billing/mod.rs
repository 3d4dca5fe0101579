//! `tollgate billing export`: a month as CSV, from the ledger's file or through the service.
//!
//! `scope` what an export is of, its default name, and what it may replace · `through_http` by the service · `rerate`
//! what a month would have cost · `rerate_show` how that is shown.

mod rerate;
mod rerate_show;
mod scope;
mod through_http;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use tollgate_rate_card::YearMonth;
use tollgate_runtime::clock;
use tollgate_runtime::export::{Format, Request, export, write_csv};
use tollgate_runtime::ledger::{Options, Place, Reader, Stream};
use tollgate_runtime::store::check_format;
use tollgate_wire::Time;

use self::scope::Scope;
use super::wait;
use crate::client::ClientArgs;
use crate::config::ConfigArgs;
use crate::exit::WrongUse;
use crate::output;

/// Export what a month cost, or rate it again by other rules.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing export --month 2026-10\n  \
    tollgate billing rerate --month 2026-09 --rules-of 2026-10-01")]
pub struct BillingArgs {
    #[command(subcommand)]
    command: BillingCommand,
}

#[derive(Debug, Subcommand)]
enum BillingCommand {
    Export(ExportArgs),
    Rerate(rerate::RerateArgs),
}

/// Write a month's CSV and its manifest.
///
/// Reads the ledger in data_dir, while the service runs or not; with --url it asks the service instead. An export is
/// replaced whole or not at all, and only by one of the same month, account and format.
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
    /// File to write, `-` for stdout without a manifest [default: billing_MONTH_FORMAT.csv, with --account
    /// billing_MONTH_ACCOUNT_FORMAT.csv]
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
    match args.command {
        BillingCommand::Export(args) => run_export(args, before, json),
        BillingCommand::Rerate(args) => rerate::run(args, before, json),
    }
}

fn run_export(mut args: ExportArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    args.config = args.config.or(before);
    if args.with_recipients && args.format != FormatName::Detail {
        return Err(WrongUse("--with-recipients needs --format detail: sums have no recipients".to_owned()).into());
    }
    let scope = Scope::of(&args);
    let out = args.out.clone().unwrap_or_else(|| scope.default_name().into());
    if !is_stdout(&out) {
        scope.may_replace(&out)?;
    }
    if let Some(note) = scope::future(args.month, clock::now()) {
        eprintln!("tollgate: {note}");
    }
    if args.client.url.is_some() {
        wait(through_http::export(&args, &out, json))?;
    } else {
        from_file(&args, &out, json)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The ledger of a configuration.
fn reader(config: &ConfigArgs) -> anyhow::Result<Reader> {
    let place = config.ledger()?;
    if let Place::File(_) = place {
        check_format(&config.data_dir()?)?;
    }
    Ok(place.reader(Options::default())?)
}

fn from_file(args: &ExportArgs, out: &Path, json: bool) -> anyhow::Result<()> {
    let reader = reader(&args.config)?;
    if let Some(account) = &args.account {
        scope::check_account(&reader, account, args.month)?;
    }
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
        print(out, manifest.rows, manifest.entries, manifest.as_of)?;
    }
    Ok(())
}

fn print(out: &Path, rows: u64, entries: u64, as_of: Time) -> std::io::Result<()> {
    output::line(format_args!("{}: {rows} rows of {entries} entries, as of {as_of}", out.display()))
}

fn is_stdout(out: &Path) -> bool {
    out.as_os_str() == "-"
}
