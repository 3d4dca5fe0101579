//! What can be asked of the demo.

use std::path::PathBuf;
use std::time::Duration;

use crate::commands::{between, whole};

/// Send a generated campaign set through the whole service, against a sandbox of the platform, in under a minute.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:\n  \
    tollgate demo\n  \
    tollgate demo --keep-running\n  \
    tollgate demo --kafka\n  \
    tollgate demo --kafka=127.0.0.1:9092\n  \
    tollgate demo --recipients 5000 --seconds 10 --data-dir /tmp/demo --force\n\n\
    Nothing is installed, nothing leaves this machine, no number is called: the recipients are made up. With --kafka and\n    \
    no address, Kafka is fetched once and run on loopback.")]
pub struct DemoArgs {
    /// Recipients to generate, over three accounts and more than 40 countries
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000, value_parser = between(1_u32..=2_000_000))]
    pub recipients: u32,
    /// Start of every choice by chance: the same number gives the same recipients
    #[arg(long, value_name = "NUMBER", default_value_t = 7, value_parser = whole::<u64>)]
    pub seed: u64,
    /// Where log, state, ledger and exports go; they stay when the demo ends
    #[arg(long, value_name = "DIRECTORY", default_value = "./data/demo")]
    pub data_dir: PathBuf,
    /// Replace an earlier demo in the data directory; never removes anything else
    #[arg(long)]
    pub force: bool,
    /// Longest time that sending may take, in seconds; what still waits then is shown as waiting. 36, and 90 with --kafka
    #[arg(long, value_name = "SECONDS", value_parser = whole::<u64>)]
    pub seconds: Option<u64>,
    /// Run over Apache Kafka instead of the embedded log: on the brokers given, or without an address on one that is
    /// started for the demo by scripts/kafka, when run from the repository
    #[arg(long, value_name = "BROKERS", num_args = 0..=1, default_missing_value = "", require_equals = true)]
    pub kafka: Option<String>,
    /// Go on serving after the report, until Ctrl-C
    #[arg(long)]
    pub keep_running: bool,
}

impl DemoArgs {
    /// Longest time that sending may take.
    pub(super) fn time(&self) -> Duration {
        // A broker shares the machine, and its transactions take their time.
        Duration::from_secs(self.seconds.unwrap_or(if self.kafka.is_some() { 90 } else { 36 }))
    }
}
