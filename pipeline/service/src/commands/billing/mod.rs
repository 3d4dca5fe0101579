//! `tollgate billing export`: a month as CSV, from the ledger's file or through the service.
//!
//! `scope` what an export is of, its default name, and what it may replace · `through_http` by the service · `rerate`
//! what a month would have cost · `rerate_show` how that is shown · `reconcile` a month beside the platform's figures ·
//! `invoice` invoices of closed months · `credit` what finance takes off a bill · `leftovers` of exports that were interrupted · `reconcile_show` how that is shown · `forecast` what is ahead · `analytics` the platform's figures,
//! kept · `close` settling, closing, and that what is closed
//! stays.

mod analytics;
mod close;
mod credit;
mod forecast;
mod invoice;
mod leftovers;
mod reconcile;
mod reconcile_show;
mod rerate;
mod rerate_show;
mod scope;
mod through_http;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};
use tollgate_rate_card::YearMonth;
use tollgate_runtime::clock;
use tollgate_runtime::export::{Focus, Format, Request, View, export, is_parquet, write_csv};
use tollgate_runtime::ledger::{Options, Place, Reader, Stream};
use tollgate_runtime::store::check_format;
use tollgate_wire::Time;

use self::scope::Scope;
use super::wait;
use crate::client::ClientArgs;
use crate::config::ConfigArgs;
use crate::exit::WrongUse;
use crate::output;

/// Export what a month cost, settle and close it, compare it with the platform's figures, or look ahead.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing export --month 2026-10\n  \
    tollgate billing close --month 2026-10\n  \
    tollgate billing reconcile --month 2026-10\n  \
    tollgate billing rerate --month 2026-09 --rules-of 2026-10-01")]
pub struct BillingArgs {
    #[command(subcommand)]
    command: BillingCommand,
}

#[derive(Debug, Subcommand)]
enum BillingCommand {
    Export(ExportArgs),
    Settle(close::SettleArgs),
    Close(close::CloseArgs),
    Verify(close::VerifyArgs),
    #[command(
        subcommand,
        after_help = "Examples:\n  \
        tollgate billing invoice attach --month 2026-10 --account acme --invoice R-2026-117\n  \
        tollgate billing invoice list --month 2026-10"
    )]
    Invoice(invoice::InvoiceCommand),
    Credit(credit::CreditArgs),
    Analytics(analytics::AnalyticsArgs),
    Reconcile(reconcile::ReconcileArgs),
    Rerate(rerate::RerateArgs),
    Forecast(forecast::ForecastArgs),
}

/// Write a month's CSV and its manifest.
///
/// Reads the ledger in data_dir, while the service runs or not; with --url it asks the service instead, as with
/// TOLLGATE_URL where no --config is given. An export is replaced whole or not at all, and only by one of the same month,
/// account, format and view.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing export --month 2026-10\n  \
    tollgate billing export --month 2026-10 --account acme --format detail --out acme.csv\n  \
    tollgate billing export --month 2026-10 --out - | head\n  \
    tollgate billing export --month 2026-10 --format focus --view customer\n  \
    tollgate billing export --month 2026-10 --format detail --parquet\n  \
    tollgate billing export --month 2026-10 --url https://tollgate.example.com --token-file finance.token")]
struct ExportArgs {
    /// Billing month, YYYY-MM, in each WABA's time zone
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    /// Rows: sums, every ledger entry, or sums as FOCUS 1.2 names them
    #[arg(long, value_enum, default_value_t = FormatName::Summary)]
    format: FormatName,
    /// Whose bill a FOCUS export is [default: provider]
    #[arg(long, value_enum)]
    view: Option<ViewName>,
    /// File to write, `-` for stdout without a manifest [default: billing_MONTH_FORMAT.csv, with --account
    /// billing_MONTH_ACCOUNT_FORMAT.csv; FORMAT is focus_VIEW for FOCUS]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Write Parquet instead of CSV, as --out PATH.parquet does; only builds with `--features parquet` can
    #[arg(long)]
    parquet: bool,
    /// Add recipient and wamid to the detail, where they were not erased
    #[arg(long)]
    with_recipients: bool,
    /// Name the invoices that are attached to the month, where it has any
    #[arg(long)]
    with_invoices: bool,
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
    /// FOCUS 1.2, cost and usage: the rows of the summary.
    Focus,
}

impl FormatName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Detail => "detail",
            Self::Focus => "focus",
        }
    }
}

/// Whose bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ViewName {
    /// What the platform charges.
    Provider,
    /// What clients are charged by the company named in billing.issuer.
    Customer,
}

impl ViewName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Customer => "customer",
        }
    }
}

impl ExportArgs {
    /// The view of a FOCUS export; none of others.
    fn view(&self) -> Option<ViewName> {
        (self.format == FormatName::Focus).then(|| self.view.unwrap_or(ViewName::Provider))
    }
}

/// Runs it.
///
/// # Errors
/// The ledger, the service or the file.
pub fn run(args: BillingArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    match args.command {
        BillingCommand::Export(args) => run_export(args, before, json),
        BillingCommand::Analytics(args) => analytics::run(args, before, json),
        BillingCommand::Reconcile(args) => reconcile::run(args, before, json),
        BillingCommand::Credit(args) => wait(credit::run(args, json)),
        BillingCommand::Rerate(args) => rerate::run(args, before, json),
        BillingCommand::Forecast(args) => forecast::run(args, before, json),
        BillingCommand::Settle(args) => wait(close::settle(args, json)),
        BillingCommand::Close(args) => wait(close::close(args, json)),
        BillingCommand::Verify(args) => close::verify_all(args, before, json),
        BillingCommand::Invoice(command) => invoice::run(command, before, json),
    }
}

fn run_export(mut args: ExportArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    args.config = args.config.or(before);
    if args.with_recipients && args.format != FormatName::Detail {
        return Err(WrongUse("--with-recipients needs --format detail: sums have no recipients".to_owned()).into());
    }
    if args.view.is_some() && args.format != FormatName::Focus {
        return Err(WrongUse("--view needs --format focus: other formats have both sides".to_owned()).into());
    }
    let scope = Scope::of(&args);
    let out =
        args.out.clone().unwrap_or_else(|| scope.default_name(if args.parquet { "parquet" } else { "csv" }).into());
    args.config.or_service(args.client.url.as_deref())?;
    let asks_service = args.config.config.is_none() && args.client.url().is_some();
    check_parquet(&args, &out, asks_service)?;
    if !is_stdout(&out) {
        scope.may_replace(&out)?;
    }
    if let Some(note) = scope::future(args.month, clock::now()) {
        eprintln!("tollgate: {note}");
    }
    if !is_stdout(&out) {
        leftovers::clear(&out)?;
    }
    if asks_service {
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
        format: format(args, &reader)?,
        with_recipients: args.with_recipients,
        invoices: args.with_invoices.then(|| reader.invoices(args.month, args.account.as_deref())).transpose()?,
        as_of: reader.as_of(Stream::Ledger)?,
    };
    let bar = output::bar(0, false);
    let mut progress = |rows, of| {
        bar.set_length(of);
        bar.set_position(rows);
    };
    if is_stdout(out) {
        write_csv(&reader, &request, "stdout", &mut std::io::stdout(), &mut progress)?;
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

fn format(args: &ExportArgs, reader: &Reader) -> anyhow::Result<Format> {
    let view = match (args.format, args.view()) {
        (FormatName::Summary, _) => return Ok(Format::Summary),
        (FormatName::Detail, _) => return Ok(Format::Detail),
        (FormatName::Focus, Some(ViewName::Customer)) => {
            let remedy = "set it in the configuration to the company that invoices your clients";
            let issuer = args.config.billing_issuer()?;
            View::Customer {
                issuer: issuer.ok_or_else(|| anyhow!("--view customer: billing.issuer is empty; {remedy}"))?,
            }
        }
        (FormatName::Focus, _) => View::Provider,
    };
    Ok(Format::Focus(Focus { view, zones: reader.zones(args.account.as_deref())? }))
}

/// Parquet goes to files of its name, from the ledger's own file.
fn check_parquet(args: &ExportArgs, out: &Path, asks_service: bool) -> Result<(), WrongUse> {
    if args.parquet && !is_parquet(out) {
        let remedy = "name a file that ends in .parquet, or leave --out or --parquet out";
        return Err(WrongUse(format!("--parquet with --out {}: {remedy}", out.display())));
    }
    if is_parquet(out) && asks_service {
        let remedy = "the service gives CSV; run it where data_dir is, without --url and TOLLGATE_URL";
        return Err(WrongUse(format!("{} with --url: {remedy}", out.display())));
    }
    Ok(())
}

fn print(out: &Path, rows: u64, entries: u64, as_of: Time) -> std::io::Result<()> {
    output::line(format_args!("{}: {rows} rows of {entries} entries, as of {as_of}", out.display()))
}

fn is_stdout(out: &Path) -> bool {
    out.as_os_str() == "-"
}
