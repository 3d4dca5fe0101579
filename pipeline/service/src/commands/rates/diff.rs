//! `tollgate rates diff`: what two cards say differently.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Args;
use rust_decimal::Decimal;
use serde_json::json;
use tollgate_rate_card::{Card, CardDiff, CellChange, CellStatus, ChangeKind, RateCards, Source};

use crate::config::{ConfigArgs, load_rates, nearest};
use crate::output::{self, Table};

/// Show what differs between two cards, by market and category
///
/// Both have the same currency and pricing model. Volume bands are not compared. The exit code is 0 with or without
/// differences.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate rates diff pmp-usd-2026-07-01 pmp-usd-2026-10-01\n  \
    tollgate rates diff pmp-usd-2026-10-01 rates/pmp_usd_2027-01-01.csv --json")]
pub struct DiffArgs {
    /// Id of a card, or a card file: before
    #[arg(value_name = "BEFORE")]
    before: String,
    /// Id of a card, or a card file: after
    #[arg(value_name = "AFTER")]
    after: String,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs it.
///
/// # Errors
/// A card that is not there or not good, or two that cannot be compared.
pub fn run(args: DiffArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    let rates = load_rates(args.config.or(before).rates_directory()?.as_deref())?;
    let (before, after) = (card(&rates, &args.before)?, card(&rates, &args.after)?);
    let diff = CardDiff::between(&before, &after, rates.map())?;
    if json {
        output::line(as_json(&diff, &before, &after))?;
    } else {
        print(&diff, &before, &after)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A known card, or a file.
fn card(rates: &RateCards, name: &str) -> anyhow::Result<Card> {
    if let Some(card) = rates.card_named(name) {
        return Ok(card.clone());
    }
    let path = Path::new(name);
    if !path.exists() {
        let known = rates.cards().iter().map(Card::id);
        let hint = nearest(name, known).map(|id| format!("; did you mean {id}?")).unwrap_or_default();
        return Err(anyhow!(
            "{name:?} is neither the id of a card nor a file; `tollgate rates list` shows the ids{hint}"
        ));
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    Ok(rates.read_card(&Source::new(name, text))?)
}

/// The changes as a table, the markets of one card only, and the totals.
pub fn print(diff: &CardDiff, before: &Card, after: &Card) -> anyhow::Result<()> {
    if !diff.changes.is_empty() {
        let mut table =
            Table::new(&["market", "category", "change", "before", "after", "difference", "percent", "status"]);
        for change in &diff.changes {
            table.row(row(change));
        }
        table.print()?;
    }
    for (markets, card) in [(&diff.only_before, before), (&diff.only_after, after)] {
        if !markets.is_empty() {
            output::line(format_args!("only in {}: {}", card.id(), markets.join(", ")))?;
        }
    }
    let (up, down) = diff.up_and_down();
    let count = |kind| diff.count(kind);
    output::line(format_args!(
        "{} → {}: {up} rates up, {down} down, {} cells added, {} removed, {} with another status only, {} the same; \
         {} markets removed, {} added",
        before.id(),
        after.id(),
        count(ChangeKind::Added),
        count(ChangeKind::Removed),
        count(ChangeKind::Status),
        diff.same,
        diff.only_before.len(),
        diff.only_after.len(),
    ))?;
    Ok(())
}

fn row(change: &CellChange) -> Vec<String> {
    let rate = |rate: Option<Decimal>| rate.map_or_else(|| "-".to_owned(), |rate| rate.to_string());
    let status = |(_, status): (Option<Decimal>, CellStatus)| status;
    let (a, b) = (status(change.before), status(change.after));
    vec![
        change.market.clone(),
        change.category.to_string(),
        change.kind.as_str().to_owned(),
        rate(change.before.0),
        rate(change.after.0),
        rate(change.difference()),
        change.percent().map_or_else(|| "-".to_owned(), |percent| format!("{percent}%")),
        if a == b { a.to_string() } else { format!("{a} → {b}") },
    ]
}

/// The same for machines; rates are text, as everywhere.
pub fn as_json(diff: &CardDiff, before: &Card, after: &Card) -> serde_json::Value {
    let text = |rate: Option<Decimal>| rate.map(|rate| rate.to_string());
    let side = |(rate, status): (Option<Decimal>, CellStatus)| json!({ "rate": text(rate), "status": status.as_str() });
    let changes: Vec<_> = diff
        .changes
        .iter()
        .map(|change| {
            json!({
                "market": change.market, "category": change.category.as_str(), "change": change.kind.as_str(),
                "before": side(change.before), "after": side(change.after),
                "difference": text(change.difference()), "percent": text(change.percent()),
            })
        })
        .collect();
    let (up, down) = diff.up_and_down();
    json!({
        "before": before.id(), "after": after.id(), "currency": before.currency().to_string(),
        "model": before.model().as_str(), "changes": changes,
        "only_before": diff.only_before, "only_after": diff.only_after,
        "totals": {
            "up": up, "down": down, "added": diff.count(ChangeKind::Added), "removed": diff.count(ChangeKind::Removed),
            "status": diff.count(ChangeKind::Status), "same": diff.same,
        },
    })
}
