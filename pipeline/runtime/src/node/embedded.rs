//! Every part in one process over the embedded log.

use super::begin::{Beginning, Parts, Watched};
use super::sources::{self, EmbeddedSource};
use super::{Node, NodeConfig, NodeError, hash_key, times, unresolved};
use crate::log::embedded::{EmbeddedLog, EmbeddedOptions};
use crate::shard::{ShardParts, Shards};
use std::sync::Arc;
use tollgate_core::EngineConfig;
use tollgate_wire::partition::Partition;

pub(super) async fn start(config: NodeConfig, log_options: EmbeddedOptions) -> Result<Node, NodeError> {
    let beginning = Beginning::new(config, "the data directory is being opened", true).await?;
    // The log is in this process and has its clock.
    beginning.metrics.set_clock_offset_ms(Some(0));
    let opened = {
        let (config, status, clock) = (&beginning.config, Arc::clone(&beginning.status), beginning.clock.clone());
        let (metrics, registry) = (Arc::clone(&beginning.metrics), beginning.registry.clone());
        let (lags, traces) = (Arc::clone(&beginning.lags), beginning.traces.clone());
        let (data_dir, ledger, options) = (config.data_dir.clone(), config.ledger.clone(), config.shard);
        let (rates, times) = (Arc::clone(&config.rates), times(&config.graph));
        tokio::task::spawn_blocking(move || -> Result<_, NodeError> {
            let log = EmbeddedLog::open(&data_dir, &log_options)?;
            let hash_key = hash_key::of(&log, &data_dir.join(hash_key::FILE))?;
            let writer = ledger.writer()?;
            sources::check(&log, &writer)?;
            let (recent_most, partition) = (options.recent_most, Partition::ONLY);
            let engine = EngineConfig { rates, hash_key, times, recent_most, partition };
            let now = clock.now();
            let registry = Some(registry);
            let parts = ShardParts { engine, options, clock, registry, metrics, lags, traces };
            let mut shards = Shards::open(log.clone(), parts, status)?;
            unresolved::report(&log, shards.take_ordered(), now)?;
            let source = EmbeddedSource::new(log.clone());
            Ok((log, writer, source, shards))
        })
        .await
        .map_err(|_| NodeError::Panicked("opening the data directory"))?
    };
    let (log, writer, source, shards) = opened?;
    let parts = Parts {
        inbox: Arc::new(log.clone()),
        live: Some(Box::new(log.clone())),
        shards: Some(shards),
        projection: Some((writer, source)),
        projects_views: true,
        orders: Some(Arc::new(log.clone())),
        watched: Watched {
            stopped: {
                let log = log.clone();
                Box::new(move || log.stopped().map(|e| e.to_string()))
            },
            waits: Box::new(|| None),
        },
        log: Box::new(log),
    };
    beginning.run(parts).await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::super::begin::tests::config;
    use super::*;
    use crate::ledger::fixture::{charge, json};
    use crate::ledger::{LedgerStore, Record};
    use crate::log::{NewRecord, Topic};
    use std::time::Duration;
    use tollgate_wire::Time;

    /// A backup that leaves secrets out: with a new one no request and no status would be known again, and what was sent would be
    /// sent and booked twice.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_data_directory_goes_on_with_its_own_secret_alone() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join(hash_key::FILE);
        let start = || start(config(directory.path()), EmbeddedOptions::default());
        let goes_on = async || start().await.unwrap().stop(Duration::from_secs(5)).await.unwrap();
        let refused = async || match start().await {
            Ok(_) => panic!("it went on"),
            Err(error) => error.to_string(),
        };
        let node = start().await.unwrap();
        let log = node.log.downcast_ref::<EmbeddedLog>().unwrap().clone();
        log.append(Topic::Commands, vec![NewRecord::new("acme", "{}", 1)]).await.unwrap();
        drop(log);
        node.stop(Duration::from_secs(5)).await.unwrap();

        let own = std::fs::read(&key).unwrap();
        std::fs::remove_file(&key).unwrap();
        for _ in 0..2 {
            let told = refused().await;
            assert!(told.contains("hash.key") && told.contains("restore"), "{told}");
            assert!(!key.exists(), "none is made in its place");
        }
        std::fs::write(&key, [7; 16]).unwrap();
        let told = refused().await;
        assert!(told.contains("hash.key") && told.contains("another"), "{told}");
        std::fs::write(&key, own).unwrap();
        goes_on().await;
    }

    /// A log that was restored from an older copy than its ledger: were it gone on with, it would reach the ledger's position in
    /// time, be it start by start, and what was booked under those offsets before would stand for what is in them now.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_log_that_is_older_than_its_ledger_is_not_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        let config = || config(directory.path());
        let values: Vec<_> = (0..3).map(|n| json(&charge(n))).collect();
        let booked = |n: u64| Record { partition: 0, offset: n, after: n, value: &values[n as usize] };
        drop(EmbeddedLog::open(directory.path(), &EmbeddedOptions::default()).unwrap());
        config().ledger.writer().unwrap().ingest(&[booked(0), booked(1), booked(2)], Time(1)).unwrap();
        for _ in 0..2 {
            let Err(error) = start(config(), EmbeddedOptions::default()).await else { panic!("it went on") };
            let told = error.to_string();
            assert!(told.contains("ledger: offset 3 is beyond the end 0"), "{told}");
        }
        let log = EmbeddedLog::open(directory.path(), &EmbeddedOptions::default()).unwrap();
        assert!(Topic::ALL.into_iter().all(|topic| log.ends(topic).1 == 0), "nothing was written");
        let records = (0..5).map(|_| NewRecord::new("acme", "{}", 1)).collect();
        log.append(Topic::Ledger, records).await.unwrap();
        drop(log);
        start(config(), EmbeddedOptions::default()).await.unwrap().stop(Duration::from_secs(5)).await.unwrap();
        // The other way round: what is not booked yet is not in the log any more.
        let log = EmbeddedLog::open(directory.path(), &EmbeddedOptions::default()).unwrap();
        log.append(Topic::Ledger, vec![NewRecord::new("acme", "{}", 1)]).await.unwrap();
        let end = log.ends(Topic::Ledger).1;
        tokio::task::block_in_place(|| log.trim(Topic::Ledger, end)).unwrap();
        drop(log);
        let Err(error) = start(config(), EmbeddedOptions::default()).await else { panic!("it went on") };
        assert!(error.to_string().contains("ledger: offset 5 was trimmed"), "{error}");
    }
}
