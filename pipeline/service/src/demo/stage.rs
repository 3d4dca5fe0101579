//! The stage: the service and the sandbox in one process, each knowing where the other listens.

use super::args::DemoArgs;
use super::cast::{ACCOUNTS, APP};
use super::http::Http;
use super::{kafka, place};
use anyhow::Context as _;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tollgate_rate_card::RateCards;
use tollgate_runtime::clock::Clock;
use tollgate_runtime::dispatcher::DispatcherConfig;
use tollgate_runtime::gateway::{AppSecrets, GatewayConfig};
use tollgate_runtime::graph::GraphConfig;
use tollgate_runtime::ledger::Place;
use tollgate_runtime::log::embedded::EmbeddedOptions;
use tollgate_runtime::node::LogConfig;
use tollgate_runtime::node::{LEDGER_FILE, Node, NodeConfig};
use tollgate_runtime::shard::ShardOptions;
use tollgate_runtime::sync::SyncConfig;
use tollgate_runtime::views::MOVES_KEPT_DAYS_MIN;
use tollgate_sandbox::{
    AppSecret, DelayConfig, JournalConfig, Sandbox, SandboxConfig, SandboxHandle, SandboxStats, WebhookConfig,
};

/// Port that the service's own commands ask by default.
const API_PORT: u16 = 8080;
/// Factor on the sandbox's delays: a message is read after seconds, not after half a minute.
const DELAY_SCALE: f64 = 0.15;
/// An answer that comes so late still comes in time.
const SLOW_ANSWER_MS: u64 = 2_500;
/// Bound on a send call: what has no answer by then is in doubt.
const CALL_TIMEOUT: Duration = Duration::from_secs(4);
/// Bound on the service's orderly end.
const STOP_BOUND: Duration = Duration::from_secs(5);
/// Secrets of a server that only this process can reach.
const ACCESS_TOKEN: &str = "demo-access-token";
const APP_SECRET: &str = "demo-app-secret";

/// Everything that runs.
pub(super) struct Stage {
    pub(super) node: Node,
    pub(super) sandbox: SandboxHandle,
    /// The service's API.
    pub(super) api: Http,
    /// The sandbox's control paths.
    pub(super) platform: Http,
    /// Where the API listens.
    pub(super) address: SocketAddr,
    /// The ledger database.
    pub(super) ledger: PathBuf,
    /// What the sandbox recorded.
    pub(super) journal: PathBuf,
    /// A broker of its own; ends after everything else.
    broker: Option<kafka::Broker>,
}

impl Stage {
    /// Starts both. The data directory is made and marked.
    pub(super) async fn start(args: &DemoArgs) -> anyhow::Result<Self> {
        let [service, platform] = addresses()?;
        if args.kafka.is_some() {
            // A broker makes the directory its own before the service does.
            std::fs::create_dir_all(&args.data_dir)
                .with_context(|| format!("--data-dir {} cannot be made", args.data_dir.display()))?;
            place::mark(&args.data_dir, args.seed)?;
        }
        let (log, broker) = match kafka::prepare(args)? {
            Some((options, broker)) => (LogConfig::Kafka(Box::new(options)), broker),
            None => (LogConfig::Embedded(EmbeddedOptions::default()), None),
        };
        let node = Node::start(node_config(args, service, platform, log)?).await.context("the service cannot start")?;
        place::mark(&args.data_dir, args.seed)?;
        let journal = args.data_dir.join("sandbox-journal.ndjson");
        let sandbox = Sandbox::start(sandbox_config(args, service, platform, journal.clone()));
        let sandbox = sandbox.await.context("the sandbox cannot start")?;
        Ok(Self {
            api: Http::new(format!("http://{service}")),
            platform: Http::new(sandbox.url()),
            node,
            sandbox,
            address: service,
            ledger: args.data_dir.join(LEDGER_FILE),
            journal,
            broker,
        })
    }

    /// Ends both; the sandbox's last counters. When nothing is under way any more the sandbox goes first, and with
    /// it its connections, for which the service would wait; else the service, so that no call meets a closed door.
    pub(super) async fn stop(self, quiet: bool) -> anyhow::Result<SandboxStats> {
        // The broker outlives the service.
        let Self { node, sandbox, api, platform, broker: _broker, .. } = self;
        drop((api, platform));
        if quiet {
            let counted = sandbox.shutdown().await;
            node.stop(STOP_BOUND).await?;
            return Ok(counted);
        }
        node.stop(STOP_BOUND).await?;
        Ok(sandbox.shutdown().await)
    }
}

/// An address for the service and one for the sandbox. Each has to be known to the other before either listens, so
/// they are taken and given back; the service gets the port that its own commands expect, when that is free.
fn addresses() -> anyhow::Result<[SocketAddr; 2]> {
    let local = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let service = local(API_PORT).or_else(|_| local(0)).context("no free port on loopback")?;
    let platform = local(0).context("no free port on loopback")?;
    Ok([service.local_addr()?, platform.local_addr()?])
}

fn node_config(
    args: &DemoArgs,
    service: SocketAddr,
    platform: SocketAddr,
    log: LogConfig,
) -> anyhow::Result<NodeConfig> {
    let shard = match &log {
        LogConfig::Embedded(_) => ShardOptions::default(),
        // The defaults of the configuration: a transaction costs the same for one request as for a thousand.
        LogConfig::Kafka(_) => ShardOptions {
            commit_every_min: Duration::from_millis(20),
            commit_every_max: Duration::from_millis(100),
            ..ShardOptions::default()
        },
    };
    Ok(NodeConfig {
        data_dir: args.data_dir.clone(),
        ledger: Place::File(args.data_dir.join(LEDGER_FILE)),
        gateway: GatewayConfig {
            api: service,
            webhooks: service,
            metrics: service,
            apps: vec![AppSecrets {
                name: APP.to_owned(),
                app_secret: APP_SECRET.to_owned(),
                verify_token: "demo-verify-token".to_owned(),
                access_token: ACCESS_TOKEN.to_owned(),
            }],
            ..GatewayConfig::default()
        },
        dispatcher: DispatcherConfig {
            access_tokens: HashMap::from([(APP.to_owned(), ACCESS_TOKEN.to_owned())]),
            ..DispatcherConfig::default()
        },
        graph: GraphConfig {
            base_url: format!("http://{platform}"),
            total_timeout: CALL_TIMEOUT,
            ..GraphConfig::default()
        },
        log,
        shard,
        metric_limits: tollgate_metrics::Limits::default(),
        rates: Arc::new(RateCards::embedded()?),
        keep_moves_days: MOVES_KEPT_DAYS_MIN,
        closes_within: Duration::from_secs(7200),
        billing_issuer: None,
        settle_days: 8,
        ledger_behind_max: Duration::from_secs(300),
        // The cast plays by its script.
        sync: SyncConfig { every: None },
        certificates: Vec::new(),
        traces: None,
        clock: Clock::system(),
    })
}

fn sandbox_config(args: &DemoArgs, service: SocketAddr, platform: SocketAddr, journal: PathBuf) -> SandboxConfig {
    SandboxConfig {
        listen: platform,
        seed: args.seed,
        bearer_tokens: vec![ACCESS_TOKEN.to_owned()],
        accounts: ACCOUNTS.iter().map(super::cast::Account::portfolio).collect(),
        volume_bands: vec![super::cast::bands()],
        webhooks: WebhookConfig {
            url: Some(format!("http://{service}/webhooks/whatsapp/{APP}")),
            app_secret: AppSecret(APP_SECRET.to_owned()),
            updates_max: 500,
            ..WebhookConfig::default()
        },
        delays: DelayConfig { delay_scale: DELAY_SCALE, slow_answer_ms: SLOW_ANSWER_MS, ..DelayConfig::default() },
        journal: JournalConfig { memory_max_lines: 0, path: Some(journal) },
        ..SandboxConfig::default()
    }
}
