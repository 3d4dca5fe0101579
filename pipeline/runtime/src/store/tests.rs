#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use super::*;

fn refusal(path: &Path) -> String {
    match Store::open(path, &StoreOptions::default()) {
        Ok(_) => panic!("the directory was opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn state_written_without_fsync_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let mut batch = StateBatch::default();
    batch.put(Space::Contacts, b"a1", b"x");
    batch.put(Space::Contacts, b"a2", b"y");
    batch.put(Space::Contacts, b"b1", b"z");
    batch.delete(Space::Contacts, b"a1");
    assert_eq!((batch.len(), batch.bytes()), (4, 11));
    store.write_unsynced(&batch).unwrap();
    drop(store);
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let found: Vec<_> = store.scan_prefix(Space::Contacts, b"a").map(Result::unwrap).collect();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].0[..], &found[0].1[..]), (&b"a2"[..], &b"y"[..]));
    assert_eq!(store.get(Space::Pairs, b"a2").unwrap(), None);
}

#[test]
fn what_is_written_behind_is_read_and_outlives_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let batch = |n: u32| {
        let mut batch = StateBatch::default();
        batch.put(Space::Contacts, b"last", &n.to_be_bytes());
        batch.put(Space::Pairs, &n.to_be_bytes(), b"x");
        batch
    };
    for n in 0..500 {
        store.write_behind(batch(n)).unwrap();
        if n % 7 == 0 {
            assert_eq!(&store.get(Space::Contacts, b"last").unwrap().unwrap()[..], &n.to_be_bytes()[..]);
            assert_eq!(store.scan_prefix(Space::Pairs, &[]).count(), n as usize + 1);
        }
    }
    store.write_unsynced(&batch(500)).unwrap();
    (501..600).for_each(|n| store.write_behind(batch(n)).unwrap());
    drop(store);
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    assert_eq!(store.scan_range(Space::Pairs, &[], None).count(), 600);
    assert_eq!(&store.get(Space::Contacts, b"last").unwrap().unwrap()[..], &599_u32.to_be_bytes()[..]);
}

#[test]
fn a_failed_write_behind_ends_reads_and_writes() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let failing = Behind::start(|_| Err(StoreError::Write { detail: "the disk is full".to_owned() })).unwrap();
    assert!(store.inner.behind.set(failing).is_ok());
    let mut batch = StateBatch::default();
    batch.put(Space::Contacts, b"a", b"x");
    store.write_behind(batch.clone()).unwrap();
    let told = |result: Result<(), StoreError>| result.unwrap_err().to_string();
    assert!(told(store.settle()).contains("disk is full"));
    assert!(told(store.get(Space::Contacts, b"a").map(drop)).contains("disk is full"));
    assert!(told(store.scan_prefix(Space::Contacts, &[]).next().unwrap().map(drop)).contains("disk is full"));
    assert!(told(store.write_behind(batch.clone())).contains("disk is full"));
    assert!(told(store.write_unsynced(&batch)).contains("disk is full"));
}

#[test]
fn an_unwritten_key_is_found_before_the_database_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let put = |key: &[u8], value: Option<&[u8]>| {
        let mut batch = StateBatch::default();
        batch.put(Space::Contacts, b"other", b"x");
        match value {
            Some(value) => batch.put(Space::Contacts, key, value),
            None => batch.delete(Space::Contacts, key),
        }
        batch
    };
    store.write_unsynced(&put(b"a", Some(b"old"))).unwrap();
    store.write_unsynced(&put(b"gone", Some(b"old"))).unwrap();
    // A database that takes its time.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (database, spaces) = (store.inner.database.clone(), store.inner.spaces.clone());
    let slow = Behind::start(move |batch| {
        let _ = wait.recv();
        write_unsynced(&database, &spaces, batch)
    });
    assert!(store.inner.behind.set(slow.unwrap()).is_ok());
    store.write_behind(put(b"a", Some(b"new"))).unwrap();
    store.write_behind(put(b"gone", None)).unwrap();
    store.write_behind(put(b"a", Some(b"newest"))).unwrap();
    let value = |key: &[u8]| store.get(Space::Contacts, key).unwrap().map(|v| v.to_vec());
    assert_eq!((value(b"a"), value(b"gone"), value(b"b")), (Some(b"newest".to_vec()), None, None));
    assert_eq!(store.get(Space::Pairs, b"a").unwrap(), None);
    assert!(!store.is_settled());
    (0..3).for_each(|_| go.send(()).unwrap());
    // A scan waits for all of it.
    assert_eq!(store.scan_prefix(Space::Contacts, b"").count(), 2);
    assert!(store.is_settled());
    assert_eq!(value(b"a"), Some(b"newest".to_vec()));
}

#[test]
fn a_panic_behind_is_told_and_nobody_waits_for_ever() {
    let behind = Behind::start(|_| panic!("for the test")).unwrap();
    behind.push(StateBatch::default()).unwrap();
    assert!(behind.settle().unwrap_err().to_string().contains("panicked"));
    assert!(behind.push(StateBatch::default()).is_err());
}

#[test]
fn a_newer_format_is_refused_with_both_versions_and_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path(), &StoreOptions::default()).unwrap());
    fs::write(directory.path().join("FORMAT"), "tollgate-data 2\n").unwrap();
    assert!(matches!(super::check_format(directory.path()), Err(StoreError::NewerFormat { found: 2, .. })));
    let text = refusal(directory.path());
    assert!(text.contains("has format 2") && text.contains("up to format 1"), "{text}");
    assert!(text.contains("newer release") && text.contains("backup"), "{text}");
}

#[test]
fn a_second_open_is_refused_and_names_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let first = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let text = refusal(directory.path());
    assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    drop(first);
    Store::open(directory.path(), &StoreOptions::default()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_refused_with_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let text = refusal(&file.join("data"));
    assert!(text.contains("file/data") && text.contains("write access"), "{text}");
}

#[test]
fn a_directory_of_something_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.txt"), "").unwrap();
    assert!(refusal(directory.path()).contains("thesis.txt"));
    let garbled = tempfile::tempdir().unwrap();
    fs::write(garbled.path().join("FORMAT"), "7").unwrap();
    assert!(refusal(garbled.path()).contains("FORMAT says"));
}

#[test]
fn a_creation_cut_short_is_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(directory.path(), &StoreOptions::default()).unwrap());
    // What a kill during the first open leaves: a database without its place, perhaps without half its files.
    fs::remove_dir_all(directory.path().join("db")).unwrap();
    fs::create_dir(directory.path().join("db.creating")).unwrap();
    fs::write(directory.path().join("db.creating/0.jnl"), "").unwrap();
    Store::open(directory.path(), &StoreOptions::default()).unwrap();
    assert!(!directory.path().join("db.creating").exists());
}
