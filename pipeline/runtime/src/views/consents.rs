//! What people consented to, with the proofs.

use super::snapshots::snapshot;
use crate::ledger::{LedgerError, Reader, Sql, Stream, Value, as_of};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::ops::ControlFlow;
use tollgate_core::hashing;
use tollgate_wire::Time;
use tollgate_wire::command::ConsentState;
use tollgate_wire::snapshot::{ConsentSnapshot, Consents};

/// Most proofs that are shown of a person: the newest.
const PROOFS_MAX: i64 = 1000;

/// Records that one statement writes.
const ROWS: usize = 64;

/// What one person consented to.
#[derive(Debug, Serialize)]
pub struct ConsentsView {
    /// When the consents were last read.
    pub as_of: Time,
    /// Account id.
    pub account: String,
    /// The person.
    pub to: String,
    /// By category.
    pub consents: Vec<ConsentLine>,
    /// An opt-out of everything.
    pub stop_all: bool,
    /// On the account's suppression list.
    pub suppressed: bool,
    /// What was said to brands of the account, in order of their first declaration; those to which nothing was said are left
    /// out, and all of it where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub brands: Vec<BrandView>,
    /// What the person said, oldest first: at most the newest thousand.
    pub proofs: Vec<Box<RawValue>>,
}

/// What one person consented to with one brand.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct BrandView {
    /// The brand.
    pub brand: String,
    /// By category.
    pub consents: Vec<ConsentLine>,
    /// An opt-out of everything from the brand.
    pub stop_all: bool,
}

/// The consent for a category.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ConsentLine {
    /// Category.
    pub category: &'static str,
    /// `opt_in`, `opt_out`, `expired`: an opt-in that has ended, `pending`: one that the person is to confirm, or `none`:
    /// never asked.
    pub state: &'static str,
    /// When the opt-in ends or has ended; of a `pending` one, until when it can be confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// A consent as it is at `as_of`: it may have ended since it was told.
fn line(
    category: &'static str,
    state: Option<ConsentState>,
    ends: Option<Time>,
    pending: Option<Time>,
    as_of: Time,
) -> ConsentLine {
    let ended = ends.is_some_and(|ends| ends <= as_of);
    let waits = pending.filter(|until| *until >= as_of);
    let (state, until) = match state {
        Some(ConsentState::OptOut) => ("opt_out", None),
        Some(ConsentState::OptIn) if !ended => ("opt_in", ends),
        _ if waits.is_some() => ("pending", waits),
        _ if ended => ("expired", ends),
        _ => ("none", None),
    };
    ConsentLine { category, state, until }
}

/// All of them.
fn lines(holds: &Consents, as_of: Time) -> Vec<ConsentLine> {
    let (ends, pending) = (holds.ends, holds.pending);
    vec![
        line("marketing", holds.marketing, ends.marketing, pending.marketing, as_of),
        line("utility", holds.utility, ends.utility, pending.utility, as_of),
        line("authentication", holds.authentication, ends.authentication, pending.authentication, as_of),
        line("service", holds.service, ends.service, pending.service, as_of),
    ]
}

/// A person's no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOutView {
    /// Category, or `all`.
    pub category: String,
    /// When.
    pub at: Time,
    /// How it came, as recorded.
    pub source: String,
    /// The brand that it was said to; absent = the account as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
}

/// A proof as it is stored, as far as it is looked at.
#[derive(Deserialize)]
struct Proof {
    category: String,
    state: ConsentState,
    source: String,
    at: Time,
    #[serde(default)]
    brand: Option<String>,
}

impl Reader {
    /// What a person (`+` and digits, or the business-scoped id) consented to; `None` if the account has no snapshot.
    pub fn consents(&self, account: &str, to: &str) -> Result<Option<ConsentsView>, LedgerError> {
        self.read(|db| {
            if snapshot(db, account)?.is_none() {
                return Ok(None);
            }
            let sql =
                "SELECT holds FROM consents WHERE account = (SELECT ix FROM accounts WHERE name = ?1) AND person = ?2";
            let holds = db.first(sql, &[account.into(), to.into()], |row| {
                let text = row.words(0)?;
                serde_json::from_str(text).map_err(|_| LedgerError::Stored { what: "consents", value: text.to_owned() })
            })?;
            let holds: Consents = holds.unwrap_or_default();
            let as_of = as_of(db, Stream::Snapshots)?;
            let brands = holds.brands.iter().map(|b| BrandView {
                brand: b.brand.clone(),
                consents: lines(&b.holds, as_of),
                stop_all: b.holds.stop_all,
            });
            let mut proofs = Vec::new();
            newest_proofs(db, account, to, &mut |text| {
                let raw = RawValue::from_string(text.to_owned());
                proofs.push(raw.map_err(|_| LedgerError::Stored { what: "proof", value: text.to_owned() })?);
                Ok(())
            })?;
            proofs.reverse();
            Ok(Some(ConsentsView {
                as_of,
                account: account.to_owned(),
                to: to.to_owned(),
                consents: lines(&holds, as_of),
                stop_all: holds.stop_all,
                suppressed: holds.suppressed,
                brands: brands.collect(),
                proofs,
            }))
        })
    }
}

/// The no that the person said last to the account as a whole or to a brand; else to any.
pub(super) fn newest_no(
    db: &dyn Sql,
    account: &str,
    to: &str,
    brand: Option<&str>,
) -> Result<Option<OptOutView>, LedgerError> {
    let counts = |said_to: Option<&str>| said_to.is_none() || said_to == brand;
    let mut newest: Option<OptOutView> = None;
    newest_proofs(db, account, to, &mut |text| {
        let proof: Result<Proof, _> = serde_json::from_str(text);
        let said = proof.map_err(|_| LedgerError::Stored { what: "proof", value: text.to_owned() })?;
        let newer = |no: &OptOutView| (counts(said.brand.as_deref()), said.at) > (counts(no.brand.as_deref()), no.at);
        if said.state == ConsentState::OptOut && newest.as_ref().is_none_or(newer) {
            newest = Some(OptOutView { category: said.category, at: said.at, source: said.source, brand: said.brand });
        }
        Ok(())
    })?;
    Ok(newest)
}

/// Newest first.
fn newest_proofs(
    db: &dyn Sql,
    account: &str,
    to: &str,
    each: &mut dyn FnMut(&str) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    let sql = "SELECT proof FROM consent_proofs WHERE account = (SELECT ix FROM accounts WHERE name = ?1) \
         AND person = ?2 ORDER BY said DESC LIMIT ?3";
    db.rows(sql, &[account.into(), to.into(), PROOFS_MAX.into()], &mut |row| {
        each(row.words(0)?)?;
        Ok(ControlFlow::Continue(()))
    })
}

/// What is to be kept of a record.
pub(super) struct Said {
    account: i64,
    person: String,
    as_of: i64,
    offset: i64,
    holds: String,
    proof: String,
}

impl Said {
    /// Who said it.
    pub(super) fn person(&self) -> &str {
        &self.person
    }

    pub(super) fn by(self, account: i64) -> Self {
        Self { account, ..self }
    }

    /// A record off the topic; its account's number comes with [`Said::by`].
    pub(super) fn of(record: &ConsentSnapshot<'_>, offset: u64) -> Result<Self, String> {
        let json = |e: serde_json::Error| e.to_string();
        Ok(Self {
            account: 0,
            person: record.consents_of.to_string(),
            as_of: record.as_of.0 as i64,
            offset: i64::try_from(offset).map_err(|e| e.to_string())?,
            holds: serde_json::to_string(&record.holds).map_err(json)?,
            proof: serde_json::to_string(&record.said).map_err(json)?,
        })
    }
}

/// Keeps what was said, in the order of the topic: what holds is what the last record of a person says.
pub(super) fn keep(tx: &dyn Sql, said: &[Said]) -> Result<(), LedgerError> {
    let proofs = said.iter().map(|s| {
        // Of one person's proofs, so that a part of the hash is enough.
        let digest = hashing::public(&[s.proof.as_bytes()]) as i64;
        [s.account.into(), Value::Text(&s.person), digest.into(), s.offset.into(), Value::Text(&s.proof)]
    });
    insert(tx, "consent_proofs (account, person, digest, said, proof)", "ON CONFLICT DO NOTHING", proofs)?;
    // No row may be written twice by one statement.
    let mut last: HashMap<(i64, &str), &Said> = HashMap::with_capacity(said.len());
    for s in said {
        last.insert((s.account, &s.person), s);
    }
    let mut last: Vec<&Said> = last.into_values().collect();
    last.sort_unstable_by_key(|s| (s.account, s.offset));
    let holds = last.into_iter();
    let holds = holds.map(|s| [s.account.into(), Value::Text(&s.person), s.as_of.into(), Value::Text(&s.holds)]);
    let replace = "ON CONFLICT (account, person) DO UPDATE SET as_of = excluded.as_of, holds = excluded.holds";
    insert(tx, "consents (account, person, as_of, holds)", replace, holds)
}

/// Many rows a statement: of two sizes, so that few statements are prepared.
fn insert<'v, const N: usize>(
    tx: &dyn Sql,
    into: &str,
    conflict: &str,
    rows: impl Iterator<Item = [Value<'v>; N]>,
) -> Result<(), LedgerError> {
    let statement = |rows: usize| {
        let row = |row: usize| (1..=N).map(|n| format!("?{}", row * N + n)).collect::<Vec<_>>().join(", ");
        let rows: Vec<String> = (0..rows).map(|n| format!("({})", row(n))).collect();
        format!("INSERT INTO {into} VALUES {} {conflict}", rows.join(", "))
    };
    let values: Vec<Value<'_>> = rows.flatten().collect();
    let (many, one) = (statement(ROWS), statement(1));
    let mut chunks = values.chunks_exact(N * ROWS);
    for chunk in &mut chunks {
        tx.run(&many, chunk)?;
    }
    for row in chunks.remainder().chunks_exact(N) {
        tx.run(&one, row)?;
    }
    Ok(())
}
