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
    store.write_unsynced(batch).unwrap();
    drop(store);
    let store = Store::open(directory.path(), &StoreOptions::default()).unwrap();
    let found: Vec<_> = store.scan_prefix(Space::Contacts, b"a").map(Result::unwrap).collect();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].0[..], &found[0].1[..]), (&b"a2"[..], &b"y"[..]));
    assert_eq!(store.get(Space::Pairs, b"a2").unwrap(), None);
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
