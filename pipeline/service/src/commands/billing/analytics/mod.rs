//! `tollgate billing analytics`: the platform's own figures, fetched and kept for `billing reconcile`.
//!
//! `days` which days are asked for · `stored` the ledger's database, which keeps answers · `kept` a file of them · `ask` the
//! calls with their tries · `show` what came of it.

mod ask;
pub(super) mod days;
mod kept;
mod show;
pub(super) mod stored;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use tollgate_rate_card::{YearMonth, Zone};
use tollgate_runtime::clock;
use tollgate_runtime::gateway::AppSecrets;

use self::days::Span;
use self::kept::Kept;
use self::stored::Stored;
use super::scope;
use crate::commands::{between, wait};
use crate::config::{Config, ConfigArgs, nearest};
use crate::exit::WrongUse;

/// Keep the platform's own figures for `billing reconcile`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing analytics fetch\n  \
    tollgate billing analytics import analytics.jsonl\n  \
    tollgate billing analytics export --month 2026-10")]
pub(super) struct AnalyticsArgs {
    #[command(subcommand)]
    command: AnalyticsCommand,
}

#[derive(Debug, Subcommand)]
enum AnalyticsCommand {
    Fetch(FetchArgs),
    Import(stored::ImportArgs),
    Export(stored::ExportArgs),
}

/// Ask the platform for the figures of every WABA and keep its answers in the ledger's database.
///
/// The service does so by itself once a day, unless sync.every_minutes is 0. Without --month and --days: yesterday and the
/// 34 days before it (UTC), as far as they are not kept, so that a call a day keeps every month whole. The platform reports
/// only numbers that are on the WABA at the time of asking; once more with --month before a month is compared counts what
/// was delivered and re-classified since: of two answers about a day the later one counts, and the earlier one stays. WABAs
/// are those of the accounts in the views. A WABA without an answer stops no other; the exit code is then 1. Asks with the
/// access token of the configuration's app.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing analytics fetch\n  \
    tollgate billing analytics fetch --month 2026-10 --out october.jsonl\n  \
    tollgate billing analytics fetch --days 7 --account acme --app shop")]
struct FetchArgs {
    /// Days of this month, in each WABA's time zone; of one that is not over, up to now
    #[arg(long, value_name = "MONTH", conflicts_with = "days")]
    month: Option<YearMonth>,
    /// So many days up to yesterday (UTC), whether they are kept or not
    #[arg(long, value_name = "N", value_parser = between(1_u16..=366))]
    days: Option<u16>,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    /// App whose access token is used [default: the one that is configured]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// File that the answers are appended to instead, one a line; made with access for its owner alone
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs it.
///
/// # Errors
/// The configuration, the views, the file, or nothing to ask for.
pub(super) fn run(args: AnalyticsArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    let mut args = match args.command {
        AnalyticsCommand::Fetch(args) => args,
        AnalyticsCommand::Import(args) => return stored::import(args, before, json),
        AnalyticsCommand::Export(args) => return stored::export(args, before, json),
    };
    args.config = args.config.or(before);
    let now = clock::now();
    if let Some(month) = args.month.filter(|month| days::of_month(*month, None, now).is_empty()) {
        return Err(WrongUse(format!("--month = {month} has not begun; name one that has")).into());
    }
    let config = args.config.load()?;
    let app = app(&config, args.app.as_deref())?;
    let wabas = wabas(&args, days::month_of(now))?;
    let mut kept = match &args.out {
        Some(out) => Keep::File(Kept::open(out)?),
        None => Keep::Store(Box::new(Stored::open(&args.config)?)),
    };
    let mut questions = Vec::new();
    for (waba, zone) in wabas {
        let spans = match (args.month, args.days) {
            (Some(month), _) => vec![days::of_month(month, zone.as_ref(), now)],
            (None, Some(days)) => vec![days::before_today(now, i64::from(days))],
            (None, None) => kept.missing(&waba, days::before_today(now, days::LOOK_BACK))?,
        };
        questions.extend(spans.into_iter().filter(|span| !span.is_empty()).map(|span| (waba.clone(), span)));
    }
    let results = wait(ask::all(&config.graph, app, questions, &mut kept))?;
    show::show(args.out.as_deref(), &results, json)?;
    Ok(if results.iter().any(|result| result.outcome.is_err()) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Where answers go.
enum Keep {
    File(Kept),
    Store(Box<Stored>),
}

impl Keep {
    /// The days of a span that are not kept of a WABA, those that follow each other together.
    fn missing(&self, waba: &str, span: Span) -> anyhow::Result<Vec<Span>> {
        match self {
            Self::File(kept) => Ok(kept.missing(waba, span)),
            Self::Store(stored) => stored.missing(waba, span),
        }
    }

    fn append(&mut self, line: &str) -> anyhow::Result<()> {
        match self {
            Self::File(kept) => kept.append(line),
            Self::Store(stored) => stored.append(line),
        }
    }
}

/// The app that asks.
fn app<'a>(config: &'a Config, name: Option<&str>) -> anyhow::Result<&'a AppSecrets> {
    let apps = &config.gateway.apps;
    let names = || apps.iter().map(|app| app.name.as_str());
    match (name, apps.as_slice()) {
        (_, []) => Err(anyhow!(
            "no app is configured, so there is no access token; set apps.default.app_secret_file, verify_token_file and \
             access_token_file"
        )),
        (Some(name), apps) => apps.iter().find(|app| app.name == name).ok_or_else(|| {
            let meant = nearest(name, names()).map(|meant| format!("did you mean {meant}?"));
            let meant = meant.unwrap_or_else(|| format!("there are {}", names().collect::<Vec<_>>().join(", ")));
            anyhow!("--app = {name:?}: there is no such app in the configuration; {meant}")
        }),
        (None, [app]) => Ok(app),
        (None, _) => Err(WrongUse(format!(
            "--app is missing: there are several apps; name one of {}, and with --account an account of it",
            names().collect::<Vec<_>>().join(", ")
        ))
        .into()),
    }
}

/// The WABAs to ask for, with their zones.
fn wabas(args: &FetchArgs, this_month: YearMonth) -> anyhow::Result<BTreeMap<String, Option<Zone>>> {
    let reader = super::reader(&args.config)?;
    if let Some(account) = &args.account {
        scope::check_account(&reader, account, this_month)?;
    }
    let wabas = reader.wabas(args.account.as_deref()).context("the accounts' WABAs cannot be read")?;
    if wabas.is_empty() {
        let remedy = "declare it with `tollgate accounts apply`, and start the service once with this version";
        return Err(anyhow!("no account here has a WABA; {remedy}"));
    }
    Ok(wabas)
}
