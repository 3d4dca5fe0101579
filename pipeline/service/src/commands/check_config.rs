//! `tollgate check-config`: everything that is wrong with the configuration, without starting anything.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::config::{Config, ConfigArgs, Faults};
use crate::exit::DIFFERENCES;
use crate::output;

/// Check the configuration and the rate cards without starting anything.
///
/// Reads the file, the environment, every secret's file and every rate card. Exit code 3 when something is wrong.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate check-config\n  \
    tollgate check-config --config /etc/tollgate/tollgate.toml --json")]
pub struct CheckConfigArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs it.
///
/// # Errors
/// Stdout cannot be written.
pub fn run(args: CheckConfigArgs, config: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    let config = args.config.or(config);
    let file = config.file().map_or_else(|| "defaults".to_owned(), |file| file.display().to_string());
    match config.load() {
        Ok(config) => good(&file, &config, json)?,
        Err(Faults(faults)) => {
            if json {
                output::line(json!({ "ok": false, "file": file, "faults": faults }))?;
            } else {
                faults.iter().for_each(|fault| eprintln!("tollgate: {fault}"));
            }
            return Ok(ExitCode::from(DIFFERENCES));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn good(file: &str, config: &Config, json: bool) -> std::io::Result<()> {
    let gateway = &config.gateway;
    let apps: Vec<&str> = gateway.apps.iter().map(|app| app.name.as_str()).collect();
    if json {
        return output::line(json!({
            "ok": true, "file": file, "data_dir": config.data_dir, "api": gateway.api, "webhooks": gateway.webhooks,
            "metrics": gateway.metrics, "graph": config.graph.base_url, "apps": apps,
            "tokens": gateway.tokens.iter().map(|token| &token.name).collect::<Vec<_>>(), "faults": [],
        }));
    }
    output::line(format_args!("{file}: good"))?;
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
    output::line(format_args!("  tokens    {tokens}"))
}
