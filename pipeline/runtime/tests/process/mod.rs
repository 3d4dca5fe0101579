//! A whole process over Kafka, inside the test's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tollgate_metrics::Limits;
use tollgate_rate_card::RateCards;
use tollgate_runtime::clock::Clock;
use tollgate_runtime::dispatcher::DispatcherConfig;
use tollgate_runtime::gateway::GatewayConfig;
use tollgate_runtime::graph::GraphConfig;
use tollgate_runtime::ledger::Place;
use tollgate_runtime::log::kafka::KafkaConfig;
use tollgate_runtime::node::{KafkaOptions, LEDGER_FILE, LogConfig, NodeConfig};
use tollgate_runtime::shard::ShardOptions;
use tollgate_runtime::store::StoreOptions;
use tollgate_runtime::sync::SyncConfig;

/// What a process with these roles is told: free ports, and the ledger in a file of its own.
pub fn process(kafka: &KafkaConfig, disk: &Path, roles: &str) -> NodeConfig {
    let any = "127.0.0.1:0".parse().unwrap();
    NodeConfig {
        data_dir: disk.to_owned(),
        ledger: Place::File(disk.join(LEDGER_FILE)),
        gateway: GatewayConfig { api: any, webhooks: any, metrics: any, ..GatewayConfig::default() },
        dispatcher: DispatcherConfig::default(),
        graph: GraphConfig { base_url: "http://127.0.0.1:9".to_owned(), ..GraphConfig::default() },
        log: LogConfig::Kafka(Box::new(KafkaOptions {
            kafka: kafka.clone(),
            roles: roles.parse().unwrap(),
            store: StoreOptions::default(),
            hash_key: None,
        })),
        shard: ShardOptions::default(),
        metric_limits: Limits::default(),
        rates: Arc::new(RateCards::embedded().unwrap()),
        keep_moves_days: tollgate_runtime::views::MOVES_KEPT_DAYS_MIN,
        closes_within: Duration::from_secs(7200),
        billing_issuer: None,
        settle_days: 8,
        ledger_behind_max: Duration::from_secs(300),
        sync: SyncConfig::default(),
        certificates: Vec::new(),
        traces: None,
        clock: Clock::system(),
    }
}
