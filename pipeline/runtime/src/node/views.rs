//! What the API reads: ledger and views through read-only connections, and what [`Live`] has.

use super::live::Live;
use super::readers::Readers;
use crate::export::{ExportError, Focus, Format, Request, View, write_csv};
use crate::gateway::{BillingQuery, DeadLetterRead, FeedPage, ReadError, Reads, ViewJson};
use crate::ledger::{LedgerError, Place, Reader, Stream};
use crate::log::dead_letter::ORIGINAL;
use crate::log::{ReadLimit, Record};
use crate::store::{Space, Store};
use crate::views::OptOutView;
use serde::Serialize;
use std::io;
use tollgate_core::codec;
use tollgate_core::ids::{ContactKey, User};
use tollgate_core::record::{Account, Consent, Contact};
use tollgate_rate_card::YearMonth;
use tollgate_wire::command::ConsentState;
use tollgate_wire::request::parse_e164;
use tollgate_wire::{Reason, Time};

/// What the API reads.
pub(super) struct ViewReads {
    live: Box<dyn Live>,
    /// Who invoices clients.
    issuer: Option<String>,
    readers: Readers,
}

/// What one person consented to.
#[derive(Serialize)]
struct ConsentsView {
    as_of: Time,
    account: String,
    to: String,
    consents: Vec<ConsentLine>,
    stop_all: bool,
    proofs: Vec<ProofLine>,
}

#[derive(Serialize)]
struct ConsentLine {
    category: &'static str,
    state: &'static str,
}

#[derive(Serialize)]
struct ProofLine {
    category: &'static str,
    state: ConsentState,
    source: String,
    at: Time,
    text_version: String,
}

/// A page of records that were set aside.
#[derive(Debug, Serialize)]
pub struct DeadLetterPage {
    /// What the next read gives as `after`.
    pub next: u64,
    /// The records.
    pub items: Vec<DeadLetter>,
}

/// A record that was set aside. Its bytes may hold a phone number: they are shown only on request.
#[derive(Debug, Serialize)]
pub struct DeadLetter {
    /// Its place among the dead letters.
    pub offset: u64,
    /// When it was set aside.
    pub at: Time,
    /// Topic, partition, offset, reason and detail.
    pub headers: Vec<(String, String)>,
    /// Bytes of the record.
    pub bytes: usize,
}

impl DeadLetter {
    fn of(record: &Record) -> Self {
        let text = |(name, value): &(String, bytes::Bytes)| (name.clone(), String::from_utf8_lossy(value).into_owned());
        // A producer's own headers may hold what its record may: of them only CloudEvents' are shown.
        let shown =
            |(name, _): &&(String, bytes::Bytes)| name.strip_prefix(ORIGINAL).is_none_or(|own| own.starts_with("ce_"));
        Self {
            offset: record.offset,
            at: Time(record.time_ms),
            headers: record.headers.iter().filter(shown).map(text).collect(),
            bytes: record.value.len(),
        }
    }
}

impl ViewReads {
    pub fn open(place: &Place, live: Box<dyn Live>, issuer: Option<String>) -> Result<Self, LedgerError> {
        Ok(Self { live, issuer, readers: Readers::open(place)? })
    }

    fn with<T>(&self, f: impl FnOnce(&Reader) -> Result<T, ReadError>) -> Result<T, ReadError> {
        f(&*self.readers.take()?)
    }

    fn view<T: Serialize>(
        &self,
        f: impl FnOnce(&Reader) -> Result<Option<T>, LedgerError>,
    ) -> Result<Option<ViewJson>, ReadError> {
        self.with(|r| f(r).map_err(failed)?.map(|v| json(&v)).transpose())
    }

    /// The person's newest no.
    fn opt_out(&self, account: &str, to: &str) -> Result<Option<OptOutView>, ReadError> {
        let store = self.live.store(account)?;
        let Some(stored) = Self::stored_account(&store, account)? else { return Ok(None) };
        let Some(user) = parse_e164(to).ok().and_then(User::from_digits) else { return Ok(None) };
        let noes = proofs(&store, ContactKey::new(stored.ix, user))?.into_iter();
        let newest = noes.filter(|p| p.state == ConsentState::OptOut).max_by_key(|p| p.at);
        Ok(newest.map(|p| OptOutView { category: p.category.to_owned(), at: p.at, source: p.source }))
    }

    fn stored_account(store: &Store, id: &str) -> Result<Option<Account>, ReadError> {
        for item in store.scan_prefix(Space::Entities, &[tollgate_core::engine::ACCOUNT_PREFIX]) {
            let (_, value) = item.map_err(failed)?;
            let account = codec::account(&value).map_err(failed)?;
            if account.spec.account == id {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }
}

fn failed(e: impl std::fmt::Display) -> ReadError {
    ReadError::Failed(e.to_string())
}

fn json<T: Serialize>(v: &T) -> Result<ViewJson, ReadError> {
    serde_json::to_vec(v).map_err(failed)
}

/// What is on record of a person's consents.
fn proofs(store: &Store, key: ContactKey) -> Result<Vec<ProofLine>, ReadError> {
    let items = store.scan_prefix(Space::Proofs, &key.0.to_be_bytes()).take(1000);
    let line = |item: crate::store::ScanItem| {
        let (_, value) = item.map_err(failed)?;
        let p = codec::proof(&value).map_err(failed)?;
        Ok(ProofLine {
            category: CATEGORIES[usize::from(p.category.min(4))],
            state: p.state,
            source: p.source,
            at: Time(p.at_ms),
            text_version: p.text_version,
        })
    };
    items.map(line).collect()
}

const CATEGORIES: [&str; 5] = ["marketing", "utility", "authentication", "service", "all"];

impl Reads for ViewReads {
    fn message(&self, account: &str, id: &str) -> Result<Option<ViewJson>, ReadError> {
        let Some(mut view) = self.with(|r| r.message(account, id).map_err(failed))? else { return Ok(None) };
        if view.reason.as_deref() == Some(Reason::OptedOut.as_str()) {
            // Where another process decides for the account, the message is shown without it.
            view.opt_out = self.opt_out(account, &view.to).ok().flatten();
        }
        json(&view).map(Some)
    }

    fn account(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.account(account))
    }

    fn campaigns(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.campaigns(account))
    }

    fn campaign(&self, account: &str, campaign: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.campaign(account, campaign))
    }

    fn senders(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.senders(account))
    }

    fn lots(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.lots(account))
    }

    fn consents(&self, account: &str, to: &str) -> Result<Option<ViewJson>, ReadError> {
        let store = self.live.store(account)?;
        let Some(stored) = Self::stored_account(&store, account)? else { return Ok(None) };
        let user = parse_e164(to).ok().and_then(User::from_digits).ok_or(ReadError::BadQuery {
            field: "to",
            value: "(hidden)".to_owned(),
            remedy: "write a number as + and 7 to 15 digits",
        })?;
        let key = ContactKey::new(stored.ix, user);
        let contact = match store.get(Space::Contacts, &key.0.to_be_bytes()).map_err(failed)? {
            Some(v) => codec::contact(&v).map_err(failed)?,
            None => Contact::default(),
        };
        let proofs = proofs(&store, key)?;
        let state = |c: Consent| match c {
            Consent::None => "none",
            Consent::In => "opt_in",
            Consent::Out => "opt_out",
        };
        let consents = contact
            .consent
            .iter()
            .zip(CATEGORIES)
            .map(|(c, category)| ConsentLine { category, state: state(*c) })
            .collect();
        let view = ConsentsView {
            as_of: crate::clock::now(),
            account: account.to_owned(),
            to: to.to_owned(),
            consents,
            stop_all: contact.stop_all,
            proofs,
        };
        json(&view).map(Some)
    }

    fn outcomes(&self, account: &str, after: Option<u64>, max: usize) -> Result<FeedPage, ReadError> {
        self.with(|r| {
            let feed = r.feed(account, after.unwrap_or(0), max).map_err(failed)?;
            Ok(FeedPage {
                as_of: feed.as_of,
                next: feed.next,
                items: feed.items.into_iter().map(|i| (i.cursor, i.outcome)).collect(),
            })
        })
    }

    fn waiting(&self, account: &str) -> Result<Option<(u64, u64)>, ReadError> {
        self.with(|r| Ok(r.account(account).map_err(failed)?.map(|a| (a.parked_messages, a.parked_bytes))))
    }

    fn billing(&self, query: &BillingQuery, out: &mut dyn io::Write) -> Result<String, ReadError> {
        let bad = |field, value: &str, remedy| ReadError::BadQuery { field, value: value.to_owned(), remedy };
        let month: YearMonth =
            query.month.parse().map_err(|_| bad("month", &query.month, "write YYYY-MM, such as 2026-10"))?;
        let view = match (query.view.as_deref().unwrap_or("provider"), &self.issuer) {
            ("provider", _) => View::Provider,
            ("customer", Some(issuer)) => View::Customer { issuer: issuer.clone() },
            ("customer", None) => {
                let remedy = "set billing.issuer in the service's configuration, or ask for view=provider";
                return Err(bad("view", "customer", remedy));
            }
            (other, _) => return Err(bad("view", other, "use provider or customer")),
        };
        self.with(|r| {
            let format = match query.format.as_str() {
                "summary" => Format::Summary,
                "detail" => Format::Detail,
                "focus" => {
                    let zones = r.zones(query.account.as_deref()).map_err(failed)?;
                    Format::Focus(Focus { view, zones })
                }
                other => return Err(bad("format", other, "use summary, detail or focus")),
            };
            let request = Request {
                month,
                account: query.account.clone(),
                format,
                with_recipients: false,
                as_of: r.as_of(Stream::Ledger).map_err(failed)?,
            };
            let manifest = write_csv(r, &request, &query.file, out, &mut |_, _| {});
            let manifest = manifest.map_err(|error| match error {
                ExportError::UnknownZone { .. } => ReadError::NotPossible(error.to_string()),
                _ => failed(error),
            })?;
            Ok(manifest.to_json())
        })
    }

    fn dead_letters(&self, after: Option<u64>, max: usize) -> Result<ViewJson, ReadError> {
        let records = self.live.dead_letters(after, ReadLimit { records: max, bytes: 8 << 20 })?;
        let items: Vec<DeadLetter> = records.iter().map(DeadLetter::of).collect();
        let next = records.last().map_or(after.unwrap_or(0), |r| r.offset);
        json(&DeadLetterPage { next, items })
    }

    fn dead_letter(&self, offset: u64) -> Result<Option<DeadLetterRead>, ReadError> {
        let limit = ReadLimit { records: 1, bytes: 8 << 20 };
        let found = self.live.dead_letters(offset.checked_sub(1), limit)?;
        let found = found.into_iter().find(|record| record.offset == offset);
        found.map(|r| Ok(DeadLetterRead { view: json(&DeadLetter::of(&r))?, bytes: r.value })).transpose()
    }

    fn dead_letter_records(&self, from: u64) -> Result<Vec<Record>, ReadError> {
        self.live.dead_letters(from.checked_sub(1), ReadLimit { records: 1_000, bytes: 8 << 20 })
    }
}
