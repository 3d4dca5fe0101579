//! The shard's side: commit, positions, reads, takes, reopening.

use super::*;

#[test]
fn a_commit_is_there_whole_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path());
    assert_eq!(append_numbered(&log, 500), 0..500);
    let inputs = log.read(Topic::Requests, 0, 0, ReadLimit::default()).unwrap();
    log.commit(vec![(0, batch_of(&inputs))]).unwrap();
    drop(log);

    let log = open(directory.path());
    assert_eq!(position(&log, Topic::Requests), 500);
    for topic in [Topic::Requests, Topic::Dispatch, Topic::Outcomes] {
        assert_eq!(read_all(&log, topic, 0), 500);
    }
    let stored = log.store().get(Space::Messages, &7u64.to_be_bytes()).unwrap().unwrap();
    assert_eq!(&stored[..], &numbered(7).value[..]);
    assert_eq!(log.store().scan_prefix(Space::Messages, &[]).count(), 500);
    let middle = log.store().scan_range(Space::Messages, &9u64.to_be_bytes(), Some(&12u64.to_be_bytes()));
    assert_eq!(middle.count(), 3);
}

#[test]
fn the_later_change_of_a_key_in_one_batch_wins_also_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path());
    let mut commit = Commit { next_offsets: vec![(Topic::Requests, 0)], ..Commit::default() };
    commit.state.put(Space::Pairs, b"kept", b"1");
    commit.state.delete(Space::Pairs, b"kept");
    commit.state.put(Space::Pairs, b"kept", b"2");
    commit.state.put(Space::Pairs, b"gone", b"1");
    commit.state.delete(Space::Pairs, b"gone");
    log.commit(vec![(0, commit)]).unwrap();
    for _ in 0..2 {
        let found = log.store().multi_get(Space::Pairs, &["kept", "gone"]).unwrap();
        assert_eq!(found[0].as_deref(), Some(&b"2"[..]));
        assert_eq!(found[1], None);
        drop(log);
        log = open(directory.path());
    }
}

#[test]
fn a_commit_without_offsets_or_going_back_or_beyond_the_end_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path());
    append_numbered(&log, 10);
    let commit_at = |topic, next| Commit { next_offsets: vec![(topic, next)], ..Commit::default() };
    log.commit(vec![(0, commit_at(Topic::Requests, 5))]).unwrap();
    for bad in [
        Commit::default(),
        commit_at(Topic::Requests, 4),
        commit_at(Topic::Requests, 11),
        commit_at(Topic::Outcomes, 0),
    ] {
        assert!(matches!(log.commit(vec![(0, bad)]), Err(LogError::BadCommit { .. })));
    }
    assert!(matches!(
        log.commit(vec![(3, commit_at(Topic::Requests, 6))]),
        Err(LogError::NoPartition { partition: 3 })
    ));
    log.commit(vec![(0, commit_at(Topic::Requests, 6))]).unwrap();
    assert_eq!(position(&log, Topic::Requests), 6);
}

#[test]
fn records_beyond_the_memory_tail_are_read_from_disk_alike() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    for count in [1, 3_000, 2, 900] {
        append_numbered(&log, count);
    }
    for from in [0, 1, 2, 1_500, 3_000, 3_001, 3_002, 3_003, 3_902] {
        assert_eq!(read_all(&log, Topic::Requests, from), 3_903);
    }
    let beyond = log.read_from(Topic::Requests, 3_904, ReadLimit::default());
    assert!(matches!(beyond, Err(LogError::BeyondEnd { next: 3_903, .. })));
}

#[test]
fn headers_survive() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let mut letter = numbered(0);
    letter.headers = vec![("reason".to_owned(), "internal".into())];
    log.append_blocking(Topic::DeadLetters, vec![letter.clone()]).unwrap();
    drop(log);
    let log = open(directory.path());
    let read = log.read_from(Topic::DeadLetters, 0, ReadLimit::default()).unwrap();
    assert_eq!(read, [Record::from_new(0, letter)]);
}

#[test]
fn taken_orders_are_never_pending_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = open(directory.path());
    append_numbered(&log, 3_000);
    let inputs = log.read(Topic::Requests, 0, 0, ReadLimit::default()).unwrap();
    log.commit(vec![(0, batch_of(&inputs))]).unwrap();
    assert_eq!(log.take_blocking(vec![5, 0, 2_999]).unwrap(), [5, 0, 2_999]);
    assert_eq!(log.take_blocking(vec![1, 5]).unwrap(), [1]);
    let missing = log.take_blocking(vec![2, 3_000]);
    assert!(matches!(missing, Err(LogError::BeyondEnd { wanted: 3_000, .. })));
    for _ in 0..2 {
        assert_eq!(log.dispatch_low(), 2);
        let pending = log.pending(0, ReadLimit::default()).unwrap();
        assert_eq!(pending.len(), 2_996);
        let first: Vec<_> = pending.iter().take(4).map(|order| order.offset).collect();
        assert_eq!(first, [2, 3, 4, 6]);
        let limit = ReadLimit { records: 2, bytes: 1 << 20 };
        assert_eq!(log.pending(5, limit).unwrap()[0].offset, 6);
        drop(log);
        log = open(directory.path());
    }
}
