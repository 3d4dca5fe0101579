//! The seam to the views. Calls block: the gateway makes them off its async threads.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;

use crate::log::Record;
use crate::views::{AccountBill, Bill, FlowView, LiveView};

/// A view as JSON. Carries `as_of`: everything up to that instant is in it.
pub type ViewJson = Vec<u8>;

/// A page of an account's outcomes.
#[derive(Debug)]
pub struct FeedPage {
    /// When the outcomes were last read.
    pub as_of: Time,
    /// What the next read gives as `after`; the one asked with when the page is empty.
    pub next: u64,
    /// Cursor and outcome, ascending, not dense.
    pub items: Vec<(u64, Box<RawValue>)>,
}

/// What to export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingQuery {
    /// `YYYY-MM`.
    pub month: String,
    /// `summary`, `detail` or `focus`.
    pub format: String,
    /// `provider` or `customer`, for `focus`; `provider` when left out.
    pub view: Option<String>,
    /// One account, or all.
    pub account: Option<String>,
    /// Rows name the invoices that are attached.
    pub invoices: bool,
    /// Name of the file in the manifest.
    pub file: String,
}

/// A record that was set aside.
#[derive(Debug)]
pub struct DeadLetterRead {
    /// Place, time, headers and size.
    pub view: ViewJson,
    /// The original bytes.
    pub bytes: Bytes,
}

/// Why a view cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A parameter that the view does not understand.
    #[error("{field} = {value:?} cannot be read; {remedy}")]
    BadQuery {
        /// Query or path parameter.
        field: &'static str,
        /// Its value.
        value: String,
        /// What would help.
        remedy: &'static str,
    },
    /// What is asked for cannot be given as things are; says what would help.
    #[error("{0}")]
    NotPossible(String),
    /// The database failed.
    #[error("{0}")]
    Failed(String),
}

/// Reads of the views.
///
/// Contract: `Ok(None)` means that there is no such thing (yet: views follow within about a second). Every value is
/// from one moment. Methods may block and are called from several threads.
pub trait Reads: Send + Sync + 'static {
    /// A message's life.
    ///
    /// # Errors
    /// See [`ReadError`]; so for all methods.
    fn message(&self, account: &str, id: &str) -> Result<Option<ViewJson>, ReadError>;

    /// A ledger entry that belongs to no message, with what it corrects and what corrects it.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn entry(&self, account: &str, entry: &str) -> Result<Option<ViewJson>, ReadError>;

    /// The account's live state.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn account(&self, account: &str) -> Result<Option<ViewJson>, ReadError>;

    /// The account's campaigns.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn campaigns(&self, account: &str) -> Result<Option<ViewJson>, ReadError>;

    /// One campaign.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn campaign(&self, account: &str, campaign: &str) -> Result<Option<ViewJson>, ReadError>;

    /// Whom one campaign is tried on, in full.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn test_recipients(&self, account: &str, campaign: &str) -> Result<Option<ViewJson>, ReadError>;

    /// What came of one campaign.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn campaign_report(&self, account: &str, campaign: &str) -> Result<Option<ViewJson>, ReadError>;

    /// The account's senders.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn senders(&self, account: &str) -> Result<Option<ViewJson>, ReadError>;

    /// The account's queues of waiting messages.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn lots(&self, account: &str) -> Result<Option<ViewJson>, ReadError>;

    /// The account's templates, with what came of asking the platform for them last.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn templates(&self, account: &str) -> Result<Option<ViewJson>, ReadError>;

    /// Upgrades and downgrades of the account's numbers and messaging limit, newest first.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn levels(&self, account: &str) -> Result<Option<ViewJson>, ReadError>;

    /// Who wrote to the account and has had no answer, with a window that is open at `now` and closes within a time: at most
    /// `max`, in full or masked.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn unanswered(
        &self,
        account: &str,
        now: Time,
        within: Duration,
        shown: (usize, bool),
    ) -> Result<Option<ViewJson>, ReadError>;

    /// What one person consented to.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn consents(&self, account: &str, to: &str) -> Result<Option<ViewJson>, ReadError>;

    /// Who is on the account's suppression list, after a person in their order, at most `max`.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn suppressions(&self, account: &str, after: &str, max: usize) -> Result<Option<ViewJson>, ReadError>;

    /// All that is held of one person.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn person(&self, account: &str, to: &str) -> Result<Option<ViewJson>, ReadError>;

    /// The account's outcomes after a cursor, or from the oldest that is kept, in order, at most `max`.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn outcomes(&self, account: &str, after: Option<u64>, max: usize) -> Result<FeedPage, ReadError>;

    /// Messages and bytes of the account that wait, as last known; for answering 429 before the log is asked.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn waiting(&self, account: &str) -> Result<Option<(u64, u64)>, ReadError>;

    /// Writes a month's export and answers its manifest, JSON. An error after the first byte cuts the answer.
    ///
    /// # Errors
    /// See [`ReadError`]; a failing `out` (the client has gone) is [`ReadError::Failed`].
    fn billing(&self, query: &BillingQuery, out: &mut (dyn io::Write + Send)) -> Result<String, ReadError>;

    /// Records that were set aside, after a place among them, at most `max`: headers and sizes, not their bytes.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn dead_letters(&self, after: Option<u64>, max: usize) -> Result<ViewJson, ReadError>;

    /// The record at a place among them.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn dead_letter(&self, offset: u64) -> Result<Option<DeadLetterRead>, ReadError>;

    /// Records that were set aside, whole, from an offset on: a page of some megabytes, empty only when there are none.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn dead_letter_records(&self, from: u64) -> Result<Vec<Record>, ReadError>;

    /// An account's live state as a whole.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn live(&self, account: &str) -> Result<Option<LiveView>, ReadError>;

    /// Where the messages of the accounts are, and what moved since an instant.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn flow(&self, accounts: &[String], since: Time) -> Result<FlowView, ReadError>;

    /// A month's bill in short, of one account.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn bill(&self, account: &str, month: YearMonth) -> Result<Bill, ReadError>;

    /// When the ledger was last read, and a month's bill by account: of those that `wanted` names.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn bills(&self, month: YearMonth, wanted: &dyn Fn(&str) -> bool) -> Result<(Time, Vec<AccountBill>), ReadError>;

    /// A message's life and price in words.
    ///
    /// # Errors
    /// See [`ReadError`].
    fn story(&self, account: &str, id: &str) -> Result<Option<String>, ReadError>;
}
