//! What the engine reads from, writes to and answers with; whoever runs it brings these.

use crate::codec::CodecError;
use crate::effect::Effect;
use crate::state::State;
use tollgate_wire::DeadLetterReason;

/// Tables of the store. Names on disk belong to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Accounts, WABAs, senders, templates, campaigns, live values, counters, scoped ids: read whole at start.
    Entities,
    /// Contacts: read whole at start.
    Contacts,
    /// Pairs: read whole at start.
    Pairs,
    /// Messages that wait or are on their way: read whole at start.
    Open,
    /// Messages that have ended.
    Closed,
    /// Requests as received, while they can still be needed.
    Bodies,
    /// Request ids seen: keys are read at start.
    Ids,
    /// Platform's ids of messages and of conversations that are charged.
    Wamids,
    /// Proofs of consent.
    Proofs,
    /// What people said to brands: read whole at start.
    Brands,
}

impl Table {
    /// Those that are read whole, or by key, at start, in the order in which they are.
    pub const LOADED: [Self; 6] = [Self::Entities, Self::Contacts, Self::Brands, Self::Pairs, Self::Open, Self::Ids];
}

/// Where records that are not resident are read.
pub trait Source {
    /// The value of a key; `None` when there is none.
    ///
    /// # Errors
    /// When the store cannot be read; the batch must be aborted.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, String>;
}

/// Where effects go.
pub trait Sink {
    /// `false` for who only counts or plans: effects then come with empty JSON.
    fn wants_json(&self) -> bool {
        true
    }
    /// One effect, as JSON for its topic. `key` is the account, or the sender for orders; both empty when no JSON
    /// is wanted.
    fn effect(&mut self, state: &State, effect: &Effect, key: &str, json: &[u8]);
}

/// Where changed records go.
pub trait Writes {
    /// Puts (`Some`) or deletes (`None`) a key.
    fn write(&mut self, table: Table, key: &[u8], value: Option<&[u8]>);
}

/// Why an input record was set aside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Rejected {
    /// Closed reason.
    pub reason: DeadLetterReason,
    /// Field, value and remedy.
    pub detail: String,
}

/// The engine cannot go on with this batch.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The store could not be read.
    #[error("store: {0}")]
    Source(String),
    /// A stored record cannot be read.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// What an input came to.
pub type Handled = Result<Result<(), Rejected>, EngineError>;

/// First byte of a key in [`Table::Entities`].
pub(super) mod prefix {
    pub const SCOPED: u8 = 0;
    pub const ACCOUNT: u8 = 1;
    pub const WABA: u8 = 2;
    pub const SENDER: u8 = 3;
    pub const LIVE: u8 = 4;
    pub const TEMPLATE: u8 = 5;
    pub const CAMPAIGN: u8 = 6;
    pub const COUNTER: u8 = 7;
    pub const META: u8 = 8;
}
