//! `tollgate enqueue`: the rows of a file become requests, each with an id of its own that a rerun finds again.
//!
//! `mapping` arguments and a CSV row into a request · `csv_rows` `json_lines` the two forms of files · `ids` stable
//! ids · `resume` how far an earlier run came.

mod csv_rows;
mod ids;
mod json_lines;
mod mapping;
mod resume;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde_json::json;
use tollgate_runtime::lane::Lane;
use tollgate_wire::Time;
use tollgate_wire::request::Purpose;

use crate::client::{Api, ClientArgs, encode};
use crate::commands::whole;
use crate::config::ConfigArgs;
use crate::exit::{WrongUse, one_line};
use crate::output;
use crate::upload::{Item, KafkaSender, Mark, Report, Sender, ServiceSender, Upload};
pub(super) use csv_rows::other_delimiter;
use ids::Ids;
use mapping::Mapping;
use resume::Resume;

/// Send the rows of a CSV or JSON Lines file.
///
/// CSV (RFC 4180, UTF-8, header row): one request a row, made from the arguments. JSON Lines (*.jsonl, *.ndjson): one
/// whole request a line; account, campaign and id are filled in where they are missing.
///
/// Run it again after an interruption: it goes on where it was (FILE.progress), and nobody gets a message twice, since
/// every row has a stable id: that of the id column, or a hash of file name, account, campaign, template and the
/// row. Bad rows are reported with their line and do not stop the others; then the exit code is 1. What the service
/// could not read, or not give to an account, it keeps with its line: see `tollgate dead-letters list`.
///
/// With --kafka the rows go straight onto the topics in Kafka that the configuration names, each to the partition of its
/// account; no service needs to run. Bad rows, and those of accounts that are not in the registry, stay in the file alone.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate enqueue people.csv --account acme --template order_shipped --language pt_BR,en_US --map name=1 --map order=2\n  \
    tollgate enqueue people.csv --account acme --campaign black-friday-2026 --purpose marketing \\\n    \
        --template offer --language pt_BR --map first=first_name --to-column phone --id-column crm_id\n  \
    tollgate enqueue requests.jsonl\n  \
    tollgate enqueue requests.jsonl --kafka --config /etc/tollgate/tollgate.toml")]
pub struct EnqueueArgs {
    /// CSV, or JSON Lines (*.jsonl, *.ndjson)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Account id; needed for CSV
    #[arg(long)]
    account: Option<String>,
    /// Campaign, created on first use
    #[arg(long)]
    campaign: Option<String>,
    /// Requests go to the priority lane
    #[arg(long)]
    priority: bool,
    /// Begin with the first row, whatever FILE.progress says
    #[arg(long)]
    restart: bool,
    /// Seconds for which the service may be away in the middle
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = whole::<u64>)]
    give_up_after: u64,
    /// Straight onto the topics in Kafka; brokers, prefix and properties are those of the configuration
    #[arg(long)]
    kafka: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    csv: CsvArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// How a CSV row becomes a request.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "CSV rows")]
pub struct CsvArgs {
    /// Template name
    #[arg(long)]
    template: Option<String>,
    /// Languages of the template in order of preference, such as pt_BR,en_US
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    language: Vec<String>,
    /// Column that fills a parameter: by number (name=1) or by name (first=first_name); repeat
    #[arg(long, value_name = "COLUMN=PARAMETER")]
    map: Vec<String>,
    /// What the sender means by it [default: utility]
    #[arg(long, value_enum)]
    purpose: Option<PurposeName>,
    /// Column with the phone number in E.164 [default: to]
    #[arg(long, value_name = "COLUMN")]
    to_column: Option<String>,
    /// Column with the request's id, unique in the account for 30 days
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,
    /// Phone number id to send from [default: the account's]
    #[arg(long, value_name = "ID")]
    sender: Option<String>,
    /// Brand that writes, one of the account's policy.brands [default: the sender's]
    #[arg(long, value_name = "NAME")]
    brand: Option<String>,
    /// Not before this instant, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time)]
    send_after: Option<Time>,
    /// Useless after this instant, RFC 3339 [default: by category]
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires_at: Option<Time>,
    /// Character between cells [default: ,]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
}

/// What the sender means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PurposeName {
    /// Offers and news.
    Marketing,
    /// About something the person did.
    Utility,
    /// One-time codes.
    Authentication,
    /// Answers inside the window.
    Service,
}

impl From<PurposeName> for Purpose {
    fn from(name: PurposeName) -> Self {
        match name {
            PurposeName::Marketing => Self::Marketing,
            PurposeName::Utility => Self::Utility,
            PurposeName::Authentication => Self::Authentication,
            PurposeName::Service => Self::Service,
        }
    }
}

fn time(text: &str) -> Result<Time, String> {
    serde_json::from_value(text.into()).map_err(|_| "write it as 2026-11-27T09:00:00-03:00".to_owned())
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] => Ok(*byte),
        _ => Err("write one character, such as ; or \\t".to_owned()),
    }
}

/// Runs it.
///
/// # Errors
/// The arguments, the file, or a service that refuses or stays away.
pub async fn run(args: &EnqueueArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    let file = args.file.display().to_string();
    let mut resume = Resume::open(&args.file, &job(args), args.restart);
    let mut rows = rows(args)?;
    let mut skipped = resume.skip(&mut rows)?;
    if skipped.is_none() {
        // The file has changed: from the start. Rows that were sent before keep their ids, so nobody is sent twice.
        eprintln!("tollgate: {file} has changed since the last run; all rows are sent again under their ids");
        resume.forget();
        rows = self::rows(args)?;
        skipped = Some(0);
    }
    let bytes = std::fs::metadata(&args.file).map_or(0, |meta| meta.len());
    let to = Arc::new(sender(args, before, matches!(rows, Rows::Csv(_)))?);
    let upload = Upload { to, file: &file, bar: output::bar(bytes, true) };
    let (report, result) = upload.run(&mut rows, |mark, bad| resume.acknowledged(mark, bad)).await;
    let begun = report.accepted > 0;
    let earlier = Earlier { rows: skipped.unwrap_or(0), bad: resume.bad() };
    if result.is_ok() || begun {
        print(&file, &report, &earlier, rows.duplicates(), json)?;
    }
    result.map_err(|error| match begun {
        true => anyhow!("{}; stopped before the end: run the same command again to go on", one_line(&error)),
        false => error,
    })?;
    Ok(if report.bad + earlier.bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where the rows go.
fn sender(args: &EnqueueArgs, before: Option<PathBuf>, one_account: bool) -> anyhow::Result<Sender> {
    let give_up = Duration::from_secs(args.give_up_after);
    if args.kafka {
        let kafka = args.config.clone().or(before).load()?.kafka.kafka;
        let lane = if args.priority { Lane::Priority } else { Lane::ByPurpose };
        let open = || KafkaSender::open(&kafka, lane, one_account, give_up);
        return Ok(Sender::Kafka(Box::new(tokio::task::block_in_place(open)?)));
    }
    if let Some(file) = &args.config.config {
        let why = "rows go to the service, whatever is configured; name it with --url";
        return Err(WrongUse(format!("--config {} without --kafka: {why}", file.display())).into());
    }
    let api = Api::new(&args.client)?;
    let lane = if args.priority { "&lane=priority" } else { "" };
    let name = args.file.file_name().map(|name| name.to_string_lossy().replace(char::is_control, "?"));
    let path = format!("/v1/messages:batch?file={}{lane}", encode(&name.unwrap_or_default()));
    Ok(Sender::Service(Box::new(ServiceSender::new(&api, &path, one_account, give_up))))
}

/// What tells this job from another one over the same file.
fn job(args: &EnqueueArgs) -> String {
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let parts = [Some(name.as_str()), args.account.as_deref(), args.campaign.as_deref(), args.csv.template.as_deref()];
    parts.map(|part| part.unwrap_or_default().replace('\n', " ")).join("\n")
}

fn rows(args: &EnqueueArgs) -> anyhow::Result<Rows> {
    let extension = args.file.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let ids = Ids::new(&job(args));
    if matches!(extension.as_deref(), Some("jsonl" | "ndjson")) {
        if let Some(option) = args.csv.first_given() {
            return Err(
                WrongUse(format!("{option} is for CSV; a line of JSON is a whole request, so write it there")).into()
            );
        }
        let (account, campaign) = (args.account.clone(), args.campaign.clone());
        return Ok(Rows::Json(Box::new(json_lines::JsonLines::open(&args.file, ids, account, campaign)?)));
    }
    let Some(account) = &args.account else {
        return Err(
            WrongUse("--account is missing; name the account that the rows of a CSV file are for".to_owned()).into()
        );
    };
    let mapping = Mapping::new(account, args.campaign.as_deref(), &args.csv)?;
    Ok(Rows::Csv(Box::new(csv_rows::CsvRows::open(&args.file, mapping, ids, &args.csv)?)))
}

/// A file's rows in either form.
enum Rows {
    Csv(Box<csv_rows::CsvRows>),
    Json(Box<json_lines::JsonLines>),
}

impl Rows {
    /// Rows so far whose id stands in the file before.
    fn duplicates(&self) -> u64 {
        match self {
            Self::Csv(rows) => rows.ids.duplicates,
            Self::Json(rows) => rows.ids.duplicates,
        }
    }
}

impl Iterator for Rows {
    type Item = anyhow::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Json(rows) => rows.next(),
        }
    }
}

/// The mark after an item.
fn mark_of(item: &Item) -> Mark {
    match item {
        Item::Row(row) => row.mark,
        Item::Bad(_, mark) => *mark,
    }
}

/// What earlier runs did.
struct Earlier {
    /// Rows that are skipped now.
    rows: u64,
    /// Bad ones among them.
    bad: u64,
}

fn print(file: &str, report: &Report, earlier: &Earlier, duplicates: u64, json: bool) -> std::io::Result<()> {
    if json {
        return output::line(json!({
            "file": file, "accepted": report.accepted, "duplicates": duplicates, "skipped": earlier.rows,
            "bad": report.bad, "bad_rows": report.bad_rows, "dead_letters": report.dead_letters,
            "skipped_bad": earlier.bad,
        }));
    }
    output::line(format_args!("{file}: {} accepted, {} bad", report.accepted, report.bad))?;
    if report.bad > 0 {
        let (kept, not_sent) = (report.dead_letters, report.bad.saturating_sub(report.dead_letters));
        let kept = match kept {
            0 => "none is kept as a dead letter".to_owned(),
            kept => format!("{kept} are kept as dead letters (see `tollgate dead-letters list`)"),
        };
        output::line(format_args!("  of the bad ones {kept}, {not_sent} are in the file alone"))?;
    }
    if duplicates > 0 {
        output::line(format_args!("  {duplicates} repeat an id of the file: the service takes each id once"))?;
    }
    if earlier.rows > 0 {
        let bad = match earlier.bad {
            0 => String::new(),
            bad => format!(", {bad} of them bad; --restart sends all again under their ids"),
        };
        output::line(format_args!("  {} skipped: acknowledged in an earlier run{bad}", earlier.rows))?;
    }
    Ok(())
}
