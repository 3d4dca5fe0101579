//! `tollgate sandbox`: the server on a terminal.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::config::SandboxConfig;
use crate::config::webhook::AppSecret;
use crate::error::SandboxError;
use crate::server::Sandbox;

/// Time between two progress lines.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Play the WhatsApp Cloud API on this machine.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "Examples:\n  \
    tollgate sandbox\n  \
    tollgate sandbox --webhook http://127.0.0.1:8081/webhooks/whatsapp/demo --app-secret-file secret.txt\n  \
    tollgate sandbox --config sandbox.toml --seed 7 --delay-scale 0.05 --journal run.ndjson")]
pub struct SandboxArgs {
    /// Address to listen on [default: 127.0.0.1:8440]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Where webhooks go; without it they are only journalled
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// File with the app secret that signs webhooks
    #[arg(long, value_name = "FILE")]
    pub app_secret_file: Option<PathBuf>,
    /// File with the accepted access tokens, one a line
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Start of every decision by chance
    #[arg(long, value_name = "NUMBER", value_parser = whole)]
    pub seed: Option<u64>,
    /// Factor on all delays of people and networks
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub delay_scale: Option<f64>,
    /// File to which sends and webhook changes are appended
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Configuration, TOML or (`.json`) JSON; without it an example account is played
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the configuration of the example account, with every key, and end
    #[arg(long)]
    pub print_config: bool,
}

impl SandboxArgs {
    /// The configuration file with the arguments laid over it.
    ///
    /// # Errors
    /// A file that cannot be read, or a configuration that cannot be parsed.
    pub fn config(&self) -> anyhow::Result<SandboxConfig> {
        let mut config = match &self.config {
            None => SandboxConfig::example(),
            Some(path) => {
                let text = read(path)?;
                let json = path.extension().is_some_and(|extension| extension == "json");
                let parsed = if json { SandboxConfig::from_json(&text) } else { SandboxConfig::from_toml(&text) };
                parsed.map_err(|error| match error {
                    SandboxError::Parse { line, problem } => {
                        anyhow!("{}:{line}: {problem}; --print-config shows every key", path.display())
                    }
                    other => other.into(),
                })?
            }
        };
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(url) = &self.webhook {
            config.webhooks.url = Some(url.clone());
        }
        if let Some(path) = &self.app_secret_file {
            config.webhooks.app_secret = AppSecret(read(path)?.trim().to_owned());
        }
        if let Some(path) = &self.token_file {
            let text = read(path)?;
            let tokens = text.lines().map(str::trim).filter(|token| !token.is_empty());
            config.bearer_tokens = tokens.map(str::to_owned).collect();
        }
        if let Some(seed) = self.seed {
            config.seed = seed;
        }
        if let Some(scale) = self.delay_scale {
            config.delays.delay_scale = scale;
        }
        if let Some(path) = &self.journal {
            config.journal.path = Some(path.clone());
        }
        Ok(config)
    }
}

/// Runs a sandbox until the process is interrupted.
///
/// # Errors
/// What [`SandboxArgs::config`] and [`Sandbox::start`] report.
pub async fn run(args: SandboxArgs) -> anyhow::Result<()> {
    if args.print_config {
        use std::io::Write as _;
        std::io::stdout().write_all(crate::config::DEFAULT_TOML.as_bytes())?;
        return Ok(());
    }
    let config = args.config()?;
    if config.webhooks.url.is_none() {
        tracing::warn!("no --webhook: what happens is only journalled");
    }
    for account in &config.accounts {
        let (senders, templates) = (account.senders.len(), account.templates.len());
        tracing::info!(account = account.id, senders, templates, "account");
    }
    let handle = Sandbox::start(config).await?;
    let mut progress = tokio::time::interval(PROGRESS_EVERY);
    progress.tick().await;
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    let mut accepted_before = 0;
    loop {
        tokio::select! {
            result = &mut interrupted => {
                result.context("cannot wait for an interrupt")?;
                break;
            }
            _ = progress.tick() => {
                let stats = handle.stats();
                let accepted = stats.accepted - accepted_before;
                accepted_before = stats.accepted;
                let refused: u64 = stats.refused.values().sum();
                let violations: u64 = stats.violations_total.values().sum();
                let queued = stats.updates_queued;
                tracing::info!(accepted, refused, queued, violations, "in the past 10 s accepted; else in total");
            }
        }
    }
    tracing::info!("delivering what is due");
    let stats = handle.shutdown().await;
    let violations: u64 = stats.violations_total.values().sum();
    tracing::info!(accepted = stats.accepted, violations, abandoned = stats.posts_abandoned, "sandbox ends");
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read; name an existing file", path.display()))
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "write a whole number, such as 7".to_owned())
}

fn factor(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "write a number, such as 0.5".to_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write address and port, such as 127.0.0.1:8440".to_owned())
}
