//! Exit codes: 0 done, 1 failed, 2 wrong use, 3 differences found, the configuration's own faults among them. Errors
//! are one line on stderr.

use std::ffi::c_int;
use std::io::{self, Write as _};
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

/// Ends the process at once. The usual end first runs what C libraries have registered for it, while threads still go: those of the
/// runtime, which are not waited for, and of Kafka clients where a broker did not answer. OpenSSL takes what is global of it away then, and a
/// thread that uses it or ends at that moment crashes. What counts is durable or flushed by now.
pub fn now(code: ExitCode) -> ! {
    // What is printed ends with a line but for what is passed on as it came. Nobody is left to hear of an error.
    let _ = io::stdout().flush();
    end(number(code))
}

/// Ends the process at once for a signal, as a shell tells of a process that a signal ended. Nothing is flushed: what was
/// printed may be held by a thread that waits for its reader, and lines went out as they were printed.
pub fn at_signal(signal: c_int) -> ! {
    end((128 + signal) as u8)
}

fn number(code: ExitCode) -> u8 {
    (0..=u8::MAX).find(|number| ExitCode::from(*number) == code).unwrap_or(1)
}

#[expect(unsafe_code, reason = "a function of the C library that takes a number and touches no memory of ours")]
fn end(code: u8) -> ! {
    unsafe extern "C" {
        safe fn _exit(status: c_int) -> !;
    }
    _exit(code.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_number() {
        for (code, want) in [(ExitCode::SUCCESS, 0), (ExitCode::FAILURE, 1), (ExitCode::from(DIFFERENCES), 3)] {
            assert_eq!(number(code), want);
        }
        assert_eq!(number(ExitCode::from(255)), 255);
    }
}
