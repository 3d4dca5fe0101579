//! Webhooks: their shapes, batches, signature, and delivery at least once.

pub(crate) mod ascii;
pub(crate) mod batch;
pub(crate) mod client;
pub(crate) mod management;
pub(crate) mod pump;
pub(crate) mod queue;
pub(crate) mod shapes;
pub(crate) mod signature;
