//! Worker processes: the real binary with the role that decides.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tollgate_runtime::log::kafka::KafkaConfig;

pub const SLOTS: usize = 3;

pub struct Workers {
    config: PathBuf,
    directory: PathBuf,
    pub running: [Option<Child>; SLOTS],
}

impl Workers {
    /// `more` follows the section `[kafka]` of the configuration file.
    pub fn start(config: &KafkaConfig, directory: &Path, more: &str) -> Self {
        let file = directory.join("tollgate.toml");
        let text = format!(
            "[gateway]\nmetrics = \"127.0.0.1:0\"\n[log]\nkind = \"kafka\"\n[logging]\nlevel = \"info\"\n[kafka]\nbrokers = \"{}\"\n\
             prefix = \"{}\"\napp = \"{}\"\nroles = \"shards\"\nhash_key_file = \"{}\"\nsession_timeout_seconds = 3\n\
             transaction_timeout_seconds = 5\n{more}",
            config.brokers,
            config.prefix,
            config.app,
            directory.join("hash.key").display()
        );
        std::fs::write(&file, text).unwrap();
        let mut workers = Self { config: file, directory: directory.to_owned(), running: Default::default() };
        for slot in 0..SLOTS {
            workers.up(slot, None);
        }
        workers
    }

    pub fn disk(&self, slot: usize) -> PathBuf {
        self.directory.join(format!("slot-{slot}"))
    }

    /// A process for a slot, beside whatever runs there. `crash_at` ends it at a named point.
    pub fn spawn(&self, slot: usize, disk: &Path, crash_at: Option<&str>) -> Child {
        let log = std::fs::File::options().create(true).append(true).open(self.directory.join("workers.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command
            .args(["--config", self.config.to_str().unwrap(), "serve"])
            .env("TOLLGATE__KAFKA__SLOT", slot.to_string())
            .env("TOLLGATE__DATA_DIR", disk)
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(point) = crash_at {
            command.env("TOLLGATE_CRASH_AT", point);
        }
        command.spawn().unwrap()
    }

    /// Starts a slot that is down.
    pub fn up(&mut self, slot: usize, crash_at: Option<&str>) {
        self.reap();
        if self.running[slot].is_none() {
            self.running[slot] = Some(self.spawn(slot, &self.disk(slot), crash_at));
        }
    }

    pub fn all_up(&mut self) {
        self.check(SLOTS);
    }

    /// Forgets processes that ended.
    pub fn reap(&mut self) {
        for place in &mut self.running {
            if place.as_mut().is_some_and(|child| child.try_wait().unwrap().is_some()) {
                *place = None;
            }
        }
    }

    /// A worker that has to end by itself (fenced, broker gone too long) is started again, as a supervisor would.
    pub fn check_alive(&mut self) {
        self.check(SLOTS);
    }

    /// The same for the first `slots` alone.
    pub fn check(&mut self, slots: usize) {
        for slot in 0..slots {
            self.up(slot, None);
        }
    }

    pub fn kill(&mut self, slot: usize) {
        if let Some(mut child) = self.running[slot].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn stop(mut self) {
        for child in self.running.iter_mut().flatten() {
            signal(child, "TERM");
        }
        let deadline = Instant::now() + Duration::from_secs(40);
        for child in self.running.iter_mut().flatten() {
            while child.try_wait().unwrap().is_none() {
                assert!(Instant::now() < deadline, "a worker does not stop");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// What the workers said, for a failure's message.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("workers.log")).unwrap_or_default()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kafka_exactly_once.log");
            let end = log.char_indices().map(|(at, _)| at).find(|at| at + 20_000 >= log.len()).unwrap_or_default();
            eprintln!("{}\nthe workers' whole log: {:?} {}", &log[end..], std::fs::write(&kept, &log), kept.display());
        }
        for child in self.running.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        tollgate_tests::logs::keep(&self.directory.join("workers.log"));
    }
}

pub fn signal(child: &Child, name: &str) {
    let _ = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status();
}

/// Waits for a process to end by itself.
pub fn ends_within(child: &mut Child, most: Duration) -> bool {
    let deadline = Instant::now() + most;
    while Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}
