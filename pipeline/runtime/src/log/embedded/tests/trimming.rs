//! Trimming: what may go goes, what is needed stays, space comes back.

use super::*;

#[test]
fn trim_keeps_what_the_shard_has_not_committed() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path());
    for _ in 0..10 {
        append_numbered(&log, 100);
    }
    let limit = ReadLimit { records: 550, bytes: 4 << 20 };
    let inputs = log.read(Topic::Requests, 0, 0, limit).unwrap();
    log.commit(vec![(0, batch_of(&inputs))]).unwrap();
    let refused = log.trim(Topic::Requests, 551);
    assert!(matches!(refused, Err(LogError::StillNeeded { needed: 550, .. })));
    // Blocks go whole: the one that holds 550 stays.
    assert_eq!(log.trim(Topic::Requests, 550).unwrap(), 500);
    for _ in 0..2 {
        let trimmed = log.read_from(Topic::Requests, 499, ReadLimit::default());
        assert!(matches!(trimmed, Err(LogError::Trimmed { first: 500, .. })));
        assert_eq!(read_all(&log, Topic::Requests, 500), 1_000);
        assert_eq!(position(&log, Topic::Requests), 550);
        drop(log);
        log = open(directory.path());
    }
}

#[test]
fn the_end_survives_a_trim_of_everything() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    for _ in 0..3 {
        append_numbered(&log, 10);
    }
    log.append_blocking(Topic::Outcomes, vec![numbered(0), numbered(1)]).unwrap();
    log.append_blocking(Topic::Outcomes, vec![numbered(2)]).unwrap();
    assert_eq!(log.trim(Topic::Outcomes, 2).unwrap(), 2);
    assert_eq!(log.trim(Topic::Outcomes, 3).unwrap(), 3);
    assert_eq!(log.trim(Topic::Outcomes, 3).unwrap(), 3, "there is nothing more");
    drop(log);
    let mut log = open(directory.path());
    for next in 3..6 {
        assert_eq!(log.ends(Topic::Outcomes), (next, next));
        assert_eq!(log.append_blocking(Topic::Outcomes, vec![numbered(next)]).unwrap(), next..next + 1);
        assert_eq!(read_all(&log, Topic::Outcomes, next), next + 1);
        drop(log);
        log = open(directory.path());
        assert_eq!(log.ends(Topic::Outcomes), (next, next + 1));
        assert_eq!(read_all(&log, Topic::Outcomes, next), next + 1);
        assert_eq!(log.trim(Topic::Outcomes, next + 1).unwrap(), next + 1);
    }
}

/// What a shard has decided and a dispatcher has taken holds codes and numbers of people: none of it stays.
#[test]
fn nothing_stays_of_inputs_and_orders_that_are_done() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path());
    append_numbered(&log, 10);
    let inputs = log.read(Topic::Requests, 0, 0, ReadLimit::default()).unwrap();
    log.commit(vec![(0, batch_of(&inputs))]).unwrap();
    log.take_blocking((0..10).collect()).unwrap();
    for topic in [Topic::Requests, Topic::Dispatch, Topic::Outcomes] {
        assert_eq!(log.trim(topic, 10).unwrap(), 10);
        let stored: Vec<usize> =
            log.inner.shared.topics[topic.index()].iter().map(|entry| entry.into_inner().unwrap().1.len()).collect();
        assert!(matches!(stored[..], [bytes] if bytes < 16), "{}: {stored:?}", topic.name());
    }
    drop(log);
    let mut log = open(directory.path());
    assert_eq!((position(&log, Topic::Requests), log.dispatch_low()), (10, 10));
    append_numbered(&log, 3);
    let inputs = log.read(Topic::Requests, 0, 10, ReadLimit::default()).unwrap();
    log.commit(vec![(0, batch_of(&inputs))]).unwrap();
    assert_eq!(log.take_blocking(vec![9, 10, 12]).unwrap(), [10, 12]);
    assert_eq!(log.pending(0, ReadLimit::default()).unwrap().len(), 1);
}

/// Appends go on while everything is trimmed: none is lost, and the offsets stay dense.
#[test]
fn what_is_appended_while_everything_is_trimmed_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    std::thread::scope(|scope| {
        let (stop, stopping) = std::sync::mpsc::channel::<()>();
        let trimmer = log.clone();
        scope.spawn(move || {
            while stopping.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                let (_, next) = trimmer.ends(Topic::Outcomes);
                trimmer.trim(Topic::Outcomes, next).unwrap();
            }
        });
        let appenders: Vec<_> = (0..3)
            .map(|_| {
                let log = log.clone();
                scope.spawn(move || {
                    for _ in 0..300 {
                        log.append_blocking(Topic::Outcomes, vec![NewRecord::new("", "x", 0)]).unwrap();
                    }
                })
            })
            .collect();
        appenders.into_iter().for_each(|appender| appender.join().unwrap());
        drop(stop);
    });
    let (first, next) = log.ends(Topic::Outcomes);
    assert_eq!(next, 900);
    let kept = |log: &EmbeddedLog| log.read_from(Topic::Outcomes, first, ReadLimit::default()).unwrap().len() as u64;
    assert_eq!(kept(&log), next - first);
    drop(log);
    let log = open(directory.path());
    assert_eq!((log.ends(Topic::Outcomes), kept(&log)), ((first, next), next - first));
}

#[test]
fn orders_not_taken_cannot_be_trimmed_and_marks_go_with_their_orders() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path());
    for _ in 0..30 {
        append_numbered(&log, 100);
        let inputs = log.read(Topic::Requests, 0, position(&log, Topic::Requests), ReadLimit::default()).unwrap();
        log.commit(vec![(0, batch_of(&inputs))]).unwrap();
    }
    log.take_blocking((0..2_500).chain([2_600]).collect()).unwrap();
    let refused = log.trim(Topic::Dispatch, 2_501);
    assert!(matches!(refused, Err(LogError::StillNeeded { needed: 2_500, .. })));
    assert_eq!(log.trim(Topic::Dispatch, 2_500).unwrap(), 2_500);
    for _ in 0..2 {
        assert_eq!(log.inner.shared.taken_keyspace.iter().count(), 1);
        let pending = log.pending(0, ReadLimit::default()).unwrap();
        assert_eq!(pending.len(), 499);
        assert_eq!(pending[0].offset, 2_500);
        drop(log);
        log = open(directory.path());
    }
}

#[test]
fn trimmed_space_comes_back_while_writers_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let block = |n: u64| -> Vec<NewRecord> { (0..500).map(|k| NewRecord::new("", noise(n * 500 + k), 0)).collect() };
    let mut largest = 0;
    for n in 0..160 {
        let written = log.append_blocking(Topic::Outcomes, block(n)).unwrap();
        log.trim(Topic::Outcomes, written.start.saturating_sub(2_000)).unwrap();
        largest = largest.max(log.inner.shared.topics[Topic::Outcomes.index()].disk_space());
    }
    // 80 MB written, about 3 MB kept.
    assert!(largest < 24 << 20, "{largest} bytes on disk");
}

fn noise(mut seed: u64) -> Vec<u8> {
    let mut value = Vec::with_capacity(1_000);
    while value.len() < 1_000 {
        seed = (seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9).rotate_left(29);
        value.extend(seed.to_le_bytes());
    }
    value
}
