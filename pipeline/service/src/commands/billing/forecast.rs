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

const COLUMNS: [&str; 11] =
    ["account", "market", "category", "booked", "messages", "a day", "month end", "rate", "next band", "on", "then"];

fn show(forecast: &Forecast, as_of: Time) -> std::io::Result<()> {
    if forecast.groups.is_empty() {
        return output::line(format_args!(
            "{}: nothing is booked that volume bands count, as of {as_of}",
            forecast.month
        ));
    }
    let mut table = Table::new(&COLUMNS);
    for row in forecast.groups.iter().flat_map(rows) {
        table.row(row);
    }
    table.print()?;
    output::line(format_args!("as of {as_of}, at the pace of the last seven days; nothing was written"))
}

/// A line for each band to come, or one that says that there is none.
fn rows(group: &Group) -> Vec<Vec<String>> {
    let bands: Vec<[String; 3]> = match group.ahead.as_slice() {
        [] if group.rate.is_none() => vec![["unknown".to_owned(), "-".to_owned(), "-".to_owned()]],
        [] => vec![["none".to_owned(), "-".to_owned(), "-".to_owned()]],
        ahead => ahead.iter().map(crossing).collect(),
    };
    let mut first = place(group);
    let blank = vec![String::new(); first.len()];
    let lines = bands.into_iter().map(|band| [std::mem::replace(&mut first, blank.clone()), band.to_vec()].concat());
    lines.collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_rate_card::Category;
    use tollgate_runtime::forecast::Crossing;

    #[test]
    fn a_row_says_what_is_booked_in_its_currency_and_what_is_counted() {
        let rate = |text: &str| text.parse().expect("a decimal");
        let ahead = |from: u64, on: Option<&str>| Crossing {
            band: 2,
            from,
            on: on.map(|day| day.parse().expect("a day")),
            rate: rate("0.0064"),
        };
        let group = Group {
            account: "acme".to_owned(),
            market: "Mexico".to_owned(),
            category: Category::Utility,
            currency: "EUR".to_owned(),
            messages: 12,
            pace: rate("2"),
            month_end: 60,
            rate: Some(rate("0.0067")),
            band: Some(1),
            ahead: vec![ahead(41, Some("2026-09-21")), ahead(1_001, None)],
            booked: 4,
        };
        let [first, second] = rows(&group).try_into().expect("a line for each band");
        assert_eq!(first.join("|"), "acme|Mexico|utility|4 EUR|12|2|60|0.0067 EUR|from 41|2026-09-21|0.0064");
        assert_eq!(second.join("|"), "||||||||from 1001|not this month|0.0064");
        assert_eq!(first.len(), COLUMNS.len());
        // The last field, so that what was there before stays where it was.
        let json = serde_json::to_string(&group).expect("plain data");
        assert!(json.ends_with(r#","booked":4}"#), "{json}");
        let unknown = rows(&Group { rate: None, band: None, ahead: Vec::new(), ..group });
        assert_eq!(unknown[0][7..], ["-", "unknown", "-", "-"]);
    }
}
