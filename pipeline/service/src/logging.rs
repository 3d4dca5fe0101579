//! Log lines on stderr: for people on a terminal, JSON otherwise.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Checks filter directives.
///
/// # Errors
/// What is wrong with them.
pub fn check(level: &str) -> Result<(), String> {
    // `EnvFilter` takes any word as the name of a module: a level alone has to be one.
    let known = ["error", "warn", "info", "debug", "trace", "off"];
    let plain = !level.contains(['=', ',']);
    if plain && !known.contains(&level.to_ascii_lowercase().as_str()) {
        return Err("it is no level".to_owned());
    }
    EnvFilter::try_new(level).map(|_| ()).map_err(|error| error.to_string())
}

/// Starts logging; a second call changes nothing.
///
/// # Errors
/// What [`check`] says.
pub fn start(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level)?;
    let terminal = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    // An error means that a subscriber is set already.
    let _ = if json {
        lines.json().flatten_event(true).try_init()
    } else {
        lines.with_ansi(terminal).with_target(false).try_init()
    };
    Ok(())
}
