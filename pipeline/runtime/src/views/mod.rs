//! The views: what API, console, `explain` and `campaigns` read. Projected from `outcomes` and `snapshots`
//! into the ledger's database, in the order of the topics.
//!
//! Written by [`Writer`](crate::ledger::Writer): `ingest_outcomes`, `ingest_snapshots`, `prune_moves`, `claim_sync`,
//! `finish_sync`.
//! Read by [`Reader`](crate::ledger::Reader): `message`, `entry`, `feed`, `flow`, `outcome_counts`, `live`, `accounts`, `campaigns`,
//! `campaign`, `senders`, `lots`, `waits`, `zones`, `currencies`, `numbers`, `consents`, `person`, `templates`, `levels`,
//! `campaign_report`. [`bill`] and [`bill_by_account`] sum a month from any ledger.

mod answers;
mod bill;
mod body;
mod consents;
mod counts;
mod entry;
mod explain;
mod feed;
mod flow;
mod levels;
mod live;
mod message;
mod move_key;
mod names;
mod numbers;
mod outcome_ingest;
mod past;
mod person;
mod report;
mod retention;
mod snapshot_ingest;
mod snapshots;
mod suppressions;
mod syncs;
mod templates;
mod unanswered;
mod variants;
mod waits;
mod zones;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use bill::{AccountBill, Bill, BillLine, bill, bill_by_account};
pub use body::{AmountView, ChargeView, ChosenView, GatesView};
pub use consents::{BrandView, ConsentLine, ConsentsView, OptOutView};
pub use counts::{OutcomeCount, OutcomeCounts};
pub use entry::EntryView;
pub use explain::{GATES, explain, explain_entry};
pub use feed::{Feed, FeedItem};
pub use flow::FlowView;
pub use levels::LevelView;
pub use live::LiveView;
pub use message::{MessageView, MoveView, PriceLine};
pub use person::{PersonEntry, PersonMessage, PersonView};
pub use report::{CampaignCost, CampaignError, CampaignReport, TestCost};
pub use retention::{MOVES_KEPT_DAYS_MIN, Pruned};
pub use snapshots::{AccountView, CampaignView, Listing, LotView, SenderView};
pub use suppressions::{SuppressedLine, SuppressionsView};
pub use syncs::{Claim, SyncChange, SyncReport, SyncResult};
pub use templates::{TemplateView, TemplatesView};
pub use unanswered::{UnansweredLine, UnansweredView};
pub use variants::VariantReport;
pub use waits::WaitView;

pub(crate) use names::Names;
pub(crate) use outcome_ingest::{FoundMessage, MessageMoved, MessageRow, MoveRow};
pub(crate) use syncs::{Known, KnownSender};
