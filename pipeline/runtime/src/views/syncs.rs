//! Who may ask the platform about a WABA, and what came of it. Several processes may want to: one row for each WABA says
//! when it is to be asked again, and whoever moves that time on is the one that asks.

use super::snapshots::{Snapshot, snapshot};
use super::templates::of_account as templates_of;
use crate::ledger::{LedgerError, Reader, Sql, Writer};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use tollgate_quality::{Limit, Score};
use tollgate_wire::Time;
use tollgate_wire::analytics::{DAY_S, Metric};
use tollgate_wire::command::{LimitScope, TemplateSpec};

/// Whether the platform may be asked about a WABA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It may, by whoever asked for it; so many times it has failed in a row.
    Taken {
        /// Failures in a row.
        failures: u32,
    },
    /// Somebody does, or has lately; when it is due again.
    Not {
        /// When.
        due_at: Time,
    },
}

/// What came of asking the platform about a WABA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// WABA id.
    pub waba: String,
    /// When it was begun.
    pub at: Time,
    /// How it ended.
    pub result: SyncResult,
    /// Why it failed, or was not begun, and what would help; empty where it is done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Templates that the platform listed.
    pub templates: u32,
    /// Numbers that it listed.
    pub numbers: u32,
    /// What is another than it was known here, at most the first hundred.
    pub changes: Vec<SyncChange>,
    /// How many that are.
    pub changed: u32,
    /// Templates that are known here and that the platform does not have, at most the first hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_listed: Vec<String>,
    /// Since when the platform has told nothing, of what is kept of a WABA that failed: the last time that it did, or the
    /// first question if it never has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Time>,
}

impl SyncReport {
    /// When the platform told it last, or was first asked.
    fn heard(&self) -> Time {
        self.silent_since.unwrap_or(self.at)
    }
}

/// How asking ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncResult {
    /// What is different was written to the log.
    Done,
    /// Nothing was changed.
    Failed,
    /// It was not begun: somebody asks, or has lately.
    NotBegun,
}

/// Something that the platform knows better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncChange {
    /// Template and language, phone number id, or `messaging limit`.
    pub of: String,
    /// What was, and what is, for people.
    pub what: String,
}

/// What is known of a WABA, to be compared with what the platform says.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) templates: Vec<TemplateSpec>,
    pub(crate) limit: Limit,
    pub(crate) limit_scope: LimitScope,
    /// WABAs of the account.
    pub(crate) wabas: usize,
    pub(crate) senders: Vec<KnownSender>,
}

/// What is known of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownSender {
    pub(crate) id: String,
    pub(crate) quality: Score,
    pub(crate) throughput: u32,
}

impl Writer {
    /// Takes a WABA for asking the platform about it, if that was not begun after `begun_before` and is due at
    /// `due_before`; until `lease` no other process will.
    pub(crate) fn claim_sync(
        &mut self,
        (account, waba): (&str, &str),
        now: Time,
        (begun_before, due_before): (Time, Time),
        lease: Time,
    ) -> Result<Claim, LedgerError> {
        let ms = |time: Time| i64::try_from(time.0).unwrap_or(i64::MAX);
        self.transact(|tx, _| {
            let tx: &dyn Sql = tx;
            let sql = "INSERT INTO syncs (waba, account, started_at, due_at, failures) VALUES (?1, ?2, ?3, ?4, 0) \
                 ON CONFLICT (waba) DO UPDATE SET account = excluded.account, started_at = excluded.started_at, \
                 due_at = excluded.due_at WHERE syncs.started_at <= ?5 AND syncs.due_at <= ?6";
            let values = [
                waba.into(),
                account.into(),
                ms(now).into(),
                ms(lease).into(),
                ms(begun_before).into(),
                ms(due_before).into(),
            ];
            let taken = tx.run(sql, &values)? > 0;
            let row = |column| format!("SELECT {column} FROM syncs WHERE waba = ?1");
            if taken {
                let failures = tx.number(&row("failures"), &[waba.into()])?.unwrap_or_default();
                return Ok(Claim::Taken { failures: u32::try_from(failures).unwrap_or(u32::MAX) });
            }
            let due_at = tx.number(&row("due_at"), &[waba.into()])?.unwrap_or_default();
            Ok(Claim::Not { due_at: Time(due_at as u64) })
        })
    }

    /// Keeps what came of it, and when the WABA is due again.
    pub(crate) fn finish_sync(&mut self, report: &SyncReport, failures: u32, due_at: Time) -> Result<(), LedgerError> {
        let due_at = i64::try_from(due_at.0).unwrap_or(i64::MAX);
        self.transact(|tx, _| {
            let mut report = report.clone();
            if report.result != SyncResult::Done {
                let before = of_waba(tx, &report.waba)?;
                report.silent_since = Some(before.map_or(report.at, |before| before.heard()));
            }
            let text = serde_json::to_string(&report)
                .map_err(|error| LedgerError::Stored { what: "sync", value: error.to_string() })?;
            let sql = "UPDATE syncs SET due_at = ?2, failures = ?3, report = ?4 WHERE waba = ?1";
            let values = [report.waba.as_str().into(), due_at.into(), i64::from(failures).into(), text.as_str().into()];
            tx.run(sql, &values)?;
            Ok(())
        })
    }

    /// When the platform told of each WABA last; of one that it never has, when it was first asked.
    pub(crate) fn syncs_heard(&self) -> Result<Vec<(String, Time)>, LedgerError> {
        self.look(|db| {
            let mut heard = Vec::new();
            db.rows("SELECT report FROM syncs WHERE report IS NOT NULL", &[], &mut |row| {
                let report = stored(row.words(0)?)?;
                let at = report.heard();
                heard.push((report.waba, at));
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(heard)
        })
    }

    /// WABAs that the platform was asked about, and of which no figures of this day (UTC) are kept that were told when it was
    /// over.
    pub(crate) fn syncs_without_figures(&self, day: i64) -> Result<Vec<String>, LedgerError> {
        let sql = "SELECT s.waba FROM syncs s WHERE s.report IS NOT NULL AND NOT EXISTS (SELECT 1 FROM figures f WHERE \
                   f.waba = s.waba AND f.metric = ?1 AND f.day = ?2 AND f.asked_at >= ?3)";
        let over_ms = day.saturating_add(1).saturating_mul(DAY_S * 1_000);
        self.look(|db| {
            let mut without = Vec::new();
            db.rows(sql, &[Metric::Pricing.as_str().into(), day.into(), over_ms.into()], &mut |row| {
                without.push(row.words(0)?.to_owned());
                Ok(ControlFlow::Continue(()))
            })?;
            Ok(without)
        })
    }

    /// What is known of a WABA; `None` while its account has no snapshot.
    pub(crate) fn known(&mut self, account: &str, waba: &str) -> Result<Option<Known>, LedgerError> {
        self.transact(|tx, _| known(tx, account, waba))
    }
}

impl Reader {
    /// What came of asking the platform last, of each WABA of the account.
    pub fn syncs(&self, account: &str) -> Result<Vec<SyncReport>, LedgerError> {
        self.read(|db| of_account(db, account))
    }
}

pub(super) fn of_account(db: &dyn Sql, account: &str) -> Result<Vec<SyncReport>, LedgerError> {
    let sql = "SELECT report FROM syncs WHERE account = ?1 AND report IS NOT NULL ORDER BY waba";
    let mut reports = Vec::new();
    db.rows(sql, &[account.into()], &mut |row| {
        reports.push(stored(row.words(0)?)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(reports)
}

fn of_waba(db: &dyn Sql, waba: &str) -> Result<Option<SyncReport>, LedgerError> {
    let sql = "SELECT report FROM syncs WHERE waba = ?1 AND report IS NOT NULL";
    db.first(sql, &[waba.into()], |row| stored(row.words(0)?))
}

fn stored(text: &str) -> Result<SyncReport, LedgerError> {
    serde_json::from_str(text).map_err(|_| LedgerError::Stored { what: "sync", value: text.to_owned() })
}

fn known(db: &dyn Sql, account: &str, waba: &str) -> Result<Option<Known>, LedgerError> {
    let Some(snapshot) = snapshot(db, account)? else { return Ok(None) };
    let templates = templates_of(db, account)?.into_iter();
    let templates = templates.filter(|template| template.waba == waba).map(|template| template.template).collect();
    let Snapshot { limit, limit_scope, senders, wabas, .. } = snapshot;
    let senders = senders.into_iter().filter(|sender| sender.waba == waba);
    let senders = senders.map(|s| KnownSender { id: s.id, quality: s.quality, throughput: s.throughput }).collect();
    Ok(Some(Known { templates, limit, limit_scope, wabas: wabas.len(), senders }))
}
