//! `tollgate billing rerate`: what a booked month would have cost by other rules or cards, or by the cards as they are
//! now; this last can be booked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Args;
use tollgate_rate_card::{Card, CardId, Date, PricingModel, RateCards, Source, Sources, YearMonth};
use tollgate_runtime::ledger::{LedgerReader as _, Stream};
use tollgate_runtime::rerate::{Rules, Under, rerate};

use super::super::wait;
use super::{close, rerate_show, scope};
use crate::client::ClientArgs;
use crate::config::{ConfigArgs, nearest, rate_sources};
use crate::exit::WrongUse;
use crate::output;

/// Show what a month would have cost by other rules or cards, or book what differs by now.
///
/// Without --card and --rules-of it is rated by its own days' rules and the cards, bands and corrections that are known
/// now. Reads the ledger in data_dir, while the service runs or not, and writes nothing; with --book the service is asked
/// to book that difference as true-ups: into the month itself, or where it is closed, into the first open one. Every delivered message is rated
/// again in the order of delivery, bands and allowances counted from the month's first message on. What has no price
/// on a side stands on a line of its own with the reason; a difference is of messages with a price on both. Where the
/// other rules charge by an open window and what was booked does not tell whether one was, the reason is
/// window_unknown.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing rerate --month 2026-09 --rules-of 2026-10-01\n  \
    tollgate billing rerate --month 2026-10 --card pmp-usd-2026-07-01\n  \
    tollgate billing rerate --month 2026-10 --card proposal.csv --account acme --json\n  \
    tollgate billing rerate --month 2026-09 --book")]
pub(super) struct RerateArgs {
    /// Billing month, YYYY-MM, in each WABA's time zone
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// A card in place of the month's in its currency: an id of `tollgate rates list`, or a file; one a currency. Rules
    /// and markets stay those of the charge's day; other currencies have no price
    #[arg(long, value_name = "ID-OR-FILE")]
    card: Vec<String>,
    /// Apply rulebook, market map, cards, bands and allowances of this day to every charge
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "card", value_parser = day)]
    rules_of: Option<Date>,
    /// Have the service book what differs by the cards that it knows. Import a corrected card first, with `tollgate rates
    /// import --correction`, and start the service anew
    #[arg(long, conflicts_with_all = ["card", "rules_of"])]
    book: bool,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    client: ClientArgs,
}

fn day(text: &str) -> Result<Date, String> {
    // jiff takes other forms too, such as a date with a time, which would be left out silently.
    let read = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
    read.ok_or_else(|| "that is no day; write YYYY-MM-DD, such as 2026-10-01".to_owned())
}

/// Runs it.
///
/// # Errors
/// The ledger, a card, or nothing to rate.
pub(super) fn run(mut args: RerateArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    args.config = args.config.or(before);
    if args.book {
        if let Some(file) = &args.config.config {
            let why = "it is the service that books, by its own configuration; name it with --url";
            return Err(WrongUse(format!("--config {} with --book: {why}", file.display())).into());
        }
        return wait(close::correct(args.month, args.account, &args.client, json));
    }
    let sources = rate_sources(args.config.rates_directory()?.as_deref())?;
    let rates = RateCards::from_sources(&sources)?;
    let files = card_files(&args.card, &rates, &sources)?;
    let under = match args.rules_of {
        Some(day) => Some(Under::Day(check_day(&rates, day)?)),
        None if args.card.is_empty() => None,
        None => Some(Under::Cards(cards(&args.card, &rates, &files)?)),
    };
    let reader = super::reader(&args.config)?;
    let account = args.account.as_deref();
    let under = match under {
        Some(under) => under,
        None => Under::Own(reader.zones(account)?),
    };
    if let Some(account) = account {
        scope::check_account(&reader, account, args.month)?;
    }
    let entries = reader.entry_count(args.month, account)?;
    if entries == 0 {
        return Err(nothing_booked(&args, reader.months()?));
    }
    let as_of = reader.as_of(Stream::Ledger)?;
    let bar = output::bar(entries, false);
    let rules = Rules::new(&rates, under);
    let report = rerate(&reader, args.month, account, &rules, &mut |read| bar.set_position(read))?;
    bar.finish_and_clear();
    if json {
        output::line(rerate_show::json(&args.month.to_string(), account, as_of, &report)?)?;
    } else {
        rerate_show::tables(&report, as_of)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn nothing_booked(args: &RerateArgs, months: Option<(String, String)>) -> anyhow::Error {
    let of = args.account.as_ref().map(|account| format!(" of account {account}")).unwrap_or_default();
    let there = match months {
        Some((first, last)) if first == last => format!("the ledger has {first}"),
        Some((first, last)) => format!("the ledger has months from {first} to {last}"),
        None => "the ledger is empty".to_owned(),
    };
    anyhow!("--month = {}: nothing{of} is booked for it; {there}", args.month)
}

/// A day whose rules charge by message.
fn check_day(rates: &RateCards, day: Date) -> anyhow::Result<Date> {
    if Rules::rates_messages(rates, day) {
        return Ok(day);
    }
    let first = rates.rulebooks().find(|book| book.model == PricingModel::Pmp).map(|book| book.validity.from());
    let remedy = first.map_or_else(|| "add one".to_owned(), |first| format!("name a day from {first} on"));
    Err(anyhow!("--rules-of = {day}: there is no rulebook of that day that charges by message; {remedy}"))
}

/// The catalogues of the cards that are files, in the order of the names; none for ids.
fn card_files(names: &[String], rates: &RateCards, sources: &Sources) -> anyhow::Result<Vec<Option<RateCards>>> {
    let mut catalogues = Vec::new();
    for name in names {
        catalogues.push(match rates.card_id(name) {
            Some(_) => None,
            None => Some(card_file(name, rates, sources)?),
        });
    }
    Ok(catalogues)
}

fn card_file(name: &str, rates: &RateCards, sources: &Sources) -> anyhow::Result<RateCards> {
    let path = Path::new(name);
    if !path.exists() && path.extension().is_none_or(|extension| extension != "csv") {
        let meant = match nearest(name, rates.cards().iter().map(Card::id)) {
            Some(meant) => format!("did you mean {meant}?"),
            None => "see `tollgate rates list`".to_owned(),
        };
        return Err(anyhow!("--card = {name:?}: there is no such card and no such file; {meant}"));
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("--card = {name:?}: the file cannot be read"))?;
    Ok(RateCards::of_card(sources, Source::new(name, text))?)
}

/// The cards with their catalogues, one a currency.
fn cards<'a>(
    names: &[String],
    rates: &'a RateCards,
    files: &'a [Option<RateCards>],
) -> anyhow::Result<Vec<(&'a RateCards, CardId)>> {
    let mut chosen: Vec<(&RateCards, CardId)> = Vec::new();
    for (name, file) in names.iter().zip(files) {
        let rates = file.as_ref().unwrap_or(rates);
        let id = match file {
            None => rates.card_id(name),
            // The file's card is the only one of its catalogue.
            Some(file) => file.cards().first().and_then(|card| file.card_id(card.id())),
        };
        let id = id.with_context(|| format!("--card = {name:?}: the card is not in the catalogue"))?;
        let card = rates.card(id);
        if card.model() != PricingModel::Pmp {
            let remedy = "name a card that is charged by message";
            let why = "a month of messages cannot be rated by conversations, which the ledger does not show";
            return Err(anyhow!("--card = {name:?}: its model is {}; {why}; {remedy}", card.model()));
        }
        let currency = card.currency();
        if chosen.iter().any(|(rates, id)| rates.card(*id).currency() == currency) {
            return Err(WrongUse(format!("--card = {name:?}: a second card in {currency}; name one a currency")).into());
        }
        chosen.push((rates, id));
    }
    Ok(chosen)
}
