//! The seam to settling and closing months. Calls block for as long as a month takes: the gateway makes them off its
//! async threads, one at a time.

use rust_decimal::Decimal;
use tollgate_rate_card::YearMonth;
use tollgate_wire::Time;

use super::reads::ViewJson;

/// A month of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MonthOf {
    /// Account id.
    pub account: String,
    /// Billing month.
    pub month: YearMonth,
}

/// What may remain uncertain in a closed month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Allowed {
    /// Charges without a price.
    pub unpriced: bool,
    /// Charges at a rate with a single source.
    pub unverified: bool,
    /// Charges at list because the volume bands are not known.
    pub bands_unknown: bool,
    /// Records of the topic that could not be booked.
    pub set_aside: bool,
}

impl Allowed {
    /// Names as the API has them.
    pub const NAMES: [&'static str; 4] = ["unpriced", "unverified", "bands_unknown", "set_aside"];

    /// Adds what a name stands for; `false` if there is no such name.
    pub(super) fn add(&mut self, name: &str) -> bool {
        match name {
            "unpriced" => self.unpriced = true,
            "unverified" => self.unverified = true,
            "bands_unknown" => self.bands_unknown = true,
            "set_aside" => self.set_aside = true,
            _ => return false,
        }
        true
    }
}

/// The invoice of a closed month.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InvoiceOf {
    /// Its number.
    pub invoice: String,
    /// What it was taxed by.
    pub tax_code: Option<String>,
    /// In the place of another one.
    pub replace: bool,
}

/// What finance credits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CreditOf {
    /// Given by whoever asks, once for each credit of a WABA and month.
    pub id: String,
    /// WABA whose bill it is.
    pub waba: String,
    /// Taken off the platform's bill.
    pub cost: Decimal,
    /// Taken off the price.
    pub price: Decimal,
    /// Both are one amount, which is of one currency.
    pub both: bool,
    /// Why.
    pub reason: String,
    /// A document that it refers to.
    pub reference: Option<String>,
    /// Whose token gave it.
    pub by: Option<String>,
}

/// How far a month is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The engine goes on booking in it.
    Open,
    /// The engine has ended it: what comes is billed later.
    Ended,
    /// It is closed.
    Closed,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// As things are it cannot be; says what would help.
    #[error("{detail}")]
    Refused {
        /// Stable name.
        code: &'static str,
        /// What is wrong, and what would help.
        detail: String,
    },
    /// The database failed.
    #[error("{0}")]
    Failed(String),
}

/// Settles and closes.
///
/// Contract: everything may be called again; what was done is not done twice.
pub trait Books: Send + Sync + 'static {
    /// How far the month is, and that as JSON with what is known of its end.
    ///
    /// # Errors
    /// See [`BookError`]; so for all methods.
    fn stage(&self, of: &MonthOf) -> Result<(Stage, ViewJson), BookError>;

    /// Settles an open month and answers what was found.
    ///
    /// # Errors
    /// See [`BookError`].
    fn settle(&self, of: &MonthOf) -> Result<ViewJson, BookError>;

    /// Books what differs of a month that may be closed by now, in the first open month, and answers what was found.
    ///
    /// # Errors
    /// See [`BookError`].
    fn correct(&self, of: &MonthOf) -> Result<ViewJson, BookError>;

    /// Whether a month that the engine has not ended may end at `now`: every month before it is closed, it has begun, its
    /// settling days are over unless it is `forced`, and settled, nothing in it is uncertain that is not allowed.
    ///
    /// # Errors
    /// See [`BookError`].
    fn may_end(&self, of: &MonthOf, allowed: Allowed, forced: bool, now: Time) -> Result<(), BookError>;

    /// Days after a month's end that late statuses are waited for.
    fn settle_days(&self) -> u8;

    /// Closes a month that the engine has ended, and answers its manifest.
    ///
    /// # Errors
    /// See [`BookError`].
    fn close(&self, of: &MonthOf, allowed: Allowed) -> Result<ViewJson, BookError>;

    /// Attaches an invoice to a closed month and answers the one that it has now.
    ///
    /// # Errors
    /// See [`BookError`].
    fn attach_invoice(&self, of: &MonthOf, invoice: &InvoiceOf) -> Result<ViewJson, BookError>;

    /// The entry of a credit, once the ledger has it. Refuses one that the engine would, and an id that another credit has.
    ///
    /// # Errors
    /// See [`BookError`].
    fn credit(&self, of: &MonthOf, credit: &CreditOf, now: Time) -> Result<Option<ViewJson>, BookError>;
}
