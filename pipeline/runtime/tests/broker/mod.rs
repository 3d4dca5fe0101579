//! A real broker for tests: `scripts/kafka` in a folder of its own, or the one that `KAFKA_BOOTSTRAP` names.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tollgate_runtime::log::kafka::KafkaConfig;

/// A running broker. When the last handle is gone, or the process in any way, it is killed and its folder deleted.
#[derive(Clone)]
pub struct Broker(Arc<Node>);

struct Node {
    bootstrap: String,
    /// None for a broker of somebody else.
    own: Option<Own>,
}

struct Own {
    directory: PathBuf,
    cleaner: Mutex<Option<(Child, ChildStdin)>>,
}

/// Makes a broker's settings, `name=value`, with what they need in its folder.
type Prepare<'a> = dyn Fn(&Path) -> Vec<String> + 'a;

/// Every test file uses a part of this; naming all of it keeps the rest from counting as dead.
const _: [fn(&Broker); 4] = [Broker::kill, Broker::start_again, Broker::pause, Broker::resume];
const _: [fn() -> Broker; 2] = [Broker::start, Broker::shared];
const _: fn(&Prepare<'_>) -> Broker = Broker::start_with;
const _: fn(&Broker) -> &str = Broker::bootstrap;
const _: fn(&Broker) -> Option<u32> = Broker::pid;
const _: fn(&Broker) -> KafkaConfig = Broker::config;

impl Broker {
    /// A broker for one test, which may stop and start it.
    ///
    /// # Panics
    /// It cannot be started: such a test has failed, it is not skipped.
    pub fn start() -> Self {
        if let Ok(bootstrap) = std::env::var("KAFKA_BOOTSTRAP") {
            return Self(Arc::new(Node { bootstrap, own: None }));
        }
        let directory = tempfile::Builder::new().prefix("tollgate-kafka-").tempdir().expect("a folder").keep();
        let cleaner = cleaner(&directory);
        let own = Own { directory, cleaner: Mutex::new(Some(cleaner)) };
        let bootstrap = own.script("start");
        Self(Arc::new(Node { bootstrap, own: Some(own) }))
    }

    /// A broker of its own with further settings, `name=value`, which `prepare` makes in the broker's folder before
    /// it starts. Not the one of `KAFKA_BOOTSTRAP`.
    pub fn start_with(prepare: &Prepare<'_>) -> Self {
        let directory = tempfile::Builder::new().prefix("tollgate-kafka-").tempdir().expect("a folder").keep();
        let cleaner = cleaner(&directory);
        let settings = prepare(&directory);
        let own = Own { directory, cleaner: Mutex::new(Some(cleaner)) };
        let set: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        let bootstrap = own.script_with("start", &set);
        Self(Arc::new(Node { bootstrap, own: Some(own) }))
    }

    /// One broker for all tests of this file that leave it running.
    pub fn shared() -> Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start).clone()
    }

    /// Its address.
    pub fn bootstrap(&self) -> &str {
        &self.0.bootstrap
    }

    /// The process of a broker of our own.
    pub fn pid(&self) -> Option<u32> {
        let directory = &self.0.own.as_ref()?.directory;
        std::fs::read_to_string(directory.join("pid")).ok()?.trim().parse().ok()
    }

    /// A configuration with topics and groups that nobody else has.
    pub fn config(&self) -> KafkaConfig {
        let mut random = [0; 6];
        getrandom::fill(&mut random).expect("random bytes");
        let name = format!("t{}", hex::encode(random));
        KafkaConfig {
            brokers: self.bootstrap().to_owned(),
            prefix: format!("{name}."),
            app: name,
            ..KafkaConfig::default()
        }
    }

    /// SIGKILL.
    pub fn kill(&self) {
        self.own().script("kill");
    }

    /// Starts it again on its data, after [`Broker::kill`].
    pub fn start_again(&self) {
        self.own().script("start");
    }

    /// SIGSTOP.
    pub fn pause(&self) {
        self.own().script("pause");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.own().script("resume");
    }

    fn own(&self) -> &Own {
        self.0.own.as_ref().expect("this test stops its broker: run it without KAFKA_BOOTSTRAP")
    }
}

impl Own {
    /// Runs one command of the script; its output is the address, if any.
    fn script(&self, command: &str) -> String {
        self.script_with(command, &[])
    }

    fn script_with(&self, command: &str, options: &[&str]) -> String {
        let mut script = Command::new(script());
        let output = script.arg(command).arg(&self.directory).args(options).output().expect("scripts/kafka runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "scripts/kafka {command}: {errors}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let cleaner = self.cleaner.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((mut child, input)) = cleaner {
            drop(input);
            let _ = child.wait();
        }
    }
}

/// A shell that cleans up when its input ends, which it does however this process ends. In a process group of its own,
/// so that an interrupt from the keyboard does not reach it.
fn cleaner(directory: &Path) -> (Child, ChildStdin) {
    let mut child = Command::new("sh")
        .args(["-c", r#"echo; cat; "$0" kill "$1"; rm -rf "$1""#])
        .arg(script())
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("sh runs");
    let input = child.stdin.take().expect("piped");
    child.stdout.take().expect("piped").read_exact(&mut [0]).expect("sh is ready");
    (child, input)
}

fn script() -> PathBuf {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("scripts/kafka"));
    above.find(|script| script.exists()).expect("scripts/kafka in a folder above")
}
