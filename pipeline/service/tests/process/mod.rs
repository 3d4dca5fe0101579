//! The real binary as a process, and topics as anybody outside writes and reads them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{KafkaConfig, partition_of};

pub const PATIENCE: Duration = Duration::from_secs(90);

/// Every test file uses a part of this; naming the rest keeps it from counting as dead.
const _: fn(&Process, &str) = Process::signal;
const _: fn(&Process) -> bool = Process::is_frozen;
const _: fn(&Topics, Topic, bool) -> Vec<OwnedMessage> = Topics::records;
const _: fn(&Topics, Topic, bool) -> Vec<Value> = Topics::values;
const _: fn(&mut Process, Duration) -> ExitStatus = Process::ended;
const _: fn(&Topics, Topic) = Topics::wait_until_read;
const _: fn(&str, &mut dyn FnMut() -> bool) = wait_for;
const _: fn(&Process) -> String = Process::log;
const _: fn(&KafkaConfig, &Path, &str) -> PathBuf = write_config;
const _: fn(&KafkaConfig, u32) -> Topics = Topics::new;
const _: fn(&Topics, Topic, &str, &Value) = Topics::send;
const _: fn(&Topics) = Topics::flush;

/// A running `tollgate serve`; killed when dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it with `arguments` after `serve`. `name` is its slot and names its disk and its log in `directory`.
    pub fn serve(
        config: &Path,
        directory: &Path,
        name: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let log = directory.join(format!("{name}.log"));
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["--config", config.to_str().unwrap(), "serve"])
            .args(arguments)
            .env("TOLLGATE__KAFKA__SLOT", name)
            .env("TOLLGATE__DATA_DIR", directory.join(name))
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Whether it is stopped by a signal.
    pub fn is_frozen(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// How it ended, within `most`.
    pub fn ended(&mut self, most: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < most, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_running() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
        tollgate_tests::logs::keep(&self.log);
        if std::thread::panicking() {
            let log = self.log();
            let from = log.floor_char_boundary(log.len().saturating_sub(6_000));
            eprintln!("== {}\n{}", self.log.display(), &log[from..]);
        }
    }
}

/// Writes a configuration for processes on the topics of `config`; `more` is added to it.
pub fn write_config(config: &KafkaConfig, directory: &Path, more: &str) -> PathBuf {
    let file = directory.join("tollgate.toml");
    let text = format!(
        "[gateway]\napi = \"127.0.0.1:0\"\nwebhooks = \"127.0.0.1:0\"\nmetrics = \"127.0.0.1:0\"\n[log]\nkind = \"kafka\"\n\
         [logging]\nlevel = \"info\"\nformat = \"text\"\n[kafka]\nbrokers = \"{}\"\nprefix = \"{}\"\napp = \"{}\"\n\
         hash_key_file = \"{}\"\nsession_timeout_seconds = 3\ntransaction_timeout_seconds = 5\n{more}",
        config.brokers,
        config.prefix,
        config.app,
        directory.join("hash.key").display()
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// The topics of one deployment.
pub struct Topics {
    pub config: KafkaConfig,
    pub partitions: u32,
    producer: BaseProducer,
}

impl Topics {
    pub fn new(config: &KafkaConfig, partitions: u32) -> Self {
        Self { config: config.clone(), partitions, producer: config.producer("test").create().unwrap() }
    }

    pub fn send(&self, topic: Topic, account: &str, value: &Value) {
        let name = self.config.topic(topic);
        let partition = partition_of(account.as_bytes(), self.partitions) as i32;
        let value = value.to_string();
        while self.producer.send(BaseRecord::to(&name).partition(partition).key(account).payload(&value)).is_err() {
            self.producer.poll(Duration::from_millis(5));
        }
    }

    pub fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }

    /// Everything in a topic, partition after partition; with `aborted` also what readers never see.
    pub fn records(&self, topic: Topic, aborted: bool) -> Vec<OwnedMessage> {
        let partitions = if topic == Topic::DeadLetters { 1 } else { self.partitions };
        self.records_of(&self.config.topic(topic), partitions, aborted)
    }

    /// As [`Topics::records`], of any topic.
    pub fn records_of(&self, topic: &str, partitions: u32, aborted: bool) -> Vec<OwnedMessage> {
        let mut client = self.config.consumer("check", "check");
        client.set("enable.partition.eof", "true");
        if aborted {
            client.set("isolation.level", "read_uncommitted");
        }
        let consumer: BaseConsumer = client.create().unwrap();
        let mut list = TopicPartitionList::new();
        for p in 0..partitions as i32 {
            list.add_partition_offset(topic, p, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut out, mut ends) = (Vec::new(), 0);
        while ends < partitions {
            match consumer.poll(Duration::from_secs(20)).expect("an end within 20 s") {
                Ok(m) => out.push(m.detach()),
                Err(KafkaError::PartitionEOF(_)) => ends += 1,
                Err(e) => panic!("{e}"),
            }
        }
        out.sort_by_key(|m| (m.partition(), m.offset()));
        out
    }

    /// As JSON.
    pub fn values(&self, topic: Topic, aborted: bool) -> Vec<Value> {
        let json = |m: &OwnedMessage| serde_json::from_slice(m.payload().unwrap()).unwrap();
        self.records(topic, aborted).iter().map(json).collect()
    }

    /// Waits until the shards have committed everything of an input.
    pub fn wait_until_read(&self, topic: Topic) {
        let consumer: BaseConsumer = self.config.consumer("lag", &self.config.app).create().unwrap();
        let name = self.config.topic(topic);
        for partition in 0..self.partitions as i32 {
            let mut list = TopicPartitionList::new();
            list.add_partition(&name, partition);
            wait_for("an input is read", &mut || {
                let (_, end) = consumer.fetch_watermarks(&name, partition, Duration::from_secs(10)).unwrap();
                let committed = consumer.committed_offsets(list.clone(), Duration::from_secs(10)).unwrap();
                committed.elements()[0].offset() == Offset::Offset(end)
            });
        }
    }
}

pub fn wait_for(what: &str, done: &mut dyn FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
