//! kill -9 at random moments: what was acknowledged is there, batches are whole, offsets are dense.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

const DIRECTORY: &str = "TOLLGATE_TEST_CRASH_DIRECTORY";
const ROUNDS: u64 = 24;

#[test]
fn nothing_acknowledged_is_lost_and_no_batch_is_torn_by_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        // From before the first open is over to some hundred commits.
        let pause = Duration::from_millis(3 + (round * 7_919) % 211);
        acknowledged.run_child(directory.path(), pause);
        acknowledged.check(directory.path());
    }
    assert!(acknowledged.committed > 1_000, "the child hardly ran: {acknowledged:?}");
}

#[derive(Debug, Default)]
struct Acknowledged {
    appended: u64,
    committed: u64,
    taken: Vec<u64>,
}

impl Acknowledged {
    fn run_child(&mut self, directory: &Path, pause: Duration) {
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([&format!("{module}::child"), "--exact", "--ignored", "--nocapture"])
            .env(DIRECTORY, directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let lines = std::thread::spawn(move || {
            let mut lines = Vec::new();
            let mut line = String::new();
            while output.read_line(&mut line).unwrap() > 0 {
                // A line without its end was cut by the kill: not acknowledged.
                if line.ends_with('\n') {
                    lines.push(line.trim().to_owned());
                }
                line.clear();
            }
            lines
        });
        std::thread::sleep(pause);
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.join().unwrap() {
            match line.split_once(' ') {
                Some(("appended", next)) => self.appended = next.parse().unwrap(),
                Some(("committed", next)) => self.committed = next.parse().unwrap(),
                Some(("taken", offset)) => self.taken.push(offset.parse().unwrap()),
                _ => {}
            }
        }
    }

    fn check(&self, directory: &Path) {
        let log = open(directory);
        let next = read_all(&log, Topic::Requests, log.ends(Topic::Requests).0);
        assert!(next >= self.appended, "appended {} of {}", next, self.appended);
        let committed = position(&log, Topic::Requests);
        assert!(committed >= self.committed, "committed {committed} of {}", self.committed);
        for topic in [Topic::Dispatch, Topic::Outcomes] {
            assert_eq!(read_all(&log, topic, log.ends(topic).0), committed, "{}", topic.name());
        }
        let messages = log.store().scan_prefix(Space::Messages, &[]);
        let mut count = 0;
        for (number, message) in (0..).zip(messages) {
            let (key, value) = message.unwrap();
            assert_eq!(key[..], u64::to_be_bytes(number));
            assert_eq!(value[..], numbered(number).value[..]);
            count += 1;
        }
        assert_eq!(count, committed);
        let stored = log.store().get(Space::Meta, b"next").unwrap();
        let stored = stored.map_or(0, |value| u64::from_be_bytes(value[..].try_into().unwrap()));
        assert_eq!(stored, committed);
        let all = ReadLimit { records: usize::MAX, bytes: usize::MAX };
        let pending = log.pending(0, all).unwrap();
        for offset in &self.taken {
            assert!(pending.binary_search_by_key(offset, |order| order.offset).is_err(), "{offset} offered again");
        }
    }
}

/// After a power cut the last write may have any of its pages missing: they read as zeros.
#[test]
fn a_last_batch_with_missing_pages_is_dropped_and_the_log_opens() {
    const PAGE: usize = 4_096;
    for missing in 0..6 {
        let directory = tempfile::tempdir().unwrap();
        let mut log = open(directory.path());
        append_numbered(&log, 200);
        let inputs = log.read(Topic::Requests, 0, 0, ReadLimit::default()).unwrap();
        let journal = directory.path().join("db/0.jnl");
        let before = written_length(&journal);
        log.commit(vec![(0, batch_of(&inputs))]).unwrap();
        drop(log);
        let after = written_length(&journal);
        let page = (after / PAGE).saturating_sub(missing).max(before / PAGE + 1);
        let mut bytes = std::fs::read(&journal).unwrap();
        let end = bytes.len().min((page + 1) * PAGE);
        bytes[page * PAGE..end].fill(0);
        std::fs::write(&journal, bytes).unwrap();

        let log = open(directory.path());
        assert_eq!(read_all(&log, Topic::Requests, 0), 200);
        assert_eq!(position(&log, Topic::Requests), 0);
        assert_eq!(log.ends(Topic::Outcomes), (0, 0));
        assert_eq!(log.store().scan_prefix(Space::Messages, &[]).count(), 0);
    }
}

/// One value larger than a page leaves the batch looking complete around the missing page: the engine alone would
/// refuse to open.
#[test]
fn a_last_batch_with_a_hole_inside_a_value_is_set_aside_but_damage_further_back_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let journal = directory.path().join("db/0.jnl");
    let mut ends = Vec::new();
    for number in 0..3u8 {
        let noise = (0..60_000u64).map(|n| (mixed(n + u64::from(number)) >> 24) as u8);
        let record = NewRecord::new("", noise.collect::<Vec<_>>(), 0);
        log.append_blocking(Topic::Events, vec![record]).unwrap();
        ends.push(written_length(&journal));
    }
    drop(log);
    let intact = std::fs::read(&journal).unwrap();
    let damage = |at: usize| {
        let mut bytes = intact.clone();
        bytes[at..at + 4_096].fill(0);
        std::fs::write(&journal, bytes).unwrap();
    };

    damage(ends[0] + 20_000);
    let before = std::fs::read(&journal).unwrap();
    let refused = EmbeddedLog::open(directory.path(), &small()).err().unwrap();
    assert!(refused.to_string().contains("restore a backup"), "{refused}");
    assert!(std::fs::read(&journal).unwrap() == before, "a refused journal is left as it was");

    damage(ends[1] + 20_000);
    let log = open(directory.path());
    assert_eq!(log.ends(Topic::Events), (0, 2));
    assert!(directory.path().join("db/0.torn").exists());
    assert_eq!(log.append_blocking(Topic::Events, vec![numbered(2)]).unwrap(), 2..3);
}

fn mixed(n: u64) -> u64 {
    (n ^ n >> 7).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// The journal is allocated ahead and zero beyond what was written.
fn written_length(journal: &Path) -> usize {
    let bytes = std::fs::read(journal).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

#[test]
#[ignore = "the process that the crash test kills"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let log = open(Path::new(&directory));
    std::thread::scope(|scope| {
        scope.spawn(|| child_appends(&log));
        scope.spawn(|| child_commits(log.clone()));
        scope.spawn(|| child_takes(&log));
    });
}

fn say(word: &str, number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word} {number}").and_then(|()| out.flush()).unwrap();
}

fn child_appends(log: &EmbeddedLog) {
    for step in 0.. {
        say("appended", append_numbered(log, 1 + step * 37 % 90).end);
        if step % 16 == 15 {
            log.trim(Topic::Requests, position(log, Topic::Requests)).unwrap();
        }
    }
}

fn child_commits(mut log: EmbeddedLog) {
    let mut next = position(&log, Topic::Requests);
    loop {
        log.wait(&[(0, Topic::Requests, next)], Duration::from_secs(1)).unwrap();
        let inputs = log.read(Topic::Requests, 0, next, ReadLimit::default()).unwrap();
        if let Some(last) = inputs.last() {
            next = last.offset + 1;
            log.commit(vec![(0, batch_of(&inputs))]).unwrap();
            say("committed", next);
        }
    }
}

fn child_takes(log: &EmbeddedLog) {
    loop {
        let limit = ReadLimit { records: 40, bytes: 1 << 20 };
        let pending = log.pending(log.dispatch_low(), limit).unwrap();
        let offsets: Vec<_> = pending.iter().map(|order| order.offset).rev().step_by(2).collect();
        for offset in log.take_blocking(offsets).unwrap() {
            say("taken", offset);
        }
        if log.dispatch_low() > 3_000 {
            log.trim(Topic::Dispatch, log.dispatch_low()).unwrap();
        }
    }
}
