//! A disk that cannot take more: a clear error, no panic, no half batch, and work goes on after reopening.

use std::path::PathBuf;
use std::process::Command;

use super::*;

const DIRECTORY: &str = "TOLLGATE_TEST_FULL_DIRECTORY";

/// Appends and commits until the log refuses; returns what was acknowledged and the refusal.
fn write_until_refused(mut log: EmbeddedLog) -> (u64, LogError) {
    let mut next = 0;
    let refusal = loop {
        let records = (next..next + 2_000).map(numbered).collect();
        let written = log.append_blocking(Topic::Requests, records).and_then(|range| {
            let limit = ReadLimit { records: 2_000, bytes: 4 << 20 };
            let inputs = log.read_from(Topic::Requests, range.start, limit)?;
            log.commit(vec![(0, batch_of(&inputs))])
        });
        match written {
            Ok(()) => next += 2_000,
            Err(error) => break error,
        }
    };
    // No second chance before reopening, for anyone.
    let again = log.append_blocking(Topic::Events, vec![numbered(0)]);
    assert!(matches!(again, Err(LogError::Stopped { .. })));
    let again = log.take_blocking(vec![0]);
    assert!(matches!(again, Err(LogError::Stopped { .. })));
    assert!(log.wait(&[(0, Topic::Events, 9)], Duration::from_secs(9)).is_err());
    (next, refusal)
}

fn check_after(directory: &Path, acknowledged: u64) {
    let mut log = open(directory);
    let appended = read_all(&log, Topic::Requests, 0);
    let committed = position(&log, Topic::Requests);
    assert!(committed >= acknowledged && appended >= committed);
    assert_eq!(read_all(&log, Topic::Outcomes, 0), committed);
    assert_eq!(log.store().scan_prefix(Space::Messages, &[]).count() as u64, committed);
    append_numbered(&log, 10);
    let inputs = log.read(Topic::Requests, 0, committed, ReadLimit::default()).unwrap();
    log.commit(vec![(0, batch_of(&inputs))]).unwrap();
}

struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_full_disk_stops_the_log_and_freeing_space_brings_it_back() {
    let directory = tempfile::tempdir().unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=40m", "tmpfs"]).arg(directory.path()).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        eprintln!("not allowed to mount a small disk here: the file size limit test alone covers a write error");
        return;
    }
    let mounted = Mounted(directory.path().to_owned());
    let filler = mounted.0.join("filler");
    let data = mounted.0.join("data");
    std::fs::write(&filler, vec![1; 6 << 20]).unwrap();
    let (acknowledged, refusal) = write_until_refused(open(&data));
    let text = refusal.to_string();
    assert!(matches!(refusal, LogError::Stopped { .. }) && text.contains("disk"), "{text}");
    assert!(acknowledged > 4_000, "{acknowledged}");
    std::fs::remove_file(filler).unwrap();
    check_after(&data, acknowledged);
}

#[test]
fn a_write_error_in_the_middle_of_a_batch_leaves_no_half_batch() {
    let directory = tempfile::tempdir().unwrap();
    let (_, module) = module_path!().split_once("::").unwrap();
    // 65 MiB, a little more than the journal's initial size, in the shell's blocks of 512 bytes.
    let limited = "trap '' XFSZ; ulimit -f 133120; exec \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([&format!("{module}::child"), "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let acknowledged = text.lines().find_map(|line| line.strip_prefix("acknowledged "));
    let acknowledged: u64 = acknowledged.expect("the child says what was acknowledged").parse().unwrap();
    assert!(acknowledged > 4_000, "{text}");
    check_after(directory.path(), acknowledged);
}

#[test]
#[ignore = "the process that runs under a file size limit"]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    // Buffers that never fill: the journal is the file that meets the limit.
    let mut options = small();
    options.store.write_buffer_bytes = 1 << 30;
    let log = EmbeddedLog::open(Path::new(&directory), &options).unwrap();
    let (acknowledged, refusal) = write_until_refused(log);
    assert!(refusal.to_string().contains("File too large"), "{refusal}");
    println!("\nacknowledged {acknowledged}");
}
