//! `tollgate check-config`: everything that is wrong with the configuration, and what will be, without starting anything.
//!
//! `cards` until when there are prices · `certificates` until when they hold · `secrets` who may read their files.

mod cards;
mod certificates;
mod secrets;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tollgate_runtime::clock;

use crate::config::{Config, ConfigArgs, Fault, Faults};
use crate::exit::DIFFERENCES;
use crate::output;

/// Check the configuration and the rate cards without starting anything.
///
/// Reads the file, the environment, every secret's file and every rate card. Looks ahead too: rate cards and certificates
/// that end within 21 days, a quarter without a new card in its last two weeks, secrets that other users may read.
/// Exit code 3 when something is wrong; with findings alone the service would start.
///
/// Currencies are those of the accounts in ledger.db, or of a file of accounts. Nothing is connected to, so with
/// PostgreSQL name that file.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate check-config\n  \
    tollgate check-config --config /etc/tollgate/tollgate.toml --json\n  \
    tollgate check-config --accounts accounts.toml")]
pub struct CheckConfigArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Accounts whose currencies need prices, as for `tollgate accounts apply` [default: those that the service has]
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
}

/// What the configuration comes to.
struct Checked {
    cards: cards::Cards,
    certificates: Vec<certificates::Holds>,
    findings: Vec<Fault>,
}

/// Runs it.
///
/// # Errors
/// The file of accounts cannot be read, or stdout cannot be written.
pub fn run(args: CheckConfigArgs, config: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    let config = args.config.or(config);
    let file = config.file().map_or_else(|| "defaults".to_owned(), |file| file.display().to_string());
    match config.load() {
        Ok(config) => {
            let checked = look(&config, args.accounts.as_deref())?;
            tell(&file, &config, &checked, json)?;
            Ok(if checked.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENCES) })
        }
        Err(Faults(faults)) => {
            if json {
                output::line(json!({ "ok": false, "file": file, "faults": faults, "findings": [] }))?;
            } else {
                faults.iter().for_each(|fault| eprintln!("tollgate: {fault}"));
            }
            Ok(ExitCode::from(DIFFERENCES))
        }
    }
}

fn look(config: &Config, accounts: Option<&std::path::Path>) -> anyhow::Result<Checked> {
    let now = clock::now();
    let mut findings = Vec::new();
    let cards = cards::look(config, accounts, now, &mut findings)?;
    let certificates = certificates::look(&config.certificates, now, &mut findings);
    secrets::look(config, &mut findings);
    Ok(Checked { cards, certificates, findings })
}

fn tell(file: &str, config: &Config, checked: &Checked, json: bool) -> std::io::Result<()> {
    let gateway = &config.gateway;
    let apps: Vec<&str> = gateway.apps.iter().map(|app| app.name.as_str()).collect();
    if json {
        return output::line(json!({
            "ok": true, "file": file, "data_dir": config.data_dir, "api": gateway.api, "webhooks": gateway.webhooks,
            "metrics": gateway.metrics, "graph": config.graph.base_url, "apps": apps,
            "tokens": gateway.tokens.iter().map(|token| &token.name).collect::<Vec<_>>(), "faults": [],
            "traces": config.traces.as_ref().map(|traces| &traces.endpoint), "cards": checked.cards, "certificates": checked.certificates, "findings": checked.findings,
        }));
    }
    match checked.findings.len() {
        0 => output::line(format_args!("{file}: good"))?,
        n => output::line(format_args!("{file}: can be used; findings: {n}"))?,
    }
    output::line(format_args!("  data_dir  {}", config.data_dir.display()))?;
    output::line(format_args!(
        "  gateway   api {}, webhooks {}, metrics {}",
        gateway.api, gateway.webhooks, gateway.metrics
    ))?;
    output::line(format_args!("  graph     {}/{}", config.graph.base_url, config.graph.version))?;
    let apps = if apps.is_empty() { "none: nothing can be sent".to_owned() } else { apps.join(", ") };
    output::line(format_args!("  apps      {apps}"))?;
    let tokens = match gateway.tokens.len() {
        0 => "none: the API answers anybody on this machine".to_owned(),
        n => n.to_string(),
    };
    output::line(format_args!("  tokens    {tokens}"))?;
    if let Some(traces) = &config.traces {
        output::line(format_args!("  traces    {}", traces.endpoint))?;
    }
    output::line(format_args!("  prices    {}", checked.cards))?;
    for holds in &checked.certificates {
        output::line(format_args!("  {holds}"))?;
    }
    checked.findings.iter().for_each(|finding| eprintln!("tollgate: {finding}"));
    Ok(())
}

/// From how many days before its end something is told: as the alerts of `deploy/prometheus/alerts.yml` do.
const DAYS_BEFORE: i64 = 21;

#[cfg(test)]
mod tests {
    #[test]
    fn days_are_those_of_the_alerts() {
        let alerts = include_str!("../../../../../deploy/prometheus/alerts.yml");
        let days = format!("time() < {} * 86400 >=", super::DAYS_BEFORE);
        assert_eq!(alerts.matches(&days).count(), 3, "cards, certificates and the proxy's certificate: {days}");
        assert!(alerts.contains(&format!("(day_of_month() >= {})", super::cards::LOOKED_FOR_FROM_DAY)));
    }
}
