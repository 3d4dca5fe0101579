//! Templates as they are now.

use super::snapshots::snapshot;
use super::syncs::{self, SyncReport};
use crate::ledger::{LedgerError, Reader, Sql, Stream, as_of};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use tollgate_wire::Time;
use tollgate_wire::command::TemplateSpec;
use tollgate_wire::snapshot::TemplateSnapshot;

/// An account's templates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplatesView {
    /// When the topic was last read.
    pub as_of: Time,
    /// By WABA, name and language.
    pub items: Vec<TemplateView>,
    /// What came of asking the platform last, of each WABA that it was asked about.
    pub syncs: Vec<SyncReport>,
}

/// A template in one language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateView {
    /// WABA id.
    pub waba: String,
    /// When it changed last, on the engine's clock.
    pub as_of: Time,
    /// The template.
    pub template: TemplateSpec,
}

impl Reader {
    /// The account's templates; `None` if it has no snapshot.
    pub fn templates(&self, account: &str) -> Result<Option<TemplatesView>, LedgerError> {
        self.read(|db| {
            if snapshot(db, account)?.is_none() {
                return Ok(None);
            }
            let (items, syncs) = (of_account(db, account)?, syncs::of_account(db, account)?);
            Ok(Some(TemplatesView { as_of: as_of(db, Stream::Snapshots)?, items, syncs }))
        })
    }
}

pub(super) fn of_account(db: &dyn Sql, account: &str) -> Result<Vec<TemplateView>, LedgerError> {
    let sql = "SELECT waba, as_of, body FROM templates WHERE account = (SELECT ix FROM accounts WHERE name = ?1) \
         ORDER BY waba, name, language";
    let mut items = Vec::new();
    db.rows(sql, &[account.into()], &mut |row| {
        let text = row.words(2)?;
        let template =
            serde_json::from_str(text).map_err(|_| LedgerError::Stored { what: "template", value: text.to_owned() })?;
        let as_of = Time(row.required(1)? as u64);
        items.push(TemplateView { waba: row.words(0)?.to_owned(), as_of, template });
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(items)
}

/// Keeps a template in the place of what was known of it.
pub(super) fn keep(tx: &dyn Sql, account: i64, record: &TemplateSnapshot<'_>) -> Result<(), LedgerError> {
    let template = &record.template;
    let body = serde_json::to_string(template)
        .map_err(|error| LedgerError::Stored { what: "template", value: error.to_string() })?;
    let sql = "INSERT INTO templates (account, waba, name, language, as_of, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT (account, waba, name, language) DO UPDATE SET as_of = excluded.as_of, body = excluded.body";
    let at = record.as_of.0 as i64;
    let values = [
        account.into(),
        (&*record.template_of).into(),
        template.name.as_str().into(),
        template.language.as_str().into(),
        at.into(),
        body.as_str().into(),
    ];
    tx.run(sql, &values)?;
    Ok(())
}
