//! `tollgate rates`: the cards in use, what changed between two, a check of files before they are used, and the import
//! of published files.

mod diff;
mod import;
mod markets;
mod target;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use tollgate_rate_card::{Card, Category, CellStatus, RateCards};

use crate::config::{ConfigArgs, add_rates, load_rates, rate_sources};
use crate::exit::DIFFERENCES;
use crate::output::{self, Table};

/// Show, compare, check and import rate cards.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate rates list\n  \
    tollgate rates diff pmp-usd-2026-07-01 pmp-usd-2026-10-01\n  \
    tollgate rates import USD_rates.csv --valid-from 2027-01-01 --out rates --dry-run\n  \
    tollgate rates check rates/pmp_usd_2027-01-01.csv")]
pub struct RatesArgs {
    #[command(subcommand)]
    command: RatesCommand,
}

#[derive(Debug, Subcommand)]
enum RatesCommand {
    /// List the cards with their dates and how sure their cells are
    #[command(after_help = "Examples:\n  tollgate rates list\n  tollgate rates list --config tollgate.toml --json")]
    List {
        #[command(flatten)]
        config: ConfigArgs,
    },
    Diff(diff::DiffArgs),
    Import(import::ImportArgs),
    /// Check a file as if it lay in rates.directory, or all cards; exit code 3 when something is wrong
    #[command(after_help = "Examples:\n  \
        tollgate rates check\n  \
        tollgate rates check rates/pmp_usd_2027-01-01.csv")]
    Check {
        /// Card or volume bands as CSV; volume bands begin with `bands`
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// Runs it.
///
/// # Errors
/// The configuration or a file cannot be read.
pub fn run(args: RatesArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    match args.command {
        RatesCommand::List { config } => list(&load_rates(config.or(before).rates_directory()?.as_deref())?, json),
        RatesCommand::Diff(args) => diff::run(args, before, json),
        RatesCommand::Import(args) => import::run(args, before, json),
        RatesCommand::Check { file, config } => check(file.as_deref(), &config.or(before), json),
    }
}

fn list(rates: &RateCards, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        let cards: Vec<_> = rates.cards().iter().map(card_json).collect();
        output::line(json!({ "cards": cards }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut header = vec!["card", "model", "currency", "valid", "markets"];
    header.extend(CellStatus::ALL.iter().map(|status| status.as_str()));
    let mut table = Table::new(&header);
    for card in rates.cards() {
        let mut row = vec![
            card.id().to_owned(),
            card.model().as_str().to_owned(),
            card.currency().to_string(),
            match card.is_replaced() {
                true => format!("{} (replaced)", card.validity()),
                false => card.validity().to_string(),
            },
            card.markets().count().to_string(),
        ];
        row.extend(counts(card).map(|(_, cells)| cells.to_string()));
        table.row(row);
    }
    table.print()?;
    Ok(ExitCode::SUCCESS)
}

/// Cells of each status.
fn counts(card: &Card) -> impl Iterator<Item = (CellStatus, usize)> {
    CellStatus::ALL.into_iter().map(move |status| {
        let of = move |market| Category::ALL.into_iter().filter_map(move |category| card.cell(market, category));
        (status, card.markets().flat_map(of).filter(|cell| cell.status() == status).count())
    })
}

fn card_json(card: &Card) -> serde_json::Value {
    let cells: serde_json::Map<_, _> =
        counts(card).map(|(status, cells)| (status.as_str().to_owned(), cells.into())).collect();
    json!({
        "card": card.id(), "file": card.file(), "model": card.model().as_str(), "currency": card.currency().to_string(),
        "valid_from": card.validity().from().to_string(), "valid_to": card.validity().to().map(|to| to.to_string()),
        "replaced": card.is_replaced(), "markets": card.markets().count(), "cells": cells,
    })
}

fn check(file: Option<&Path>, config: &ConfigArgs, json: bool) -> anyhow::Result<ExitCode> {
    let mut sources = rate_sources(config.rates_directory()?.as_deref())?;
    if let Some(file) = file {
        add_rates(&mut sources, file)?;
    }
    match RateCards::from_sources(&sources) {
        Ok(rates) => {
            let cards = rates.cards().len();
            match json {
                true => output::line(json!({ "ok": true, "cards": cards, "faults": [] }))?,
                false => output::line(format_args!("{cards} cards: good"))?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            match json {
                true => output::line(json!({ "ok": false, "faults": [{
                    "place": format!("{}:{}", error.file, error.line), "problem": error.problem, "remedy": error.remedy,
                }] }))?,
                false => eprintln!("tollgate: {error}"),
            }
            Ok(ExitCode::from(DIFFERENCES))
        }
    }
}
