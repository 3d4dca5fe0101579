//! `tollgate billing reconcile`: a booked month beside the platform's own figures. Writes nothing.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Args;
use rust_decimal::Decimal;
use tollgate_rate_card::YearMonth;
use tollgate_runtime::ledger::{LedgerReader as _, Reader, Stream};
use tollgate_runtime::reconcile::{Invoices, Known, Profile, Request, Statement, reconcile};
use tollgate_wire::analytics;

use super::analytics::stored;
use super::{reconcile_show, scope};
use crate::config::{ConfigArgs, load_rates};
use crate::exit::DIFFERENCES;
use crate::output;

/// Longest file of figures, in bytes: it is read whole.
const FILE_MAX: u64 = stored::BYTES_MAX;

/// Compare a month with the platform's own figures.
///
/// With what is kept of the platform's figures in the ledger's database, or with FILE: what the platform answers for pricing_analytics or conversation_analytics of a WABA, one answer, a list of
/// them, or one a line; with --profile it is an invoice as CSV. Reads the ledger in data_dir, while the service runs or
/// not, and writes nothing. Messages have to be the same in every row that the figures tell apart, costs within
/// --tolerance. Every difference is put into one class; docs/finance.md has their rules. Exit code 3: some of it is
/// `missing webhook` or `unknown`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing reconcile --month 2026-10\n  \
    tollgate billing reconcile --month 2026-10 --against analytics.json\n  \
    tollgate billing reconcile --month 2026-10 --against 1.jsonl --against 2.jsonl --account acme --json\n  \
    tollgate billing reconcile --month 2026-10 --against invoice.csv --profile examples/profiles/invoice.toml")]
pub(super) struct ReconcileArgs {
    /// Billing month, YYYY-MM, in each WABA's time zone
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// File with the platform's figures; may be given several times. Of answers about the same days and number the last
    /// counts; invoices are added up [default: what is kept in the ledger's database]
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    /// Columns of an invoice: a file, or the name of one in examples/profiles
    #[arg(long, value_name = "NAME-OR-FILE", requires = "against")]
    profile: Option<String>,
    /// What the costs of a row may differ by, in its currency
    #[arg(long, value_name = "AMOUNT", default_value = "0.01", value_parser = tolerance)]
    tolerance: Decimal,
    /// Compare what was used in the month, whenever it is billed, instead of what is billed in it
    #[arg(long)]
    by_usage: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

fn tolerance(text: &str) -> Result<Decimal, String> {
    let read = Decimal::from_str_exact(text).ok().filter(|amount| !amount.is_sign_negative());
    read.ok_or_else(|| "write an amount of 0 or more with a point before the decimals, such as 0.01".to_owned())
}

/// Runs it.
///
/// # Errors
/// The ledger, a file, the profile, or nothing to compare.
pub(super) fn run(mut args: ReconcileArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    args.config = args.config.or(before);
    let rates = load_rates(args.config.rates_directory()?.as_deref())?;
    let profile = args.profile.as_deref().map(profile).transpose()?;
    let reader = super::reader(&args.config)?;
    let account = args.account.as_deref();
    if let Some(account) = account {
        scope::check_account(&reader, account, args.month)?;
    }
    let known = Known { phones: reader.numbers()?, zones: reader.zones(None)? };
    let mut statement = match &profile {
        Some(profile) => invoices(&args, profile, &known)?,
        None if args.against.is_empty() => kept(&args, &reader, &known)?,
        None => answers(&args, &known)?,
    };
    let left_out = leave_out(&mut statement, &args, &reader)?;
    let last = reader.months()?.and_then(|(_, last)| last.parse().ok());
    let as_of = reader.as_of(Stream::Ledger)?;
    let request = Request { month: args.month, account, by_usage: args.by_usage, tolerance: args.tolerance };
    let bar = output::bar(reader.entry_count(args.month, account)?, false);
    let mut progress = |read| bar.set_position(read);
    let report = reconcile(&reader, &request, &statement, &known, &rates, last, &mut progress)?;
    bar.finish_and_clear();
    if json {
        output::line(reconcile_show::json(&request, as_of, &report, left_out)?)?;
    } else {
        reconcile_show::tables(&request, as_of, &report, left_out)?;
    }
    if !report.is_unexplained() {
        return Ok(ExitCode::SUCCESS);
    }
    let unnamed = reader.without_number(account)?;
    if !unnamed.is_empty() {
        let ids = unnamed.join(", ");
        eprintln!(
            "tollgate: no number is declared for {ids}, so the platform's figures of it count as foreign; declare `display` \
             of the sender with `tollgate accounts apply` and compare again"
        );
    }
    Ok(ExitCode::from(DIFFERENCES))
}

/// Leaves WABAs of other accounts out of the figures. Answers how many there were.
fn leave_out(statement: &mut Statement, args: &ReconcileArgs, reader: &Reader) -> anyhow::Result<usize> {
    let Some(account) = args.account.as_deref() else { return Ok(0) };
    let mut own: std::collections::BTreeSet<String> = reader.zones(Some(account))?.into_keys().collect();
    reader.summary(args.month, Some(account), &mut |row| {
        if !own.contains(row.waba) {
            own.insert(row.waba.to_owned());
        }
        std::ops::ControlFlow::Continue(())
    })?;
    let there = statement.wabas().map(str::to_owned).collect::<Vec<_>>();
    let left_out = statement.retain(|waba| own.contains(waba));
    if left_out > 0 && statement.wabas().next().is_none() {
        let (there, own) = (there.join(", "), own.into_iter().collect::<Vec<_>>().join(", "));
        let own = if own.is_empty() { "none".to_owned() } else { own };
        return Err(anyhow!(
            "--account = {account:?}: the figures are of WABA {there}, the account has {own}; name its \
            file, or leave --account out"
        ));
    }
    Ok(left_out)
}

/// What is kept in the database.
fn kept(args: &ReconcileArgs, reader: &Reader, known: &Known) -> anyhow::Result<Statement> {
    let wabas = stored::wabas(reader, args.account.as_deref(), args.month)?;
    let (text, missing) = stored::text(reader, &wabas, args.month)?;
    for (waba, days) in missing {
        eprintln!(
            "tollgate: WABA {waba}: the platform's figures of {} are not kept; `tollgate billing analytics fetch --month {}` \
             asks for them",
            stored::words(&days),
            args.month
        );
    }
    Ok(Statement::of_answers(&analytics::read(&text)?, args.month, known)?)
}

fn answers(args: &ReconcileArgs, known: &Known) -> anyhow::Result<Statement> {
    let mut answers = Vec::new();
    for path in &args.against {
        let name = path.display();
        let text = bytes(path)?;
        let is_json = text.trim_ascii_start().first().is_some_and(|byte| b"[{".contains(byte));
        if !is_json
            && (path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) || is_csv(&text))
        {
            return Err(anyhow!(
                "{name} is CSV, whose columns nothing tells; write a profile of them after \
                 examples/profiles/invoice.toml and name it with --profile FILE.toml"
            ));
        }
        answers.extend(analytics::read(&text).map_err(|error| anyhow!("{name}: {error}"))?);
    }
    Ok(Statement::of_answers(&answers, args.month, known)?)
}

/// Whether the first line looks like a row of CSV.
fn is_csv(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    std::str::from_utf8(first).is_ok_and(|line| line.contains([',', ';', '\t']) && !line.contains(['{', '}']))
}

fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("--against {} cannot be read", path.display());
    let mut text = Vec::new();
    File::open(path).with_context(cannot)?.take(FILE_MAX + 1).read_to_end(&mut text).with_context(cannot)?;
    if text.len() as u64 > FILE_MAX {
        let remedy = "fetch fewer days or WABAs into a file, and give --against several times";
        return Err(anyhow!("--against {} has more than {} MiB; {remedy}", path.display(), FILE_MAX >> 20));
    }
    Ok(text)
}

fn invoices(args: &ReconcileArgs, profile: &Profile, known: &Known) -> anyhow::Result<Statement> {
    let mut invoices = Invoices::new(profile, args.month, known)?;
    for path in &args.against {
        let file = File::open(path).with_context(|| format!("--against {} cannot be read", path.display()))?;
        invoices.add(&path.display().to_string(), std::io::BufReader::new(file))?;
    }
    Ok(invoices.finish()?)
}

/// A profile by its file, or by its name among the examples.
fn profile(name: &str) -> anyhow::Result<Profile> {
    let path = if Path::new(name).extension().is_some() {
        PathBuf::from(name)
    } else {
        Path::new("examples/profiles").join(format!("{name}.toml"))
    };
    let shown = path.display();
    let remedy = "write one after examples/profiles/invoice.toml, or correct --profile";
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("{shown}: the profile cannot be read; {remedy}"))?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let problem = error.message().to_owned();
        anyhow!("{shown}:{line}: {problem}; see examples/profiles/invoice.toml")
    })
}
