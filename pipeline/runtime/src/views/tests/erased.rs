//! `erased_stays_erased`: what is read after a person was erased brings nothing of the person back.

use crate::ledger::fixture::{Database, READ_AT, T0, charge, json as bytes, on_both, records};
use crate::ledger::{Close, LedgerReader, LedgerStore, Place, Stream, Writer, close_month};
use crate::views::fixture::{at, outcome};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use tollgate_wire::Time;
use tollgate_wire::ledger::{EntryKind, LedgerEntry, Origin};

on_both!(
    erased_stays_erased_in_whatever_order_topics_come,
    what_others_sent_is_nameless_while_it_may_be_from_before,
    others_and_other_accounts_keep_their_names,
    what_is_set_aside_late_names_nobody,
    an_erasure_that_is_read_again_forgets_nothing_later,
    what_is_too_old_is_forgotten_with_the_next_erasure,
);

const ANA: &str = "+5511987654321";
const DIGITS: &str = "5511987654321";
const HASH: &str = "00112233445566778899aabbccddeeff";
/// Seconds after the tests' day began.
const ERASED_S: u64 = 1_000;
const DAY_S: u64 = 86_400;

/// Greatest message number at the erasure.
const UNTIL: u64 = 8;

fn erased(uid: u64, seconds: u64) -> Vec<u8> {
    bytes(&json!({"erased": ANA, "account": "acme", "as_of": at(seconds), "recipient_hash": HASH, "until_uid": uid}))
}

/// An entry for a message to the person.
fn entry(n: u64, uid: Option<u64>, when: &str) -> LedgerEntry<'static> {
    LedgerEntry {
        message_uid: uid,
        message: uid.map(|uid| format!("m{uid}").into()),
        recipient_hash: HASH.into(),
        recipient: Some(ANA.into()),
        wamid: Some(format!("wamid.{when}").into()),
        ..charge(n)
    }
}

fn moved(uid: u64, seconds: u64, kind: &str, when: &str, more: Value) -> Vec<u8> {
    let mut of = json!({"recipient_hash": HASH, "metadata": {"crm": format!("crm.{when}")}});
    let (Value::Object(fields), Value::Object(more)) = (&mut of, more) else { panic!("both are objects") };
    fields.extend(more);
    outcome(&format!("m{uid}"), uid, seconds, kind, of)
}

/// One topic each: what is told of messages that were requested before or after.
struct Told {
    ledger: Vec<Vec<u8>>,
    outcomes: Vec<Vec<u8>>,
}

impl Told {
    /// A charge, one that is corrected, and a message whose first outcome and later ones are told, one to another attempt.
    fn before() -> Self {
        let corrected = LedgerEntry {
            kind: EntryKind::Adjustment,
            adjusts: Some(format!("{:032x}", 20).into()),
            revision: 1,
            ..entry(21, Some(UNTIL), "before")
        };
        let wamid = || json!({"wamid": "wamid.before"});
        Self {
            ledger: [entry(19, Some(7), "before"), entry(20, Some(UNTIL), "before"), corrected]
                .iter()
                .map(bytes)
                .collect(),
            outcomes: vec![
                moved(UNTIL, 1, "parked", "before", json!({"attempt": 0, "reason": "quota"})),
                moved(UNTIL, 2, "accepted", "before", wamid()),
                moved(UNTIL, 3, "duplicate", "before", json!({"attempt": 0, "metadata": {"crm": "crm.before again"}})),
                moved(UNTIL, 4, "read", "before", wamid()),
                // Its history was forgotten: it begins anew.
                moved(7, ERASED_S + 5, "delivered", "before", wamid()),
            ],
        }
    }

    fn after() -> Self {
        Self {
            ledger: vec![bytes(&entry(30, Some(UNTIL + 1), "after"))],
            outcomes: vec![moved(UNTIL + 1, ERASED_S + 9, "accepted", "after", json!({"wamid": "wamid.after"}))],
        }
    }
}

/// Writers that last, each of one topic, as in processes of their own.
struct Books([Writer; 3], [u64; 3]);

impl Books {
    fn of(dir: &Database) -> Self {
        let mut books = Self([dir.writer(), dir.writer(), dir.writer()], [0; 3]);
        // Each has looked before anybody is erased.
        books.snapshots(&[]).ledger(&[]).outcomes(&[]);
        books
    }

    fn next(&mut self, of: usize, values: &[Vec<u8>]) -> (&mut Writer, u64) {
        let first = self.1[of];
        self.1[of] += values.len() as u64;
        (&mut self.0[of], first)
    }

    fn snapshots(&mut self, values: &[Vec<u8>]) -> &mut Self {
        let (writer, first) = self.next(0, values);
        assert_eq!(writer.ingest_snapshots(&records(values, first), READ_AT).unwrap().rejected, 0);
        self
    }

    fn ledger(&mut self, values: &[Vec<u8>]) -> &mut Self {
        let (writer, first) = self.next(1, values);
        assert_eq!(writer.ingest(&records(values, first), READ_AT).unwrap().rejected, 0);
        self
    }

    fn outcomes(&mut self, values: &[Vec<u8>]) -> &mut Self {
        let (writer, first) = self.next(2, values);
        assert_eq!(writer.ingest_outcomes(&records(values, first), READ_AT).unwrap().rejected, 0);
        self
    }
}

/// Every row of every table as text, bytes in hexadecimal.
fn dump(dir: &Database) -> String {
    let server = matches!(dir.place(), Place::Postgres(_));
    let tables = if server {
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() \
         AND table_type = 'BASE TABLE'"
    } else {
        "SELECT name FROM sqlite_schema WHERE type = 'table'"
    };
    let dumped = dir.reader().read(|db| {
        let (mut names, mut all) = (Vec::new(), String::new());
        db.rows(tables, &[], &mut |row| {
            names.push(row.words(0)?.to_owned());
            Ok(ControlFlow::Continue(()))
        })?;
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            let mut columns = Vec::new();
            if server {
                columns.push("t::text".to_owned());
            } else {
                db.rows("SELECT name FROM pragma_table_info(?1)", &[name.as_str().into()], &mut |row| {
                    columns.push(format!("coalesce(quote(\"{}\"), '')", row.words(0)?));
                    Ok(ControlFlow::Continue(()))
                })?;
            }
            let sql = format!("SELECT {} FROM \"{name}\" t", columns.join(" || '|' || "));
            db.rows(&sql, &[], &mut |row| {
                all.push_str(&format!("{name}: {}\n", row.words(0)?));
                Ok(ControlFlow::Continue(()))
            })?;
        }
        Ok(all)
    });
    dumped.unwrap()
}

/// Rows that say it, plainly or as bytes.
fn saying(dir: &Database, what: &str) -> Vec<String> {
    let as_bytes = hex::encode(what);
    let said = |row: &&str| {
        let row = row.to_lowercase();
        row.contains(what) || row.contains(&as_bytes)
    };
    dump(dir).lines().filter(said).map(str::to_owned).collect()
}

fn assert_nowhere(dir: &Database, what: &[&str]) {
    for what in what {
        assert_eq!(saying(dir, what), Vec::<String>::new(), "{what}");
    }
}

/// Numbers with which the entries are kept, by id.
fn recipients(dir: &Database) -> Vec<(String, Option<String>)> {
    let mut all = Vec::new();
    let each = &mut |e: &LedgerEntry<'_>| {
        assert_eq!(e.recipient.is_some(), e.wamid.is_some());
        let n = u64::from_str_radix(&e.entry, 16).unwrap();
        all.push((format!("{} {n}", e.account), e.recipient.as_deref().map(str::to_owned)));
        ControlFlow::Continue(())
    };
    dir.reader().detail("2026-10".parse().unwrap(), None, true, each).unwrap();
    all
}

/// The message that was requested afterwards, whole.
fn assert_came_back(dir: &Database) {
    let message = dir.reader().message("acme", "m9").unwrap().unwrap();
    let metadata = message.metadata.as_ref().map(|m| m.get());
    assert_eq!((message.to.as_str(), message.wamid.as_deref()), (ANA, Some("wamid.after")));
    assert_eq!(metadata, Some(r#"{"crm":"crm.after"}"#));
    let named: Vec<_> = recipients(dir).into_iter().filter_map(|(n, to)| to.map(|to| (n, to))).collect();
    assert_eq!(named, [("acme 30".to_owned(), ANA.to_owned())]);
}

fn erased_stays_erased_in_whatever_order_topics_come(dir: &Database) {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (order, after_first) in ORDERS.iter().flat_map(|order| [(order, false), (order, true)]) {
        let dir = dir.another();
        let (mut books, told, after) = (Books::of(&dir), Told::before(), Told::after());
        for topic in order {
            match topic {
                0 => books.snapshots(&[erased(UNTIL, ERASED_S)]),
                1 => books.ledger(&told.ledger),
                _ => books.outcomes(&told.outcomes),
            };
            if after_first {
                match topic {
                    1 => books.ledger(&after.ledger),
                    2 => books.outcomes(&after.outcomes),
                    _ => &mut books,
                };
            }
        }
        assert_nowhere(&dir, &["wamid.before", "crm.before"]);
        if !after_first {
            assert_nowhere(&dir, &[DIGITS]);
            books.ledger(&after.ledger).outcomes(&after.outcomes);
        }
        assert_came_back(&dir);
        // What comes of the earlier ones later still, in a batch of its own.
        books.outcomes(&[moved(UNTIL, ERASED_S + 20, "read", "before", json!({"wamid": "wamid.before"}))]);
        books.ledger(&[bytes(&entry(40, Some(3), "before"))]);
        assert_nowhere(&dir, &["wamid.before", "crm.before"]);
        assert_came_back(&dir);
        let message = dir.reader().message("acme", "m8").unwrap().unwrap();
        assert_eq!((message.to.as_str(), message.outcome.as_str(), message.moves.len()), ("", "read", 5), "{order:?}");
        assert_eq!(recipients(&dir).len(), 5, "all are booked");
    }
}

fn what_others_sent_is_nameless_while_it_may_be_from_before(dir: &Database) {
    let foreign = |n: u64, seconds: u64| {
        let occurred_at = Time(T0 + seconds * 1_000);
        bytes(&LedgerEntry { origin: Origin::Foreign, attempt: None, occurred_at, ..entry(n, None, "foreign") })
    };
    let entries = [foreign(1, 0), foreign(2, ERASED_S + 30 * DAY_S), foreign(3, ERASED_S + 30 * DAY_S + 1)];
    for erased_first in [true, false] {
        let dir = dir.another();
        let mut books = Books::of(&dir);
        if erased_first {
            books.snapshots(&[erased(UNTIL, ERASED_S)]).ledger(&entries);
        } else {
            books.ledger(&entries).snapshots(&[erased(UNTIL, ERASED_S)]);
        }
        let named: Vec<_> = recipients(&dir).into_iter().filter(|(_, to)| to.is_some()).map(|(n, _)| n).collect();
        assert_eq!(named, ["acme 3"], "{erased_first}");
        assert_eq!(saying(&dir, DIGITS).len(), 1);
    }
}

fn others_and_other_accounts_keep_their_names(dir: &Database) {
    let mut books = Books::of(dir);
    books.snapshots(&[erased(UNTIL, ERASED_S)]);
    let other = "+5511987650000";
    let of_another = LedgerEntry {
        recipient_hash: format!("{:032x}", 5).into(),
        recipient: Some(other.into()),
        ..entry(1, Some(2), "other")
    };
    let elsewhere = LedgerEntry { account: "zeta".into(), ..entry(2, Some(2), "zeta") };
    books.ledger(&[of_another, elsewhere].iter().map(bytes).collect::<Vec<_>>());
    let all = [("acme 1".to_owned(), Some(other.to_owned())), ("zeta 2".to_owned(), Some(ANA.to_owned()))];
    assert_eq!(recipients(dir), all);
    books.outcomes(&[
        moved(2, 1, "parked", "other", json!({"to": other, "recipient_hash": format!("{:032x}", 5)})),
        moved(3, 1, "parked", "zeta", json!({"account": "zeta"})),
    ]);
    assert_eq!(dir.reader().message("acme", "m2").unwrap().unwrap().to, other);
    assert_eq!(dir.reader().message("zeta", "m3").unwrap().unwrap().to, ANA);
}

/// What belongs into a month that is closed is kept as it came, but for who was erased.
fn what_is_set_aside_late_names_nobody(dir: &Database) {
    let mut books = Books::of(dir);
    books.snapshots(&[erased(UNTIL, ERASED_S)]);
    let closed = dir.writer().transact(|tx, memory| {
        let account = memory.accounts.number(tx, "acme")?;
        let close = Close {
            month: "2026-10".parse().unwrap(),
            at: READ_AT,
            forced: None,
            closed_at: Some(READ_AT),
            manifest: "{}".to_owned(),
            sha256: "0".repeat(64),
        };
        tx.hold_months(false)?;
        close_month(tx, account, &close)
    });
    closed.unwrap();
    let late: Vec<_> = [entry(1, Some(2), "before"), entry(2, Some(UNTIL + 1), "after")].iter().map(bytes).collect();
    let done = dir.writer().ingest(&records(&late, 0), READ_AT).unwrap();
    assert_eq!((done.rejected, dir.reader().rejected(Stream::Ledger).unwrap()), (2, 2));
    assert_nowhere(dir, &["wamid.before"]);
    assert_eq!((saying(dir, DIGITS).len(), saying(dir, "wamid.after").len()), (1, 1));
}

/// A second erasure reaches further; the first one, told again, takes nothing of it back. There is one row for a person.
fn an_erasure_that_is_read_again_forgets_nothing_later(dir: &Database) {
    let mut books = Books::of(dir);
    let (first, second) = (erased(UNTIL, ERASED_S), erased(UNTIL + 5, ERASED_S + 50));
    books.snapshots(std::slice::from_ref(&first)).snapshots(&[second]);
    // From the start of its partition, as a writer reads it that lost its place.
    let mut again = records(std::slice::from_ref(&first), 0);
    again[0].partition = 4;
    dir.writer().ingest_snapshots(&again, READ_AT).unwrap();
    assert_eq!(saying(dir, HASH).len(), 1);
    books.ledger(&[bytes(&entry(1, Some(UNTIL + 5), "before"))]);
    assert_nowhere(dir, &[DIGITS, "wamid.before"]);
    assert_eq!(recipients(dir).len(), 1);
}

/// A person is remembered for 400 days, until nothing can come that was requested before.
fn what_is_too_old_is_forgotten_with_the_next_erasure(dir: &Database) {
    let hash = |n: u64| format!("{n:032x}");
    let of = |n: u64, day: u64| {
        bytes(&json!({"erased": format!("+551198765000{n}"), "account": "acme", "as_of": at(day * DAY_S),
            "recipient_hash": hash(n), "until_uid": UNTIL}))
    };
    let mut books = Books::of(dir);
    let kept = || [1, 2, 3].map(|n| saying(dir, &hash(n)).len());
    books.snapshots(&[of(1, 0), of(2, 1)]).snapshots(&[of(3, 400)]);
    assert_eq!(kept(), [1, 1, 1]);
    books.snapshots(&[of(3, 401)]);
    assert_eq!(kept(), [0, 1, 1]);
    books.ledger(&[bytes(&LedgerEntry { recipient_hash: hash(2).into(), ..entry(1, Some(3), "before") })]);
    assert_nowhere(dir, &[DIGITS, "wamid.before"]);
}
