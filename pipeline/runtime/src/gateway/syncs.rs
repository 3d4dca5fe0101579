//! The seam to asking the platform for templates and numbers.

use crate::inbox::BoxFuture;
use crate::views::SyncReport;

/// Why nothing can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// A fault of ours.
    #[error("asking the platform panicked; see the log of the service")]
    Panicked,
}

/// Asks the platform.
///
/// Contract: a WABA that is being asked about, or was within the past seconds, is not asked about again; its report says
/// so. Dropping the future stops nothing.
pub trait Syncs: Send + Sync + 'static {
    /// Asks about every WABA of an account, one after the other.
    ///
    /// # Errors
    /// See [`SyncError`]. What the platform refuses is no error: the report tells it.
    fn sync(&self, account: &str) -> BoxFuture<'static, Result<Vec<SyncReport>, SyncError>>;
}
