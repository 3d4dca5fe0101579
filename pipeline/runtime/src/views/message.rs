//! One message: where it is, how it got there, what it cost.

use super::body::{AmountView, ChargeView, ChosenView, GatesView};
use super::consents::{OptOutView, newest_no};
use super::outcome_ingest::moves_on;
use super::snapshots::snapshot;
use super::waits::WaitView;
use crate::ledger::{LedgerError, Reader, Sql, Stream, as_of, named, of_message};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::ops::ControlFlow;
use tollgate_wire::ledger::LedgerEntry;
use tollgate_wire::outcome::OutcomeKind;
use tollgate_wire::{Reason, Time};

/// A message with all its moves and ledger entries. What a move does not repeat (content, wamid, charge …)
/// holds from the move that said it last.
#[derive(Clone, Debug, Serialize)]
pub struct MessageView {
    /// When the outcomes were last read.
    pub as_of: Time,
    /// Account id.
    pub account: String,
    /// Request id.
    pub id: String,
    /// Message number inside the shard.
    pub message_uid: u64,
    /// Campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// `+` and digits, or the business-scoped id.
    pub to: String,
    /// As given in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
    /// Where it is.
    pub outcome: OutcomeKind,
    /// Why. Of a message that waits: what its queue waits for now, which may not be what it was parked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when, or the time of the last move into the same state.
    pub at: Time,
    /// Attempt number, 0 before the first order.
    pub attempt: u8,
    /// For people, from the last move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When the next try is due, if known: from its queue while it waits. Never in the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
    /// While it waits: its queue as the account's last snapshot has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<WaitView>,
    /// Of a message refused as `opted_out`: when the person said no, and how it came. Given by who reads consents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opt_out: Option<OptOutView>,
    /// Sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// What the gates saw at the last admission try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gates: Option<GatesView>,
    /// The alternative that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ChosenView>,
    /// The platform's message id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wamid: Option<String>,
    /// Worst-case price at admission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<AmountView>,
    /// What was booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<ChargeView>,
    /// Every move that is still kept, oldest first by whole seconds, in which the platform counts; repeated requests
    /// (`duplicate`) among them.
    pub moves: Vec<MoveView>,
    /// Its ledger entries by booking time.
    pub ledger: Vec<PriceLine>,
}

/// One move. Fields as on the outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MoveView {
    /// When.
    #[serde(default)]
    pub at: Time,
    /// Attempt number.
    pub attempt: u8,
    /// Where the message went.
    pub outcome: OutcomeKind,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// When the next try is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
    /// Queue that it joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<String>,
    /// Sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// What the gates saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<GatesView>,
    /// The alternative that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ChosenView>,
    /// The platform's message id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wamid: Option<String>,
    /// Worst-case price at admission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<AmountView>,
    /// What was booked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<ChargeView>,
}

/// What the ledger says of a message's price: one entry. Fields as on the ledger entry.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the contract's names; `tollgate_wire::ledger::LedgerEntry` says what each means")]
pub struct PriceLine {
    pub entry: String,
    pub kind: String,
    pub cause: Option<String>,
    pub adjusts: Option<String>,
    pub attempt: Option<u8>,
    pub country: Option<String>,
    pub market: Option<String>,
    pub category: Option<String>,
    pub pricing_model: String,
    pub pricing_type: Option<String>,
    pub reported_category: Option<String>,
    pub reported_type: Option<String>,
    pub rulebook: Option<String>,
    pub card: Option<String>,
    pub card_status: Option<String>,
    pub band: Option<u8>,
    pub band_basis: Option<String>,
    pub ordinal: Option<u64>,
    pub list_rate: Option<Decimal>,
    pub cost_rate: Option<Decimal>,
    pub quantity: i64,
    pub cost: Option<Decimal>,
    pub cost_currency: String,
    pub markup_rule: Option<String>,
    pub markup: Option<Decimal>,
    pub fee: Option<Decimal>,
    pub price_ex_tax: Option<Decimal>,
    pub price_currency: String,
    pub fx_rate: Option<Decimal>,
    pub fx_source: Option<String>,
    pub fx_date: Option<String>,
    pub occurred_at: Time,
    pub booked_at: Time,
    pub usage_period: String,
    pub billing_period: String,
    pub reason: Option<String>,
}

impl From<&LedgerEntry<'_>> for PriceLine {
    fn from(e: &LedgerEntry<'_>) -> Self {
        let text = |t: &Option<tollgate_wire::Text<'_>>| t.as_deref().map(str::to_owned);
        Self {
            entry: e.entry.to_string(),
            kind: e.kind.to_string(),
            cause: e.cause.map(|c| c.to_string()),
            adjusts: text(&e.adjusts),
            attempt: e.attempt,
            country: text(&e.country),
            market: text(&e.market),
            category: e.category.map(|c| c.to_string()),
            pricing_model: e.pricing_model.as_str().to_owned(),
            pricing_type: e.pricing_type.map(|t| t.as_str().to_owned()),
            reported_category: e.reported_category.map(|c| c.to_string()),
            reported_type: e.reported_type.map(|t| t.as_str().to_owned()),
            rulebook: text(&e.rulebook),
            card: text(&e.card),
            card_status: text(&e.card_status),
            band: e.band,
            band_basis: text(&e.band_basis),
            ordinal: e.ordinal,
            list_rate: e.list_rate,
            cost_rate: e.cost_rate,
            quantity: e.quantity,
            cost: e.cost,
            cost_currency: e.cost_currency.to_string(),
            markup_rule: text(&e.markup_rule),
            markup: e.markup,
            fee: e.fee,
            price_ex_tax: e.price_ex_tax,
            price_currency: e.price_currency.to_string(),
            fx_rate: e.fx_rate,
            fx_source: text(&e.fx_source),
            fx_date: text(&e.fx_date),
            occurred_at: e.occurred_at,
            booked_at: e.booked_at,
            usage_period: e.usage_period.to_string(),
            billing_period: e.billing_period.to_string(),
            reason: text(&e.reason),
        }
    }
}

impl Reader {
    /// A message by its request id; the newest if the id was used again after 30 days. `None` if it was never
    /// seen or is forgotten.
    pub fn message(&self, account: &str, id: &str) -> Result<Option<MessageView>, LedgerError> {
        self.read(|db| {
            let Some((mut view, last_move)) = row(db, account, id)? else {
                return Ok(None);
            };
            view.as_of = as_of(db, Stream::Outcomes)?;
            view.moves = moves(db, last_move)?;
            fold(&mut view);
            waits(db, &mut view)?;
            if view.reason.as_deref() == Some(Reason::OptedOut.as_str()) {
                let tried = view.moves.iter().rev().find_map(|m| m.gates.as_ref());
                view.opt_out = newest_no(db, account, &view.to, tried.and_then(|gates| gates.brand.as_deref()))?;
            }
            view.moves.sort_by_key(|m| m.at.secs());
            of_message(db, account, view.message_uid, &mut |entry| {
                view.ledger.push(entry.into());
                ControlFlow::Continue(())
            })?;
            Ok(Some(view))
        })
    }
}

fn row(db: &dyn Sql, account: &str, id: &str) -> Result<Option<(MessageView, i64)>, LedgerError> {
    let sql = "SELECT m.uid, c.name, m.recipient, m.metadata, s.outcome, s.reason, m.at, m.last_move \
         FROM messages m JOIN states s ON s.ix = m.state LEFT JOIN campaigns c ON c.ix = m.campaign \
         WHERE m.account = (SELECT ix FROM accounts WHERE name = ?1) AND m.id = ?2 ORDER BY m.ix DESC LIMIT 1";
    db.first(sql, &[account.into(), id.into()], |row| {
        let view = MessageView {
            as_of: Time::default(),
            account: account.to_owned(),
            id: id.to_owned(),
            message_uid: row.required(0)? as u64,
            campaign: row.text(1)?.map(str::to_owned),
            to: row.words(2)?.to_owned(),
            metadata: row.text(3)?.and_then(|m| RawValue::from_string(m.to_owned()).ok()),
            outcome: named("outcome", row.words(4)?)?,
            reason: Some(row.words(5)?.to_owned()).filter(|reason| !reason.is_empty()),
            at: Time(row.required(6)? as u64),
            attempt: 0,
            detail: None,
            retry_at: None,
            waits: None,
            opt_out: None,
            sender: None,
            gates: None,
            content: None,
            wamid: None,
            estimate: None,
            charge: None,
            moves: Vec::new(),
            ledger: Vec::new(),
        };
        Ok((view, row.required(7)?))
    })
}

/// The moves that are still kept, oldest first.
fn moves(db: &dyn Sql, last_move: i64) -> Result<Vec<MoveView>, LedgerError> {
    let sql = "WITH RECURSIVE chain (key, prev, at, body, n) AS ( \
         SELECT key, prev, at, body, 0 FROM moves WHERE key = ?1 UNION ALL \
         SELECT m.key, m.prev, m.at, m.body, chain.n + 1 FROM chain JOIN moves m ON m.key = chain.prev) \
         SELECT at, body FROM chain ORDER BY n DESC";
    let mut moves = Vec::new();
    db.rows(sql, &[last_move.into()], &mut |row| {
        let body = row.words(1)?;
        let stored: Result<MoveView, _> = serde_json::from_str(body);
        let mut one = stored.map_err(|_| LedgerError::Stored { what: "move", value: body.to_owned() })?;
        one.at = Time(row.required(0)? as u64);
        moves.push(one);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(moves)
}

/// What the moves say of the message's present state.
fn fold(view: &mut MessageView) {
    let mut last: Option<&MoveView> = None;
    for m in &view.moves {
        if m.outcome == OutcomeKind::Duplicate && view.moves.len() > 1 {
            continue;
        }
        if last.is_some_and(|last| !moves_on(last.outcome, m.outcome)) {
            continue;
        }
        last = Some(m);
        keep(&mut view.sender, &m.sender);
        keep(&mut view.gates, &m.gates);
        keep(&mut view.content, &m.content);
        keep(&mut view.wamid, &m.wamid);
        keep(&mut view.estimate, &m.estimate);
        keep(&mut view.charge, &m.charge);
    }
    if let Some(m) = last {
        view.attempt = m.attempt;
        view.detail.clone_from(&m.detail);
        view.retry_at = m.retry_at;
    }
}

/// A message that waits is told what its queue waits for now, and no time that has passed.
fn waits(db: &dyn Sql, view: &mut MessageView) -> Result<(), LedgerError> {
    let told = view.moves.iter().rev().find(|m| m.outcome != OutcomeKind::Duplicate);
    if let Some(lot) = told.and_then(|m| m.lot.as_deref()) {
        view.waits = snapshot(db, &view.account)?.and_then(|snapshot| snapshot.waits_of(lot));
    }
    let mut now = view.as_of;
    if let Some(waits) = &view.waits {
        now = now.max(waits.account.as_of);
        if !waits.is_own() {
            view.retry_at = waits.lot.opens_at;
            if view.outcome == OutcomeKind::Parked {
                view.reason = Some(waits.lot.reason.to_string());
            }
        }
    }
    view.retry_at = view.retry_at.filter(|at| *at > now);
    Ok(())
}

fn keep<T: Clone>(now: &mut Option<T>, said: &Option<T>) {
    if said.is_some() {
        now.clone_from(said);
    }
}
