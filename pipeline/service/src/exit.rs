//! Exit codes: 0 done, 1 failed, 2 wrong use, 3 differences found, the configuration's own faults among them. Errors
//! are one line on stderr.

use std::io;
use std::process::ExitCode;

use crate::config::Faults;

/// A check that did its work and found something wrong.
pub const DIFFERENCES: u8 = 3;

/// Arguments that do not go together; clap finds the others.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

/// The exit code of a command's result; prints its error.
pub fn code(result: anyhow::Result<ExitCode>) -> ExitCode {
    let error = match result {
        Ok(code) => return code,
        Err(error) => error,
    };
    // The reader of our output has gone, as in `… | head`: nothing is wrong.
    let gone = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(gone) {
        return ExitCode::SUCCESS;
    }
    eprintln!("tollgate: {}", one_line(&error));
    if error.downcast_ref::<WrongUse>().is_some() {
        ExitCode::from(2)
    } else if error.downcast_ref::<Faults>().is_some() {
        // As check-config, so that a supervisor does not start it again and again.
        ExitCode::from(DIFFERENCES)
    } else {
        ExitCode::FAILURE
    }
}

/// The error with its causes on one line; a cause that the text above it repeats is left out.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.contains(&cause) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&cause);
    }
    line.split('\n').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}
