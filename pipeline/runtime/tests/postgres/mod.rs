//! A real PostgreSQL for tests: `scripts/postgres`, one server for the test program.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// The server's address. It ends when this program does, in whatever way: its standard input ends then.
///
/// # Panics
/// It cannot be started: such a test has failed, it is not skipped.
pub fn server() -> &'static str {
    static SERVER: OnceLock<(String, Mutex<Child>)> = OnceLock::new();
    &SERVER.get_or_init(start).0
}

fn start() -> (String, Mutex<Child>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|up| up.join("scripts/postgres"));
    let script = script.into_iter().find(|script| script.is_file()).expect("scripts/postgres");
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
