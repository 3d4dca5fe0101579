//! Booking what differs: a pair of entries for each charge, one that takes back what stands and one with what is to
//! stand, so that on every row of the summary rate times quantity stays the amount.

use super::Job;
use super::rating::{Rating, signed};
use super::report::Report;
use super::walk::Walked;
use crate::ledger::{Id, LedgerError, Writer, book_settled, entries_at};
use tollgate_core::charge::entry_id;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Text;
use tollgate_wire::ledger::{Cause, EntryKind, LedgerEntry};

/// Pairs of one transaction.
const PAIRS: usize = 10_000;

/// Pairs that one walk collects before they are booked: 48 MB at 96 bytes each.
pub(super) const PENDING_MAX: usize = 500_000;
const _: () = assert!(size_of::<Pending>() <= 96);

/// A charge for which something else is to stand.
pub(super) struct Pending {
    pub charge: Id,
    /// Month that the charge is billed in.
    pub month: YearMonth,
    pub occurred_at: u64,
    /// Of the entry that takes back; the other one has the next.
    pub revision: u32,
    pub from: (u32, Option<u64>),
    pub to: (u32, Option<u64>),
    pub cause: Cause,
}

/// Books pairs, so many to a transaction. A pair is in one, so that no reading sees half of it.
pub(super) fn book(
    writer: &mut Writer,
    job: &Job<'_>,
    walked: &Walked,
    report: &mut Report,
) -> Result<(), LedgerError> {
    let (ratings, billed_in) = (&walked.ratings, walked.billed_in.to_string());
    for pending in walked.pending.chunks(PAIRS) {
        let mut currencies = Vec::with_capacity(pending.len());
        let new = writer.transact(|tx, memory| {
            let account = memory.accounts.number(tx, job.account)?;
            let mut entries = Vec::with_capacity(2 * pending.len());
            let keys = pending.iter().map(|p| (p.month, p.occurred_at, p.charge));
            entries_at(tx, account, keys, &mut |n, charge| {
                let p = &pending[n];
                currencies.push(charge.cost_currency.to_string());
                for (stands, revision, quantity) in [(p.from, p.revision, -1), (p.to, p.revision + 1, 1)] {
                    let (rating, ordinal) = (ratings.get(stands.0), stands.1);
                    let made = true_up(charge, rating, revision, quantity);
                    entries.push(LedgerEntry {
                        cause: Some(p.cause),
                        ordinal,
                        booked_at: job.at,
                        billing_period: billed_in.clone().into(),
                        ..made
                    });
                }
            })?;
            book_settled(tx, memory, entries)
        })?;
        for ((p, pair), currency) in pending.iter().zip(new.chunks(2)).zip(&currencies) {
            // Another process may have settled meanwhile, and booked the same.
            if pair.iter().all(|new| *new) {
                let added = report.pair(currency, ratings.get(p.from.0), ratings.get(p.to.0));
                added.ok_or(LedgerError::Overflow { what: "the settled month" })?;
            }
        }
    }
    Ok(())
}

/// What a charge has in common with its true-up, and a rating. Position, cause, month and time of booking are left.
fn true_up(charge: &LedgerEntry<'_>, r: &Rating, revision: u32, quantity: i64) -> LedgerEntry<'static> {
    let owned = |text: &Text<'_>| text.clone().into_owned();
    let maybe = |text: &Option<Text<'_>>| text.as_ref().map(owned);
    let text = |text: &Option<String>| text.clone().map(Text::from);
    let id = entry_id(&charge.waba, EntryKind::TrueUp, &charge.entry, revision);
    LedgerEntry {
        entry: format!("{id:032x}").into(),
        kind: EntryKind::TrueUp,
        cause: None,
        adjusts: Some(owned(&charge.entry)),
        revision,
        account: owned(&charge.account),
        account_name: owned(&charge.account_name),
        legal_entity: owned(&charge.legal_entity),
        waba: owned(&charge.waba),
        sender: owned(&charge.sender),
        origin: charge.origin,
        message_uid: charge.message_uid,
        message: maybe(&charge.message),
        attempt: charge.attempt,
        recipient_hash: owned(&charge.recipient_hash),
        wamid_hash: owned(&charge.wamid_hash),
        // They are with the charge, and erased there.
        recipient: None,
        wamid: None,
        campaign: maybe(&charge.campaign),
        cost_center: maybe(&charge.cost_center),
        template: maybe(&charge.template),
        language: maybe(&charge.language),
        country: maybe(&charge.country),
        market: text(&r.market),
        category: r.category,
        pricing_model: r.pricing_model,
        pricing_type: r.pricing_type,
        expected_category: charge.expected_category,
        expected_type: charge.expected_type,
        expected_model: charge.expected_model,
        reported_category: charge.reported_category,
        reported_type: charge.reported_type,
        reported_model: charge.reported_model,
        conversation: maybe(&charge.conversation),
        rulebook: text(&r.rulebook),
        card: text(&r.card),
        card_status: text(&r.card_status),
        band: r.band,
        band_basis: text(&r.band_basis),
        ordinal: None,
        list_rate: r.list_rate,
        cost_rate: r.cost_rate,
        quantity,
        cost: signed(r.cost, quantity),
        cost_currency: owned(&charge.cost_currency),
        markup_rule: text(&r.markup_rule),
        markup: signed(r.markup, quantity),
        fee: signed(r.fee, quantity),
        price_ex_tax: signed(r.price_ex_tax, quantity),
        price_currency: r.price_currency.clone().into(),
        fx_rate: r.fx_rate,
        fx_source: text(&r.fx_source),
        fx_date: text(&r.fx_date),
        occurred_at: charge.occurred_at,
        booked_at: charge.booked_at,
        usage_period: owned(&charge.usage_period),
        billing_period: owned(&charge.billing_period),
        tax_code: maybe(&charge.tax_code),
        invoice_id: None,
        reason: text(&r.reason),
    }
}
