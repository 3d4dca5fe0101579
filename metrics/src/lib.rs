//! Every metric name once, and cached handles to them.
//!
//! - [`Metric`]: the catalogue. Name, kind, unit, help, labels, buckets.
//! - [`Metrics`]: one registry of its own, shared by every thread of a process.
//! - [`ShardMetrics`]: plain integers of one shard thread, flushed once per
//!   batch, dropped with an aborted one.
//! - closed label values ([`Outcome`], [`Lane`], …) and bounded ones
//!   ([`Reason`], [`Lot`], [`Currency`]; accounts and senders up to a number).
//! - [`docs`]: the catalogue as Markdown, kept equal to `docs/metrics.md` by a
//!   test.
//!
//! No label ever holds a phone number, a message id or anything without a bound.

mod amounts;
mod bounded;
mod catalogue;
mod docs;
mod edge;
mod gauges;
mod labels;
mod local;
mod registry;
mod scrape;
mod shard;

pub use bounded::{Currency, Lot, OTHER, Reason};
pub use catalogue::{Kind, Label, Metric, Spec, Unit, Values};
pub use docs::docs;
pub use labels::{
    BudgetState, Category, Certificate, FiguresFailure, InDoubtResolution, Lane, MismatchKind, Outcome, PartitionState,
    PricingType, Projected, QualityLevel, QuotaState, SenderState, SpanLoss, StorePlace, SyncEnd, TemplateState, Topic,
    WaitsFor, WebhookResult,
};
pub use registry::{CONTENT_TYPE, Error, Limits, Metrics};
pub use shard::ShardMetrics;
