//! The demo over a real broker: one that is there, or one of its own by the repository's script.

use anyhow::{Context as _, anyhow, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::task::block_in_place;
use tollgate_runtime::log::kafka::{self, KafkaConfig};
use tollgate_runtime::node::{KafkaOptions, Roles};
use tollgate_runtime::store::StoreOptions;

use super::args::DemoArgs;

/// Partitions: more than accounts, so that not all lie in one.
const PARTITIONS: u32 = 4;
/// What starts a broker, from the root of the repository.
const SCRIPT: &str = "scripts/kafka";

/// A broker that this demo started. Dropping it stops it; its data stay in the demo's directory.
#[derive(Debug)]
pub(super) struct Broker {
    script: PathBuf,
    directory: PathBuf,
}

impl Broker {
    /// Starts one in a folder of the data directory; its address. Takes some seconds, and the time of a download where
    /// Kafka was never fetched.
    fn start(data_dir: &Path) -> anyhow::Result<(Self, String)> {
        let script = script()?;
        let directory = data_dir.join("kafka");
        let output = Command::new(&script).arg("start").arg(&directory).output();
        let output = output.with_context(|| format!("{} cannot be run", script.display()))?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            bail!("no broker could be started: {}; give the address of one with --kafka=HOST:PORT", told.trim());
        }
        let broker = Self { script, directory };
        Ok((broker, String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let stopped = Command::new(&self.script).arg("stop").arg(&self.directory).output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            eprintln!("tollgate: the broker in {} could not be stopped", self.directory.display());
        }
    }
}

/// The script, here or in a folder above.
fn script() -> anyhow::Result<PathBuf> {
    let here = std::env::current_dir().context("the current directory cannot be read")?;
    let found = here.ancestors().map(|folder| folder.join(SCRIPT)).find(|script| script.is_file());
    found.ok_or_else(|| {
        anyhow!(
            "--kafka without an address starts a broker by {SCRIPT}, which is in the repository and not here; start the demo there or give an address, as in --kafka=127.0.0.1:9092"
        )
    })
}

/// Topics of this run alone, on the broker that is named or on one of its own.
pub(super) fn prepare(args: &DemoArgs) -> anyhow::Result<Option<(KafkaOptions, Option<Broker>)>> {
    let Some(given) = &args.kafka else { return Ok(None) };
    block_in_place(|| {
        let (broker, brokers) = match given.as_str() {
            "" => {
                let (broker, brokers) = Broker::start(&args.data_dir)?;
                (Some(broker), brokers)
            }
            brokers => (None, brokers.to_owned()),
        };
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|error| anyhow!("no random bytes: {error}"))?;
        let app = format!("tollgate-demo-{}", hex::encode(random));
        let kafka = KafkaConfig { brokers, prefix: format!("{app}."), app, ..KafkaConfig::default() };
        kafka::create(&kafka, PARTITIONS, 1)?;
        if broker.is_none() {
            eprintln!("the topics {}* stay on {} when the demo ends", kafka.prefix, kafka.brokers);
        }
        let options = KafkaOptions { kafka, roles: Roles::all(), store: StoreOptions::default(), hash_key: None };
        Ok(Some((options, broker)))
    })
}
