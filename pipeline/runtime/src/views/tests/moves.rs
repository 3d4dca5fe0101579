//! What became of a message by its moves: where it is, its feed, what flows.

use super::{counts, ingest};
use crate::ledger::fixture::{Database, READ_AT, T0, dec, on_both};
use crate::views::FlowView;
use crate::views::fixture::{at, life, outcome};
use serde_json::json;
use tollgate_wire::Time;
use tollgate_wire::outcome::{Outcome, OutcomeKind};

on_both!(
    a_message_is_where_its_newest_move_put_it,
    a_repeated_request_is_counted_and_moves_nothing,
    delivered_by_one_attempt_is_delivered_whatever_becomes_of_another,
    an_id_used_again_is_another_message,
    moves_are_in_the_order_of_their_seconds,
    the_feed_gives_every_outcome_as_it_was_on_the_topic,
    what_flows_is_where_messages_are_and_what_moved_lately,
);

fn a_message_is_where_its_newest_move_put_it(dir: &Database) {
    let moves = life("m1", 7);
    ingest(dir, &moves[..1], 0);
    let read = || dir.reader().message("acme", "m1").unwrap().unwrap();
    let parked = read();
    assert_eq!((parked.outcome, parked.reason.as_deref(), parked.attempt), (OutcomeKind::Parked, Some("quota"), 0));
    assert_eq!(parked.retry_at, None, "the time it was told has passed");
    ingest(dir, &moves, 0);
    let view = read();
    assert_eq!((view.outcome, view.reason.as_deref(), view.attempt), (OutcomeKind::Read, None, 1));
    assert_eq!((view.at.to_string(), view.as_of), (at(90), READ_AT));
    assert_eq!((view.wamid.as_deref(), view.retry_at), (Some("wamid.1"), None));
    assert_eq!(view.charge.unwrap().amount, Some(dec("0.0068")));
    assert_eq!(view.content.unwrap().template.as_deref(), Some("order_shipped"));
    assert_eq!(view.metadata.unwrap().get(), r#"{"crm":"881-2"}"#);
    let kinds: Vec<_> = view.moves.iter().map(|m| m.outcome.as_str()).collect();
    assert_eq!(kinds, ["parked", "admitted", "accepted", "duplicate", "delivered", "read"]);
    assert!(dir.reader().message("acme", "m2").unwrap().is_none());
    assert!(dir.reader().message("nobody", "m1").unwrap().is_none());
}

fn a_repeated_request_is_counted_and_moves_nothing(dir: &Database) {
    let moves = life("m1", 7);
    ingest(dir, &moves[..4], 0);
    let view = dir.reader().message("acme", "m1").unwrap().unwrap();
    assert_eq!((view.outcome, view.message_uid, view.at.to_string()), (OutcomeKind::Accepted, 7, at(61)));
    assert_eq!(counts(&dir.reader(), None), ["accepted - 1", "duplicate duplicate 1"]);
    ingest(dir, &moves, 0);
    assert_eq!(counts(&dir.reader(), Some("black-friday-2026")), ["duplicate duplicate 1", "read - 1"]);
    assert!(counts(&dir.reader(), Some("other")).is_empty());
}

fn delivered_by_one_attempt_is_delivered_whatever_becomes_of_another(dir: &Database) {
    let moves = [
        outcome("m1", 7, 0, "in_doubt", json!({})),
        outcome("m1", 7, 1, "admitted", json!({"attempt": 2})),
        outcome("m1", 7, 2, "delivered", json!({"wamid": "wamid.1"})),
        outcome("m1", 7, 3, "failed", json!({"attempt": 2, "reason": "platform_131000"})),
        outcome("m1", 7, 4, "read", json!({})),
        outcome("m1", 7, 5, "delivered", json!({"attempt": 2})),
    ];
    ingest(dir, &moves[..4], 0);
    let view = dir.reader().message("acme", "m1").unwrap().unwrap();
    assert_eq!((view.outcome, view.reason, view.attempt, view.moves.len()), (OutcomeKind::Delivered, None, 1, 4));
    assert_eq!((view.at.to_string(), view.wamid.as_deref()), (at(2), Some("wamid.1")));
    assert_eq!(counts(&dir.reader(), None), ["delivered - 1"]);
    ingest(dir, &moves, 0);
    assert_eq!(counts(&dir.reader(), None), ["read - 1"]);
}

fn an_id_used_again_is_another_message(dir: &Database) {
    let mut moves = life("m1", 7);
    moves.push(outcome("m1", 70, 3_000_000, "parked", json!({"reason": "budget"})));
    moves.push(outcome("m1", 7, 3_000_001, "delivered", json!({})));
    ingest(dir, &moves, 0);
    let view = dir.reader().message("acme", "m1").unwrap().unwrap();
    assert_eq!((view.outcome, view.message_uid, view.moves.len()), (OutcomeKind::Parked, 70, 1));
    assert_eq!(counts(&dir.reader(), None), ["duplicate duplicate 1", "parked budget 1", "read - 1"]);
}

fn the_feed_gives_every_outcome_as_it_was_on_the_topic(dir: &Database) {
    let mut moves = life("m1", 7);
    moves.push(outcome("m2", 8, 99, "refused", json!({"reason": "platform_131026", "campaign": null, "to": "bsuid"})));
    moves.push(outcome("m9", 9, 99, "parked", json!({"account": "other"})));
    ingest(dir, &moves, 40);
    let reader = dir.reader();
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = reader.feed("acme", after, 3).unwrap();
        if page.items.is_empty() {
            assert_eq!(page.next, after);
            break;
        }
        after = page.next;
        seen.extend(page.items);
    }
    assert_eq!(seen.iter().map(|i| i.cursor).collect::<Vec<_>>(), (41..48).collect::<Vec<_>>());
    for (item, original) in seen.iter().zip(&moves) {
        let expected: Outcome<'_> = serde_json::from_slice(original).unwrap();
        assert_eq!(item.outcome.get(), serde_json::to_string(&expected).unwrap());
    }
    // A page ends by its bytes too, and the next one goes on where it ended.
    let (mut after, mut short) = (0, Vec::new());
    loop {
        let page = reader.page("acme", after, (1_000, 1)).unwrap();
        after = page.next;
        match page.items.as_slice() {
            [] => break,
            [one] => short.push(one.cursor),
            _ => panic!("more than its bytes"),
        }
    }
    let whole: Vec<u64> = reader.feed("acme", 0, 1_000).unwrap().items.iter().map(|item| item.cursor).collect();
    assert_eq!(short, whole);
    assert!(reader.feed("nobody", 0, 3).unwrap().items.is_empty());
    assert!(reader.feed("acme", u64::MAX, 3).unwrap().items.is_empty());
}

fn what_flows_is_where_messages_are_and_what_moved_lately(dir: &Database) {
    let mut moves = life("m1", 1);
    moves.extend(life("m2", 2).into_iter().take(3));
    moves.push(outcome("m3", 3, 95, "refused", json!({"attempt": 0, "reason": "not_opted_in"})));
    ingest(dir, &moves, 0);
    let reader = dir.reader();
    let names = |accounts: &[&str]| accounts.iter().map(|account| (*account).to_owned()).collect::<Vec<_>>();
    let all = reader.flow(&names(&["acme"]), Time(T0)).unwrap();
    assert_eq!((all.as_of, all.complete, all.since), (READ_AT, true, Time(T0)));
    let now: Vec<_> = all.now.iter().map(|c| (c.outcome.as_str(), c.reason.as_deref(), c.messages)).collect();
    let expected = [
        ("accepted", None, 1),
        ("duplicate", Some("duplicate"), 1),
        ("read", None, 1),
        ("refused", Some("not_opted_in"), 1),
    ];
    assert_eq!(now, expected);
    let moved = |flow: &FlowView| flow.moves.clone().into_iter().collect::<Vec<_>>();
    let count = |outcome: &str, n: u64| (outcome.to_owned(), n);
    let lately = reader.flow(&names(&["acme", "nobody"]), Time(T0 + 62_000)).unwrap();
    assert_eq!((all.requests, lately.requests), (3, 1), "m3 alone was new");
    assert_eq!(moved(&lately), [count("delivered", 1), count("duplicate", 1), count("read", 1), count("refused", 1)]);
    assert_eq!(lately.now, all.now, "an account that nobody knows adds nothing");
    assert_eq!(moved(&reader.flow(&names(&["nobody"]), Time(0)).unwrap()), []);
    // More moves than are looked at.
    let many: Vec<_> = (0..2_500).map(|n| outcome(&format!("n{n}"), 10 + n, 100, "refused", json!({}))).collect();
    ingest(dir, &many, moves.len() as u64);
    let busy = reader.flow(&names(&["acme"]), Time(T0)).unwrap();
    assert_eq!((busy.complete, moved(&busy)), (false, vec![count("refused", 2_000)]));
    let idle = reader.flow(&names(&["acme"]), Time(T0 + 101_000)).unwrap();
    assert_eq!((idle.complete, moved(&idle)), (true, vec![]));
}

/// The platform counts in whole seconds: its statuses may come after what they precede.
fn moves_are_in_the_order_of_their_seconds(dir: &Database) {
    let moves = [
        outcome("m", 1, 0, "accepted", json!({"at": Time(T0 + 900).to_string()})),
        outcome("m", 1, 0, "sent", json!({})),
        outcome("m", 1, 40, "read", json!({})),
        outcome("m", 1, 20, "delivered", json!({})),
    ];
    ingest(dir, &moves, 0);
    let view = dir.reader().message("acme", "m").unwrap().unwrap();
    let kinds: Vec<_> = view.moves.iter().map(|m| m.outcome.as_str()).collect();
    assert_eq!(kinds, ["accepted", "sent", "delivered", "read"]);
}
