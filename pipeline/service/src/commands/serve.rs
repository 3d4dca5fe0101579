//! `tollgate serve`: the node until a signal, then a graceful stop.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tollgate_runtime::clock::Clock;
use tollgate_runtime::node::{LogConfig, Node, NodeConfig, Role, Roles};

use super::wait;
use crate::config::{Config, ConfigArgs, load_rates};
use crate::logging;

/// No more is asked for: some systems allow a billion, and libraries make room for each.
const OPEN_FILES_MAX: u64 = 1 << 18;

/// Run the service: API, webhooks, sending, billing.
///
/// One process over one data directory; with log.kind = "kafka" any number of processes over Kafka. SIGINT or SIGTERM stops it: requests in flight finish, calls under way end,
/// nothing acknowledged is lost. /readyz on the metrics address answers 200 once the state is loaded.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate serve\n  \
    tollgate serve --config /etc/tollgate/tollgate.toml\n  \
    TOLLGATE__GATEWAY__API=127.0.0.1:9000 tollgate serve\n  \
    tollgate serve --roles shards,dispatch")]
pub struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// With log.kind = "kafka": the parts that this process is, instead of kafka.roles
    #[arg(long, value_name = "ROLES")]
    roles: Option<Roles>,
}

/// Runs it.
///
/// # Errors
/// The configuration, the start, or a part that ended by itself.
pub fn run(args: ServeArgs, config: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let mut config = args.config.or(config).load()?;
    match (&mut config.log, args.roles) {
        (LogConfig::Kafka(options), Some(roles)) => options.roles = roles,
        (LogConfig::Embedded(_), Some(_)) => {
            return Err(anyhow!("--roles needs log.kind = \"kafka\": with the embedded log one process is everything"));
        }
        (_, None) => {}
    }
    logging::start(&config.level, config.format)?;
    wait(serve(config))
}

/// Calls, webhooks, databases and the log share what may be open, and shells give 1,024: what the system allows is asked for.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(OPEN_FILES_MAX).min(OPEN_FILES_MAX);
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
    {
        tracing::warn!(%error, current, wanted, "the limit of open files stays");
    }
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    raise_open_files();
    // Before anything starts, so that a signal during a long start is not lost.
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let needs_app = match &config.log {
        LogConfig::Embedded(_) => true,
        LogConfig::Kafka(options) => [Role::Dispatch, Role::Gateway].iter().any(|role| options.roles.has(*role)),
    };
    if needs_app && config.gateway.apps.is_empty() {
        tracing::warn!("no app is configured: nothing can be sent and no webhook is taken; see [apps.default]");
    }
    let stop = config.stop;
    let node = NodeConfig {
        rates: Arc::new(load_rates(config.rates.as_deref())?),
        data_dir: config.data_dir.clone(),
        ledger: config.ledger,
        gateway: config.gateway,
        dispatcher: config.dispatcher,
        graph: config.graph,
        log: config.log,
        shard: config.shard,
        metric_limits: config.metrics,
        keep_moves_days: config.keep_moves_days,
        closes_within: config.closes_within,
        billing_issuer: config.billing_issuer,
        settle_days: config.settle_days,
        ledger_behind_max: config.ledger_behind_max,
        sync: config.sync,
        certificates: config.certificates,
        traces: config.traces,
        clock: Clock::system(),
    };
    tracing::info!(data_dir = %config.data_dir.display(), "starting");
    let mut node = tokio::select! {
        node = Node::start(node) => node?,
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
    };
    let at = node.addresses();
    tracing::info!(api = %at.api, webhooks = %at.webhooks, metrics = %at.metrics, "listening");
    let failure = tokio::select! {
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
        why = node.failed() => Some(why),
    };
    match &failure {
        None => tracing::info!(bound_seconds = stop.as_secs(), "stopping; a second signal ends the process at once"),
        Some(why) => tracing::error!(why, "a part has failed, stopping"),
    }
    let stopped = tokio::select! {
        stopped = node.stop(stop) => stopped,
        _ = interrupt.recv() => return Err(anyhow!("ended by a second signal; what is durable goes on at the next start")),
        _ = terminate.recv() => return Err(anyhow!("ended by a second signal; what is durable goes on at the next start")),
    };
    if let Some(why) = failure {
        return Err(anyhow!(stopped_by(&why)));
    }
    stopped?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Why it ended, and what to do first: a restart before the cause is gone ends in the same place.
fn stopped_by(why: &str) -> String {
    let lower = why.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    let first = if says(&["free space", "free some space"]) {
        "start it again after that, not before"
    } else if says(&["no space left", "quota exceeded"]) {
        "free some space, then start it again"
    } else {
        "once that is put right, start it again"
    };
    format!("{}; {first}: it goes on from the last durable batch", why.trim_end_matches(['.', ';', ' ']))
}

#[cfg(test)]
mod tests {
    use super::stopped_by;

    #[test]
    fn a_full_disk_is_freed_before_the_restart() {
        let told = stopped_by("the log: nothing more can be written: the disk is full (No space left); free space");
        assert!(told.contains("; free space; start it again after that, not before: it goes on"), "{told}");
        let told = stopped_by("the log: No space left on device (os error 28)");
        assert!(told.contains("; free some space, then start it again: it goes on"), "{told}");
        let told = stopped_by("the shard ended");
        assert!(!told.contains("space") && told.contains("once that is put right, start it again"), "{told}");
    }
}
