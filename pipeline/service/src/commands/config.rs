//! `tollgate config default`: the manual of the configuration.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::DEFAULT_TOML;
use crate::output;

/// Print the configuration's manual.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate config default > tollgate.toml")]
pub struct ConfigCommandArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every key with its unit and default
    #[command(after_help = "Examples:\n  \
        tollgate config default > tollgate.toml\n  \
        tollgate config default | grep -A3 '^\\[gateway\\]'")]
    Default,
}

/// Runs it.
///
/// # Errors
/// Stdout cannot be written.
pub fn run(args: &ConfigCommandArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        ConfigCommand::Default => output::raw(DEFAULT_TOML.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
