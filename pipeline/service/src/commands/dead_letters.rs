//! `tollgate dead-letters`: records that were set aside, without their bytes unless they are asked for.
//!
//! `replay` puts them back.

mod replay;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use tollgate_wire::Time;

use super::{between, whole};
use crate::client::{Api, ClientArgs, path};
use crate::exit::WrongUse;
use crate::output::{self, Table};

/// Show records that were set aside because they could not be read, and put them back.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate dead-letters list\n  \
    tollgate dead-letters show 1200\n  \
    tollgate dead-letters replay --reason unknown_account --dry-run")]
pub struct DeadLettersArgs {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Debug, Subcommand)]
enum DeadLettersCommand {
    /// List them from the oldest that is kept: where each comes from and what is wrong with it
    #[command(after_help = "Examples:\n  tollgate dead-letters list\n  tollgate dead-letters list --after 1200 --json")]
    List {
        /// Only those after this offset
        #[arg(long, value_name = "OFFSET", value_parser = whole::<u64>)]
        after: Option<u64>,
        /// At most so many, 1 to 1000
        #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = between(1_u32..=1000))]
        limit: u32,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show one, or write its original bytes
    ///
    /// The bytes may hold phone numbers and one-time codes: they are written only with --bytes, and with API tokens
    /// only to role admin.
    #[command(after_help = "Examples:\n  \
        tollgate dead-letters show 1200\n  \
        tollgate dead-letters show 1200 --bytes > line.json")]
    Show {
        /// Its offset in the list
        #[arg(value_parser = whole::<u64>)]
        offset: u64,
        /// Write the original bytes to stdout, and nothing else; they may hold phone numbers. Needs role admin
        #[arg(long)]
        bytes: bool,
        #[command(flatten)]
        client: ClientArgs,
    },
    Replay(replay::ReplayArgs),
}

#[derive(Deserialize)]
struct Page {
    items: Vec<DeadLetter>,
}

#[derive(Deserialize)]
struct DeadLetter {
    offset: u64,
    at: Time,
    headers: Vec<(String, String)>,
    bytes: u64,
}

impl DeadLetter {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// `people.csv:12346`, or the address that took it and its line, or topic, partition and offset.
    fn place(&self) -> String {
        match (self.header("file"), self.header("source"), self.header("line")) {
            (Some(file), _, Some(line)) => format!("{file}:{line}"),
            (_, Some(source), Some(line)) => format!("{source} line {line}"),
            (_, Some(source), None) => source.to_owned(),
            _ => ["topic", "partition", "offset"]
                .iter()
                .filter_map(|name| self.header(name))
                .collect::<Vec<_>>()
                .join("/"),
        }
    }
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &DeadLettersArgs, json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        DeadLettersCommand::List { after, limit, client } => list(*after, *limit, client, json).await?,
        DeadLettersCommand::Show { bytes: true, .. } if json => {
            return Err(WrongUse(
                "--bytes with --json: the bytes are written as they are; leave --json out".to_owned(),
            )
            .into());
        }
        DeadLettersCommand::Show { offset, bytes, client } => show(*offset, *bytes, client, json).await?,
        DeadLettersCommand::Replay(args) => return replay::run(args, json).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(after: Option<u64>, limit: u32, client: &ClientArgs, json: bool) -> anyhow::Result<()> {
    let after = after.map_or_else(String::new, |after| format!("&after={after}"));
    let address = format!("{}?limit={limit}{after}", path(&["dead-letters"]));
    let answer = Api::new(client)?.get(&address).await?.ok()?;
    if json {
        return Ok(output::json(&answer.body)?);
    }
    let mut table = Table::new(&["offset", "at", "reason", "where", "bytes", "what is wrong"]);
    for letter in answer.json::<Page>()?.items {
        let text = |name| letter.header(name).unwrap_or("-").to_owned();
        table.row([
            letter.offset.to_string(),
            letter.at.to_string(),
            text("reason"),
            letter.place(),
            letter.bytes.to_string(),
            text("detail"),
        ]);
    }
    Ok(table.print()?)
}

async fn show(offset: u64, bytes: bool, client: &ClientArgs, json: bool) -> anyhow::Result<()> {
    let address = path(&["dead-letters", &offset.to_string()]);
    let address = if bytes { format!("{address}?bytes=true") } else { address };
    let answer = Api::new(client)?.get(&address).await?.ok()?;
    if bytes {
        return Ok(output::raw(&answer.body)?);
    }
    if json {
        return Ok(output::json(&answer.body)?);
    }
    let letter: DeadLetter = answer.json()?;
    output::line(format_args!("Dead letter {}, set aside at {}", letter.offset, letter.at))?;
    output::line(format_args!("  where      {}", letter.place()))?;
    for (name, value) in &letter.headers {
        output::line(format_args!("  {name:<10} {value}"))?;
    }
    output::line(format_args!("  bytes      {}; --bytes writes them (they may hold phone numbers)", letter.bytes))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_the_line_of_the_file() {
        let place = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            DeadLetter { offset: 0, at: Time(0), headers, bytes: 0 }.place()
        };
        let batch = [("topic", "requests"), ("source", "/v1/messages:batch"), ("line", "12346")];
        assert_eq!(place(&batch), "/v1/messages:batch line 12346");
        assert_eq!(place(&[&batch[..], &[("file", "people.csv")]].concat()), "people.csv:12346");
        assert_eq!(place(&[("topic", "commands"), ("partition", "3"), ("offset", "17")]), "commands/3/17");
    }
}
