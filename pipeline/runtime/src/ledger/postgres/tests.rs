//! What only a server can do: several writers, lost connections, foreign tables.

use super::super::fixture::{Database, READ_AT, charge, json, records};
use super::super::sql::Sql;
use super::super::{LedgerError, LedgerReader, LedgerStore, Place, Record, Writer};
use super::{PostgresConfig, server};
use std::sync::mpsc;
use std::time::Duration;

fn writer(config: &PostgresConfig) -> Writer {
    Place::Postgres(Box::new(config.clone())).writer().expect("opens")
}

fn values(numbers: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    numbers.map(|n| json(&charge(n))).collect()
}

/// Books with one writer and holds its transaction open while `meanwhile` goes on and comes to wait for it; how many entries it
/// booked.
fn while_it_is_booked(writer: &mut Writer, batch: &[Record<'_>], meanwhile: impl FnOnce()) -> u64 {
    let (written, commits) = mpsc::channel();
    std::thread::scope(|scope| {
        let holds = scope.spawn(|| {
            writer.transact(|tx, memory| {
                let done = super::super::ingest::ingest(tx, memory, batch, READ_AT)?;
                written.send(()).expect("the test listens");
                // The other one is waiting by then.
                std::thread::sleep(Duration::from_millis(300));
                Ok(done)
            })
        });
        commits.recv().expect("it has written");
        meanwhile();
        holds.join().expect("no panic").expect("books").applied
    })
}

#[test]
fn of_two_writers_of_a_partition_the_second_writes_nothing() {
    let config = server::database();
    let (mut first, mut second) = (writer(&config), writer(&config));
    let batch = values(0..20);
    let booked = while_it_is_booked(&mut first, &records(&batch, 0), || {
        let late = second.ingest(&records(&batch[..10], 0), READ_AT);
        assert!(matches!(late, Err(LedgerError::Moved { topic: "ledger", partition: 3 })), "{late:?}");
    });
    assert_eq!(booked, 20);
    assert_eq!(LedgerStore::position(&second, 3).expect("reads"), 20);
    let again = second.ingest(&records(&batch, 0), READ_AT).expect("books");
    assert_eq!(again.skipped, 20);
    // Partitions of different writers do not meet.
    let elsewhere: Vec<_> = values(100..110);
    let mut moved = records(&elsewhere, 0);
    moved.iter_mut().for_each(|r| r.partition = 4);
    assert_eq!(second.ingest(&moved, READ_AT).expect("books").applied, 10);
}

#[test]
fn a_lost_connection_is_said_so_and_made_again() {
    let config = server::database();
    let mut writer = writer(&config);
    let place = Place::Postgres(Box::new(config.clone()));
    let reader = place.reader(Default::default()).expect("opens");
    writer.ingest(&records(&values(0..5), 0), READ_AT).expect("books");
    let mut other = config.connect().expect("connects");
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM unnest($1::int[]) AS of (pid)";
    let pids = vec![pid(&mut writer), pid_of(&reader)];
    let gone: i64 = other.query_one(cut, &[&pids]).expect("asks").get(0);
    assert_eq!(gone, 2);
    std::thread::sleep(Duration::from_millis(100));
    let all = values(0..10);
    // What the server had not made durable may be gone: the writer is told, so that its source reads on from what is
    // there, and remembers no number.
    let error = writer.ingest(&records(&all, 0), READ_AT).expect_err("the connection is another one");
    assert!(error.passes() && error.to_string().contains("made anew"), "{error}");
    let booked = writer.ingest(&records(&all, 0), READ_AT).expect("books");
    assert_eq!((booked.skipped, booked.applied), (5, 5));
    let october = "2026-10".parse().expect("a month");
    let read = reader.entry_count(october, None).or_else(|_| reader.entry_count(october, None));
    assert_eq!(read.expect("a new connection"), 10);
}

/// As of a file: somebody has to free some space, and what reads the log waits for it instead of ending the process.
#[test]
fn a_server_that_is_full_is_waited_for() {
    let config = server::database();
    let mut writer = writer(&config);
    // What the server says when its disk or its memory is full, and what a file that is damaged makes it say.
    for (code, passes) in [("53100", true), ("53200", true), ("53300", true), ("XX001", false)] {
        let full = format!("DO 'BEGIN RAISE EXCEPTION ''could not extend file'' USING ERRCODE = ''{code}''; END'");
        let error = writer.transact(|tx, _| tx.run(&full, &[])).expect_err("it is full");
        assert_eq!(error.passes(), passes, "{code}: {error}");
        assert!(error.to_string().contains("could not extend file"), "{error}");
    }
    assert_eq!(writer.ingest(&records(&values(0..5), 0), READ_AT).expect("books").applied, 5);
}

fn pid(writer: &mut Writer) -> i32 {
    let found = writer.transact(|tx, _| {
        let tx: &dyn Sql = tx;
        tx.number("SELECT CAST(pg_backend_pid() AS BIGINT)", &[])
    });
    found.expect("asks").expect("a number") as i32
}

fn pid_of(reader: &super::super::Reader) -> i32 {
    let found = reader.read(|db| db.number("SELECT CAST(pg_backend_pid() AS BIGINT)", &[]));
    found.expect("asks").expect("a number") as i32
}

#[test]
fn newer_foreign_and_empty_schemas_are_refused() {
    let config = server::database();
    let place = Place::Postgres(Box::new(config.clone()));
    let refused = |place: &Place| place.reader(Default::default()).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(refused(&place).contains("no ledger here; start the service"), "{}", refused(&place));
    drop(place.writer().expect("sets up"));
    config.connect().expect("connects").batch_execute("UPDATE schema_version SET version = 11").expect("runs");
    let newer = "the ledger database has schema version 11, this version knows up to 10; start the newer version again";
    assert!(refused(&place).contains(newer), "{}", refused(&place));
    assert!(place.writer().is_err_and(|e| e.to_string().contains(newer)));
    let foreign = server::database();
    let mut client = foreign.connect().expect("connects");
    let schema = foreign.schema();
    client.batch_execute(&format!("CREATE SCHEMA {schema}; CREATE TABLE birds (name text)")).expect("runs");
    let error = Place::Postgres(Box::new(foreign)).writer().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.contains("the schema holds tables of another program"), "{error}");
}

#[test]
fn a_month_has_partitions_of_its_own() {
    let database = Database::postgres();
    database.with_month();
    let Place::Postgres(config) = database.place() else { panic!("a server") };
    let sql = "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
               WHERE c.relnamespace = $1::text::regnamespace AND c.relkind = 'r' ORDER BY 1";
    let rows = config.connect().expect("connects").query(sql, &[&config.schema()]).expect("asks");
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, ["entries_2026_10", "entries_2026_11"]);
}

/// Entries are copied into the partition itself: one that was taken out meanwhile, by whoever keeps old months elsewhere, gets
/// none.
#[test]
fn a_month_that_was_detached_is_begun_anew() {
    let config = server::database();
    let mut writer = writer(&config);
    writer.ingest(&records(&values(0..2), 0), READ_AT).expect("books");
    let mut client = config.connect().expect("connects");
    let detach = "ALTER TABLE entries DETACH PARTITION entries_2026_10; ALTER TABLE entries_2026_10 RENAME TO kept";
    client.batch_execute(detach).expect("runs");
    writer.ingest(&records(&values(2..5), 2), READ_AT).expect("books");
    let mut count =
        |table: &str| -> i64 { client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).expect("asks").get(0) };
    assert_eq!(["kept", "entries", "people"].map(&mut count), [2, 3, 5]);
    // What was booked stays known.
    let again: Vec<_> = values(0..2);
    let done = writer.ingest(&records(&again, 5), READ_AT).expect("reads");
    assert_eq!((done.applied, done.duplicates), (0, 2));
}

#[test]
fn addresses_are_read_and_shown_without_their_password() {
    let new = |url: &str, schema: &str| PostgresConfig::new(url, Some("secret"), schema, None);
    let config = new("postgres://books@db.example:5433/finance", "tollgate").expect("an address");
    assert_eq!(config.to_string(), "PostgreSQL db.example:5433/finance, schema tollgate");
    assert!(!format!("{config:?}").contains("secret"));
    for (url, schema, says) in [
        ("", "tollgate", "it names no host; write postgres://USER@HOST:5432/DATABASE"),
        ("mysql://x", "tollgate", "is not an address"),
        ("postgres://a:b@c/d", "tollgate", "holds a password; put it into a file"),
        ("postgres://a@c/d", "Tollgate", "ledger.postgres_schema is \"Tollgate\""),
        ("postgres://a@c/d", "x; drop table y", "small letters, digits and underscores"),
    ] {
        let error = new(url, schema).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains(says), "{url}: {error}");
    }
    let nowhere = new("postgres://a@127.0.0.1:1/d", "tollgate").expect("an address");
    let error = Place::Postgres(Box::new(nowhere)).writer().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.starts_with("PostgreSQL 127.0.0.1:1/d, schema tollgate: ") && error.contains("refused"), "{error}");
}

#[test]
fn with_tls_and_a_password() {
    let server = server::Server::secure();
    let [_, url, authority, password] = &server.told[..] else { panic!("{:?}", server.told) };
    let password = std::fs::read_to_string(password).expect("the password");
    let authority = Some(std::path::Path::new(authority));
    let open = |url: &str, password: &str, authority| {
        let config = PostgresConfig::new(url, Some(password), "tollgate", authority).expect("an address");
        Place::Postgres(Box::new(config)).writer().map(drop).map_err(|e| e.to_string())
    };
    assert_eq!(open(url, password.trim(), authority), Ok(()));
    let refused = |opened: Result<(), String>, says: &str| {
        let error = opened.expect_err("refused");
        assert!(error.contains(says) && !error.contains(password.trim()), "{error}");
    };
    refused(open(url, password.trim(), None), "certificate");
    refused(open(url, "wrong", authority), "password authentication failed");
    refused(open(&url.replace("require", "disable"), password.trim(), authority), "no encryption");
}

#[test]
fn two_writers_make_one_row_of_the_summary() {
    let config = server::database();
    let (mut first, mut second) = (writer(&config), writer(&config));
    // What a server's administrator may have set for all.
    let set = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ";
    second.transact(|tx, _| tx.run(set, &[])).expect("sets");
    first.ingest(&records(&values(0..1), 0), READ_AT).expect("books");
    let of = |n: u64| {
        let entry = tollgate_wire::ledger::LedgerEntry { campaign: Some("new".into()), ..charge(n) };
        vec![json(&entry)]
    };
    let (mine, theirs) = (of(10), of(11));
    let booked = while_it_is_booked(&mut first, &records(&mine, 1), || {
        let mut elsewhere = records(&theirs, 0);
        elsewhere[0].partition = 4;
        assert_eq!(second.ingest(&elsewhere, READ_AT).expect("books").applied, 1);
    });
    assert_eq!(booked, 1);
    let reader = Place::Postgres(Box::new(config)).reader(Default::default()).expect("opens");
    let mut rows = Vec::new();
    let each = &mut |row: &super::super::SummaryRow<'_>| {
        rows.push((row.campaign.map(str::to_owned), row.entries));
        std::ops::ControlFlow::Continue(())
    };
    reader.summary("2026-10".parse().expect("a month"), None, each).expect("reads");
    assert_eq!(rows, [(Some("black-friday-2026".to_owned()), 1), (Some("new".to_owned()), 2)]);
}

/// What the second looked up before it waited must not be believed after: the first has made the partitions meanwhile.
#[test]
fn two_writers_that_meet_a_month_at_once_make_it_once() {
    let config = server::database();
    let (mut first, mut second) = (writer(&config), writer(&config));
    // Of the account neither waits for the other.
    first.ingest(&records(&values(0..1), 0), READ_AT).expect("books");
    let of = |n: u64| {
        let e = charge(n);
        vec![json(&tollgate_wire::ledger::LedgerEntry {
            campaign: Some(format!("campaign-{n}").into()),
            occurred_at: tollgate_wire::Time(e.occurred_at.0 + 40 * 86_400_000),
            usage_period: "2026-11".into(),
            billing_period: "2026-11".into(),
            ..e
        })]
    };
    let (mine, theirs) = (of(10), of(11));
    let booked = while_it_is_booked(&mut first, &records(&mine, 1), || {
        let mut elsewhere = records(&theirs, 0);
        elsewhere[0].partition = 4;
        assert_eq!(second.ingest(&elsewhere, READ_AT).expect("books").applied, 1);
    });
    assert_eq!(booked, 1);
    let reader = Place::Postgres(Box::new(config)).reader(Default::default()).expect("opens");
    assert_eq!(reader.entry_count("2026-11".parse().expect("a month"), None).expect("counts"), 2);
}

/// Who books while a person is erased does not know of it: the erasure waits for what was begun, and clears it too.
#[test]
fn what_is_booked_while_a_person_is_erased_is_erased_with_the_rest() {
    let config = server::database();
    let (mut first, mut second) = (writer(&config), writer(&config));
    first.ingest(&records(&values(0..1), 0), READ_AT).expect("books");
    let batch = values(1..5);
    let erased = serde_json::json!({
        "erased": "+5511987654321", "account": "acme", "as_of": READ_AT, "recipient_hash": "0".repeat(32), "until_uid": 9,
    });
    let erased = [json(&erased)];
    let booked = while_it_is_booked(&mut first, &records(&batch, 1), || {
        assert_eq!(second.ingest_snapshots(&records(&erased, 0), READ_AT).expect("erases").applied, 1);
    });
    assert_eq!(booked, 4);
    let sql = "SELECT count(*) FROM entry_ids WHERE recipient IS NOT NULL OR wamid IS NOT NULL";
    let named: i64 = config.connect().expect("connects").query_one(sql, &[]).expect("asks").get(0);
    assert_eq!(named, 0);
}
