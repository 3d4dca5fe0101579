//! `tollgate windows`: customer service windows that are about to close unanswered.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use tollgate_runtime::views::UnansweredView;

use super::between;
use crate::client::{Api, ClientArgs, path};
use crate::output::{self, Table};

/// Show customer service windows that are about to close unanswered.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate windows list --account acme --within 2h")]
pub struct WindowsArgs {
    #[command(subcommand)]
    command: WindowsCommand,
}

#[derive(Debug, Subcommand)]
enum WindowsCommand {
    /// List people who wrote and have had nothing from the number since, whose window closes first before the others
    ///
    /// Any message that left counts as an answer, also of other software from the same number. For 24 hours after the person
    /// wrote last, free text may be sent; afterwards only templates.
    #[command(after_help = "Examples:\n  \
        tollgate windows list --account acme\n  \
        tollgate windows list --account acme --within 30m --with-contacts --json")]
    List(ListArgs),
}

#[derive(Args, Debug)]
struct ListArgs {
    /// Account id
    #[arg(long)]
    account: String,
    /// How soon the window closes: minutes or hours up to a day, such as 30m or 2h
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = within)]
    within: Duration,
    /// People that are listed at most
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = between(1_u64..=10_000))]
    limit: u64,
    /// Show people in full
    #[arg(long)]
    with_contacts: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &WindowsArgs, json: bool) -> anyhow::Result<ExitCode> {
    let WindowsCommand::List(args) = &args.command;
    let address = format!(
        "{}?within_minutes={}&limit={}&contacts={}",
        path(&["windows", &args.account]),
        args.within.as_secs() / 60,
        args.limit,
        args.with_contacts
    );
    let answer = Api::new(&args.client)?.get(&address).await?.ok()?;
    if json {
        output::json(&answer.body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let view: UnansweredView = answer.json()?;
    let mut table = Table::new(&["closes at", "sender", "person", "wrote at"]);
    let listed = view.items.len() as u64;
    for line in view.items {
        table.row([line.closes_at.to_string(), line.sender, line.person, line.wrote_at.to_string()]);
    }
    table.print_as_of(Some(view.as_of))?;
    if view.people > listed {
        output::line(format_args!("and {} more", view.people - listed))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn within(text: &str) -> Result<Duration, String> {
    let minutes = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "m")) => number.parse().ok(),
        Some((number, "h")) => number.parse().ok().and_then(|hours: u64| hours.checked_mul(60)),
        _ => None,
    };
    let minutes = minutes.filter(|minutes| (1..=1_440).contains(minutes));
    minutes
        .map(|minutes| Duration::from_secs(60 * minutes))
        .ok_or_else(|| "write it as 30m or 2h, up to 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_minutes_or_hours() {
        let seconds = |text| within(text).ok().map(|time| time.as_secs());
        let read = ["30m", "2h", "24h", "25h", "0m", "2", "h", "", "2d", "1.5h", "é"].map(seconds);
        assert_eq!(read, [Some(1_800), Some(7_200), Some(86_400), None, None, None, None, None, None, None, None]);
    }
}
