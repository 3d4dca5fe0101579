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
use tollgate_runtime::views::{BillLine, OutcomeCount, WaitView, bill};
use tollgate_sandbox::{SandboxStats, ViolationRule};
use tollgate_wire::outcome::OutcomeKind;
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
    /// Nothing was under way any more when it ended.
    pub(super) settled: bool,
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

/// Messages of one number and campaign that wait for one thing, of however many queues.
#[derive(Debug, Serialize)]
pub(super) struct ParkedLine {
    pub(super) account: String,
    pub(super) reason: Reason,
    pub(super) class: String,
    pub(super) resource: String,
    pub(super) language: Option<String>,
    pub(super) campaign: Option<String>,
    pub(super) sender: String,
    /// What would free them, in words.
    pub(super) waits_for: String,
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

/// Where the messages are, without the repeated requests, and how many those are. What waits is told by its queues:
/// the views have the reason that each message came for, its queue has what it waits for now.
pub(super) fn outcomes(watch: &Watch, parked: &[ParkedLine]) -> anyhow::Result<(Vec<OutcomeCount>, u64)> {
    let counts = watch.reader.outcome_counts(None, None)?.counts;
    let repeated = |count: &OutcomeCount| count.outcome == OutcomeKind::Duplicate.as_str();
    let duplicates = counts.iter().filter(|count| repeated(count)).map(|count| count.messages).sum();
    Ok((by_queue(counts.into_iter().filter(|count| !repeated(count)).collect(), parked), duplicates))
}

/// Puts what the queues hold in the place of what the messages were told when they came. Messages that did not leave
/// are in a queue again. Where the two sides are not of one moment, which only a running service shows, the messages
/// that wait are counted together.
fn by_queue(mut counts: Vec<OutcomeCount>, parked: &[ParkedLine]) -> Vec<OutcomeCount> {
    let is = |count: &OutcomeCount, kind: OutcomeKind| count.outcome == kind.as_str();
    let told: u64 = counts.iter().filter(|c| is(c, OutcomeKind::Parked)).map(|c| c.messages).sum();
    let queued: u64 = parked.iter().map(|line| line.messages).sum();
    let again: u64 = counts.iter().filter(|c| is(c, OutcomeKind::NotSent)).map(|c| c.messages).sum();
    let row = |reason: Option<&str>, messages| OutcomeCount {
        outcome: OutcomeKind::Parked.to_string(),
        reason: reason.map(str::to_owned),
        messages,
    };
    let mut rows: Vec<OutcomeCount> = if queued == told + again {
        counts.retain(|c| !is(c, OutcomeKind::NotSent));
        let mut by_reason: BTreeMap<&str, u64> = BTreeMap::new();
        parked.iter().for_each(|line| *by_reason.entry(line.reason.as_str()).or_default() += line.messages);
        by_reason.into_iter().map(|(reason, messages)| row(Some(reason), messages)).collect()
    } else {
        vec![row(None, told)]
    };
    rows.retain(|row| row.messages > 0);
    let at = counts.iter().position(|c| is(c, OutcomeKind::Parked)).unwrap_or(counts.len());
    counts.retain(|c| !is(c, OutcomeKind::Parked));
    counts.splice(at..at, rows);
    counts
}

/// Accounts with their numbers, and what waits.
pub(super) fn accounts(watch: &Watch, platform: &SandboxStats) -> anyhow::Result<(Vec<AccountLine>, Vec<ParkedLine>)> {
    let (mut lines, mut parked) = (Vec::new(), Vec::new());
    for account in &ACCOUNTS {
        let Some(view) = watch.reader.account(account.id)? else { continue };
        let senders = watch.reader.senders(account.id)?.map_or_else(Vec::new, |list| list.items);
        let waits = watch.reader.waits(account.id)?.unwrap_or_default();
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
        waits.into_iter().for_each(|wait| add(&mut parked, account.id, wait));
    }
    Ok((lines, parked))
}

/// Adds a queue to the line that says the same.
fn add(lines: &mut Vec<ParkedLine>, account: &str, wait: WaitView) {
    let waits_for = wait.words();
    let lot = wait.lot;
    let same = |line: &&mut ParkedLine| {
        (&line.account[..], &line.class, &line.campaign, &line.sender, &line.waits_for)
            == (account, &lot.class, &lot.campaign, &lot.sender, &waits_for)
    };
    if let Some(line) = lines.iter_mut().find(same) {
        line.messages += lot.messages;
        line.opens_at = line.opens_at.min(lot.opens_at).or(line.opens_at).or(lot.opens_at);
        line.done_by = line.done_by.and_then(|at| Some(at.max(lot.done_by?)));
        return;
    }
    lines.push(ParkedLine {
        account: account.to_owned(),
        reason: lot.reason,
        class: lot.class,
        resource: lot.resource,
        language: lot.language,
        campaign: lot.campaign,
        sender: lot.sender,
        waits_for,
        messages: lot.messages,
        opens_at: lot.opens_at,
        done_by: lot.done_by,
    });
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
