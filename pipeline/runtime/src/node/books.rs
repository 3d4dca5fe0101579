//! Settling and closing months in the ledger's database, for the API.

use crate::clock::Clock;
use crate::gateway::{Allowed, BookError, Books, CreditOf, InvoiceOf, MonthOf, Stage, ViewJson};
use crate::ledger::{Invoice, InvoiceError, Options, Place, Reader, Writer};
use crate::settle::{Allow, CloseError, Job, SettleError, Terms, close, correct, ready, settle};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::charge::entry_id;
use tollgate_core::credit;
use tollgate_rate_card::{Date, Markup, RateCards, YearMonth};
use tollgate_wire::Time;
use tollgate_wire::ledger::EntryKind;

/// A snapshot of each account comes every ten seconds at least.
const VIEWS_WITHIN_MS: u64 = 60_000;

/// The books of a node.
pub(super) struct NodeBooks {
    pub(super) place: Place,
    pub(super) rates: Arc<RateCards>,
    pub(super) clock: Clock,
    pub(super) settle_days: u8,
}

impl NodeBooks {
    /// Opened for each piece of work: it is rare, and the database may have been away meanwhile.
    fn open(&self) -> Result<(Writer, Reader), BookError> {
        Ok((self.place.writer().map_err(failed)?, self.reader()?))
    }

    fn reader(&self) -> Result<Reader, BookError> {
        self.place.reader(Options::default()).map_err(failed)
    }

    fn with_job<T>(
        &self,
        of: &MonthOf,
        work: impl FnOnce(&mut Writer, &Reader, &Job<'_>) -> Result<T, CloseError>,
    ) -> Result<T, BookError> {
        let (mut writer, reader) = self.open()?;
        let terms = self.terms(&reader, &of.account)?;
        let job =
            Job { account: &of.account, month: of.month, rates: &self.rates, terms: &terms, at: self.clock.now() };
        work(&mut writer, &reader, &job).map_err(refused)
    }

    /// What holds for the account's WABAs, of views that follow: mark-ups are declared with a day that is to come, so
    /// views that stand still would settle without them.
    fn terms(&self, reader: &Reader, account: &str) -> Result<BTreeMap<String, Terms>, BookError> {
        let refused = |detail: String| BookError::Refused { code: "stale_views", detail };
        let view = reader.account(account).map_err(failed)?;
        let remedy =
            "see that a process with the role views runs and what tollgate_log_lag_seconds says, and ask again";
        let Some(view) = view else {
            return Err(refused(format!("nothing is known of account {account} in the views yet; {remedy}")));
        };
        let age = self.clock.now().0.saturating_sub(view.as_of.0);
        if age > VIEWS_WITHIN_MS {
            let (as_of, age) = (view.as_of, age / 1000);
            return Err(refused(format!("what is known of account {account} is of {as_of}, {age} s ago; {remedy}")));
        }
        reader.terms(account).map_err(failed)
    }

    /// Whether the month has begun, and is over with its settling days, where every WABA is.
    fn is_over(&self, of: &MonthOf, forced: bool, now: Time) -> Result<(), BookError> {
        let days = self.settle_days;
        let first = of.month.next().first_day();
        let due = first.checked_add(jiff::Span::new().days(i64::from(days))).unwrap_or(Date::MAX);
        let from = if forced { of.month.first_day() } else { due };
        let reader = self.reader()?;
        for (waba, terms) in self.terms(&reader, &of.account)? {
            let today = terms.zone.local_date_at(i64::from(now.secs()));
            if today < from {
                let (month, zone) = (of.month, terms.zone.name());
                let why = match forced {
                    true => "a month that has not begun cannot be closed; wait for it".to_owned(),
                    false => format!(
                        "with billing.settle_days {days} it may be closed from {due} on; wait until then, or force it \
                         with a reason"
                    ),
                };
                let detail = format!("month {month}: it is {today} for waba {waba} in {zone}; {why}");
                return Err(BookError::Refused { code: "too_early", detail });
            }
        }
        Ok(())
    }
}

impl Books for NodeBooks {
    fn stage(&self, of: &MonthOf) -> Result<(Stage, ViewJson), BookError> {
        let closes = self.reader()?.closes(&of.account).map_err(failed)?;
        let own = closes.iter().find(|close| close.month == of.month);
        // What the engine has ended is ended before it too.
        let ended = own.or_else(|| closes.iter().find(|close| close.month > of.month));
        let stage = match (own.and_then(|close| close.closed_at), ended) {
            (Some(_), _) => Stage::Closed,
            (None, Some(_)) => Stage::Ended,
            (None, None) => Stage::Open,
        };
        let mut view = json!({
            "account": of.account,
            "month": of.month.to_string(),
            "state": match stage { Stage::Open => "open", Stage::Ended => "ended", Stage::Closed => "closed" },
        });
        if let Some(end) = ended {
            view["ended_at"] = json!(end.at);
            view["forced"] = json!(end.forced);
        }
        if let (Stage::Closed, Some(close)) = (stage, own) {
            view["closed_at"] = json!(close.closed_at);
            view["sha256"] = json!(close.sha256);
            view["manifest"] = serde_json::from_str(&close.manifest).map_err(failed)?;
        }
        Ok((stage, bytes(&view)))
    }

    fn settle(&self, of: &MonthOf) -> Result<ViewJson, BookError> {
        let report = self.with_job(of, |writer, reader, job| Ok(settle(writer, reader, job, &mut |_| {})?))?;
        let view = json!({ "account": of.account, "month": of.month.to_string(), "settled": report });
        Ok(bytes(&view))
    }

    fn correct(&self, of: &MonthOf) -> Result<ViewJson, BookError> {
        let (report, billed_in) =
            self.with_job(of, |writer, reader, job| Ok(correct(writer, reader, job, &mut |_| {})?))?;
        let (month, billed_in) = (of.month.to_string(), billed_in.to_string());
        let view = json!({ "account": of.account, "month": month, "billed_in": billed_in, "settled": report });
        Ok(bytes(&view))
    }

    fn may_end(&self, of: &MonthOf, allowed: Allowed, forced: bool, now: Time) -> Result<(), BookError> {
        self.is_over(of, forced, now)?;
        self.with_job(of, |writer, reader, job| ready(writer, reader, job, allow(allowed), &mut |_| {}))?;
        Ok(())
    }

    fn settle_days(&self) -> u8 {
        self.settle_days
    }

    fn close(&self, of: &MonthOf, allowed: Allowed) -> Result<ViewJson, BookError> {
        let closed =
            self.with_job(of, |writer, reader, job| close(writer, reader, job, allow(allowed), &mut |_| {}))?;
        let manifest: Value = serde_json::from_str(&closed.manifest).map_err(failed)?;
        let view = json!({
            "account": of.account, "month": of.month.to_string(), "state": "closed", "sha256": closed.sha256,
            "manifest": manifest,
        });
        Ok(bytes(&view))
    }

    fn credit(&self, of: &MonthOf, asked: &CreditOf, now: Time) -> Result<Option<ViewJson>, BookError> {
        let reader = self.reader()?;
        let terms = self.may_credit(&reader, of, asked, now)?;
        let id = entry_id(&asked.waba, EntryKind::Credit, &credit::key(&of.account, of.month, &asked.id), 0);
        let reason = credit::reason(&asked.reason, asked.reference.as_deref(), None);
        // It is of the last second of the month that it is about, which is another one for another month.
        let (_, end) = terms.zone.month_bounds(of.month);
        let last = YearMonth::of(terms.zone.local_date_at(i64::from(now.secs()))).next();
        let at_ms = (end - 1).unsigned_abs() * 1000;
        let found = reader.entry_of(&of.account, (of.month, last), at_ms, id, &mut |entry| {
            let said = entry.reason.as_deref().unwrap_or_default();
            let same = entry.cost == Some(-asked.cost)
                && entry.price_ex_tax == Some(-asked.price)
                && (said == reason || said.strip_prefix(&reason).is_some_and(|rest| rest.starts_with("; by ")));
            let view = json!({
                "account": of.account, "month": of.month.to_string(), "id": asked.id, "waba": entry.waba,
                "entry": entry.entry, "cost": entry.cost, "cost_currency": entry.cost_currency,
                "price_ex_tax": entry.price_ex_tax, "price_currency": entry.price_currency,
                "billed_in": entry.billing_period, "reason": entry.reason, "booked_at": entry.booked_at,
            });
            (same, bytes(&view), entry.booked_at)
        });
        match found.map_err(failed)? {
            Some((true, view, _)) => Ok(Some(view)),
            Some((false, _, at)) => {
                let id = &asked.id;
                let detail =
                    format!("id = {id:?} is that of another credit, booked at {at}; give this one an id of its own");
                Err(BookError::Refused { code: "credit_id_taken", detail })
            }
            None => Ok(None),
        }
    }

    fn attach_invoice(&self, of: &MonthOf, invoice: &InvoiceOf) -> Result<ViewJson, BookError> {
        self.attach(of, invoice).map_err(|error| {
            let code = match &error {
                InvoiceError::Malformed { .. } => "malformed",
                InvoiceError::Open { .. } => "not_closed",
                InvoiceError::Other { .. } => "invoice_attached",
                InvoiceError::Ledger(_) => return failed(error),
            };
            BookError::Refused { code, detail: error.to_string() }
        })
    }
}

impl NodeBooks {
    /// The WABA's terms, where the month may have a credit of it.
    fn may_credit(&self, reader: &Reader, of: &MonthOf, asked: &CreditOf, now: Time) -> Result<Terms, BookError> {
        let waba = asked.waba.as_str();
        let mut terms = self.terms(reader, &of.account)?;
        let Some(terms) = terms.remove(waba) else {
            let own = terms.into_keys().collect::<Vec<_>>().join(", ");
            let own = if own.is_empty() { "none".to_owned() } else { own };
            let detail = format!("waba = {waba:?} is not one of account {}, which has {own}", of.account);
            return Err(BookError::Refused { code: "unknown_waba", detail });
        };
        let today = terms.zone.local_date_at(i64::from(now.secs()));
        if today < of.month.first_day() {
            let zone = terms.zone.name();
            let detail = format!(
                "month {}: it is {today} for waba {waba} in {zone}; a month that has not begun has no credits, name one that has",
                of.month
            );
            return Err(BookError::Refused { code: "too_early", detail });
        }
        // As the engine has it: of what is to begin nothing is in force.
        let markup = Markup::in_force(&terms.markup, of.month.last_day().min(today));
        if asked.both && markup.is_some_and(|markup| markup.fx.is_some()) {
            let detail =
                format!("cost and price of waba {waba} are in two currencies; credit each by an amount of its own");
            return Err(BookError::Refused { code: "two_currencies", detail });
        }
        Ok(terms)
    }

    fn attach(&self, of: &MonthOf, asked: &InvoiceOf) -> Result<ViewJson, InvoiceError> {
        let attached_at = self.clock.now();
        let invoice = Invoice { id: asked.invoice.clone(), tax_code: asked.tax_code.clone(), attached_at };
        let mut writer = self.place.writer()?;
        // No log holds it.
        writer.durable()?;
        let now = writer.attach_invoice(&of.account, of.month, &invoice, asked.replace)?;
        let view = json!({
            "account": of.account, "month": of.month.to_string(), "invoice": now.id, "tax_code": now.tax_code,
            "attached_at": now.attached_at,
        });
        Ok(bytes(&view))
    }
}

const fn allow(allowed: Allowed) -> Allow {
    let Allowed { unpriced, unverified, bands_unknown, set_aside } = allowed;
    Allow { unpriced, unverified, bands_unknown, set_aside }
}

fn bytes(view: &Value) -> ViewJson {
    view.to_string().into_bytes()
}

fn failed(error: impl std::fmt::Display) -> BookError {
    BookError::Failed(error.to_string())
}

fn refused(error: CloseError) -> BookError {
    let code = match &error {
        CloseError::NotEnded { .. } => "not_ended",
        CloseError::EarlierOpen { .. } => "earlier_open",
        CloseError::NotComplete { .. } => "not_complete",
        CloseError::Busy { .. } => "busy",
        CloseError::Settle(SettleError::UnknownZone { .. }) => "unknown_zone",
        CloseError::Settle(SettleError::Ledger(crate::ledger::LedgerError::Closed { .. })) => "closed",
        CloseError::Settle(SettleError::Ledger(_)) | CloseError::Export(_) => return failed(error),
    };
    BookError::Refused { code, detail: error.to_string() }
}
