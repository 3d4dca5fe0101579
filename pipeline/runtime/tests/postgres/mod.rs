//! A real PostgreSQL for tests: `scripts/postgres`, one server for the test program.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Every test file uses a part of this; naming the rest keeps it from counting as dead.
const _: fn() -> Server = Server::secure;

/// A running server. It ends when its handle does, or this program in whatever way: its standard input ends then.
pub struct Server {
    /// What it told: its address on a socket, and of a secure one the address with TLS, the authority's file and the
    /// password's.
    pub told: Vec<String>,
    #[expect(dead_code, reason = "held so that its standard input stays open")]
    child: Child,
}

/// The address of the program's server. For figures, `TOLLGATE_POSTGRES_SETTINGS` has settings of it: `shared_buffers=1GB …`.
///
/// # Panics
/// It cannot be started: such a test has failed, it is not skipped.
pub fn server() -> &'static str {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || {
        let settings = std::env::var("TOLLGATE_POSTGRES_SETTINGS").unwrap_or_default();
        let arguments: Vec<&str> = settings.split_whitespace().flat_map(|setting| ["--set", setting]).collect();
        Server::start(&arguments, 1)
    };
    &SERVER.get_or_init(start).told[0]
}

impl Server {
    /// One with TLS and a password.
    pub fn secure() -> Self {
        Self::start(&["--tls"], 4)
    }

    fn start(arguments: &[&str], lines: usize) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|up| up.join("scripts/postgres"));
        let script = script.into_iter().find(|script| script.is_file()).expect("scripts/postgres");
        let mut child = Command::new(script)
            .arg("serve")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/postgres runs");
        let out = child.stdout.take().expect("piped");
        let told: Vec<String> = BufReader::new(out).lines().take(lines).map(|l| l.expect("a line")).collect();
        assert_eq!(told.len(), lines, "scripts/postgres serve failed; its message is above");
        Self { told, child }
    }
}
