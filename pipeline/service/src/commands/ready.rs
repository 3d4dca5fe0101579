//! `tollgate ready`: whether a process serves, for whoever has no HTTP client at hand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use serde_json::json;

use crate::client::Api;
use crate::config::ConfigArgs;
use crate::output;

/// Whoever asks this often asks again soon.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ask whether a running service is ready.
///
/// Asks /readyz at gateway.metrics of the configuration, so with the file and the environment of the process that is asked;
/// where that is every address of the machine, on loopback. Exit code 0 when it is ready, 1 when it is not or has not
/// answered after 5 seconds. For health checks where there is neither a shell nor curl, as in a container.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate ready\n  \
    tollgate ready --config /etc/tollgate/tollgate.toml\n  \
    tollgate ready --url http://10.0.0.5:9090")]
pub struct ReadyArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Address of the process's metrics [default: gateway.metrics of the configuration]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The process is not ready or does not answer, the configuration, or stdout.
pub async fn run(args: ReadyArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    let config = args.config.or(before);
    config.or_service(args.url.as_deref())?;
    let url = match args.url {
        Some(url) => url,
        None => format!("http://{}", reachable(config.metrics()?)),
    };
    let api = Api::open(&url)?;
    let Ok(answer) = tokio::time::timeout(PATIENCE, api.get("/readyz")).await else {
        return Err(anyhow!("{url} gave no answer within {} seconds; see the log of the service", PATIENCE.as_secs()));
    };
    let answer = answer?;
    let said = String::from_utf8_lossy(&answer.body);
    let said = said.trim();
    let waits_for = match answer.status {
        200 => None,
        503 => Some(said.strip_prefix("not ready: ").unwrap_or(said)),
        status => return Err(anyhow!("{url}/readyz answers {status}; name the address of gateway.metrics with --url")),
    };
    match waits_for {
        Some(waits_for) if !json => return Err(anyhow!("not ready: {waits_for}")),
        None if !json => output::line("ready")?,
        _ => output::line(json!({ "ready": waits_for.is_none(), "waits_for": waits_for }))?,
    }
    Ok(if waits_for.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where a process on this machine that listens at `address` is reached.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
