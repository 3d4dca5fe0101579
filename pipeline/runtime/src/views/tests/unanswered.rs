//! Who waits for an answer.

use crate::ledger::fixture::{Database, READ_AT, T0, json as bytes, on_both, records};
use crate::views::UnansweredLine;
use crate::views::fixture::at;
use serde_json::json;
use tollgate_wire::Time;

on_both!(who_waits_for_an_answer_is_counted_until_the_window_closes,);

fn who_waits_for_an_answer_is_counted_until_the_window_closes(dir: &Database) {
    const HOUR: u64 = 3_600;
    let person = |n: u64| format!("+55119{n:08}");
    let wrote = |n: u64, sender: &str, seconds: u64| {
        let stranger = n.is_multiple_of(2);
        let mut told = json!({"reply_of": person(n), "account": "acme", "sender": sender, "at": at(seconds)});
        if stranger {
            told["stranger"] = json!(true);
        }
        bytes(&told)
    };
    let settled = |n: u64, sender: &str, seconds: u64| {
        let person = person(n);
        bytes(&json!({"reply_of": person, "account": "acme", "sender": sender, "at": at(seconds), "settled": true}))
    };
    let answered = |n: u64, sender: &str, seconds: u64| {
        bytes(&json!({"answered": person(n), "account": "acme", "sender": sender, "at": at(seconds)}))
    };
    let told = [
        wrote(1, "A", 0),
        wrote(2, "A", HOUR),
        wrote(2, "B", HOUR),
        wrote(3, "A", 2 * HOUR),
        wrote(3, "A", HOUR),
        wrote(4, "A", HOUR / 2),
        wrote(5, "A", 30),
        answered(1, "B", HOUR),
        answered(2, "A", HOUR),
        answered(4, "A", HOUR / 4),
        answered(5, "A", HOUR),
        wrote(5, "A", 3 * HOUR),
        // A stop word and a reaction ask for no answer; what was written after them does.
        wrote(7, "A", HOUR / 2),
        settled(7, "A", HOUR),
        settled(9, "A", HOUR),
        settled(1, "B", HOUR),
        settled(3, "A", HOUR),
    ];
    dir.writer().ingest_snapshots(&records(&told, 0), READ_AT).unwrap();
    let now = |hours: u64| Time(T0 + hours * HOUR * 1000);
    let within = std::time::Duration::from_secs(2 * HOUR);
    let list = |hours: u64, max: usize| {
        let view = dir.reader().unanswered("acme", now(hours), within, (max, true)).unwrap().unwrap();
        let line = |l: &UnansweredLine| format!("{} of {} until {}", &l.person[6..], l.sender, l.closes_at);
        (view.people, view.items.iter().map(line).collect::<Vec<_>>())
    };
    let count = |hours: u64| dir.writer().unanswered(now(hours), within).unwrap();
    assert_eq!(count(21), [], "nobody's closes within two hours");
    let line = |n: u64, sender: &str, wrote: u64| format!("{n:08} of {sender} until {}", at(wrote + 24 * HOUR));
    let three = vec![line(1, "A", 0), line(4, "A", HOUR / 2), line(2, "B", HOUR)];
    assert_eq!(list(23, 9), (3, three.clone()), "an answer before the person wrote, or from another number, is none");
    assert_eq!(list(23, 1), (3, three[..1].to_vec()));
    assert_eq!(count(23), [("acme".to_owned(), 3)]);
    assert_eq!(list(25, 9), (2, vec![line(3, "A", 2 * HOUR), line(5, "A", 3 * HOUR)]));
    // Masked unless asked for; and nobody of an account that is not known.
    let masked = dir.reader().unanswered("acme", now(23), within, (1, false)).unwrap().unwrap();
    assert_eq!(masked.items[0].person, "…0001");
    assert!(dir.reader().unanswered("stranger", now(23), within, (1, false)).unwrap().is_none());
    // Told again after a restart they change nothing; closed ones are forgotten, erased ones at once.
    dir.writer().ingest_snapshots(&records(&told, 0), READ_AT).unwrap();
    assert_eq!(list(23, 9).0, 3);
    dir.writer().prune_answers(now(25)).unwrap();
    let left = |sql: &str| dir.writer().look(|db| db.number(sql, &[])).unwrap();
    assert_eq!(left("SELECT count(*) FROM unanswered"), Some(2));
    let erased = bytes(&json!({"erased": person(3), "account": "acme", "as_of": at(1)}));
    dir.writer().ingest_snapshots(&records(&[erased], 17), READ_AT).unwrap();
    assert_eq!(count(25), [("acme".to_owned(), 1)]);
    // What a stranger writes is no result of a campaign.
    assert_eq!(left("SELECT count(DISTINCT person) FROM answers"), Some(4), "1, 5, 7 and 9; 3 is erased");
}
