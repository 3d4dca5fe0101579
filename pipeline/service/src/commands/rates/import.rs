//! `tollgate rates import`: the platform's published files into card and band files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::json;
use tollgate_rate_card::{
    Card, CardDiff, Currency, Date, FAULTS_SHOWN, Published, PublishedFaults, PublishedPrices, PublishedRate,
    PublishedTiers, RateCards, Source, Sources,
};

use super::diff;
use super::markets;
use super::target::{self, Plan, Target, Wish};
use crate::config::{ConfigArgs, rate_sources};
use crate::exit::WrongUse;
use crate::output;

/// Import list rates, volume tiers or markets as the platform publishes them
///
/// Recognises the two published CSV layouts, in any billing currency, and writes a card or a file of volume bands
/// into --out or the configuration's rates.directory. Import list rates before their tiers. The file is checked
/// completely, with all other cards, before anything is written; a file that is there is never overwritten. A
/// correction is a further file, `…-v2`, which replaces the earlier one and leaves it readable. A card without
/// --valid-to holds until the next one of its currency.
///
/// A table of markets has a column Market and beside it countries by name, ISO code or calling code, as the platform shows
/// them on its page. It becomes a further period of market_map.csv; countries that it does not list keep their market.
/// Cards without an end end where the map changes, so import it before the list rates of the same day. The map that was
/// there is kept as market_map.csv.1, and so on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate rates import USD_rates.csv --valid-from 2027-01-01 --out rates --dry-run\n  \
    tollgate rates import USD_rates.csv --valid-from 2027-01-01 --out rates\n  \
    tollgate rates import USD_tiers.csv --valid-from 2027-01-01 --out rates\n  \
    tollgate rates import USD_rates.csv --valid-from 2027-01-01 --out rates --correction\n  \
    tollgate rates import markets.csv --valid-from 2027-01-01 --out rates --dry-run")]
pub struct ImportArgs {
    /// Published CSV with list rates, volume tiers or markets
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// First day of the rates
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    valid_from: Date,
    /// Last day [default: the day before the next card of the currency]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    valid_to: Option<Date>,
    /// Currency, where the file does not tell it; must be the file's otherwise
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
    /// Directory to write to, with the cards that are there [default: rates.directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write a further version of a card or of bands, or a period of the market map anew, that are there with other content
    #[arg(long)]
    correction: bool,
    /// Accept that the days since the card before have no card; they stay unpriced
    #[arg(long)]
    gap_before: bool,
    /// Check the file and show what it changes; write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

/// A day, strictly `YYYY-MM-DD`.
fn day(text: &str) -> Result<Date, String> {
    let day: Option<Date> = text.parse().ok();
    day.filter(|day| day.to_string() == text).ok_or_else(|| "write a day as YYYY-MM-DD, such as 2027-01-01".to_owned())
}

/// Runs it.
///
/// # Errors
/// The file or the cards that are there cannot be read, or do not fit each other.
pub fn run(args: ImportArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    let directory = match args.out {
        Some(out) if out.is_dir() => Some(out),
        Some(out) => return Err(anyhow!("--out {} is not a directory; create it first", out.display())),
        None => args.config.or(before).rates_directory()?,
    };
    if directory.is_none() && !args.dry_run {
        return Err(WrongUse("neither --out nor rates.directory says where to write; give --out".to_owned()).into());
    }
    let sources = rate_sources(directory.as_deref())?;
    let rates = RateCards::from_sources(&sources)?;
    let name = args.file.display().to_string();
    let bytes = std::fs::read(&args.file).with_context(|| format!("{name} cannot be read"))?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow!("{name} is not UTF-8; save it as CSV UTF-8"))?;
    let published = match Published::read(&Source::new(name.clone(), text), &rates, args.valid_from, args.currency) {
        Ok(Published::Prices(published)) => published,
        Ok(Published::Markets(table)) => {
            if args.valid_to.is_some() || args.currency.is_some() || args.gap_before {
                let told = "a table of markets has no --valid-to, --currency or --gap-before; leave them out";
                return Err(WrongUse(told.to_owned()).into());
            }
            let wish = markets::Wish { from: args.valid_from, correction: args.correction, dry_run: args.dry_run };
            return markets::run(&name, &table, sources, directory.as_deref(), wish, json);
        }
        Err(faults) => return tell(&name, &faults, json),
    };
    let wish =
        Wish { from: args.valid_from, to: args.valid_to, correction: args.correction, gap_before: args.gap_before };
    let taken = |name: &str| {
        let base = |file: &Source| Path::new(&*file.name).file_name().is_some_and(|base| base == name);
        sources.bands.iter().any(base)
    };
    let plan = match &published {
        PublishedPrices::Base(base) => target::base(&rates, base, wish),
        PublishedPrices::Tiers(tiers) => target::tiers(&rates, tiers, wish, &taken),
    };
    let target = match plan.map_err(|error| anyhow!("{name}: {error}"))? {
        Plan::Same { card } => {
            match json {
                true => output::line(json!({ "ok": true, "card": card, "same": true, "written": null }))?,
                false => output::line(format_args!("{name}: card {card} says the same already; nothing is written"))?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        Plan::Write(target) => target,
    };
    let after =
        checked(sources, &published, &target, directory.as_deref()).map_err(|error| anyhow!("{name}: {error}"))?;
    let new = after.card_named(&target.card).context("the imported card is not in the catalogue")?;
    finer(&name, &published, &rates);
    if args.dry_run {
        dry_run(&rates, &published, new, &target, args.valid_from, json)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(refused) = target.refused {
        return Err(anyhow!("{name}: {refused}"));
    }
    let directory = directory.context("no directory")?;
    let path = target::write(&directory, &target)?;
    if json {
        let written = path.display().to_string();
        output::line(json!({ "ok": true, "card": target.card, "same": false, "written": written }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(format_args!("{}: {}", path.display(), summary(&published, new)))?;
    without_bands(&rates, &published, new, args.valid_from)?;
    Ok(ExitCode::SUCCESS)
}

/// The catalogue with the new file, which must fit everything that is there.
fn checked(
    mut sources: Sources,
    published: &PublishedPrices,
    target: &Target,
    directory: Option<&Path>,
) -> anyhow::Result<RateCards> {
    let path = directory.unwrap_or(Path::new("")).join(&target.name);
    let source = Source::new(path.display().to_string(), target.text.clone());
    // A file of this name would silently stand in for the one that is there.
    if sources.replace(&source) {
        return Err(anyhow!("there is a file named {} already, for something else; rename it", target.name));
    }
    match published {
        PublishedPrices::Base(_) => sources.cards.push(source),
        PublishedPrices::Tiers(_) => sources.bands.push(source),
    }
    RateCards::from_sources(&sources).map_err(|mut error| {
        // The file that would declare it is the one that is about to be written.
        error.remedy = error.remedy.replace("declare gap_before=yes", "give --gap-before");
        error.into()
    })
}

/// The faults of the file, one a line.
fn tell(name: &str, faults: &PublishedFaults, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        let list: Vec<_> = faults
            .faults
            .iter()
            .map(|fault| {
                let place = format!("{}:{}", fault.file, fault.line);
                json!({ "place": place, "problem": fault.problem, "remedy": fault.remedy })
            })
            .collect();
        output::line(json!({ "ok": false, "faults": list, "more": faults.more }))?;
        return Ok(ExitCode::FAILURE);
    }
    for fault in &faults.faults {
        eprintln!("tollgate: {fault}");
    }
    if faults.more > 0 {
        eprintln!("tollgate: {name}: and {} more", faults.more);
    }
    Ok(ExitCode::FAILURE)
}

/// Tells of prices with more decimals than the newest card of the currency has. It is no fault: a card may be finer than the
/// one before.
fn finer(name: &str, published: &PublishedPrices, rates: &RateCards) {
    let of_currency =
        rates.cards().iter().filter(|card| card.currency() == published.currency() && !card.is_replaced());
    let Some(newest) = of_currency.max_by_key(|card| card.validity().from()) else { return };
    let mut finer = published.finer_than(newest.scale());
    for PublishedRate { line, market, category, rate } in finer.by_ref().take(FAULTS_SHOWN) {
        eprintln!(
            "tollgate: {name}:{line}: warning: the rate of {}, {category} is {rate}, with {} decimals where card {}, the newest in {}, has {}; \
             compare it with what the platform publishes: as it is it will be billed",
            rates.map().market_name(*market),
            rate.scale(),
            newest.id(),
            newest.currency(),
            newest.scale(),
        );
    }
    let more = finer.count();
    if more > 0 {
        eprintln!("tollgate: {name}: warning: and {more} more with more decimals");
    }
}

fn summary(published: &PublishedPrices, card: &Card) -> String {
    match published {
        PublishedPrices::Base(_) => {
            let markets = card.markets().count();
            format!("card {}, {}, {markets} markets, {} decimals", card.id(), card.validity(), card.scale())
        }
        PublishedPrices::Tiers(tiers) => format!("volume bands of card {}, {}", card.id(), tables(tiers)),
    }
}

fn tables(tiers: &PublishedTiers) -> String {
    let mut markets: Vec<_> = tiers.tables.keys().map(|(market, _)| *market).collect();
    markets.dedup();
    format!("{} tables of {} markets", tiers.tables.len(), markets.len())
}

/// A card in place of one with bands, without as many: they belong to the list rates of the earlier one.
fn without_bands(rates: &RateCards, published: &PublishedPrices, new: &Card, from: Date) -> anyhow::Result<()> {
    let before = before(rates, new.currency(), from);
    let missing = before.map_or(0, Card::band_tables).saturating_sub(new.band_tables());
    if missing > 0 && matches!(published, PublishedPrices::Base(_)) {
        output::line(format_args!(
            "{missing} tables of volume bands do not go over to it; import its volume tiers too"
        ))?;
    }
    Ok(())
}

/// The card that a new one takes over from: the version before, or the card of the day before.
fn before(rates: &RateCards, currency: Currency, from: Date) -> Option<&Card> {
    target::starting(rates, currency, from)
        .or_else(|| rates.card_at(currency, from.yesterday().ok()?).map(|id| rates.card(id)))
}

fn dry_run(
    rates: &RateCards,
    published: &PublishedPrices,
    new: &Card,
    target: &Target,
    from: Date,
    json: bool,
) -> anyhow::Result<()> {
    let before = before(rates, new.currency(), from);
    let diff = before.map(|before| (before, CardDiff::between(before, new, rates.map())));
    if json {
        let diff = match (&diff, published) {
            (Some((before, Ok(diff))), PublishedPrices::Base(_)) => Some(diff::as_json(diff, before, new)),
            _ => None,
        };
        let (file, refused) = (&target.name, &target.refused);
        output::line(json!({
            "ok": refused.is_none(), "card": target.card, "same": false, "written": null, "file": file, "diff": diff,
            "refused": refused,
        }))?;
        return Ok(());
    }
    match (diff, published) {
        (_, PublishedPrices::Tiers(tiers)) => {
            let known = |(market, category)| before.and_then(|card: &Card| card.bands(market, category));
            let new = tiers.tables.keys().filter(|key| known(**key).is_none()).count();
            let changed =
                tiers.tables.iter().filter(|(key, (table, _))| known(**key).is_some_and(|have| have != table));
            output::line(format_args!("{}: {new} new, {} changed", tables(tiers), changed.count()))?;
        }
        (Some((before, Ok(diff))), PublishedPrices::Base(_)) => diff::print(&diff, before, new)?,
        (Some((_, Err(error))), PublishedPrices::Base(_)) => {
            output::line(format_args!("nothing to compare with: {error}"))?
        }
        (None, PublishedPrices::Base(_)) => {
            output::line(format_args!("there is no {} card before {from}", new.currency()))?;
        }
    }
    output::line(format_args!("{}: {}", target.name, summary(published, new)))?;
    match &target.refused {
        Some(refused) => output::line(format_args!("would be refused: {refused}"))?,
        None => output::line("nothing is written")?,
    }
    Ok(())
}
