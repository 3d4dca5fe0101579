//! What the API reads: ledger and views through read-only connections, and what [`Live`] has.

use super::live::Live;
use super::readers::Readers;
use crate::export::{ExportError, Focus, Format, Request, View, write_csv};
use crate::gateway::{BillingQuery, DeadLetterRead, FeedPage, ReadError, Reads, ViewJson};
use crate::ledger::{LedgerError, Place, Reader, Stream};
use crate::log::dead_letter::ORIGINAL;
use crate::log::{ReadLimit, Record};
use crate::views::{self, AccountBill, Bill, FlowView, LiveView};
use serde::Serialize;
use std::io;
use std::time::Duration;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;
use tollgate_wire::request::parse_e164;

/// What the API reads.
pub(super) struct ViewReads {
    live: Box<dyn Live>,
    /// Who invoices clients.
    issuer: Option<String>,
    readers: Readers,
}

/// A page of records that were set aside.
#[derive(Debug, Serialize)]
pub struct DeadLetterPage {
    /// What the next read gives as `after`; absent as long as there has been none, whose offset may be 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
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

impl DeadLetterPage {
    fn of(after: Option<u64>, records: &[Record]) -> Self {
        let next = records.last().map(|record| record.offset).or(after);
        Self { next, items: records.iter().map(DeadLetter::of).collect() }
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
}

fn failed(e: impl std::fmt::Display) -> ReadError {
    ReadError::Failed(e.to_string())
}

fn json<T: Serialize>(v: &T) -> Result<ViewJson, ReadError> {
    serde_json::to_vec(v).map_err(failed)
}

fn check_person(to: &str) -> Result<(), ReadError> {
    if to.starts_with('+') && parse_e164(to).is_err() {
        let remedy = "write a number as + and 7 to 15 digits, or a business-scoped id";
        return Err(ReadError::BadQuery { field: "to", value: "(hidden)".to_owned(), remedy });
    }
    Ok(())
}

impl Reads for ViewReads {
    fn message(&self, account: &str, id: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.message(account, id))
    }

    fn entry(&self, account: &str, entry: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.entry(account, entry))
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

    fn test_recipients(&self, account: &str, campaign: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.test_recipients(account, campaign))
    }

    fn campaign_report(&self, account: &str, campaign: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.campaign_report(account, campaign))
    }

    fn senders(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.senders(account))
    }

    fn lots(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.lots(account))
    }

    fn templates(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.templates(account))
    }

    fn levels(&self, account: &str) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.levels(account))
    }

    fn unanswered(
        &self,
        account: &str,
        now: Time,
        within: Duration,
        shown: (usize, bool),
    ) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.unanswered(account, now, within, shown))
    }

    fn consents(&self, account: &str, to: &str) -> Result<Option<ViewJson>, ReadError> {
        check_person(to)?;
        self.view(|r| r.consents(account, to))
    }

    fn person(&self, account: &str, to: &str) -> Result<Option<ViewJson>, ReadError> {
        check_person(to)?;
        self.view(|r| r.person(account, to))
    }

    fn suppressions(&self, account: &str, after: &str, max: usize) -> Result<Option<ViewJson>, ReadError> {
        self.view(|r| r.suppressions(account, after, max))
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

    fn billing(&self, query: &BillingQuery, out: &mut (dyn io::Write + Send)) -> Result<String, ReadError> {
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
                invoices: match query.invoices {
                    true => Some(r.invoices(month, query.account.as_deref()).map_err(failed)?),
                    false => None,
                },
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
        json(&DeadLetterPage::of(after, &records))
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

    fn live(&self, account: &str) -> Result<Option<LiveView>, ReadError> {
        self.with(|r| r.live(account).map_err(failed))
    }

    fn flow(&self, accounts: &[String], since: Time) -> Result<FlowView, ReadError> {
        self.with(|r| r.flow(accounts, since).map_err(failed))
    }

    fn bill(&self, account: &str, month: YearMonth) -> Result<Bill, ReadError> {
        self.with(|r| {
            let as_of = r.as_of(Stream::Ledger).map_err(failed)?;
            views::bill(r, month, Some(account), as_of).map_err(failed)
        })
    }

    fn bills(&self, month: YearMonth, wanted: &dyn Fn(&str) -> bool) -> Result<(Time, Vec<AccountBill>), ReadError> {
        self.with(|r| {
            let as_of = r.as_of(Stream::Ledger).map_err(failed)?;
            Ok((as_of, views::bill_by_account(r, month, wanted).map_err(failed)?))
        })
    }

    fn story(&self, account: &str, id: &str) -> Result<Option<String>, ReadError> {
        self.with(|r| {
            Ok(match r.message(account, id).map_err(failed)? {
                Some(message) => Some(views::explain(&message)),
                None => r.entry(account, id).map_err(failed)?.map(|entry| views::explain_entry(&entry)),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_before_there_is_a_dead_letter_does_not_pass_over_the_first() {
        let next = |after, offsets: &[u64]| {
            let record = |offset: &u64| Record {
                offset: *offset,
                time_ms: 1,
                key: bytes::Bytes::new(),
                value: bytes::Bytes::new(),
                headers: Vec::new(),
            };
            let records: Vec<Record> = offsets.iter().map(record).collect();
            let page = DeadLetterPage::of(after, &records);
            serde_json::to_value(&page).ok().and_then(|page| page.get("next").cloned())
        };
        assert_eq!(next(None, &[]), None, "0 would be after the first");
        assert_eq!(next(None, &[0, 1]), Some(1.into()));
        assert_eq!(next(Some(1), &[]), Some(1.into()));
    }
}
