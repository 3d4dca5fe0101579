//! How PostgreSQL is reached.

use crate::ledger::LedgerError;
use postgres::config::{Host, SslMode};
use postgres::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// When a silent connection is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The server's side of it: a process that is gone holds no lock for longer than a minute, and none is waited for longer
/// than half of that. What the address says for itself comes behind and so holds.
const WAITS: &str = "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s -c tcp_keepalives_idle=30 \
    -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3";

/// A database and how it is reached. Shown without its password.
#[derive(Clone)]
pub struct PostgresConfig {
    config: Config,
    schema: String,
    tls: Arc<ClientConfig>,
}

/// Why a database cannot be named so.
#[derive(Debug, thiserror::Error)]
pub enum PostgresConfigError {
    /// Not an address.
    #[error("ledger.postgres_url is not an address: {0}; write postgres://USER@HOST:5432/DATABASE")]
    Url(String),
    /// A password in the configuration.
    #[error("ledger.postgres_url holds a password; put it into a file and name it in ledger.postgres_password_file")]
    Password,
    /// Not a name.
    #[error("ledger.postgres_schema is {0:?}; write up to 40 small letters, digits and underscores, such as tollgate")]
    Schema(String),
    /// The authorities' file.
    #[error("{}: {why}; ledger.postgres_ca_file must be a PEM file of certificates", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl PostgresConfig {
    /// `url` as libpq takes it, without a password; every table lies in `schema`. `ca_file` holds the authorities that
    /// may have signed the server's certificate; the public ones when absent.
    ///
    /// # Errors
    /// The address, name or file cannot be used.
    pub fn new(
        url: &str,
        password: Option<&str>,
        schema: &str,
        ca_file: Option<&Path>,
    ) -> Result<Self, PostgresConfigError> {
        let mut config: Config = url.parse().map_err(|e: postgres::Error| PostgresConfigError::Url(chain(&e)))?;
        if config.get_hosts().is_empty() {
            return Err(PostgresConfigError::Url("it names no host".to_owned()));
        }
        if config.get_password().is_some() {
            return Err(PostgresConfigError::Password);
        }
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if schema.is_empty()
            || schema.len() > 40
            || !schema.bytes().all(letters)
            || schema.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(PostgresConfigError::Schema(schema.to_owned()));
        }
        if let Some(password) = password {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.application_name("tollgate");
        // Nothing is looked for outside the schema, so another program's tables are never taken for ours.
        let own = config.get_options().unwrap_or_default();
        let options = format!("-c search_path={schema} -c client_min_messages=warning {WAITS} {own}");
        config.options(options.trim_end());
        // A host that vanishes is noticed within a minute, on either side.
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE / 3).keepalives_retries(3);
        config.tcp_user_timeout(2 * KEEPALIVE);
        Ok(Self { config, schema: schema.to_owned(), tls: tls(ca_file)? })
    }

    /// The schema that holds every table.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// A connection. Its commits do not wait for the disk: what a crash of the server undoes is read from the log again.
    pub(super) fn connect(&self) -> Result<Client, LedgerError> {
        let connect = || -> Result<Client, postgres::Error> {
            let mut client = match self.config.get_ssl_mode() {
                SslMode::Disable => self.config.connect(postgres::NoTls)?,
                _ => self.config.connect(MakeRustlsConnect::new((*self.tls).clone()))?,
            };
            client.batch_execute("SET synchronous_commit TO off")?;
            Ok(client)
        };
        connect().map_err(|e| LedgerError::Unreachable { place: self.to_string(), why: chain(&e) })
    }
}

/// Where it is, for people.
impl std::fmt::Display for PostgresConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            #[cfg(unix)]
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        write!(f, "PostgreSQL {host}:{port}/{database}, schema {}", self.schema)
    }
}

impl std::fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PostgresConfig({self})")
    }
}

fn tls(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, PostgresConfigError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let wrong = |why: String| PostgresConfigError::Authorities { path: path.to_owned(), why };
            for certificate in CertificateDer::pem_file_iter(path).map_err(|e| wrong(e.to_string()))? {
                roots.add(certificate.map_err(|e| wrong(e.to_string()))?).map_err(|e| wrong(e.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("it holds no certificate".to_owned()));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| PostgresConfigError::Url(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// An error with what lies behind it: the client's own words leave the server's out. Of the server's, those without details, which
/// quote rows, and with them people's numbers.
pub(crate) fn chain(error: &postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        return format!("db error: {}: {}", told.severity(), told.message());
    }
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        let words = source.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = source.source();
    }
    text
}
