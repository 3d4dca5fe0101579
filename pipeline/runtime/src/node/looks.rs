//! What is looked at when the metrics are read: how far readers are behind, how far partitions are, how long rate cards and
//! certificates hold, what lies on disk.

use super::cards::Priced;
use super::{LEDGER_FILE, NodeConfig, cards, certificate};
use crate::clock::{Clock, monotonic};
use crate::lag::Lags;
use crate::ledger::Place;
use crate::registry::SharedRegistry;
use crate::shard::Status;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tollgate_metrics::{Certificate, Metrics, StorePlace};
use tollgate_rate_card::{Currency, RateCards};
use tollgate_wire::Time;

/// Least time between two looks at files: a directory may have thousands.
const FILES_EVERY: Duration = Duration::from_secs(15);

/// Has everything looked at from now on.
pub(super) fn begin(
    metrics: &Metrics,
    config: &NodeConfig,
    status: &Arc<Status>,
    lags: &Arc<Lags>,
    registry: &SharedRegistry,
    clock: &Clock,
) {
    let (status, lags) = (Arc::clone(status), Arc::clone(lags));
    metrics.before_reading(move |metrics| {
        lags.show(metrics);
        status.show(metrics);
    });
    let (rates, registry, clock) = (Arc::clone(&config.rates), registry.clone(), clock.clone());
    let billed: Mutex<Billed> = Mutex::default();
    metrics.before_reading(move |metrics| {
        let mut billed = billed.lock().unwrap_or_else(PoisonError::into_inner);
        billed.show(metrics, &rates, &registry, clock.now());
    });
    let files = Files {
        data_dir: config.data_dir.clone(),
        ledger: match &config.ledger {
            Place::File(file) => Some(file.clone()),
            Place::Postgres(_) => None,
        },
        certificates: config.certificates.clone(),
    };
    let looked: Mutex<Option<Instant>> = Mutex::default();
    metrics.before_reading(move |metrics| {
        let mut looked = looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.is_none_or(|at| at.elapsed() >= FILES_EVERY) {
            *looked = Some(monotonic());
            files.look(metrics);
        }
    });
}

/// The currencies that WABAs are billed in, as shown last.
#[derive(Default)]
struct Billed(BTreeSet<String>);

impl Billed {
    /// Shows until when there are prices, for each currency that a WABA is billed in, and no more for those that none is.
    fn show(&mut self, metrics: &Metrics, rates: &RateCards, registry: &SharedRegistry, now: Time) {
        let registry = registry.snapshot();
        let wabas = registry.accounts().flat_map(|account| &account.wabas);
        let used: BTreeSet<String> = wabas.map(|waba| waba.currency.clone()).collect();
        self.0.difference(&used).for_each(|name| metrics.set_rate_card(name, None, None));
        let today = cards::day_of(now);
        for name in &used {
            let Ok(currency) = name.parse::<Currency>() else { continue };
            let expiry = match cards::priced(rates, currency, today) {
                Priced::Not => Some(0),
                Priced::Until(day) => Some(cards::seconds_of(day)),
                Priced::Onwards => None,
            };
            metrics.set_rate_card(name, expiry, cards::newest_card(rates, currency).map(cards::seconds_of));
        }
        self.0 = used;
    }
}

/// Files whose sizes and ends are told.
struct Files {
    data_dir: PathBuf,
    /// Ledger and views, where they are a file.
    ledger: Option<PathBuf>,
    certificates: Vec<(Certificate, PathBuf)>,
}

impl Files {
    fn look(&self, metrics: &Metrics) {
        metrics.set_store_bytes(StorePlace::Data, size_of(&self.data_dir, 0));
        if let Some(ledger) = &self.ledger {
            // Pages that are not in the file yet lie beside it.
            let sizes = ["", "-wal", "-shm"].map(|end| {
                let mut name = ledger.clone().into_os_string();
                name.push(end);
                std::fs::metadata(name).map_or(0, |file| file.len())
            });
            metrics.set_store_bytes(StorePlace::Ledger, sizes.iter().sum());
        }
        for (which, file) in &self.certificates {
            match certificate::ends(file) {
                Ok(at_s) => metrics.set_certificate_expiry(*which, at_s),
                Err(why) => tracing::debug!(file = %file.display(), why, "the end of a certificate is not known"),
            }
        }
    }
}

/// Deeper than this nothing of ours lies.
const DEPTH_MAX: u32 = 8;

/// Bytes of all files below a directory but the ledger's. What vanishes meanwhile counts nothing.
fn size_of(directory: &Path, depth: u32) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() && depth < DEPTH_MAX => size_of(&entry.path(), depth + 1),
        Ok(meta) if meta.is_file() && !entry.file_name().to_string_lossy().starts_with(LEDGER_FILE) => meta.len(),
        _ => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// Whoever moves to a WABA in another currency is not woken for the cards of the one before.
    #[test]
    fn a_currency_that_nobody_is_billed_in_any_more_has_no_cards_to_end() {
        let account = |currency: &str| {
            let waba = serde_json::json!({ "id": "w1", "currency": currency, "time_zone": "UTC", "senders": [] });
            let spec = serde_json::json!({ "account": "acme", "limit": "unlimited", "wabas": [waba] });
            serde_json::from_value(spec).unwrap()
        };
        let (metrics, rates) =
            (Metrics::new("test", tollgate_metrics::Limits::default()).unwrap(), RateCards::embedded().unwrap());
        let registry = SharedRegistry::new(crate::registry::Registry::build([account("USD")]).unwrap());
        let now = Time(1_795_262_400_000);
        let mut billed = Billed::default();
        let mut shown = |registry: &SharedRegistry| {
            billed.show(&metrics, &rates, registry, now);
            let text = String::from_utf8(metrics.encode().unwrap()).unwrap();
            ["USD", "EUR"].map(|currency| text.contains(&format!("_timestamp_seconds{{currency=\"{currency}\"}}")))
        };
        assert_eq!(shown(&registry), [true, false]);
        registry.apply(account("EUR")).unwrap();
        assert_eq!(shown(&registry), [false, true]);
        registry.replace(crate::registry::Registry::default());
        assert_eq!(shown(&registry), [false, false]);
    }

    #[test]
    fn a_directory_counts_all_that_is_not_the_ledger() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: usize| std::fs::write(directory.path().join(name), vec![0; bytes]).unwrap();
        std::fs::create_dir(directory.path().join("store")).unwrap();
        write("store/1", 100);
        write("hash.key", 16);
        write("ledger.db", 1_000);
        write("ledger.db-wal", 1_000);
        assert_eq!(size_of(directory.path(), 0), 116);
        assert_eq!(size_of(&directory.path().join("none"), 0), 0);
    }
}
