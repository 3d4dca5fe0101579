//! Many callers: group commit, back-pressure, waiting, closing.

use std::time::Instant;

use super::*;

#[test]
fn concurrent_appends_share_fsyncs_and_get_dense_distinct_offsets() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let (callers, appends) = (64, 20);
    let mut offsets: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|_| {
                scope.spawn(|| {
                    (0..appends)
                        .map(|_| log.append_blocking(Topic::Events, vec![numbered(1)]).unwrap().start)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    offsets.sort_unstable();
    assert_eq!(offsets, (0..callers * appends).collect::<Vec<_>>());
    let groups = log.groups_written();
    assert!(groups < callers * appends / 2, "{groups} fsyncs for {} appends", callers * appends);
}

#[tokio::test]
async fn async_callers_share_the_queue_with_the_shard() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let mut ends = log.subscribe(Topic::Requests);
    let shard = {
        let mut log = log.clone();
        std::thread::spawn(move || {
            let mut next = 0;
            while next < 200 {
                assert!(log.wait(&[(0, Topic::Requests, next)], Duration::from_secs(20)).unwrap());
                let inputs = log.read(Topic::Requests, 0, next, ReadLimit::default()).unwrap();
                next = inputs.last().unwrap().offset + 1;
                log.commit(vec![(0, batch_of(&inputs))]).unwrap();
            }
        })
    };
    for number in 0..200 {
        assert_eq!(log.append(Topic::Requests, vec![numbered(number)]).await.unwrap(), number..number + 1);
    }
    ends.changed().await.unwrap();
    assert_eq!(*ends.borrow_and_update(), 200);
    tokio::task::spawn_blocking(move || shard.join().unwrap()).await.unwrap();
    assert_eq!(log.take(vec![0, 199]).await.unwrap(), [0, 199]);
    assert_eq!(read_all(&log, Topic::Outcomes, 0), 200);
}

#[test]
fn appends_beyond_the_bounds_are_refused_and_write_nothing() {
    let queue = Queue::new(Bounds { records: 5, bytes: 10_000 });
    let push = |count| {
        let (done, answered) = oneshot::channel();
        let records = vec![numbered(0); count];
        let job = Job::Append { topic: Topic::Events, records, done };
        queue.push(job).map(|()| answered)
    };
    let _first = push(4).unwrap();
    assert!(matches!(push(2), Err(LogError::Busy { waiting_records: 4, records_max: 5, .. })));
    let _second = push(1).unwrap();
    let group = queue.take_group().unwrap();
    assert_eq!(group.jobs.len(), 2);
    // What is being written still counts.
    assert!(push(1).is_err());
    queue.release(&group.size());
    assert!(push(1).is_ok());
}

#[test]
fn a_record_above_the_bound_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let huge = NewRecord::new("", vec![0; EmbeddedOptions::default().record_bytes_max + 1], 0);
    let refused = log.append_blocking(Topic::Events, vec![huge]);
    assert!(matches!(refused, Err(LogError::TooLarge { topic: Topic::Events, .. })));
    assert_eq!(log.ends(Topic::Events), (0, 0));
}

#[test]
fn waiting_ends_with_a_record_or_with_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let started = Instant::now();
    assert!(!log.wait_for(Topic::Events, 0, Duration::from_millis(20)));
    assert!(started.elapsed() >= Duration::from_millis(20));
    let waiter = {
        let log = log.clone();
        std::thread::spawn(move || log.wait_for(Topic::Events, 0, Duration::from_secs(20)))
    };
    log.append_blocking(Topic::Events, vec![numbered(0)]).unwrap();
    assert!(waiter.join().unwrap());
}

#[test]
fn closing_writes_what_waits() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let shared = Arc::clone(&log.inner.shared);
    let answers: Vec<_> =
        (0..100).map(|number| log.enqueue_append(Topic::Requests, vec![numbered(number)]).unwrap()).collect();
    drop(log);
    for (number, answer) in (0..).zip(answers) {
        assert_eq!(answer.blocking_recv().unwrap().unwrap(), number..number + 1);
    }
    assert!(matches!(shared.queue.stopped(), Some(LogError::Stopped { .. })));
}
