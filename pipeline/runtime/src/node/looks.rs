//! What is looked at when the metrics are read: how far readers are behind, how far partitions are, how long rate cards and
//! certificates hold, what lies on disk.

use super::{LEDGER_FILE, NodeConfig, certificate};
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
use tollgate_rate_card::{Currency, Date, RateCards};
use tollgate_wire::Time;

/// Least time between two looks at files: a directory may have thousands.
const FILES_EVERY: Duration = Duration::from_secs(15);
const SECOND_MS: u64 = 1_000;
const DAY_S: i64 = 86_400;

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
    metrics.before_reading(move |metrics| cards(metrics, &rates, &registry, clock.now()));
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

/// Until when there are prices, for each currency that a WABA is billed in.
fn cards(metrics: &Metrics, rates: &RateCards, registry: &SharedRegistry, now: Time) {
    let registry = registry.snapshot();
    let wabas = registry.accounts().flat_map(|account| &account.wabas);
    let used: BTreeSet<&str> = wabas.map(|waba| waba.currency.as_str()).collect();
    let today = day_of(now);
    for name in used {
        let Ok(currency) = name.parse::<Currency>() else { continue };
        let (expiry, start) = coverage(rates, currency, today);
        metrics.set_rate_card(name, expiry, start);
    }
}

/// First day without a card (`None` = the newest is open; 0 = there is none today), and first day of the newest card,
/// in seconds since 1970.
fn coverage(rates: &RateCards, currency: Currency, today: Date) -> (Option<i64>, Option<i64>) {
    let start =
        rates.cards().iter().filter(|card| card.currency() == currency).map(|card| card.validity().from()).max();
    let start = start.map(seconds_of);
    let mut day = today;
    let mut card = match rates.card_at(currency, day) {
        Some(card) => card,
        None => return (Some(0), start),
    };
    // From card to card: each is as long as a quarter, as a rule.
    while let Some(last) = rates.card(card).validity().to() {
        let Ok(next) = last.tomorrow() else { return (None, start) };
        match rates.card_at(currency, next) {
            Some(following) if next > day => (card, day) = (following, next),
            _ => return (Some(seconds_of(next)), start),
        }
    }
    (None, start)
}

fn day_of(now: Time) -> Date {
    let epoch = Date::constant(1970, 1, 1);
    let days = i64::try_from(now.0 / SECOND_MS).unwrap_or(0) / DAY_S;
    epoch.checked_add(jiff::Span::new().days(days)).unwrap_or(Date::MAX)
}

fn seconds_of(day: Date) -> i64 {
    let days = day.since(Date::constant(1970, 1, 1)).map_or(0, |since| since.get_days());
    i64::from(days) * DAY_S
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

    #[test]
    fn prices_last_until_the_first_day_without_a_card() {
        let rates = RateCards::embedded().unwrap();
        let usd: Currency = "USD".parse().unwrap();
        let day = |text: &str| text.parse::<Date>().unwrap();
        let (expiry, start) = coverage(&rates, usd, day("2026-11-01"));
        assert_eq!((expiry, start), (None, Some(1_790_812_800)), "the newest is open, from 2026-10-01");
        assert_eq!(coverage(&rates, usd, day("2019-01-01")).0, Some(0), "there is none");
        let without: Currency = "IDR".parse().unwrap();
        assert_eq!(coverage(&rates, without, day("2026-11-01")), (Some(0), None));
        assert_eq!(day_of(Time(1_790_812_800_000)), day("2026-10-01"));
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
