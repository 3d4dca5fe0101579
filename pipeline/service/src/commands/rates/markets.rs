//! A table of markets into a further period of `market_map.csv`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use serde_json::json;
use tollgate_rate_card::{Date, NewPeriod, PublishedMarkets, RateCards, Source, Sources};

use super::target;
use crate::output;

const NAME: &str = "market_map.csv";
/// Former maps that are kept at most.
const KEPT_MAX: u32 = 999;
/// Countries that are named in a line at most.
const NAMED_MAX: usize = 40;

/// The day and wishes of an import.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// First day.
    pub from: Date,
    /// Whether a period that is there may be written anew.
    pub correction: bool,
    /// Whether nothing is to be written.
    pub dry_run: bool,
}

/// Checks the table with everything else and writes the map.
///
/// # Errors
/// It does not fit the map or the cards, or cannot be written.
pub fn run(
    name: &str,
    table: &PublishedMarkets,
    mut sources: Sources,
    directory: Option<&Path>,
    wish: Wish,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let from = wish.from;
    let new = table.onto(&sources.market_map, &sources.numbering, name, from)?;
    if new.same {
        match json {
            true => output::line(json!({ "ok": true, "period": from.to_string(), "same": true, "written": null }))?,
            false => {
                output::line(format_args!("{name}: {NAME} says the same from {from} already; nothing is written"))?
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let refused = (new.corrects && !wish.correction)
        .then(|| format!("{NAME} has a period from {from} already with other markets; --correction writes it anew"));
    if !wish.dry_run
        && let Some(refused) = &refused
    {
        return Err(anyhow!("{name}: {refused}"));
    }
    let before = RateCards::from_sources(&sources)?;
    sources
        .replace(&Source::new(directory.unwrap_or(Path::new("")).join(NAME).display().to_string(), new.text.clone()));
    let after = RateCards::from_sources(&sources).map_err(|error| anyhow!("{name}: {error}"))?;
    let written = match directory.filter(|_| !wish.dry_run) {
        Some(directory) => Some(written(&directory.join(NAME), &new)?),
        None => None,
    };
    if json {
        let changed: Vec<_> =
            new.changed.iter().map(|(c, was, is)| json!({ "country": c, "was": was, "is": is })).collect();
        let ended: Vec<_> = ended(&before, &after).into_iter().map(|(card, _)| card).collect();
        output::line(json!({
            "ok": refused.is_none(), "period": from.to_string(), "same": false,
            "written": written.map(|path| path.display().to_string()), "changed": changed, "kept": new.kept,
            "ended": ended, "refused": refused,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    tell(&new, &before, &after, from)?;
    match (written, refused) {
        (Some(path), _) => output::line(format_args!("{}: a period from {from}", path.display()))?,
        (None, Some(refused)) => output::line(format_args!("would be refused: {refused}"))?,
        (None, None) => output::line("nothing is written")?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What changes, in lines.
fn tell(new: &NewPeriod, before: &RateCards, after: &RateCards, from: Date) -> anyhow::Result<()> {
    for (country, was, is) in &new.changed {
        let name = after.map().country(*country).map_or("", |info| &info.name);
        output::line(format_args!("{country} {name}: {was} -> {is}"))?;
    }
    match new.changed.len() {
        1 => output::line(format_args!("1 country changes its market on {from}"))?,
        many => output::line(format_args!("{many} countries change their market on {from}"))?,
    }
    let known: BTreeSet<&String> = before.map().markets().iter().collect();
    let fresh: Vec<&str> =
        after.map().markets().iter().filter(|name| !known.contains(name)).map(String::as_str).collect();
    if !fresh.is_empty() {
        output::line(format_args!("markets that there were not: {}", fresh.join(", ")))?;
    }
    if !new.kept.is_empty() {
        let named = new.kept.iter().take(NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let more = new.kept.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        output::line(format_args!("{} are not listed and keep theirs: {named}{more}", new.kept.len()))?;
    }
    for (card, last) in ended(before, after) {
        output::line(format_args!("card {card} ends on {last}; import the list rates from {from} next"))?;
    }
    Ok(())
}

/// Cards that end where the map changes, with their last day.
fn ended(before: &RateCards, after: &RateCards) -> Vec<(String, Date)> {
    let open = before.cards().iter().filter(|card| card.validity().to().is_none() && !card.is_replaced());
    let last = |id: &str| after.card_named(id).and_then(|card| card.validity().to());
    open.filter_map(|card| Some((card.id().to_owned(), last(card.id())?))).collect()
}

/// Writes the map; the one that was there is kept beside it.
fn written(path: &Path, new: &NewPeriod) -> anyhow::Result<PathBuf> {
    target::put(path, &new.text, |path| {
        if !path.exists() {
            return Ok(());
        }
        for number in 1..=KEPT_MAX {
            match std::fs::hard_link(path, path.with_extension(format!("csv.{number}"))) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("{} cannot be kept", path.display())),
            }
        }
        Err(anyhow!("{} former maps are beside {}; remove some", KEPT_MAX, path.display()))
    })?;
    Ok(path.to_owned())
}
