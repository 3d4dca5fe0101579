//! `tollgate billing settle`, `close` and `verify`: the end of a month, by the service, and that it stays as it was.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use rust_decimal::Decimal;
use serde::Deserialize;
use tollgate_rate_card::{RateCards, YearMonth};
use tollgate_runtime::settle::{CloseManifest, Report, VerifyError, verify};

use super::super::accounts;
use super::scope;
use crate::client::{Answer, Api, ClientArgs, JSON, encode, path};
use crate::config::{ConfigArgs, rate_sources};
use crate::exit::DIFFERENCES;
use crate::output::{self, Table};

/// How often the service is asked while it works on a month.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Settle a month that is still open: every charge at its place in the order of delivery.
///
/// While a month is open, positions in volume bands and free allowances are given in the order in which deliveries
/// become known. Settling counts them in the order in which they happened, with the cards, bands and prices that are
/// known now, and books the differences as true-ups. It may be repeated: it finds what is new.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing settle --month 2026-10\n  \
    tollgate billing settle --month 2026-10 --account acme --json")]
pub(super) struct SettleArgs {
    /// Billing month, YYYY-MM, in each WABA's time zone
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Close a month: end it in the engine, settle it, and keep a manifest that proves it.
///
/// What is delivered in the month and becomes known later is billed in the month after. A month may be closed when it
/// has been over for billing.settle_days in every time zone of the account, when the months before it are closed, and
/// when nothing in it is uncertain that is not allowed. Each account has its own manifest, chained to the one before.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate billing close --month 2026-10\n  \
    tollgate billing close --month 2026-10 --account acme --allow unverified,bands-unknown\n  \
    tollgate billing close --month 2026-10 --account acme --force \"contract ends\"")]
pub(super) struct CloseArgs {
    /// Billing month, YYYY-MM, in each WABA's time zone
    #[arg(long, value_name = "MONTH")]
    month: YearMonth,
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    /// What may remain uncertain; the manifest says so
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    allow: Vec<Allow>,
    /// Close before the settling days are over, for this reason; the manifest says so
    #[arg(long, value_name = "REASON")]
    force: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

/// What may remain uncertain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Allow {
    /// Charges without a price.
    Unpriced,
    /// Charges at a rate that has a single source.
    Unverified,
    /// Charges at list price because the volume bands are not known.
    #[value(alias = "bands_unknown")]
    BandsUnknown,
    /// Records that could not be booked.
    #[value(alias = "set_aside")]
    SetAside,
}

impl Allow {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unpriced => "unpriced",
            Self::Unverified => "unverified",
            Self::BandsUnknown => "bands_unknown",
            Self::SetAside => "set_aside",
        }
    }
}

/// Check that closed months still are what their manifests say.
///
/// Reads the ledger in data_dir, while the service runs or not: the chain of the manifests of each account, and that
/// summary and detail of each closed month have the bytes that were hashed. Exit code 3 when something differs.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate billing verify\n  tollgate billing verify --account acme --json")]
pub(super) struct VerifyArgs {
    /// One account [default: all]
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Deserialize)]
struct Settled {
    settled: Report,
    /// Of a month that may be closed.
    billed_in: Option<String>,
}

#[derive(Deserialize)]
struct Closed {
    sha256: String,
    manifest: CloseManifest,
}

/// Runs `settle`.
///
/// # Errors
/// The service, or stdout.
pub(super) async fn settle(args: SettleArgs, json: bool) -> anyhow::Result<ExitCode> {
    let of = Asked { month: args.month, account: args.account, verb: "settle", more: String::new() };
    let mut table = Table::new(&["account", "charges", "true-ups", "difference", "left open"]);
    let code = of
        .each(&args.client, json, |account, body| {
            let Settled { settled, .. } = serde_json::from_slice(body)?;
            table.row([
                account.to_owned(),
                settled.charges.to_string(),
                settled.true_ups.to_string(),
                amounts(settled.cost_difference.iter().map(|(currency, amount)| (currency.as_str(), *amount))),
                uncertain(&settled),
            ]);
            Ok(())
        })
        .await;
    tell(&table, json, code)
}

/// Books what differs of a month by now: what `rerate --book` does.
///
/// # Errors
/// The service, or stdout.
pub(super) async fn correct(
    month: YearMonth,
    account: Option<String>,
    client: &ClientArgs,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let of = Asked { month, account, verb: "correct", more: String::new() };
    let mut table = Table::new(&["account", "charges", "true-ups", "difference", "billed in", "left open"]);
    let code = of
        .each(client, json, |account, body| {
            let Settled { settled, billed_in } = serde_json::from_slice(body)?;
            table.row([
                account.to_owned(),
                settled.charges.to_string(),
                settled.true_ups.to_string(),
                amounts(settled.cost_difference.iter().map(|(currency, amount)| (currency.as_str(), *amount))),
                billed_in.unwrap_or_else(|| month.to_string()),
                uncertain(&settled),
            ]);
            Ok(())
        })
        .await;
    tell(&table, json, code)
}

/// Runs `close`.
///
/// # Errors
/// The service, or stdout.
pub(super) async fn close(args: CloseArgs, json: bool) -> anyhow::Result<ExitCode> {
    let allowed: Vec<&str> = args.allow.iter().map(|allow| allow.as_str()).collect();
    let mut more = String::new();
    if !allowed.is_empty() {
        more.push_str(&format!("&allow={}", allowed.join(",")));
    }
    if let Some(reason) = &args.force {
        more.push_str(&format!("&forced={}", encode(reason)));
    }
    let of = Asked { month: args.month, account: args.account, verb: "close", more };
    let mut table = Table::new(&["account", "messages", "cost", "price", "true-ups", "manifest SHA-256"]);
    let code = of
        .each(&args.client, json, |account, body| {
            let Closed { sha256, manifest } = serde_json::from_slice(body)?;
            let total = |of: &[tollgate_runtime::settle::ControlTotal]| {
                let totals = of.iter().filter(|total| total.kind == "total");
                let each: Vec<_> = totals.map(|total| format!("{} {}", total.rounded, total.currency)).collect();
                if each.is_empty() { "-".to_owned() } else { each.join(", ") }
            };
            table.row([
                account.to_owned(),
                manifest.messages.to_string(),
                total(&manifest.cost_totals),
                total(&manifest.price_totals),
                manifest.settled.true_ups.to_string(),
                sha256,
            ]);
            Ok(())
        })
        .await;
    tell(&table, json, code)
}

/// Shows what was done, also where an account on the way ended it.
fn tell(table: &Table, json: bool, ended: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    if !json && !table.is_empty() {
        table.print()?;
    }
    ended
}

/// Runs `verify`.
///
/// # Errors
/// The ledger or the rate cards.
pub(super) fn verify_all(mut args: VerifyArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    args.config = args.config.or(before);
    let rates = RateCards::from_sources(&rate_sources(args.config.rates_directory()?.as_deref())?)?;
    let reader = super::reader(&args.config)?;
    let accounts = match args.account {
        Some(account) => {
            scope::check_account(&reader, &account, "2026-01".parse()?)?;
            vec![account]
        }
        None => reader.accounts()?.items.into_iter().map(|account| account.account).collect(),
    };
    let mut table = Table::new(&["account", "month", "entries", "manifest SHA-256"]);
    let mut code = ExitCode::SUCCESS;
    let bar = output::bar(accounts.len() as u64, false);
    for account in accounts {
        match verify(&reader, &rates, &account) {
            Ok(months) => {
                for month in months {
                    if json {
                        let line = serde_json::json!({ "account": account, "month": month.month.to_string(),
                            "entries": month.entries, "sha256": month.sha256, "ok": true });
                        output::line(line)?;
                    }
                    let month_name = month.month.to_string();
                    table.row([account.clone(), month_name, month.entries.to_string(), month.sha256]);
                }
            }
            Err(VerifyError::Export(error)) => return Err(error.into()),
            Err(differs) => {
                if json {
                    let line =
                        serde_json::json!({ "account": account, "ok": false, "difference": differs.to_string() });
                    output::line(line)?;
                }
                eprintln!("tollgate: {differs}");
                code = ExitCode::from(DIFFERENCES);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if !json {
        table.print()?;
    }
    Ok(code)
}

/// What the service is asked to do with a month of each account.
struct Asked {
    month: YearMonth,
    account: Option<String>,
    verb: &'static str,
    more: String,
}

impl Asked {
    /// Asks until it is done, account by account; a refusal is told and does not stop the others.
    async fn each(
        &self,
        client: &ClientArgs,
        json: bool,
        mut done: impl FnMut(&str, &Bytes) -> anyhow::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        let api = Api::new(client)?;
        let accounts = match &self.account {
            Some(account) => vec![account.clone()],
            None => accounts::ids(&api).await?,
        };
        let bar = output::bar(accounts.len() as u64, false);
        let mut code = ExitCode::SUCCESS;
        for account in accounts {
            let address = format!(
                "{}:{}?account={}{}",
                path(&["billing", &self.month.to_string()]),
                self.verb,
                encode(&account),
                self.more
            );
            match until_done(&api, &address).await?.ok() {
                Ok(answer) if json => output::json(&answer.body)?,
                Ok(answer) => done(&account, &answer.body)?,
                Err(refused) => {
                    eprintln!("tollgate: {account}: {refused:#}");
                    code = ExitCode::FAILURE;
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(code)
    }
}

/// Asks until the work is done.
pub(super) async fn until_done(api: &Api, address: &str) -> anyhow::Result<Answer> {
    loop {
        let answer = api.post(address, JSON, Bytes::new()).await?;
        if answer.status != 202 {
            return Ok(answer);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

fn amounts<'a>(of: impl Iterator<Item = (&'a str, Decimal)>) -> String {
    let each: Vec<_> = of.map(|(currency, amount)| format!("{} {currency}", amount.normalize())).collect();
    if each.is_empty() { "-".to_owned() } else { each.join(", ") }
}

/// What would keep the month open.
fn uncertain(report: &Report) -> String {
    let counts = [
        (report.unpriced.values().sum::<u64>(), "unpriced"),
        (report.unverified.values().sum::<u64>(), "unverified"),
        (report.bands_unknown, "bands unknown"),
    ];
    let each: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if each.is_empty() { "-".to_owned() } else { each.join(", ") }
}
