//! `tollgate billing forecast`: which market crosses which volume band on which day.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tollgate_rate_card::{RateCards, YearMonth};
use tollgate_runtime::clock;
use tollgate_runtime::forecast::{Forecast, Group, forecast};
use tollgate_runtime::ledger::Stream;
use tollgate_wire::Time;

use super::scope;
use crate::config::{ConfigArgs, rate_sources};
use crate::output::{self, Table};

/// Show which market crosses which volume band on which day, and what a message costs then.
///
/// Counts what is booked in the month and goes on at the pace of the last seven whole days (UTC). Reads the ledger in
/// data_dir, while the service runs or not, and writes nothing. Volume bands count an account's charged messages of a
/// month by market and category, in all currencies together: so are messages, a day, month end and the days of crossing.
/// Each currency has a row with what is booked in it and the rates of its own card.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing forecast\n  \
    tollgate billing forecast --month 2026-10 --account acme --json")]
pub(super) struct ForecastArgs {
    /// Billing month, YYYY-MM [default: this one, UTC]
    #[arg(long, value_name = "MONTH")]
    month: Option<YearMonth>,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs it.
///
/// # Errors
/// The ledger or the rate cards.
pub(super) fn run(mut args: ForecastArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    args.config = args.config.or(before);
    let rates = RateCards::from_sources(&rate_sources(args.config.rates_directory()?.as_deref())?)?;
    let reader = super::reader(&args.config)?;
    let now = clock::now();
    let month = match args.month {
        Some(month) => month,
        None => now.to_string().get(..7).unwrap_or_default().parse()?,
    };
    if let Some(account) = &args.account {
        scope::check_account(&reader, account, month)?;
    }
    let as_of = reader.as_of(Stream::Ledger)?;
    let ahead = forecast(&reader, month, args.account.as_deref(), &rates, now)?;
    if json {
        let mut answer = serde_json::to_value(&ahead)?;
        answer["as_of"] = serde_json::to_value(as_of)?;
        output::line(serde_json::to_string(&answer)?)?;
    } else {
        show(&ahead, as_of)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(forecast: &Forecast, as_of: Time) -> std::io::Result<()> {
    if forecast.groups.is_empty() {
        return output::line(format_args!(
            "{}: nothing is booked that volume bands count, as of {as_of}",
            forecast.month
        ));
    }
    let mut table = Table::new(&[
        "account",
        "market",
        "category",
        "booked",
        "messages",
        "a day",
        "month end",
        "rate",
        "next band",
        "on",
        "then",
    ]);
    for group in &forecast.groups {
        let bands: Vec<[String; 3]> = match group.ahead.as_slice() {
            [] if group.rate.is_none() => vec![["unknown".to_owned(), "-".to_owned(), "-".to_owned()]],
            [] => vec![["none".to_owned(), "-".to_owned(), "-".to_owned()]],
            ahead => ahead.iter().map(crossing).collect(),
        };
        for (n, band) in bands.into_iter().enumerate() {
            let mut row = if n == 0 { place(group) } else { vec![String::new(); 8] };
            row.extend(band);
            table.row(row);
        }
    }
    table.print()?;
    output::line(format_args!("as of {as_of}, at the pace of the last seven days; nothing was written"))
}

fn place(group: &Group) -> Vec<String> {
    let rate = group.rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate} {}", group.currency));
    vec![
        group.account.clone(),
        group.market.clone(),
        group.category.to_string(),
        format!("{} {}", group.booked, group.currency),
        group.messages.to_string(),
        group.pace.to_string(),
        group.month_end.to_string(),
        rate,
    ]
}

fn crossing(crossing: &tollgate_runtime::forecast::Crossing) -> [String; 3] {
    let on = crossing.on.map_or_else(|| "not this month".to_owned(), |day| day.to_string());
    [format!("from {}", crossing.from), on, crossing.rate.to_string()]
}
