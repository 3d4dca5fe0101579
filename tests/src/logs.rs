//! What services said while they were tested, kept for a look at all of it: no phone number and no secret may be in it.
//! `scripts/test` names a folder in `TOLLGATE_TEST_LOGS` and lets `scripts/scan-logs` read it at the end; without that
//! variable nothing is kept.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a service may take to tell its metrics.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps a service's log. Call it when the service has ended, or has been killed.
pub fn keep(log: &Path) {
    if let Some(kept) = place(&log.file_name().unwrap_or_default().to_string_lossy()) {
        // A service that never started has none.
        let _ = std::fs::copy(log, kept);
    }
}

/// Keeps the metrics of a service, which listens for them where its configuration file says. Call it before the service
/// ends; one that does not answer any more has none.
pub fn keep_metrics(config: &Path) {
    let Some(kept) = place("metrics.txt") else { return };
    let asked = || -> std::io::Result<Vec<u8>> {
        let config = std::fs::read_to_string(config)?;
        let at =
            config.lines().find_map(|line| line.strip_prefix("metrics = \"")?.strip_suffix('"')).unwrap_or_default();
        let mut stream = TcpStream::connect(at)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    if let Ok(answer) = asked() {
        let _ = std::fs::write(kept, answer);
    }
}

/// A file that no other test writes; `None` when nothing is kept.
fn place(name: &str) -> Option<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let folder = PathBuf::from(std::env::var_os("TOLLGATE_TEST_LOGS")?);
    let of = std::env::current_exe().ok()?.file_stem()?.to_string_lossy().into_owned();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Some(folder.join(format!("{of}-{}-{number}-{name}", std::process::id())))
}
