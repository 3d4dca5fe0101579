//! The report: everything in it is read from views, ledger and export, or is the sandbox's own count.

use super::audit::Delivered;
use super::cast::ACCOUNTS;
use super::watch::Watch;
use rust_decimal::Decimal;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use tollgate_quality::{Limit, Score};
use tollgate_rate_card::YearMonth;
use tollgate_runtime::ledger::{LedgerReader, Stream};
use tollgate_runtime::views::{BillLine, OutcomeCount, bill};
use tollgate_sandbox::{SandboxStats, ViolationRule};
use tollgate_wire::{Reason, Time};

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) as_of: Time,
    pub(super) seed: u64,
    pub(super) recipients: u64,
    /// Countries of the recipients.
    pub(super) countries: usize,
    /// Requests that were sent in a second time.
    pub(super) repeated: u64,
    /// Lines that the API refused at once.
    pub(super) refused_by_api: u64,
    pub(super) seconds: Seconds,
    /// Where every message is; repeated requests not among them.
    pub(super) outcomes: Vec<OutcomeCount>,
    /// Repeated requests that were recognised.
    pub(super) duplicates: u64,
    /// Sum of `outcomes` and `refused_by_api`.
    pub(super) accounted_for: u64,
    pub(super) accounts: Vec<AccountLine>,
    pub(super) parked: Vec<ParkedLine>,
    /// By country and category.
    pub(super) bill: Vec<BillLine>,
    /// Sum of the bill by currency, exact.
    pub(super) totals: BTreeMap<String, Decimal>,
    pub(super) checks: Checks,
    pub(super) exports: Vec<Export>,
    /// Commands to look further.
    pub(super) next: Vec<String>,
}

/// How long the parts of the run took.
#[derive(Debug, Default, Serialize)]
pub(super) struct Seconds {
    /// Start, generation, accounts and consents.
    pub(super) prepare: f64,
    /// From the first request until nothing more happened, or the time was over.
    pub(super) send: f64,
    /// Everything until the report.
    pub(super) total: f64,
}

/// An account's limit and the numbers that share it.
#[derive(Debug, Serialize)]
pub(super) struct AccountLine {
    pub(super) account: String,
    pub(super) name: String,
    pub(super) limit: Limit,
    pub(super) quota_used: u32,
    pub(super) quota_next_return: Option<Time>,
    pub(super) waiting: u64,
    pub(super) senders: Vec<SenderLine>,
}

/// A number.
#[derive(Debug, Serialize)]
pub(super) struct SenderLine {
    pub(super) sender: String,
    pub(super) quality: Score,
    pub(super) throughput: u32,
    pub(super) throughput_now: u32,
    /// Most messages that the platform saw in one second.
    pub(super) peak: u64,
    pub(super) next_marketing: Option<Time>,
}

/// Messages that wait for one thing.
#[derive(Debug, Serialize)]
pub(super) struct ParkedLine {
    pub(super) account: String,
    pub(super) reason: Reason,
    pub(super) class: String,
    pub(super) resource: String,
    pub(super) campaign: Option<String>,
    pub(super) messages: u64,
    pub(super) opens_at: Option<Time>,
    pub(super) done_by: Option<Time>,
}

/// What two independent sides say of the same thing.
#[derive(Debug, Serialize)]
pub(super) struct Checks {
    /// Breaches of the platform's limits, by rule, as the sandbox counted them.
    pub(super) violations: BTreeMap<ViolationRule, u64>,
    /// Sends that the sandbox took.
    pub(super) platform_accepted: u64,
    /// Sends that it answered with an error, by code.
    pub(super) platform_refused: BTreeMap<u32, u64>,
    /// Delivered messages by the sandbox's journal.
    pub(super) platform_delivered: Delivered,
    /// Entries of kind `charge` in the ledger, by category.
    pub(super) ledger_charged: BTreeMap<String, u64>,
    /// Entries of kind `free` in the ledger, by type.
    pub(super) ledger_free: BTreeMap<String, u64>,
    /// Entries without a known price.
    pub(super) ledger_unpriced: u64,
}

/// A file that was written.
#[derive(Debug, Serialize)]
pub(super) struct Export {
    pub(super) file: String,
    pub(super) format: &'static str,
    pub(super) month: String,
    pub(super) rows: u64,
    /// Exact sums by currency, from its manifest.
    pub(super) totals: BTreeMap<String, Decimal>,
    pub(super) sha256: String,
}

/// Where the messages are, without the repeated requests, and how many those are.
pub(super) fn outcomes(watch: &Watch) -> anyhow::Result<(Vec<OutcomeCount>, u64)> {
    let counts = watch.reader.outcome_counts(None, None)?.counts;
    let repeated = |count: &OutcomeCount| count.reason.as_deref() == Some("duplicate");
    let duplicates = counts.iter().filter(|count| repeated(count)).map(|count| count.messages).sum();
    Ok((counts.into_iter().filter(|count| !repeated(count)).collect(), duplicates))
}

/// Accounts with their numbers, and what waits.
pub(super) fn accounts(watch: &Watch, platform: &SandboxStats) -> anyhow::Result<(Vec<AccountLine>, Vec<ParkedLine>)> {
    let (mut lines, mut parked) = (Vec::new(), Vec::new());
    for account in &ACCOUNTS {
        let Some(view) = watch.reader.account(account.id)? else { continue };
        let senders = watch.reader.senders(account.id)?.map_or_else(Vec::new, |list| list.items);
        let lots = watch.reader.lots(account.id)?.map_or_else(Vec::new, |list| list.items);
        lines.push(AccountLine {
            account: view.account,
            name: view.name,
            limit: view.limit,
            quota_used: view.quota_used,
            quota_next_return: view.quota_next_return,
            waiting: view.parked_messages,
            senders: senders
                .into_iter()
                .map(|sender| SenderLine {
                    peak: platform.throughput_peak.get(&sender.id).copied().unwrap_or_default(),
                    sender: sender.id,
                    quality: sender.quality,
                    throughput: sender.throughput,
                    throughput_now: sender.throughput_now,
                    next_marketing: sender.next_pacing_token,
                })
                .collect(),
        });
        parked.extend(lots.into_iter().map(|lot| ParkedLine {
            account: account.id.to_owned(),
            reason: lot.reason,
            class: lot.class,
            resource: lot.resource,
            campaign: lot.campaign,
            messages: lot.messages,
            opens_at: lot.opens_at,
            done_by: lot.done_by,
        }));
    }
    Ok((lines, parked))
}

/// The bill of the months.
pub(super) fn bill_of(
    watch: &Watch,
    months: &[YearMonth],
) -> anyhow::Result<(Vec<BillLine>, BTreeMap<String, Decimal>)> {
    let as_of = watch.reader.as_of(Stream::Ledger)?;
    let mut lines = Vec::new();
    for month in months {
        lines.extend(bill(&watch.reader, *month, None, as_of)?.lines);
    }
    let mut totals: BTreeMap<String, Decimal> = BTreeMap::new();
    for line in &lines {
        *totals.entry(line.cost_currency.clone()).or_default() += line.cost;
    }
    Ok((lines, totals))
}

/// Charged by category, free by type, unpriced.
type Booked = (BTreeMap<String, u64>, BTreeMap<String, u64>, u64);

/// The ledger's side of the checks.
pub(super) fn booked(watch: &Watch, months: &[YearMonth]) -> anyhow::Result<Booked> {
    let (mut charged, mut free, mut unpriced) = (BTreeMap::new(), BTreeMap::new(), 0);
    for month in months {
        watch.reader.summary(*month, None, &mut |row| {
            let key = |text: Option<&str>| text.unwrap_or_default().to_owned();
            match row.kind {
                "charge" => *charged.entry(key(row.category)).or_default() += row.entries,
                "free" => *free.entry(key(row.pricing_type)).or_default() += row.entries,
                "unpriced" => unpriced += row.entries,
                _ => {}
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok((charged, free, unpriced))
}

/// What the ledger says the platform called billable: charges, and service messages of the free monthly allowance,
/// which the platform's webhooks do not tell from charged ones.
pub(super) fn billable(checks: &Checks) -> BTreeMap<String, u64> {
    let mut billable = checks.ledger_charged.clone();
    if let Some(allowance) = checks.ledger_free.get(ALLOWANCE) {
        *billable.entry("service".to_owned()).or_default() += allowance;
    }
    billable
}

/// What the ledger says the platform called free, by type.
pub(super) fn free_on_the_platform(checks: &Checks) -> BTreeMap<String, u64> {
    let mut free = checks.ledger_free.clone();
    free.remove(ALLOWANCE);
    free
}

const ALLOWANCE: &str = "free_allowance";
