//! The platform's figures in the ledger's database: kept as they come, taken in from files, read back for a comparison.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read as _};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::json;
use tollgate_rate_card::{YearMonth, Zone};
use tollgate_runtime::clock;
use tollgate_runtime::ledger::{Kept, Reader, Writer, spans};
use tollgate_wire::analytics::{self, Metric};

use super::days::{self, Span, shown};
use super::scope;
use crate::config::ConfigArgs;
use crate::output;

/// Longest file, and most that is read back for one comparison, in bytes: it is held whole.
pub(in super::super) const BYTES_MAX: u64 = 256 << 20;

/// Keep the platform's answers of files in the ledger's database.
///
/// Of files that `analytics fetch --out` or `analytics export` wrote: each answer has to say what was asked and when. What is
/// kept already changes nothing, so a file may be taken in again, while the service runs or not.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate billing analytics import analytics.jsonl")]
pub(super) struct ImportArgs {
    /// Files of answers
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Write what the platform said of a month's days, one answer a line.
///
/// All that it said of them at different times, which shows what was known when. `billing reconcile --against` and
/// `analytics import` read it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing analytics export --month 2026-10 --out october.jsonl\n  \
    tollgate billing analytics export --month 2026-10 --account acme | head")]
pub(super) struct ExportArgs {
    /// Month, YYYY-MM, in each WABA's time zone
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    /// File to write; made with access for its owner alone [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// The database that keeps answers.
pub(super) struct Stored {
    writer: Writer,
}

impl Stored {
    /// Opens what is there.
    ///
    /// # Errors
    /// There is none, or it cannot be written.
    pub(super) fn open(config: &ConfigArgs) -> anyhow::Result<Self> {
        // A reader makes no database where there is none.
        drop(super::super::reader(config)?);
        let mut writer = config.ledger()?.writer()?;
        // No log holds them.
        writer.durable()?;
        Ok(Self { writer })
    }

    pub(super) fn missing(&self, waba: &str, span: Span) -> anyhow::Result<Vec<Span>> {
        let has = self.writer.days_told(waba, Metric::Pricing, span.clone())?;
        Ok(spans(span.filter(|day| !has.contains(day))))
    }

    pub(super) fn append(&mut self, line: &str) -> anyhow::Result<()> {
        self.writer.keep_figures(&analytics::days(line.as_bytes())?)?;
        Ok(())
    }
}

/// Takes files in.
///
/// # Errors
/// A file, of which nothing is taken in then, or the database.
pub(super) fn import(mut args: ImportArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    args.config = args.config.or(before);
    let mut stored = Stored::open(&args.config)?;
    for path in &args.files {
        let name = path.display();
        let cannot = || format!("{name} cannot be read");
        let mut text = Vec::new();
        File::open(path).with_context(cannot)?.take(BYTES_MAX + 1).read_to_end(&mut text).with_context(cannot)?;
        if text.len() as u64 > BYTES_MAX {
            return Err(anyhow!("{name} has more than {} MiB; split it at a line's end", BYTES_MAX >> 20));
        }
        let days = analytics::days(&text).map_err(|error| anyhow!("{name}: {error}"))?;
        let Kept { new, same } = stored.writer.keep_figures(&days)?;
        if json {
            output::line(json!({ "file": name.to_string(), "new": new, "same": same }))?;
        } else {
            output::line(format_args!("{name}: {new} days kept, {same} known"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes what is kept.
///
/// # Errors
/// The database, the file, or nothing of the month.
pub(super) fn export(mut args: ExportArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    args.config = args.config.or(before);
    let reader = super::super::reader(&args.config)?;
    let wabas = wabas(&reader, args.account.as_deref(), args.month)?;
    let mut lines = 0_u64;
    match &args.out {
        None => write(&reader, &wabas, args.month, &mut std::io::stdout().lock(), &mut lines)?,
        Some(out) => {
            let cannot = || format!("--out {} cannot be written", out.display());
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out).with_context(cannot)?;
            let mut file = BufWriter::new(file);
            write(&reader, &wabas, args.month, &mut file, &mut lines)?;
            file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all().with_context(cannot)?;
            if json {
                output::line(json!({ "out": out.display().to_string(), "answers": lines }))?;
            } else {
                output::line(format_args!("{}: {lines} answers", out.display()))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(
    reader: &Reader,
    wabas: &Wabas,
    month: YearMonth,
    to: &mut dyn std::io::Write,
    lines: &mut u64,
) -> anyhow::Result<()> {
    for (waba, zone) in wabas {
        let mut failed = None;
        reader.figures(waba, around(month, zone.as_ref()), &mut |day| {
            *lines += 1;
            match writeln!(to, "{}", day.line()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        // Whoever reads no further has what was wanted.
        match failed {
            Some(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            Some(error) => return Err(error.into()),
            None => {}
        }
    }
    Ok(())
}

/// WABAs with their zones.
pub(in super::super) type Wabas = BTreeMap<String, Option<Zone>>;

/// Those of an account, or all.
pub(in super::super) fn wabas(reader: &Reader, account: Option<&str>, month: YearMonth) -> anyhow::Result<Wabas> {
    if let Some(account) = account {
        scope::check_account(reader, account, month)?;
    }
    reader.wabas(account).context("the accounts' WABAs cannot be read")
}

/// The days of a month, with the days around it that tell where it was cut.
fn around(month: YearMonth, zone: Option<&Zone>) -> Span {
    // Of a month that is over, whenever it is asked for.
    let days = days::of_month(month, zone, tollgate_wire::Time(u64::MAX / 2));
    days.start - 1..days.end + 1
}

/// Days that are not kept, by WABA.
pub(in super::super) type Missing = Vec<(String, Vec<Span>)>;

/// What is kept of a month as one text of answers, and how many days of it are not, by WABA.
///
/// # Errors
/// The database, nothing of the month, or too much at once.
pub(in super::super) fn text(reader: &Reader, wabas: &Wabas, month: YearMonth) -> anyhow::Result<(Vec<u8>, Missing)> {
    let (mut text, mut missing) = (Vec::new(), Vec::new());
    for (waba, zone) in wabas {
        let mut there = std::collections::BTreeSet::new();
        reader.figures(waba, around(month, zone.as_ref()), &mut |day| {
            if day.is_whole() {
                there.insert(day.day);
            }
            text.extend_from_slice(day.line().as_bytes());
            text.push(b'\n');
            if text.len() as u64 > BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if text.len() as u64 > BYTES_MAX {
            let remedy = "compare account by account, with --account";
            return Err(anyhow!("the platform's figures of {month} have more than {} MiB; {remedy}", BYTES_MAX >> 20));
        }
        let now = clock::now();
        let over = |day: &i64| (day + 1) * analytics::DAY_S <= i64::from(now.secs());
        let lacks = spans(days::of_month(month, zone.as_ref(), now).filter(over).filter(|day| !there.contains(day)));
        if !lacks.is_empty() {
            missing.push((waba.clone(), lacks));
        }
    }
    if text.is_empty() {
        return Err(anyhow!(
            "none of the platform's figures of {month} are kept; fetch them with `tollgate billing analytics fetch --month \
             {month}`, take files in with `tollgate billing analytics import`, or name a file with --against"
        ));
    }
    Ok((text, missing))
}

/// Days for people: `2026-10-03 to 2026-10-07`, or one of them.
pub(in super::super) fn words(spans: &[Span]) -> String {
    let one = |span: &Span| match span.end - span.start {
        1 => shown(span.start),
        _ => format!("{} to {}", shown(span.start), shown(span.end - 1)),
    };
    spans.iter().map(one).collect::<Vec<_>>().join(", ")
}
