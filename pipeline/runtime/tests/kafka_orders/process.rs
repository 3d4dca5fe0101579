//! A member in a process of its own, so that it can be killed and frozen. It writes into a file what it asks for and,
//! as the call, what it was given; each line with one write, so that a kill leaves no half of a step.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tollgate_runtime::log::kafka::KafkaConfig;

use super::world::{Member, world_from};

const VARIABLES: [&str; 6] =
    ["MEMBER_BROKERS", "MEMBER_APP", "MEMBER_SLOT", "MEMBER_FILE", "MEMBER_SEED", "MEMBER_WAIT"];

/// A member's process.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it. With `wait` it reads orders, writes `ready`, and takes only when that file exists.
    pub fn start(config: &KafkaConfig, file: &Path, seed: u64, wait: Option<&Path>) -> Self {
        let wait = wait.map_or(String::new(), |path| path.display().to_string());
        let values =
            [&config.brokers, &config.app, &config.slot, &file.display().to_string(), &seed.to_string(), &wait];
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "member_process", "--ignored", "--nocapture"])
            .envs(VARIABLES.iter().zip(values))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child }
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        // One that has ended by itself is still there until it is waited for.
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// What the process does.
pub async fn run() {
    let [brokers, app, slot, file, seed, wait] = VARIABLES.map(|name| std::env::var(name).unwrap());
    let config = world_from(brokers, app, slot);
    let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    let mut member = Member::start(&config, seed.parse().unwrap());
    write(&mut file, "start", &[] as &[u64]);
    if !wait.is_empty() {
        while member.read().await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        write(&mut file, "ready", &[] as &[u64]);
        let wait = PathBuf::from(&wait);
        while !wait.exists() {
            // No timer: a frozen process that wakes up is to take at once.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    loop {
        if member.read().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let asked = member.pick(8);
        let names: Vec<&String> = asked.iter().map(|(_, order)| order).collect();
        write(&mut file, "ask", &names);
        let taken = member.take(asked).await;
        if wait.is_empty() && !taken.is_empty() && member.chance(0.01) {
            std::process::abort();
        }
        write(&mut file, "call", &taken);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn write(file: &mut File, what: &str, orders: &[impl Display]) {
    let mut line = what.to_owned();
    for order in orders {
        line.push_str(&format!(" {order}"));
    }
    line.push('\n');
    file.write_all(line.as_bytes()).unwrap();
}

/// What the files of all processes tell.
#[derive(Debug, Default)]
pub struct Told {
    /// How often each order was called.
    pub called: BTreeMap<u64, u32>,
    /// Orders of takes that had no answer when their process ended.
    pub unanswered: BTreeSet<u64>,
    /// Lines by their first word.
    pub lines: BTreeMap<String, usize>,
    /// Orders that were asked for, by line.
    pub asked: Vec<usize>,
    /// Orders that were given, by line.
    pub given: Vec<usize>,
}

impl Told {
    pub fn read(&mut self, file: &Path) {
        let mut open: Vec<u64> = Vec::new();
        for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
            let (what, orders) = line.split_once(' ').unwrap_or((line, ""));
            let orders: Vec<u64> = orders.split_whitespace().map(|order| order.parse().unwrap()).collect();
            *self.lines.entry(what.to_owned()).or_default() += 1;
            match what {
                "start" => self.unanswered.extend(std::mem::take(&mut open)),
                "ask" => {
                    self.asked.push(orders.len());
                    open = orders;
                }
                "call" => {
                    open.clear();
                    self.given.push(orders.len());
                    for order in orders {
                        *self.called.entry(order).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
        self.unanswered.extend(open);
    }
}

/// Waits until a file has a line that begins so.
pub async fn wait_for_line(file: &Path, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !std::fs::read_to_string(file).unwrap_or_default().lines().any(|line| line.starts_with(what)) {
        assert!(Instant::now() < deadline, "no line {what} in {}", file.display());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
