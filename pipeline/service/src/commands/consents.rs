//! `tollgate consents import`: opt-ins with their proof, and opt-outs, from a CSV file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::{Map, json};
use tollgate_wire::command;

use super::enqueue::other_delimiter;
use crate::client::{Api, ClientArgs};
use crate::config::nearest;
use crate::output;
use crate::upload::{BadRow, Item, Mark, Report, Row, Sender, ServiceSender, Upload};

const COLUMNS: [&str; 6] = ["to", "category", "state", "source", "at", "text_version"];
/// How long the service may be away in the middle.
const GIVE_UP: Duration = Duration::from_secs(120);

/// Record opt-ins and opt-outs.
///
/// `import` takes a CSV with the columns to, state, and as far as there are category, source, at, text_version.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate consents import consents.csv --account acme")]
pub struct ConsentsArgs {
    #[command(subcommand)]
    command: ConsentsCommand,
}

#[derive(Debug, Subcommand)]
enum ConsentsCommand {
    Import(ImportArgs),
}

/// Record the consents of a CSV file.
///
/// Columns: to (E.164), state (opt_in or opt_out), and as far as there are: category (marketing, utility,
/// authentication, service; empty for all), source, at (RFC 3339), text_version. A bad row is reported with its line
/// and does not stop the others; then the exit code is 1.
///
/// The same row again, with its `at`, adds no proof. A row without `at` holds from the time of its import: each import
/// adds a proof then. An opt-in said before an opt-out on record counts for nothing, in whatever order they come; its
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

/// Runs it.
///
/// # Errors
/// The file cannot be read, or the service refuses or stays away.
pub async fn run(args: &ConsentsArgs, json: bool) -> anyhow::Result<ExitCode> {
    let ConsentsCommand::Import(args) = &args.command;
    let file = args.file.display().to_string();
    let rows = Consents::open(&args.file, &args.account)?;
    let bytes = std::fs::metadata(&args.file).map_or(0, |meta| meta.len());
    let api = Api::new(&args.client)?;
    let (path, bar) = ("/v1/consents:batch", output::bar(bytes, true));
    let to = Sender::Service(Box::new(ServiceSender::new(&api, path, true, GIVE_UP)));
    let upload = Upload { to: Arc::new(to), file: &file, bar };
    let (report, result) = upload.run(rows, |_| {}).await;
    if result.is_ok() || report.accepted > 0 {
        print(&file, &report, json)?;
    }
    result?;
    Ok(if report.bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(file: &str, report: &Report, json: bool) -> std::io::Result<()> {
    if json {
        return output::line(
            json!({ "file": file, "accepted": report.accepted, "bad": report.bad, "bad_rows": report.bad_rows }),
        );
    }
    output::line(format_args!("{file}: {} consents recorded, {} bad rows", report.accepted, report.bad))
}

/// The rows of the file as lines of the service.
struct Consents {
    records: csv::StringRecordsIntoIter<File>,
    header: csv::StringRecord,
    account: String,
    rows: u64,
}

impl Consents {
    fn open(path: &Path, account: &str) -> anyhow::Result<Self> {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
        let mut header = reader.headers().map_err(|error| anyhow!("{name}:1: {error}; write a header row"))?.clone();
        if let Some(first) = header.get(0).and_then(|first| first.strip_prefix('\u{feff}')) {
            let first = first.to_owned();
            header = std::iter::once(first.as_str()).chain(header.iter().skip(1)).collect();
        }
        if let Some(sign) = other_delimiter(&header) {
            return Err(anyhow!("{name}:1: the header is one cell, divided by {sign:?}; divide the cells by commas"));
        }
        for column in &header {
            if !COLUMNS.contains(&column) {
                let meant = nearest(column, COLUMNS)
                    .map_or_else(|| COLUMNS.join(", "), |meant| format!("did you mean {meant}?"));
                return Err(anyhow!("{name}:1: column {column:?} is not known; {meant}"));
            }
        }
        for needed in ["to", "state"] {
            if !header.iter().any(|column| column == needed) {
                return Err(anyhow!("{name}:1: there is no column {needed}; add it"));
            }
        }
        Ok(Self { records: reader.into_records(), header, account: account.to_owned(), rows: 0 })
    }

    /// The row as a line of the service, once it would be a good command.
    fn json(&self, record: &csv::StringRecord) -> Result<Vec<u8>, String> {
        let cells = self.header.iter().zip(record).filter(|(_, cell)| !cell.is_empty());
        let mut fields: Map<_, _> = cells.map(|(column, cell)| (column.to_owned(), cell.into())).collect();
        let command = json!({ "command": "set_consent", "account": self.account, "consent": fields });
        command::parse(command.to_string().as_bytes()).map_err(|error| {
            let field = error.field.strip_prefix("consent.").unwrap_or(&error.field);
            let value = fields.get(field).and_then(serde_json::Value::as_str);
            match (field, value) {
                ("", _) => format!("{}; {}", error.problem, error.remedy),
                // What may stand there says everything.
                ("state" | "category", Some(value)) => format!("{field} = {value:?}: {}", error.remedy),
                ("source" | "at" | "text_version", Some(value)) => {
                    format!("{field} = {value:?}: {}; {}", error.problem, error.remedy)
                }
                // A phone number is not repeated.
                _ => format!("{field}: {}; {}", error.problem, error.remedy),
            }
        })?;
        fields.insert("account".to_owned(), self.account.clone().into());
        Ok(serde_json::Value::from(fields).to_string().into_bytes())
    }
}

impl Iterator for Consents {
    type Item = anyhow::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        self.rows += 1;
        let position = self.records.reader().position();
        let mark = Mark { rows: self.rows, fingerprint: 0, bytes: position.byte() };
        Some(match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                Ok(match self.json(&record) {
                    Ok(json) => Item::Row(Row { line, json, mark }),
                    Err(problem) => Item::Bad(BadRow { line, problem }, mark),
                })
            }
            Err(error) if error.is_io_error() => Err(error.into()),
            Err(error) => {
                let line = error.position().map_or_else(|| position.line(), csv::Position::line);
                Ok(Item::Bad(BadRow { line, problem: csv_fault(&error) }, mark))
            }
        })
    }
}

/// What is wrong with a CSV row, and what would help.
fn csv_fault(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} cells where the header has {expected_len}; quote cells that hold commas")
        }
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8; save the file as UTF-8".to_owned(),
        _ => format!("the row cannot be read: {error}; correct it"),
    }
}
