//! `tollgate topics`: the topics in Kafka.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use tollgate_runtime::log::kafka::{self, TopicsError};

use super::between;
use crate::config::ConfigArgs;
use crate::exit::DIFFERENCES;
use crate::output;

/// Create and check the topics in Kafka.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate topics create --partitions 64 --replication 3\n  \
    tollgate topics check")]
pub struct TopicsArgs {
    #[command(subcommand)]
    command: TopicsCommand,
}

#[derive(Debug, Subcommand)]
enum TopicsCommand {
    /// Create the topics that are missing and the first position of every reader; what is there stays as it is
    ///
    /// The number of partitions can never be changed: it decides which accounts are decided for together.
    #[command(after_help = "Examples:\n  \
        tollgate topics create\n  \
        tollgate topics create --partitions 64 --replication 3 --config /etc/tollgate/tollgate.toml")]
    Create {
        /// Partitions of each topic that has one for each shard
        #[arg(long, value_name = "N", default_value_t = 64, value_parser = between(1_u32..=2048))]
        partitions: u32,
        /// Copies of each partition; 3 for anything that matters
        #[arg(long, value_name = "N", default_value_t = 3, value_parser = between(1_u32..=9))]
        replication: u32,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Look whether everything is as it must be; exit code 3 when it is not
    #[command(after_help = "Examples:\n  tollgate topics check\n  tollgate topics check --json")]
    Check {
        #[command(flatten)]
        config: ConfigArgs,
    },
}

/// Runs it.
///
/// # Errors
/// The configuration, or Kafka.
pub fn run(args: TopicsArgs, before: Option<PathBuf>, json: bool) -> anyhow::Result<ExitCode> {
    match args.command {
        TopicsCommand::Create { partitions, replication, config } => {
            let config = config.or(before).load()?.kafka.kafka;
            let created = kafka::create(&config, partitions, replication)?;
            if json {
                output::line(json!({ "created": created.topics, "positions": created.positions }))?;
            } else if created.topics.is_empty() && created.positions == 0 {
                output::line("every topic is there already")?;
            } else {
                for topic in &created.topics {
                    output::line(format!("created {topic}"))?;
                }
                output::line(format!("{} first positions written", created.positions))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        TopicsCommand::Check { config } => {
            let config = config.or(before).load()?.kafka.kafka;
            match kafka::check(&config) {
                Ok(partitions) => {
                    if json {
                        output::line(json!({ "partitions": partitions, "faults": [] }))?;
                    } else {
                        output::line(format!("the topics are as they must be: {partitions} partitions"))?;
                    }
                    Ok(ExitCode::SUCCESS)
                }
                Err(TopicsError::Faults(faults)) => {
                    let faults: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
                    if json {
                        output::line(json!({ "faults": faults }))?;
                    } else {
                        for fault in &faults {
                            output::line(fault)?;
                        }
                    }
                    Ok(ExitCode::from(DIFFERENCES))
                }
                Err(other) => Err(other.into()),
            }
        }
    }
}
