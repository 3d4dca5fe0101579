//! The configuration: one TOML file over the embedded defaults, the environment over both.
//!
//! `file` and `environment` read the two layers into dotted keys, `settings` holds them with their origin and hands
//! them out with their bounds, `known` finds the nearest known key, `sections` builds what the runtime takes,
//! `kafka`, `ledger` and `traces` their sections, `apps` and `tokens` the two lists, `secret` reads secrets, `rates` the rate cards.

mod apps;
mod environment;
mod fault;
mod file;
mod kafka;
mod known;
mod ledger;
mod position;
mod rates;
mod secret;
mod sections;
mod settings;
mod tokens;
mod traces;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use fault::{Fault, Faults};
pub use known::nearest;
pub use position::{Lines, line_of};
pub use rates::{add as add_rates, load as load_rates, sources as rate_sources};
pub use sections::{Config, LogFormat};
pub use settings::SecretFile;

use crate::exit::WrongUse;
use settings::Settings;
use tollgate_rate_card::bounded;
use tollgate_runtime::ledger::Place;

/// The file that is the manual.
pub const DEFAULT_TOML: &str = include_str!("../../config.default.toml");

/// Taken when no `--config` is given, if it exists.
pub const DEFAULT_FILE: &str = "tollgate.toml";

/// Which configuration a command works with.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Configuration file [default: tollgate.toml if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl ConfigArgs {
    /// With the file that stands before the command, unless one stands after it.
    #[must_use]
    pub fn or(self, before: Option<PathBuf>) -> Self {
        Self { config: self.config.or(before) }
    }

    /// That a command which names a configuration does not also name the service of perhaps another one.
    ///
    /// # Errors
    /// It names both.
    pub fn or_service(&self, url: Option<&str>) -> Result<(), WrongUse> {
        match (&self.config, url) {
            (Some(file), Some(url)) => {
                let file = file.display();
                Err(WrongUse(format!("--config {file} with --url {url}: they may be of two deployments; give one")))
            }
            _ => Ok(()),
        }
    }

    /// The file that is read; `None` when only defaults and environment hold.
    pub fn file(&self) -> Option<PathBuf> {
        let default = Path::new(DEFAULT_FILE);
        self.config.clone().or_else(|| default.exists().then(|| default.to_owned()))
    }

    /// Reads and checks the whole configuration with this process's environment.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(&self) -> Result<Config, Faults> {
        load(self.file().as_deref(), environment())
    }

    /// The directory with the log, the state and the ledger. Nothing else is checked.
    ///
    /// # Errors
    /// The file cannot be read, or has keys or types that it must not have.
    pub fn data_dir(&self) -> Result<PathBuf, Faults> {
        Ok(self.text("data_dir")?.into())
    }

    /// Where ledger and views are kept. Nothing else is checked.
    ///
    /// # Errors
    /// As [`ConfigArgs::data_dir`].
    pub fn ledger(&self) -> Result<Place, Faults> {
        let mut settings = read(self.file().as_deref(), environment());
        let data_dir = PathBuf::from(settings.text("data_dir"));
        let place = ledger::build(&mut settings, &data_dir);
        if settings.faults.is_empty() { Ok(place) } else { Err(Faults(settings.faults)) }
    }

    /// Where metrics, liveness and readiness are answered. Nothing else is checked.
    ///
    /// # Errors
    /// As [`ConfigArgs::data_dir`].
    pub fn metrics(&self) -> Result<SocketAddr, Faults> {
        let mut settings = read(self.file().as_deref(), environment());
        let address = settings.address("gateway.metrics");
        if settings.faults.is_empty() { Ok(address) } else { Err(Faults(settings.faults)) }
    }

    /// The directory with own rate cards, if there is one. Nothing else is checked.
    ///
    /// # Errors
    /// As [`ConfigArgs::data_dir`].
    pub fn rates_directory(&self) -> Result<Option<PathBuf>, Faults> {
        Ok(Some(self.text("rates.directory")?).filter(|directory| !directory.is_empty()).map(PathBuf::from))
    }

    /// Who invoices clients, if that is set. Nothing else is checked.
    ///
    /// # Errors
    /// As [`ConfigArgs::data_dir`].
    pub fn billing_issuer(&self) -> Result<Option<String>, Faults> {
        Ok(Some(self.text("billing.issuer")?).filter(|issuer| !issuer.is_empty()))
    }

    fn text(&self, key: &str) -> Result<String, Faults> {
        let mut settings = read(self.file().as_deref(), environment());
        if settings.faults.is_empty() { Ok(settings.text(key)) } else { Err(Faults(settings.faults)) }
    }
}

/// Our variables of this process.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        // Names that are not UTF-8 are not ours.
        let name = name.into_string().ok()?;
        name.starts_with(environment::PREFIX).then(|| (name, value.to_string_lossy().into_owned()))
    })
}

/// Reads and checks a configuration file (or none) under the given environment.
///
/// # Errors
/// Everything that is wrong with it, not only the first thing.
pub fn load(file: Option<&Path>, variables: impl Iterator<Item = (String, String)>) -> Result<Config, Faults> {
    let mut settings = read(file, variables);
    let config = sections::build(&mut settings);
    if settings.faults.is_empty() { Ok(config) } else { Err(Faults(settings.faults)) }
}

/// The three layers, with the faults of keys and types.
fn read(file: Option<&Path>, variables: impl Iterator<Item = (String, String)>) -> Settings {
    let mut settings = Settings::defaults();
    if let Some(file) = file {
        match std::fs::read_to_string(file) {
            Ok(text) => file::read(&file.display().to_string(), &text, &mut settings),
            Err(error) => settings.faults.push(Fault {
                place: file.display().to_string(),
                problem: format!("cannot be read: {error}"),
                remedy: "name an existing file with --config".to_owned(),
            }),
        }
    }
    environment::read(variables, &mut settings);
    settings
}
