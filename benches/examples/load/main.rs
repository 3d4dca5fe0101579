//! The whole service under the platform's own load, over real HTTP: requests in through the API, calls to the platform, and
//! three statuses of each back as signed webhooks.
//!
//! `cargo run --release -p tollgate-benches --example load -- [--case one|fifty|all] [--seconds 300] [--dir DIRECTORY]`
//!
//! `one`: 1,000 messages a second through one number. `fifty`: 50 numbers at 80 a second each, offered in full. Headroom is 0,
//! so that the numbers' own limits bind.
//!
//! This process is the service alone, embedded log and ledger included: its processor time and memory are the service's. A
//! second process, started by this one, is the world outside: sandbox, whoever asks, and a relay that times the answers to
//! webhooks. Latencies of calls are the service's own histograms; those of webhooks and of the API are exact.
//!
//! Ends with an error when a message did not go once, or a limit was exceeded as the sandbox counts it.

mod figures;
mod outside;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tollgate_rate_card::RateCards;
use tollgate_runtime::clock::Clock;
use tollgate_runtime::dispatcher::DispatcherConfig;
use tollgate_runtime::gateway::{AppSecrets, GatewayConfig};
use tollgate_runtime::graph::GraphConfig;
use tollgate_runtime::ledger::Place;
use tollgate_runtime::log::embedded::EmbeddedOptions;
use tollgate_runtime::node::{LEDGER_FILE, LogConfig, Node, NodeConfig};
use tollgate_runtime::shard::ShardOptions;
use tollgate_runtime::sync::SyncConfig;

use figures::Usage;
use outside::{ACCESS_TOKEN, APP, APP_SECRET, Case, Outside};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The service's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let (mut cases, mut seconds, mut dir) = (vec![Case::One, Case::Fifty], 300, None);
    while let Some(arg) = args.next() {
        let value = args.next().ok_or_else(|| format!("{arg} needs a value"))?;
        match arg.as_str() {
            "--case" if value == "all" => {}
            "--case" => cases = vec![value.parse()?],
            "--seconds" => seconds = value.parse()?,
            "--dir" => dir = Some(PathBuf::from(value)),
            "--outside" => return outside::run(&serde_json::from_str::<Outside>(&value)?),
            _ => return Err(format!("{arg} is not known; use --case, --seconds or --dir").into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for case in cases {
        let parent = dir.clone().unwrap_or_else(std::env::temp_dir);
        let home = tempfile::Builder::new().prefix("tollgate-load-").tempdir_in(parent)?;
        runtime.block_on(play(case, seconds, home.path()))?;
    }
    Ok(())
}

async fn play(case: Case, seconds: u64, home: &Path) -> Result<(), Failure> {
    // Each has to be known to the other before either listens: taken, and given back.
    let taken = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let mut addresses = Vec::new();
    for listener in &taken {
        addresses.push(listener.as_ref().map_err(|e| format!("no free port on loopback: {e}"))?.local_addr()?);
    }
    drop(taken);
    let [service, platform, relay] = addresses[..] else { return Err("three addresses".into()) };
    let node = Node::start(node_config(home, service, platform)?).await?;
    let task = Outside { case, seconds, service, platform, relay };
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .args(["--outside", &serde_json::to_string(&task)?])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdout = child.stdout.take().ok_or("the outside world has no output")?;
    let (started, before) = (Instant::now(), Usage::now());
    let (mut watch, mut most) = (Watch::default(), Usage::default());
    let mut told = String::new();
    let read = stdout.read_to_string(&mut told);
    tokio::pin!(read);
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            done = &mut read => {
                done?;
                break;
            }
            _ = every.tick() => {
                most = most.max(Usage::now());
                watch.look(&String::from_utf8(node.metrics().encode()?)?);
            }
        }
    }
    let status = child.wait().await?;
    let metrics = String::from_utf8(node.metrics().encode()?)?;
    let (elapsed, used) = (started.elapsed(), Usage::now());
    node.stop(Duration::from_secs(20)).await?;
    println!("== {case}: {} messages a second through {} numbers, {seconds} s", case.rate(), case.numbers());
    print!("{told}");
    let calls = figures::histogram(&metrics, "tollgate_dispatch_seconds", "outcome=\"accepted\"");
    let orders = figures::histogram(&metrics, "tollgate_request_to_order_seconds", "lane=\"bulk\"");
    println!("calls to the platform     {calls}");
    println!("request to order          {orders}");
    let cpu = used.cpu_seconds - before.cpu_seconds;
    println!(
        "service                   {cpu:.1} s of processor time in {:.0} s, {:.0} % of a core; {} MB at most, {} MB at the end",
        elapsed.as_secs_f64(),
        100.0 * cpu / elapsed.as_secs_f64(),
        most.max(used).resident_mb,
        used.resident_mb
    );
    println!(
        "backlog                   {} parked at most; events {:.2} s, ledger and views {:.2} s behind at most",
        watch.parked, watch.events_behind, watch.outputs_behind
    );
    if status.success() { Ok(()) } else { Err(format!("{case}: the world outside ended with {status}").into()) }
}

/// The worst that was seen of the backlog.
#[derive(Default)]
struct Watch {
    parked: f64,
    events_behind: f64,
    outputs_behind: f64,
}

impl Watch {
    fn look(&mut self, metrics: &str) {
        let worst = |name: &str, of: &str| figures::values(metrics, name, of).fold(0.0, f64::max);
        self.parked = self.parked.max(figures::values(metrics, "tollgate_parked_messages", "").sum());
        self.events_behind = self.events_behind.max(worst("tollgate_log_lag_seconds", "topic=\"events\""));
        let behind = worst("tollgate_log_lag_seconds", "topic=\"outcomes\"")
            .max(worst("tollgate_log_lag_seconds", "topic=\"ledger\""));
        self.outputs_behind = self.outputs_behind.max(behind);
    }
}

fn node_config(home: &Path, service: SocketAddr, platform: SocketAddr) -> Result<NodeConfig, Failure> {
    Ok(NodeConfig {
        data_dir: home.to_owned(),
        ledger: Place::File(home.join(LEDGER_FILE)),
        gateway: GatewayConfig {
            api: service,
            webhooks: service,
            metrics: service,
            apps: vec![AppSecrets {
                name: APP.to_owned(),
                app_secret: APP_SECRET.to_owned(),
                verify_token: "load-verify-token".to_owned(),
                access_token: ACCESS_TOKEN.to_owned(),
            }],
            ..GatewayConfig::default()
        },
        dispatcher: DispatcherConfig {
            access_tokens: HashMap::from([(APP.to_owned(), ACCESS_TOKEN.to_owned())]),
            ..DispatcherConfig::default()
        },
        graph: GraphConfig { base_url: format!("http://{platform}"), ..GraphConfig::default() },
        log: LogConfig::Embedded(EmbeddedOptions::default()),
        shard: ShardOptions::default(),
        metric_limits: tollgate_metrics::Limits::default(),
        rates: Arc::new(RateCards::embedded()?),
        keep_moves_days: 30,
        closes_within: Duration::from_secs(7200),
        billing_issuer: None,
        settle_days: 8,
        ledger_behind_max: Duration::from_secs(300),
        certificates: Vec::new(),
        traces: None,
        clock: Clock::system(),
        sync: SyncConfig { every: None },
    })
}
