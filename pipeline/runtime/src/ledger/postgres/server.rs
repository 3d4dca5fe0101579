//! A real PostgreSQL for tests: one server for the test program, a schema of its own for each database.

use super::PostgresConfig;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// Address of the server, and the server, which ends when this program does: its standard input ends then.
static SERVER: OnceLock<(String, Mutex<Child>)> = OnceLock::new();

/// An empty database.
pub(crate) fn database() -> PostgresConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (url, _) = SERVER.get_or_init(start);
    let schema = format!("tollgate_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    PostgresConfig::new(url, None, &schema, None).expect("the script's address")
}

fn start() -> (String, Mutex<Child>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres");
    let mut child = Command::new(script)
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("scripts/postgres runs");
    let mut url = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut url).expect("the server's address");
    assert!(!url.is_empty(), "scripts/postgres serve failed; its message is above");
    (url.trim().to_owned(), Mutex::new(child))
}
