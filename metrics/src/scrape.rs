//! What has to be looked at when the metrics are read, because nobody writes it as it changes: the age of something
//! that stands still, a size on disk.

use std::fmt;

use crate::bounded::lock;
use crate::registry::Metrics;

type Look = Box<dyn Fn(&Metrics) + Send + Sync>;

/// The looks to take, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Scrape(Vec<Look>);

impl Scrape {
    pub(crate) fn look(&self, metrics: &Metrics) {
        self.0.iter().for_each(|look| look(metrics));
    }
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scrape").field(&self.0.len()).finish()
    }
}

impl Metrics {
    /// Calls `look` before each reading, to set what only a look can tell. It must be quick, must not read the metrics
    /// itself, and lives as long as they do.
    pub fn before_reading(&self, look: impl Fn(&Self) + Send + Sync + 'static) {
        lock(&self.scrape).0.push(Box::new(look));
    }
}
