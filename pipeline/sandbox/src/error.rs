//! What can keep a sandbox from starting.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a sandbox could not be configured or started.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A configuration value that cannot be used; names the key, the value and the remedy.
    #[error("sandbox configuration: {field} = {value:?}: {remedy}")]
    Config {
        /// Dotted path of the key, such as `accounts[0].senders[1].throughput_mps`.
        field: String,
        /// The value as given (never a secret).
        value: String,
        /// What would be accepted.
        remedy: &'static str,
    },
    /// The file is not valid TOML or JSON, or has an unknown key.
    #[error("sandbox configuration, line {line}: {problem}; --print-config shows every key")]
    Parse {
        /// Line of the text, from 1.
        line: usize,
        /// What is wrong, with the key.
        problem: String,
    },
    /// The listen address could not be bound.
    #[error("cannot listen on {address}: {source}; choose a free address with --listen")]
    Listen {
        /// The address as configured.
        address: SocketAddr,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The journal file could not be opened for appending.
    #[error("cannot append to the journal {path}: {source}")]
    Journal {
        /// The path as configured.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
}
