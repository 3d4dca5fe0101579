//! Effects as JSON: names are looked up here, once, when the effect is written.

mod about;
mod by_hand;
mod consent;
mod snapshots;

pub use by_hand::{band_reached, credit};
pub use snapshots::{erased, level, reply, said, template};

use self::about::about;
use crate::charge;
use crate::close;
use crate::effect::{Booking, Closing, FeeBooking, OutcomeFx};
use crate::hashing::{HashKey, Hex};
use crate::record::{Account, Booked, Message, MessageState, Waba};
use crate::state::{State, lot_of};
use rust_decimal::Decimal;
use std::fmt::Write as _;
use tollgate_quality::Limit;
use tollgate_rate_card::{
    BandBasis, Category, Fee, PricingModel, RateCards, Rated, ReportedCategory, ReportedModel, ReportedType, YearMonth,
};
use tollgate_wire::ledger::{EntryKind, LedgerEntry, MonthClosed, Origin};
use tollgate_wire::order::{Order, OrderContent, OrderTemplate};
use tollgate_wire::outcome::{Amount, Charge, Chosen, Gates, Outcome, OutcomeKind, ReasonText};
use tollgate_wire::request::{Content, Request};
use tollgate_wire::{Reason, Text, Time};

/// Writes a move of a message; `request` is what it is decided by, where it is at hand.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn outcome(
    state: &State,
    rates: &RateCards,
    key: &HashKey,
    o: &OutcomeFx,
    (m, request): (&Message, Option<&Request<'_>>),
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let account = state.account_at(m.account);
    let attempt = m.position(o.attempt).map(|n| &m.attempts[n]);
    let sender_known = !matches!(m.state, MessageState::Refused) || attempt.is_some();
    let sender = sender_known.then(|| state.senders.get(m.sender.at())).flatten();
    let billed = attempt.map(|a| charge::waba_of(state, a)).or_else(|| Some(state.waba_at(sender?.waba)));
    let currency = billed.map(|w| w.currency);
    let currency = currency.as_ref().map_or("", |c| c.as_str());
    let content = attempt.map(|a| {
        let t = a.template.map(|ix| state.template_at(ix));
        Chosen {
            alternative: a.alternative,
            template: t.map(|t| t.spec.name.as_str().into()),
            language: t.map(|t| t.spec.language.as_str().into()),
            category: a.category,
            instead_of: o.trace.and_then(|t| t.instead_of).filter(|_| o.kind == OutcomeKind::Admitted),
            kind: t.is_none().then_some(a.kind),
        }
    });
    let mut entry = String::new();
    let charge = o.charge.map(|(id, amount)| {
        let _ = write!(entry, "{id:032x}");
        let rated = attempt.and_then(|a| a.reported.category).and_then(|c| match c {
            ReportedCategory::Known(c) => Some(c),
            _ => None,
        });
        Charge {
            entry: entry.as_str().into(),
            amount,
            currency: currency.into(),
            category: rated.or(attempt.map(|a| a.category)).unwrap_or(m.purpose.category()),
            pricing_type: None,
        }
    });
    let reason = o.reason.map(|r| match r {
        Reason::Platform if o.code != 0 => ReasonText::Platform(o.code),
        r => ReasonText::Known(r),
    });
    let mut detail = about(state, rates, o, m);
    match attempt.and_then(|a| a.booked.map(|b| (charge::waba_of(state, a), b))) {
        Some((_, b)) if !b.unit.is_charged() => {
            if matches!(o.kind, OutcomeKind::Delivered | OutcomeKind::Read) {
                detail = covered(&b);
            }
        }
        Some((waba, b)) if o.charge.is_some() => detail = late(state, account, waba, &b),
        _ => {}
    }
    let all = o.rejections.len() > 1 || o.kind == OutcomeKind::Admitted;
    for no in o.rejections.iter().filter(|no| all || no.why.is_some()) {
        let _ =
            write!(detail, "{}content[{}]: {}", if detail.is_empty() { "" } else { "; " }, no.alternative, no.reason);
        if let Some(why) = &no.why {
            let _ = write!(detail, ": {why}");
        }
    }
    if o.outlives_ms != 0 {
        let between = if detail.is_empty() { "" } else { "; " };
        let until = Time(o.outlives_ms);
        let _ = write!(detail, "{between}may arrive until {until}, after expires_at: the template's time to live");
    }
    let lot = lot_of(m).filter(|_| o.kind != OutcomeKind::Duplicate).map(|key| key.name());
    let to = state.user_text(m.user);
    let recipient_hash = Hex::new(key.recipient(&to));
    // What was refused at once has made no campaign: the request alone names it.
    let named = || request.filter(|_| o.kind != OutcomeKind::Duplicate)?.campaign.as_deref();
    let campaign = state.campaign_at(m.campaign).map(|c| c.spec.name.as_str()).or_else(named);
    let record = Outcome {
        id: (&*m.tail.id).into(),
        message_uid: m.uid,
        attempt: o.attempt,
        account: account.spec.account.as_str().into(),
        campaign: campaign.map(Text::from),
        sender: sender.map(|s| s.spec.id.as_str().into()),
        to: to.as_str().into(),
        at: Time(o.at_ms),
        outcome: o.kind,
        reason,
        detail: (!detail.is_empty()).then(|| detail.as_str().into()),
        gates: o.trace.map(|t| Gates {
            passed: t.passed,
            stopped: o.stopped.map(|g| g.as_str().into()),
            window_until: (t.window_until_s != 0).then(|| Time::from_secs(t.window_until_s)),
            quota_used: t.quota_used,
            quota_ceiling: t.quota_ceiling,
            quota_limit: match account.spec.limit {
                Limit::Users(limit) if t.quota_ceiling.is_some_and(|ceiling| ceiling != limit) => Some(limit),
                _ => None,
            },
            quota_use: t.quota_use.map(|q| q.as_str().into()),
            brand: t.brand.some().map(|b| account.brands.name(b).into()),
        }),
        retry_at: (o.retry_ms != 0).then_some(Time(o.retry_ms)),
        lot: lot.as_deref().map(Text::from),
        wamid: o.wamid.as_deref().map(Text::from),
        content,
        estimate: o.estimate.map(|amount| Amount { amount, currency: currency.into() }),
        charge,
        metadata: m.tail.metadata.as_deref(),
        test: m.test,
        recipient_hash: Some(recipient_hash.as_str().into()),
    };
    serde_json::to_writer(out, &record)
}

/// Why a message that was delivered is not charged.
fn covered(b: &Booked) -> String {
    match b.at_s {
        0 => "not charged: covered by a conversation that is charged already".to_owned(),
        opened_s => format!("not charged: covered by the conversation that opened at {}", Time::from_secs(opened_s)),
    }
}

/// Where a charge is billed, if its own month is closed.
fn late(state: &State, account: &Account, waba: &Waba, b: &Booked) -> String {
    let usage = YearMonth::of(state.day(waba.ix, b.at_s).0);
    let later = close::billed_later(account, usage);
    later.map_or_else(String::new, |later| format!("billed in {later}: {usage} is closed"))
}

/// Writes an order.
///
/// # Errors
/// When the alternative chosen is not in the request, which would be a fault of ours.
pub fn order(
    state: &State,
    m: &Message,
    request: &Request<'_>,
    alternative: u8,
    language: u8,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let a = m.attempts.last().ok_or("an order needs an attempt")?;
    let content = match request.content.get(usize::from(alternative)).ok_or("alternative out of range")? {
        Content::Text(t) => OrderContent::Text(t.clone()),
        Content::Rich(rich) => OrderContent::Rich(*rich),
        Content::Template(t) => OrderContent::Template(OrderTemplate {
            name: t.name.clone(),
            language: t.language.get(usize::from(language)).ok_or("language out of range")?.clone(),
            header: t.components.header.clone(),
            body: t.components.body.clone(),
            buttons: t.components.buttons.clone(),
            cards: t.components.cards.clone(),
            limited_time_offer: t.components.limited_time_offer,
        }),
    };
    let account = &state.account_at(m.account).spec;
    let marketing = account
        .policy
        .marketing_api
        .call()
        .filter(|_| a.template.is_some_and(|ix| state.template_at(ix).spec.category == Category::Marketing));
    let to = state.user_text(m.user);
    let record = Order {
        message_uid: m.uid,
        attempt: a.number,
        account: account.account.as_str().into(),
        sender: state.sender_at(a.sender).spec.id.as_str().into(),
        to: to.strip_prefix('+').unwrap_or(&to).into(),
        priority: m.priority,
        leave_by: Time(a.leave_by_ms),
        traceparent: m.tail.trace.as_deref().map(|trace| trace.to_string().into()),
        content,
        marketing,
    };
    serde_json::to_writer(out, &record).map_err(|e| e.to_string())
}

/// Writes a ledger entry.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn ledger(
    state: &State,
    rates: &RateCards,
    key: &HashKey,
    b: &Booking,
    m: Option<&Message>,
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    let sender = state.sender_at(b.sender);
    let waba = state.waba_at(b.waba);
    let account = state.account_at(sender.account);
    let campaign = m.and_then(|m| state.campaign_at(m.campaign));
    let attempt = b.own.and_then(|(_, number)| m?.attempts.get(m?.position(number)?));
    let template = attempt.and_then(|a| a.template).map(|ix| state.template_at(ix));
    let to = state.user_text(b.user);
    let recipient_hash = Hex::new(key.recipient(&to));
    let wamid_hash = Hex::new(b.wamid_hash);
    let entry = Hex::new(b.entry);
    let adjusts = b.adjusts.map(Hex::new);
    let country = b.country.map(|c| c.to_string());
    let date = state.day(waba.ix, b.at_s).0;
    let (usage, billed) = (YearMonth::of(date).to_string(), b.billed.to_string());
    let sign = Decimal::from(b.sign);
    let (priced, unpriced) = match &b.rated {
        Rated::Priced(p) => (Some(p), None),
        Rated::Unpriced(u) => (None, Some(u)),
    };
    let market = priced.map(|p| p.market).or(unpriced.and_then(|u| u.market));
    let card = priced.and_then(|p| p.card).or(unpriced.and_then(|u| u.card));
    let rulebook = priced.map(|p| p.rulebook).or(unpriced.and_then(|u| u.rulebook));
    let cost = priced.map(|p| p.cost * sign);
    let price = b.price.as_ref();
    let fx = price.and_then(|p| p.fx.as_ref());
    let fx_date = fx.map(|fx| fx.date.to_string());
    let expected_model = rulebook.map(|r| rates.rulebook(r).model);
    let reported_model = match b.reported.model {
        Some(ReportedModel::Known(m)) => Some(m),
        _ => None,
    };
    let entry = LedgerEntry {
        entry: entry.as_str().into(),
        kind: b.kind,
        cause: b.cause,
        adjusts: adjusts.as_ref().map(|a| a.as_str().into()),
        revision: b.revision,
        account: account.spec.account.as_str().into(),
        account_name: account.spec.name.as_str().into(),
        legal_entity: account.spec.legal_entity.as_str().into(),
        waba: waba.id.as_str().into(),
        sender: sender.spec.id.as_str().into(),
        origin: if b.own.is_some() { Origin::Own } else { Origin::Foreign },
        message_uid: b.own.or(b.forgotten).map(|o| o.0),
        message: m.filter(|_| b.own.is_some()).map(|m| (&*m.tail.id).into()),
        attempt: b.own.or(b.forgotten).map(|o| o.1),
        recipient_hash: recipient_hash.as_str().into(),
        wamid_hash: wamid_hash.as_str().into(),
        recipient: Some(to.as_str().into()),
        wamid: b.wamid.as_deref().map(Text::from),
        campaign: campaign.map(|c| c.spec.name.as_str().into()),
        cost_center: campaign.and_then(|c| c.spec.cost_center.as_deref()).map(Text::from),
        template: template.map(|t| t.spec.name.as_str().into()),
        language: template.map(|t| t.spec.language.as_str().into()),
        country: country.as_deref().map(Text::from),
        market: market.map(|m| rates.map().market_name(m).into()),
        category: priced.and_then(|p| p.category).or(unpriced.and_then(|u| u.category)),
        pricing_model: priced.map(|p| p.model).or(reported_model).or(expected_model).unwrap_or(PricingModel::Pmp),
        pricing_type: priced.map(|p| p.pricing_type),
        expected_category: b.expected,
        expected_type: b.expected_type,
        expected_model,
        reported_category: match b.reported.category {
            Some(ReportedCategory::Known(c)) => Some(c),
            _ => None,
        },
        reported_type: match b.reported.pricing_type {
            Some(ReportedType::Regular) => Some(tollgate_rate_card::PricingType::Regular),
            Some(ReportedType::FreeCustomerService) => Some(tollgate_rate_card::PricingType::FreeCustomerService),
            Some(ReportedType::FreeEntryPoint) => Some(tollgate_rate_card::PricingType::FreeEntryPoint),
            _ => None,
        },
        reported_model,
        conversation: b.conversation.as_deref().map(Text::from),
        rulebook: rulebook.map(|r| rates.rulebook(r).id.as_str().into()),
        card: card.map(|c| rates.card(c).id().into()),
        card_status: priced.and_then(|p| p.card_status).map(|s| s.as_str().into()),
        band: priced.and_then(|p| p.band).map(|b| b.index),
        band_basis: priced.map(|p| p.band_basis).filter(|b| *b != BandBasis::NotBanded).map(|b| b.as_str().into()),
        ordinal: b.ordinal,
        list_rate: priced.and_then(|p| p.list_rate),
        cost_rate: priced.map(|p| p.cost_rate),
        quantity: i64::from(b.sign),
        cost,
        cost_currency: waba.currency.as_str().into(),
        markup_rule: price.map(|p| p.rule.as_str().into()),
        markup: price.map(|p| p.markup * sign),
        fee: price.map(|p| p.fee * sign),
        price_ex_tax: price.map(|p| p.price_ex_tax * sign).or(cost),
        price_currency: b.price_currency.as_str().into(),
        fx_rate: fx.map(|fx| fx.rate),
        fx_source: fx.map(|fx| fx.source.as_str().into()),
        fx_date: fx_date.as_deref().map(Text::from),
        occurred_at: Time::from_secs(b.at_s),
        booked_at: Time(b.booked_ms),
        usage_period: usage.as_str().into(),
        billing_period: billed.as_str().into(),
        tax_code: None,
        invoice_id: None,
        reason: unpriced.map(|u| u.reason.as_str().into()),
    };
    debug_assert!(entry.kind != EntryKind::Charge || entry.cost.is_some(), "a charge has a cost");
    let entry = if b.kind == EntryKind::Counted { without_amounts(entry) } else { entry };
    serde_json::to_writer(out, &entry)
}

/// What is counted and not booked: its facts and its position. It names nobody, since nobody is asked to pay for it.
fn without_amounts(counted: LedgerEntry<'_>) -> LedgerEntry<'_> {
    LedgerEntry {
        recipient: None,
        wamid: None,
        conversation: None,
        card: None,
        card_status: None,
        band: None,
        list_rate: None,
        cost_rate: None,
        cost: None,
        markup_rule: None,
        markup: None,
        fee: None,
        price_ex_tax: None,
        fx_rate: None,
        fx_source: None,
        fx_date: None,
        ..counted
    }
}

/// Nobody's hash: a fee is for no message and no person, and the ledger keeps hashes of 32 digits.
const NOBODY: &str = "00000000000000000000000000000000";

/// What is alike in all fees: they cost nothing, and are for no message and no person.
#[must_use]
pub fn blank_fee(fee: Fee) -> LedgerEntry<'static> {
    LedgerEntry {
        entry: Text::default(),
        kind: EntryKind::Fee,
        cause: None,
        adjusts: None,
        revision: 0,
        account: Text::default(),
        account_name: Text::default(),
        legal_entity: Text::default(),
        waba: Text::default(),
        sender: Text::default(),
        origin: Origin::Own,
        message_uid: None,
        message: None,
        attempt: None,
        recipient_hash: NOBODY.into(),
        wamid_hash: NOBODY.into(),
        recipient: None,
        wamid: None,
        campaign: None,
        cost_center: None,
        template: None,
        language: None,
        country: None,
        market: None,
        category: None,
        pricing_model: PricingModel::Pmp,
        pricing_type: None,
        expected_category: None,
        expected_type: None,
        expected_model: None,
        reported_category: None,
        reported_type: None,
        reported_model: None,
        conversation: None,
        rulebook: None,
        card: None,
        card_status: None,
        band: None,
        band_basis: None,
        ordinal: None,
        list_rate: None,
        cost_rate: None,
        quantity: 0,
        cost: Some(Decimal::ZERO),
        cost_currency: Text::default(),
        // So that the summary has a row for each.
        markup_rule: Some(fee.as_str().into()),
        markup: Some(Decimal::ZERO),
        fee: None,
        price_ex_tax: None,
        price_currency: Text::default(),
        fx_rate: None,
        fx_source: None,
        fx_date: None,
        occurred_at: Time(0),
        booked_at: Time(0),
        usage_period: Text::default(),
        billing_period: Text::default(),
        tax_code: None,
        invoice_id: None,
        reason: Some(fee.as_str().into()),
    }
}

/// Writes a fee.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn fee(state: &State, f: &FeeBooking, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let waba = state.waba_at(f.waba);
    let account = state.account_at(waba.account);
    let entry = Hex::new(f.entry);
    let month = f.month.to_string();
    // Checked amounts are so small that no month's count takes a decimal from the product.
    let asked = f.amount * Decimal::from(f.count);
    let entry = LedgerEntry {
        entry: entry.as_str().into(),
        account: account.spec.account.as_str().into(),
        account_name: account.spec.name.as_str().into(),
        legal_entity: account.spec.legal_entity.as_str().into(),
        waba: waba.id.as_str().into(),
        sender: state.sender_at(f.sender).spec.id.as_str().into(),
        quantity: i64::try_from(f.count).unwrap_or(i64::MAX),
        cost_currency: waba.currency.as_str().into(),
        fee: Some(asked),
        price_ex_tax: Some(asked),
        price_currency: f.currency.as_str().into(),
        occurred_at: Time::from_secs(f.at_s),
        booked_at: Time(f.booked_ms),
        usage_period: month.as_str().into(),
        billing_period: month.as_str().into(),
        ..blank_fee(f.fee)
    };
    serde_json::to_writer(out, &entry)
}

/// Writes the end of a month.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn month_closed(state: &State, c: &Closing, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let month = c.month.to_string();
    let record = MonthClosed {
        month_closed: month.as_str().into(),
        account: state.account_at(c.account).spec.account.as_str().into(),
        at: Time(c.at_ms),
        forced: c.forced.as_deref().map(Text::from),
    };
    serde_json::to_writer(out, &record)
}
