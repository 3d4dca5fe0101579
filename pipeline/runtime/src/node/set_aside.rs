//! What ledger and views could not take, as the database has it.

use crate::ledger::{Options, Place, Reader, Stream};
use tollgate_metrics::{Metrics, Projected};

/// Page cache of the reader of a file. KiB.
const CACHE_KIB: u32 = 256;

/// A reader of its own, opened when it is first needed and again after a failure.
pub(super) struct SetAside {
    place: Place,
    reader: Option<Reader>,
}

impl SetAside {
    pub(super) fn new(place: Place) -> Self {
        Self { place, reader: None }
    }

    /// Sets the metric; while the database is away it stays as it was.
    pub(super) fn look(&mut self, metrics: &Metrics) {
        let options = Options { cache_kib: CACHE_KIB, ..Options::default() };
        let Some(reader) = self.reader.take().or_else(|| self.place.reader(options).ok()) else { return };
        for (stream, topic) in [
            (Stream::Ledger, Projected::Ledger),
            (Stream::Outcomes, Projected::Outcomes),
            (Stream::Snapshots, Projected::Snapshots),
        ] {
            match reader.rejected(stream) {
                Ok(records) => metrics.set_set_aside(topic, records),
                Err(error) => return tracing::debug!(%error, "what is set aside cannot be counted"),
            }
        }
        self.reader = Some(reader);
    }
}
