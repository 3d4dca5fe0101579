#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::fixture::{at, consent, life, outcome, snapshot};
use super::{Claim, MessageView, OptOutView, SyncChange, SyncReport, SyncResult, bill, bill_by_account, explain};
use crate::ledger::fixture::{Database, READ_AT, T0, charge, dec, golden, json as bytes, on_both, records};
use crate::ledger::{Ingested, LedgerError, LedgerReader, LedgerStore, Reader, Stream};
use serde_json::{Value, json};
use tollgate_wire::Time;
use tollgate_wire::outcome::{Outcome, OutcomeKind};

on_both!(
    a_message_is_where_its_newest_move_put_it,
    a_repeated_request_is_counted_and_moves_nothing,
    delivered_by_one_attempt_is_delivered_whatever_becomes_of_another,
    an_id_used_again_is_another_message,
    the_feed_gives_every_outcome_as_it_was_on_the_topic,
    positions_hold_across_restarts_and_bad_records_are_set_aside,
    another_log_is_noticed_and_nothing_is_written,
    old_moves_are_forgotten_in_steps_and_ended_messages_stay_counted,
    snapshots_are_replaced_whole,
    consents_are_what_was_said_last_with_every_proof,
    a_consent_ends_and_the_suppression_list_is_read_in_pages,
    an_earlier_version_is_brought_up_to_date,
    templates_are_as_they_were_told_last,
    levels_are_kept_newest_first_and_no_more_than_a_thousand,
    one_at_a_time_asks_about_a_waba,
    a_campaign_report_has_cost_answers_and_errors,
    a_campaign_report_tells_variants_and_keeps_tests_apart,
    test_recipients_are_masked_unless_asked_for,
    who_waits_for_an_answer_is_counted_until_the_window_closes,
    a_person_is_given_out_and_erased_and_the_bill_stays,
    a_refusal_names_the_newest_no,
    what_was_said_to_brands,
    zones_are_those_of_the_newest_snapshots,
    numbers_are_known_by_their_digits,
    terms_of_a_waba_come_from_the_snapshot,
    a_bill_sums_by_country_and_category,
    a_bill_sums_by_account,
    what_flows_is_where_messages_are_and_what_moved_lately,
    an_account_is_read_whole_from_one_snapshot,
    explain_tells_a_delivered_message,
    explain_tells_a_waiting_message,
    explain_names_what_a_refusal_is_about,
    moves_are_in_the_order_of_their_seconds,
    explain_tells_a_marked_up_and_corrected_price,
);

fn ingest(dir: &Database, values: &[Vec<u8>], first: u64) -> Ingested {
    dir.writer().ingest_outcomes(&records(values, first), READ_AT).unwrap()
}

fn counts(reader: &Reader, campaign: Option<&str>) -> Vec<String> {
    let counted = reader.outcome_counts(Some("acme"), campaign).unwrap();
    let line = |c: &super::OutcomeCount| format!("{} {} {}", c.outcome, c.reason.as_deref().unwrap_or("-"), c.messages);
    counted.counts.iter().map(line).collect()
}

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
    assert!(reader.feed("nobody", 0, 3).unwrap().items.is_empty());
    assert!(reader.feed("acme", u64::MAX, 3).unwrap().items.is_empty());
}

fn positions_hold_across_restarts_and_bad_records_are_set_aside(dir: &Database) {
    let mut moves = life("m1", 7);
    moves.insert(2, b"not json".to_vec());
    let first = ingest(dir, &moves[..5], 10);
    assert_eq!((first.applied, first.rejected), (4, 1));
    let second = ingest(dir, &moves, 10);
    assert_eq!((second.skipped, second.applied), (5, 2));
    assert_eq!(dir.writer().position(Stream::Outcomes, 3).unwrap(), 17);
    assert_eq!(dir.reader().rejected(Stream::Outcomes).unwrap(), 1);
    assert_eq!(dir.reader().rejected(Stream::Ledger).unwrap(), 0);
}

fn another_log_is_noticed_and_nothing_is_written(dir: &Database) {
    ingest(dir, &life("m1", 7), 0);
    let moves = life("m2", 8);
    let mut elsewhere = records(&moves, 0);
    elsewhere.iter_mut().for_each(|r| r.partition = 4);
    let error = dir.writer().ingest_outcomes(&elsewhere, READ_AT).unwrap_err();
    assert!(matches!(error, LedgerError::OtherLog { offset: 0, .. }), "{error}");
    assert!(dir.reader().message("acme", "m2").unwrap().is_none());
    assert_eq!(counts(&dir.reader(), None), ["duplicate duplicate 1", "read - 1"]);
}

fn old_moves_are_forgotten_in_steps_and_ended_messages_stay_counted(dir: &Database) {
    let mut moves = life("old", 1);
    moves.push(outcome("stuck", 2, 95, "parked", json!({"reason": "budget"})));
    moves.extend(life("new", 3).iter().map(|m| {
        let mut o: Value = serde_json::from_slice(m).unwrap();
        o["at"] = at(1_000).into();
        bytes(&o)
    }));
    ingest(dir, &moves, 0);
    let mut writer = dir.writer();
    let cutoff = Time(T0 + 500_000);
    let steps: Vec<_> = std::iter::from_fn(|| {
        let step = writer.prune_moves(cutoff, 3).unwrap();
        (step.moves > 0).then_some((step.moves, step.messages, step.done))
    })
    .collect();
    assert_eq!(steps, [(3, 0, false), (3, 1, false), (1, 1, true)]);
    let reader = dir.reader();
    assert!(reader.message("acme", "old").unwrap().is_none());
    assert_eq!(reader.message("acme", "new").unwrap().unwrap().moves.len(), 6);
    assert_eq!(reader.feed("acme", 0, 100).unwrap().items.len(), 6);
    assert_eq!(counts(&reader, None), ["duplicate duplicate 2", "read - 2"]);
}

fn snapshots_are_replaced_whole(dir: &Database) {
    let values = vec![snapshot(1, 9), b"{}".to_vec(), snapshot(2, 7)];
    let done = dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    assert_eq!((done.applied, done.rejected), (2, 1));
    let reader = dir.reader();
    let accounts = reader.accounts().unwrap();
    assert_eq!((accounts.items.len(), accounts.items[0].parked_messages), (1, 7));
    assert_eq!((accounts.as_of.to_string(), accounts.items[0].senders), (at(2), 1));
    let campaign = reader.campaign("acme", "black-friday-2026").unwrap().unwrap();
    assert_eq!((campaign.spent, campaign.counts.parked, campaign.as_of.to_string()), (dec("0.0204"), 7, at(2)));
    assert!(reader.campaign("acme", "other").unwrap().is_none());
    assert_eq!(reader.senders("acme").unwrap().unwrap().items[0].throughput_now, 40);
    assert_eq!(reader.lots("acme").unwrap().unwrap().items[0].messages, 7);
    assert!(reader.lots("nobody").unwrap().is_none());
}

fn terms_of_a_waba_come_from_the_snapshot(dir: &Database) {
    let mut value: Value = serde_json::from_slice(&snapshot(1, 2)).unwrap();
    let markup = json!([{"valid_from": "2026-10-01", "rules": [{"name": "standard", "percent": "5"}]}]);
    value["wabas"] = json!([
        {"id": "w1", "time_zone": "Asia/Kolkata", "currency": "USD"},
        {"id": "w2", "time_zone": "Europe/Madrid", "currency": "EUR", "markup": markup},
    ]);
    dir.writer().ingest_snapshots(&records(&[bytes(&value)], 0), READ_AT).unwrap();
    let terms = dir.reader().terms("acme").unwrap();
    assert_eq!((terms["w1"].zone.name(), terms["w1"].markup.len()), ("Asia/Kolkata", 0));
    assert_eq!((terms["w2"].zone.name(), terms["w2"].markup[0].rules[0].name.as_str()), ("Europe/Madrid", "standard"));
    assert!(dir.reader().terms("nobody").unwrap().is_empty());
}

fn zones_are_those_of_the_newest_snapshots(dir: &Database) {
    let mut older: serde_json::Value = serde_json::from_slice(&snapshot(1, 9)).unwrap();
    older["account"] = "older".into();
    older.as_object_mut().unwrap().remove("wabas");
    let values = vec![snapshot(1, 9), bytes(&older)];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let reader = dir.reader();
    for (account, known) in [(None, 1), (Some("acme"), 1), (Some("older"), 0), (Some("nobody"), 0)] {
        let zones = reader.zones(account).unwrap();
        assert_eq!(zones.len(), known, "{account:?}");
        assert!(zones.values().all(|zone| zone.name() == "America/Sao_Paulo"));
    }
    // The number of the older snapshot names a WABA too.
    let wabas = |account| reader.wabas(account).unwrap().into_iter().map(|(waba, zone)| (waba, zone.is_some()));
    for (account, known) in
        [(None, Some(true)), (Some("acme"), Some(true)), (Some("older"), Some(false)), (Some("no"), None)]
    {
        let expected: Vec<_> = known.into_iter().map(|known| ("waba-1".to_owned(), known)).collect();
        assert_eq!(wabas(account).collect::<Vec<_>>(), expected, "{account:?}");
    }
}

fn a_bill_sums_by_country_and_category(dir: &Database) {
    let reader = dir.with_month();
    let bill = bill(&reader, "2026-10".parse().unwrap(), None, READ_AT).unwrap();
    let line = |l: &super::BillLine| {
        let (cost, price) = (l.cost.normalize(), l.price_ex_tax.normalize());
        let counts = format!("{} ({} free, {} unpriced)", l.messages, l.free, l.unpriced);
        format!("{} {} {counts} {cost} {} {price} {}", l.country, l.category, l.cost_currency, l.price_currency)
    };
    assert_eq!(
        bill.lines.iter().map(line).collect::<Vec<_>>(),
        [
            "BR marketing 1 (0 free, 0 unpriced) 0.0625 USD 0.3553750005 BRL",
            " utility 1 (0 free, 1 unpriced) 0 USD 0 USD",
            "BR utility 3 (1 free, 0 unpriced) 0.0136 USD 0.0136 USD",
        ]
    );
}

fn a_bill_sums_by_account(dir: &Database) {
    let reader = dir.with_month();
    let month = "2026-10".parse().unwrap();
    let bills = bill_by_account(&reader, month, &|_| true).unwrap();
    let lines = bill(&reader, month, None, READ_AT).unwrap().lines;
    let of: Vec<_> = bills.iter().map(|bill| (bill.account.as_str(), bill.price_currency.as_str())).collect();
    assert_eq!(of, [("acme", "USD"), ("zeta", "BRL")]);
    let acme = &bills[0];
    assert_eq!((acme.messages, acme.free, acme.unpriced, acme.cost.normalize()), (4, 1, 1, dec("0.0136")));
    assert_eq!(bill_by_account(&reader, month, &|account| account == "zeta").unwrap(), bills[1..]);
    assert_eq!(bills.iter().map(|b| b.cost).sum::<rust_decimal::Decimal>(), lines.iter().map(|l| l.cost).sum());
    assert!(bill_by_account(&reader, month, &|account| account == "other").unwrap().is_empty());
    assert!(bill_by_account(&reader, "2026-09".parse().unwrap(), &|_| true).unwrap().is_empty());
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
    let moved = |flow: &super::FlowView| flow.moves.clone().into_iter().collect::<Vec<_>>();
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

fn an_account_is_read_whole_from_one_snapshot(dir: &Database) {
    dir.writer().ingest_snapshots(&records(&[snapshot(1, 9)], 0), READ_AT).unwrap();
    let reader = dir.reader();
    let live = reader.live("acme").unwrap().unwrap();
    assert_eq!(Some(&live.account), reader.account("acme").unwrap().as_ref());
    assert_eq!((live.senders.len(), live.campaigns.len()), (live.account.senders, live.account.campaigns));
    assert_eq!(live.senders, reader.senders("acme").unwrap().unwrap().items);
    assert_eq!(live.campaigns, reader.campaigns("acme").unwrap().unwrap().items);
    assert_eq!(Some(&live.waits), reader.waits("acme").unwrap().as_ref());
    assert_eq!(live.waits[1].campaign.as_ref().map(|c| c.spec.name.as_str()), Some("black-friday-2026"));
    assert_eq!((live.waits[0].account.senders, live.waits[0].account.campaigns), (1, 1));
    assert!(reader.live("nobody").unwrap().is_none());
}

fn explain_tells_a_delivered_message(dir: &Database) {
    ingest(dir, &life("m1", 1), 0);
    dir.writer().ingest(&records(&[bytes(&charge(1))], 0), READ_AT).unwrap();
    let view = dir.reader().message("acme", "m1").unwrap().unwrap();
    golden("explain_delivered.txt", &explain(&view));
}

/// A message that was parked as `told` and joined `lot`, once the account's snapshot is there.
fn waiting(told: &str, lot: &str, retry_s: u64) -> MessageView {
    let dir = &Database::sqlite();
    let more = json!({"attempt": 0, "reason": told, "retry_at": at(retry_s), "lot": lot,
        "gates": {"passed": 6, "stopped": "pacing"}});
    ingest(dir, &[outcome("m1", 1, 0, "parked", more)], 0);
    dir.writer().ingest_snapshots(&records(&[snapshot(2, 7)], 0), READ_AT).unwrap();
    dir.reader().message("acme", "m1").unwrap().unwrap()
}

#[test]
fn a_waiting_message_is_told_what_its_queue_waits_for_now() {
    let view = waiting("pacing", "pacing0-3b-1-0", 60);
    assert_eq!((view.outcome, view.reason.as_deref()), (OutcomeKind::Parked, Some("budget")));
    assert_eq!(view.retry_at, None, "the queue's own time has passed too");
    assert_eq!(view.moves[0].reason.as_deref(), Some("pacing"), "what it was told stays in its history");
    golden("explain_waiting_for_budget.txt", &explain(&view));
    let own = waiting("pair_rate", "own0-3b-1-0", 6_000);
    assert_eq!(own.reason.as_deref(), Some("pair_rate"), "each of such a queue has a reason of its own");
    assert_eq!(own.retry_at.unwrap().to_string(), at(6_000));
    let gone = waiting("pacing", "pacing9-3b-1-0", 60);
    assert_eq!((gone.reason.as_deref(), gone.waits, gone.retry_at), (Some("pacing"), None, None));
    let dir = &Database::sqlite();
    ingest(dir, &life("m2", 2), 0);
    dir.writer().ingest_snapshots(&records(&[snapshot(2, 7)], 0), READ_AT).unwrap();
    assert_eq!(dir.reader().message("acme", "m2").unwrap().unwrap().waits, None, "it has left its queue");
}

fn explain_tells_a_waiting_message(dir: &Database) {
    ingest(dir, &life("m1", 1)[..1], 0);
    dir.writer().ingest_snapshots(&records(&[snapshot(2, 7)], 0), READ_AT).unwrap();
    let view = dir.reader().message("acme", "m1").unwrap().unwrap();
    golden("explain_waiting_for_quota.txt", &explain(&view));
}

fn explain_names_what_a_refusal_is_about(dir: &Database) {
    let gates = json!({"passed": 4, "stopped": "content", "quota_used": 3, "quota_ceiling": 900, "quota_limit": 1000});
    let of = |id: &str, uid, reason: &str, more: Value| {
        let mut fields = json!({"attempt": 0, "reason": reason, "gates": gates});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        outcome(id, uid, 5, "refused", fields)
    };
    let values =
        [of("barred", 1, "country_barred", json!({"detail": "country US"})), of("no", 2, "opted_out", json!({}))];
    ingest(dir, &values, 0);
    let read = |id: &str| dir.reader().message("acme", id).unwrap().unwrap();
    assert!(explain(&read("barred")).contains("stop  country_barred; customer service window closed; country US\n"));
    let mut no = read("no");
    let source = "whatsapp stop word".to_owned();
    no.opt_out = Some(OptOutView { category: "marketing".to_owned(), at: Time(T0), source, brand: None });
    let text = explain(&no);
    assert!(text.contains(&format!("; no to marketing on {}, by whatsapp stop word\n", at(0))), "{text}");
    let mut admitted = read("no");
    admitted.moves[0].gates.as_mut().unwrap().passed = 11;
    let text = explain(&admitted);
    assert!(
        text.contains("3 of 900 unique users counted in 24 h; the limit is 1000, the rest is kept free\n"),
        "{text}"
    );
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

fn explain_tells_a_marked_up_and_corrected_price(dir: &Database) {
    let moves: Vec<_> = [2u64, 5]
        .into_iter()
        .flat_map(|uid| {
            let account = if uid == 5 { "zeta" } else { "acme" };
            [outcome(&format!("m{uid}"), uid, uid, "read", json!({"account": account}))]
        })
        .collect();
    dir.with_month();
    ingest(dir, &moves, 0);
    let reader = dir.reader();
    let text = [("acme", "m2"), ("zeta", "m5")].map(|(a, id)| explain(&reader.message(a, id).unwrap().unwrap()));
    golden("explain_corrected_and_marked_up.txt", &text.join("\n"));
}

/// `cargo test --release -p tollgate-runtime views::tests::outcomes_a_second -- --ignored --nocapture`
#[test]
#[ignore = "a measurement: five million outcomes"]
fn outcomes_a_second_in_sqlite() {
    let dir = &Database::sqlite();
    let (offset, bytes) = outcomes_a_second(dir);
    let file = std::fs::metadata(dir.path().join("ledger.db")).unwrap().len();
    println!("{} bytes an outcome in JSON, {} in the file", bytes as u64 / offset, file / offset);
}

#[test]
#[ignore = "a measurement: five million outcomes"]
fn outcomes_a_second_in_postgres() {
    outcomes_a_second(&Database::postgres());
}

/// Outcomes and their bytes.
fn outcomes_a_second(dir: &Database) -> (u64, usize) {
    let mut writer = dir.writer();
    let (mut spent, mut offset, mut bytes_in) = (std::time::Duration::ZERO, 0u64, 0usize);
    for batch in 0..50u64 {
        let messages = batch * 20_000..(batch + 1) * 20_000;
        // Ids are scattered, as a campaign system's random ones are; moves come interleaved.
        let lives: Vec<_> = messages
            .map(|n| {
                let id = format!("{:032x}", u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
                let mut life = life(&id, n);
                life.remove(3);
                life
            })
            .collect();
        let values: Vec<_> = (0..5).flat_map(|step| lives.iter().map(move |l| l[step].clone())).collect();
        drop(lives);
        bytes_in += values.iter().map(Vec::len).sum::<usize>();
        let records = records(&values, offset);
        offset += records.len() as u64;
        let start = std::time::Instant::now();
        for part in records.chunks(20_000) {
            writer.ingest_outcomes(part, READ_AT).unwrap();
        }
        spent += start.elapsed();
        if batch % 10 == 9 {
            println!("{offset} outcomes, {:.0} a second so far", offset as f64 / spent.as_secs_f64());
        }
    }
    (offset, bytes_in)
}

fn consents_are_what_was_said_last_with_every_proof(dir: &Database) {
    let read = |to: &str| dir.reader().consents("acme", to).unwrap();
    let other = json!({"consents_of": "BR.1234", "holds": {"marketing": "opt_out", "utility": "opt_out",
        "authentication": "opt_out", "service": "opt_out", "stop_all": true}});
    let mut values = vec![
        consent(1, "marketing", "opt_in", json!({})),
        consent(2, "all", "opt_out", other),
        consent(3, "marketing", "opt_out", json!({})),
    ];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    assert!(read("+5511987654321").is_none(), "the account has no snapshot yet");
    // Said again, an hour later.
    let again = json!({"as_of": at(3_600), "holds": {"marketing": "opt_out", "utility": null, "authentication": null,
        "service": null, "stop_all": false}});
    values.extend([
        snapshot(5, 0),
        consent(6, "marketing", "opt_in", json!({"sated": true})),
        consent(1, "marketing", "opt_in", again),
    ]);
    let done = dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    assert_eq!((done.applied, done.skipped, done.rejected), (2, 3, 1));
    let states = |view: &super::ConsentsView| view.consents.iter().map(|c| c.state).collect::<Vec<_>>();
    let one = read("+5511987654321").unwrap();
    assert_eq!((states(&one), one.stop_all, one.as_of), (vec!["opt_out", "none", "none", "none"], false, READ_AT));
    let proof = |n: usize| serde_json::from_str::<Value>(one.proofs[n].get()).unwrap();
    assert_eq!(one.proofs.len(), 2, "what has an unknown field is set aside");
    assert_eq!((proof(0)["state"].as_str(), proof(1)["at"].as_str()), (Some("opt_in"), Some(&*at(3))));
    let scoped = read("BR.1234").unwrap();
    assert_eq!((states(&scoped), scoped.stop_all, scoped.proofs.len()), (vec!["opt_out"; 4], true, 1));
    let stranger = read("+15550100").unwrap();
    assert_eq!((states(&stranger), stranger.stop_all, stranger.proofs.len()), (vec!["none"; 4], false, 0));
    // More than one statement's worth, some of one person, in two batches.
    let many: Vec<_> = (0..200)
        .map(|n| {
            let state = if n < 150 { "opt_in" } else { "opt_out" };
            consent(10 + n, "marketing", state, json!({"consents_of": format!("+55119{:08}", n % 150)}))
        })
        .collect();
    dir.writer().ingest_snapshots(&records(&many[..130], 6), READ_AT).unwrap();
    dir.writer().ingest_snapshots(&records(&many[130..], 136), READ_AT).unwrap();
    let of = |n: u64| read(&format!("+55119{n:08}")).unwrap();
    assert_eq!((of(0).consents[0].state, of(0).proofs.len()), ("opt_out", 2));
    assert_eq!((of(149).consents[0].state, of(149).proofs.len()), ("opt_in", 1));
}

fn a_consent_ends_and_the_suppression_list_is_read_in_pages(dir: &Database) {
    let held = |ends: u64, pending: u64| {
        json!({"holds": {"marketing": "opt_in", "utility": null, "authentication": "opt_out", "service": null,
            "stop_all": false, "ends": {"marketing": at(ends), "service": at(1)}, "pending": {"utility": at(pending)}}})
    };
    let listed = |n: u64, suppressed: bool| {
        let mut holds = json!({"marketing": null, "utility": null, "authentication": null, "service": null,
            "stop_all": false});
        if suppressed {
            holds["suppressed"] = json!(true);
        }
        consent(n, "suppression", "opt_out", json!({"consents_of": format!("+5511900000{n:03}"), "holds": holds}))
    };
    let mut values = vec![snapshot(0, 0), consent(1, "marketing", "opt_in", held(100, 60))];
    values.extend((1..=5).map(|n| listed(n, true)));
    values.push(listed(3, false));
    let ingest = |values: &[Vec<u8>], from, now: u64| {
        dir.writer().ingest_snapshots(&records(values, from), Time(T0 + now * 1000)).unwrap();
    };
    ingest(&values, 0, 50);
    let lines = || {
        let view = dir.reader().consents("acme", "+5511987654321").unwrap().unwrap();
        view.consents.iter().map(|c| (c.state, c.until.map(|t| t.to_string()))).collect::<Vec<_>>()
    };
    let some = |seconds| Some(at(seconds));
    let refused = ("opt_out", None);
    assert_eq!(lines(), [("opt_in", some(100)), ("pending", some(60)), refused.clone(), ("expired", some(1))]);
    ingest(&[listed(9, false)], values.len() as u64, 100);
    assert_eq!(lines(), [("expired", some(100)), ("none", None), refused, ("expired", some(1))]);
    let page = |after: &str, max| dir.reader().suppressions("acme", after, max).unwrap().unwrap();
    let people = |view: &super::SuppressionsView| {
        view.items.iter().map(|l| l.to[l.to.len() - 1..].parse::<u8>().unwrap()).collect::<Vec<_>>()
    };
    let first = page("", 3);
    assert_eq!((people(&first), first.next.as_deref()), (vec![1, 2, 4], Some("+5511900000004")));
    let rest = page("+5511900000004", 3);
    assert_eq!((people(&rest), rest.next), (vec![5], None));
    assert!(dir.reader().suppressions("stranger", "", 3).unwrap().is_none());
    assert!(dir.reader().consents("acme", "+5511900000001").unwrap().unwrap().suppressed);
}

fn an_earlier_version_is_brought_up_to_date(dir: &Database) {
    drop(dir.with_month());
    dir.writer()
        .transact(|tx, _| {
            for table in ["consents", "consent_proofs", "figures", "bands_reached"] {
                tx.run(&format!("DROP TABLE {table}"), &[])?;
            }
            tx.run("UPDATE schema_version SET version = 1", &[])?;
            Ok(())
        })
        .unwrap();
    let old = dir.place().reader(crate::ledger::Options::default()).err().unwrap().to_string();
    assert!(old.contains("has schema version 1, this version reads 6; start a process with the role ledger"), "{old}");
    drop(dir.writer());
    let bill = dir.reader().consents("acme", "+5511987654321").unwrap();
    assert!(bill.is_none());
    let told = dir.reader().days_told("waba-1", tollgate_wire::analytics::Metric::Pricing, 0..9).unwrap();
    assert!(told.is_empty() && dir.reader().band_bounds("2026-10".parse().unwrap(), None).unwrap().is_empty());
    dir.writer().ingest_snapshots(&records(&[consent(1, "marketing", "opt_in", json!({}))], 0), READ_AT).unwrap();
}

fn template(seconds: u64, name: &str, more: &Value) -> Vec<u8> {
    let mut spec = json!({"name": name, "language": "pt_BR", "category": "utility"});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bytes(&json!({"template_of": "waba-1", "account": "acme", "as_of": at(seconds), "template": spec}))
}

fn templates_are_as_they_were_told_last(dir: &Database) {
    drop(dir.writer());
    let templates = || dir.reader().templates("acme").unwrap();
    assert!(templates().is_none());
    let next = json!({"quality": "RED", "next_category": {"category": "marketing", "at_s": 7}, "body": ["1"],
        "components": {"digest": "aa", "body_chars": 0, "header_chars": 0, "buttons": [{"kind": "url", "chars": 3}]}});
    let values = [
        snapshot(1, 2),
        template(2, "b", &json!({})),
        template(2, "a", &json!({"status": "paused"})),
        template(3, "b", &next),
    ];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let view = templates().unwrap();
    let names: Vec<_> = view.items.iter().map(|t| (t.template.name.as_str(), t.as_of.to_string())).collect();
    assert_eq!(names, [("a", at(2)), ("b", at(3))]);
    let told: Value = serde_json::to_value(&view.items[1].template).unwrap();
    for (field, value) in next.as_object().unwrap() {
        assert_eq!(&told[field], value, "{field}");
    }
    assert_eq!((view.as_of, view.syncs.len()), (READ_AT, 0));
    let known = dir.writer().known("acme", "waba-1").unwrap().unwrap();
    assert_eq!((known.templates.len(), known.senders.len(), known.wabas), (2, 1, 1));
    assert_eq!(dir.writer().known("acme", "waba-2").unwrap().unwrap().templates.len(), 0);
    assert!(dir.writer().known("nobody", "waba-1").unwrap().is_none());
}

fn levels_are_kept_newest_first_and_no_more_than_a_thousand(dir: &Database) {
    let level = |n: u64| {
        bytes(&json!({"level_of": "throughput", "account": "acme", "sender": "1", "at": at(n), "from": "80",
            "to": n.to_string()}))
    };
    let limit = bytes(&json!({"level_of": "limit", "account": "acme", "at": at(0), "from": "250", "to": "UNLIMITED"}));
    let mut values = vec![snapshot(1, 2), limit];
    values.extend((1..=3).map(level));
    let levels = || dir.reader().levels("acme").unwrap().unwrap().items;
    for _ in 0..2 {
        // Read again after a restart, nothing is there twice.
        dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
        let told: Vec<_> = levels().into_iter().map(|l| (l.level.as_str(), l.sender, l.to)).collect();
        let sender = || Some("1".to_owned());
        let expected = [
            ("throughput", sender(), "3".to_owned()),
            ("throughput", sender(), "2".to_owned()),
            ("throughput", sender(), "1".to_owned()),
            ("limit", None, "UNLIMITED".to_owned()),
        ];
        assert_eq!(told, expected);
    }
    let more: Vec<_> = (4..=1_100).map(level).collect();
    dir.writer().ingest_snapshots(&records(&more, 5), READ_AT).unwrap();
    let kept = levels();
    assert_eq!((kept.len(), kept[0].to.as_str(), kept[999].to.as_str()), (1_000, "1100", "101"));
    assert!(dir.reader().levels("nobody").unwrap().is_none());
}

fn one_at_a_time_asks_about_a_waba(dir: &Database) {
    let (mut first, mut second) = (dir.writer(), dir.writer());
    let claim = |writer: &mut crate::ledger::Writer, now: u64, begun_before: u64, due_before: u64| {
        writer.claim_sync(("acme", "w1"), Time(now), (Time(begun_before), Time(due_before)), Time(now + 600)).unwrap()
    };
    let taken = |failures| Claim::Taken { failures };
    assert_eq!(claim(&mut first, 1_000, 1_000, 1_000), taken(0));
    assert_eq!(claim(&mut second, 1_001, 1_001, 1_001), Claim::Not { due_at: Time(1_600) });
    assert_eq!(claim(&mut second, 1_050, 1_040, u64::MAX), taken(0), "by hand, when it was not begun lately");
    let report = SyncReport {
        waba: "w1".to_owned(),
        at: Time(1_050),
        result: SyncResult::Failed,
        detail: "no".to_owned(),
        templates: 0,
        numbers: 0,
        changes: vec![SyncChange { of: "a".to_owned(), what: "b".to_owned() }],
        changed: 1,
        not_listed: Vec::new(),
        silent_since: None,
    };
    second.finish_sync(&report, 3, Time(2_000)).unwrap();
    assert_eq!(claim(&mut first, 1_900, 1_900, 1_900), Claim::Not { due_at: Time(2_000) });
    assert_eq!(claim(&mut first, 2_000, 2_000, 2_000), taken(3));
    let kept = |at: u64, since: u64| SyncReport { at: Time(at), silent_since: Some(Time(since)), ..report.clone() };
    assert_eq!(dir.reader().syncs("acme").unwrap(), [kept(1_050, 1_050)]);
    assert_eq!(first.syncs_heard().unwrap(), [("w1".to_owned(), Time(1_050))]);
    let done = |at: u64| SyncReport { at: Time(at), result: SyncResult::Done, ..report.clone() };
    first.finish_sync(&done(2_100), 0, Time(3_000)).unwrap();
    assert_eq!(dir.reader().syncs("acme").unwrap(), [done(2_100)]);
    for at in [2_200, 2_300] {
        second.finish_sync(&kept(at, 0), 1, Time(3_000)).unwrap();
    }
    assert_eq!(dir.reader().syncs("acme").unwrap(), [kept(2_300, 2_100)], "told last when it was done");
    assert_eq!(first.syncs_heard().unwrap(), [("w1".to_owned(), Time(2_100))]);
    assert!(dir.reader().syncs("other").unwrap().is_empty());
}

/// Entries of the month are a second apart, the first at one second after the start of the day.
fn a_campaign_report_has_cost_answers_and_errors(dir: &Database) {
    dir.with_month();
    let failed = |id: &str, uid, reason: &str| outcome(id, uid, 9, "failed", json!({"reason": reason}));
    let moves =
        [failed("f1", 21, "platform_131049"), failed("f2", 22, "platform_131049"), failed("f3", 23, "platform_2")];
    ingest(dir, &moves, 0);
    let report = || dir.reader().campaign_report("acme", "black-friday-2026").unwrap();
    assert!(report().is_none());
    dir.writer().ingest_snapshots(&records(&[snapshot(1, 2)], 0), READ_AT).unwrap();
    let before = report().unwrap();
    assert_eq!((before.delivered, before.read, before.replied, before.opted_out), (3, 0, 0, 0));
    let errors: Vec<_> = before.errors.iter().map(|e| (e.reason.as_str(), e.messages)).collect();
    assert_eq!(errors, [("platform_131049", 2), ("platform_2", 1)]);
    let booked: Vec<_> =
        before.costs.iter().map(|c| (c.currency.as_str(), c.per_delivered, c.per_read, c.per_reply)).collect();
    let total: rust_decimal::Decimal = crate::ledger::fixture::month()
        .iter()
        .filter(|e| &*e.account == "acme" && e.campaign.as_deref() == Some("black-friday-2026"))
        .filter_map(|e| e.cost)
        .sum();
    assert_eq!(before.costs[0].cost.normalize(), total.normalize());
    assert!(booked.iter().all(|(_, delivered, read, reply)| delivered.is_some() && read.is_none() && reply.is_none()));

    let reply = |person: &str, seconds: u64| {
        bytes(&json!({"reply_of": person, "account": "acme", "sender": "1", "at": at(seconds)}))
    };
    const WEEK: u64 = 7 * 86_400;
    let early = [reply("+5511987654321", 0), consent(WEEK + 7_200, "marketing", "opt_out", json!({}))];
    dir.writer().ingest_snapshots(&records(&early, 1), READ_AT).unwrap();
    let none = report().unwrap();
    assert_eq!((none.replied, none.opted_out), (0, 0), "before the first delivery, and a week after the last");
    let answers = [
        reply("+5511987654321", 3_000),
        reply("+5511987654321", 3_001),
        reply("+5511900000000", 3_002),
        consent(7_200, "marketing", "opt_out", json!({})),
    ];
    dir.writer().ingest_snapshots(&records(&answers, 3), READ_AT).unwrap();
    let after = report().unwrap();
    assert_eq!((after.replied, after.opted_out), (1, 1), "a person counts once, a stranger never");
    assert_eq!(after.costs[0].per_reply, Some(after.costs[0].cost.normalize()));
}

/// Eight people: three got one template and three another, one more than one try, two were test recipients.
fn a_campaign_report_tells_variants_and_keeps_tests_apart(dir: &Database) {
    let content =
        |template: &str| json!({"alternative": 0, "template": template, "language": "pt_BR", "category": "utility"});
    let mut moves = Vec::new();
    let mut entries = Vec::new();
    let mut send = |uid: u64, template: &'static str, test: bool, end: &str| {
        let (id, to) = (format!("m{uid}"), format!("+55119{uid:08}"));
        let more = |outcome: &str| {
            let mut more = json!({"content": content(template), "to": to, "reason": null});
            if test {
                more["test"] = json!(true);
            }
            if outcome == "failed" {
                more["reason"] = json!("platform_131026");
            }
            more
        };
        for kind in ["admitted", "accepted", "delivered", end] {
            let kind = if end == "failed" && kind == "delivered" { "accepted" } else { kind };
            moves.push(outcome(&id, uid, uid, kind, more(kind)));
        }
        if end != "failed" {
            let sent = (Some(template.into()), Some("pt_BR".into()));
            let (template, language) = sent;
            let recipient = Some(to.into());
            let named = crate::ledger::fixture::charge(uid);
            entries.push(tollgate_wire::ledger::LedgerEntry {
                template,
                language,
                recipient,
                message_uid: Some(uid),
                campaign: Some("black-friday-2026".into()),
                ..named
            });
        }
    };
    send(1, "a", false, "read");
    send(2, "a", false, "delivered");
    send(3, "a", false, "failed");
    send(4, "b", false, "read");
    send(5, "b", false, "read");
    send(6, "b", false, "delivered");
    send(7, "a", true, "read");
    send(8, "b", true, "failed");
    // Its first order, in test, was not sent; after the start it is one of the others.
    moves.push(outcome("m9", 9, 9, "admitted", json!({"content": content("b"), "test": true})));
    moves.push(outcome("m9", 9, 9, "not_sent", json!({"content": content("b"), "test": true})));
    moves.push(outcome("m9", 9, 9, "admitted", json!({"content": content("b"), "attempt": 2})));
    ingest(dir, &moves, 0);
    let values: Vec<Vec<u8>> = entries.iter().map(|e| serde_json::to_vec(e).unwrap()).collect();
    dir.writer().ingest(&records(&values, 0), READ_AT).unwrap();
    dir.writer().ingest_snapshots(&records(&[snapshot(1, 2)], 0), READ_AT).unwrap();
    let replied = |uid: u64| {
        bytes(&json!({"reply_of": format!("+55119{uid:08}"), "account": "acme", "sender": "1", "at": at(3_000)}))
    };
    dir.writer().ingest_snapshots(&records(&[replied(1), replied(4), replied(5), replied(7)], 1), READ_AT).unwrap();
    let report = dir.reader().campaign_report("acme", "black-friday-2026").unwrap().unwrap();
    let line = |v: &super::VariantReport| {
        let cost = &v.costs[0];
        let of = |amount: Option<rust_decimal::Decimal>| amount.map(|a| a.normalize().to_string()).unwrap_or_default();
        format!(
            "{} {}: {} people, {} ordered, {} delivered, {} read, {} failed, {} replied, {} = {} {} {}",
            v.template.as_deref().unwrap(),
            v.language.as_deref().unwrap(),
            v.people,
            v.ordered,
            v.delivered,
            v.read,
            v.failed,
            v.replied,
            cost.cost.normalize(),
            of(cost.per_delivered),
            of(cost.per_read),
            of(cost.per_reply)
        )
    };
    let lines: Vec<String> = report.variants.iter().map(line).collect();
    let expected = [
        "a pt_BR: 2 people, 3 ordered, 2 delivered, 1 read, 1 failed, 1 replied, 0.0136 = 0.0068 0.0136 0.0136",
        "b pt_BR: 3 people, 4 ordered, 3 delivered, 2 read, 0 failed, 2 replied, 0.0204 = 0.0068 0.0102 0.0102",
    ];
    assert_eq!(lines, expected);
    assert_eq!((report.replied, report.opted_out), (3, 0), "a test recipient's answer is no result");
    assert_eq!(report.costs[0].cost.normalize(), dec("0.034"), "without the test");
    assert_eq!(report.test_costs.iter().map(|c| c.cost.normalize()).collect::<Vec<_>>(), [dec("0.0068")]);
    let errors: Vec<_> = report.errors.iter().map(|e| (e.reason.as_str(), e.messages)).collect();
    assert_eq!(errors, [("platform_131026", 1)], "without the test");
}

fn test_recipients_are_masked_unless_asked_for(dir: &Database) {
    let mut told: Value = serde_json::from_slice(&snapshot(1, 2)).unwrap();
    told["campaigns"][0]["spec"]["test_recipients"] = json!(["+5511987654321", "BR.abcdef1234"]);
    dir.writer().ingest_snapshots(&records(&[bytes(&told)], 0), READ_AT).unwrap();
    let reader = dir.reader();
    let shown = reader.campaign("acme", "black-friday-2026").unwrap().unwrap();
    assert_eq!(shown.spec.test_recipients, ["…4321", "…1234"]);
    let all = format!(
        "{:?} {:?} {:?}",
        reader.live("acme").unwrap(),
        reader.campaign_report("acme", "black-friday-2026").unwrap(),
        reader.waits("acme").unwrap()
    );
    assert!(!all.contains("987654321") && !all.contains("abcdef"), "{all}");
    let asked = reader.test_recipients("acme", "black-friday-2026").unwrap().unwrap();
    assert_eq!(asked.items, ["+5511987654321", "BR.abcdef1234"]);
    assert!(reader.test_recipients("acme", "other").unwrap().is_none());
    // A faulty one is not quoted.
    told["campaigns"][0]["state"] = json!(7);
    dir.writer()
        .transact(|tx, _| tx.run("UPDATE snapshots SET body = ?1", &[told.to_string().as_str().into()]))
        .unwrap();
    let fault = reader.live("acme").unwrap_err().to_string();
    assert!(!fault.contains("987654321"), "{fault}");
}

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
        let line = |l: &super::UnansweredLine| format!("{} of {} until {}", &l.person[6..], l.sender, l.closes_at);
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

fn a_person_is_given_out_and_erased_and_the_bill_stays(dir: &Database) {
    const ANA: &str = "+5511987654321";
    let bill_before = {
        drop(dir.with_month());
        detail(dir)
    };
    let mut moves = life("m1", 7);
    moves.push(outcome("m2", 8, 5, "sent", json!({"to": "+5511987650000", "wamid": "wamid.2"})));
    ingest(dir, &moves, 0);
    let mut with_list: Value = serde_json::from_slice(&snapshot(5, 0)).unwrap();
    with_list["campaigns"][0]["spec"]["test_recipients"] = json!(["+5511987650000", ANA]);
    let wrote = |to: &str, sender: &str| {
        bytes(&json!({"reply_of": to, "account": "acme", "sender": sender, "at": at(7), "stranger": true}))
    };
    let mut values = vec![
        bytes(&with_list),
        consent(1, "marketing", "opt_in", json!({})),
        consent(2, "utility", "opt_out", json!({})),
        wrote(ANA, "B"),
        wrote(ANA, "A"),
        wrote("+5511987650000", "C"),
    ];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let given = |to: &str| serde_json::to_value(dir.reader().person("acme", to).unwrap().unwrap()).unwrap();
    let counted = counts(&dir.reader(), None);
    let person = given(ANA);
    assert_eq!(
        (&person["messages"][0]["id"], &person["messages"][0]["metadata"]["crm"]),
        (&json!("m1"), &json!("881-2"))
    );
    assert_eq!(person["messages"].as_array().unwrap().len(), 1);
    assert_eq!(person["consents"]["proofs"].as_array().unwrap().len(), 2);
    let waits = json!([{"sender": "A", "wrote_at": at(7)}, {"sender": "B", "wrote_at": at(7)}]);
    assert_eq!((&person["waits"], &person["test_recipient_of"]), (&waits, &json!(["black-friday-2026"])));
    let entries = person["entries"].as_array().unwrap();
    assert!(!entries.is_empty() && entries.iter().all(|e| e["wamid"].is_string()), "{entries:?}");
    assert!(dir.reader().person("nobody", ANA).unwrap().is_none());
    // One record says what was said and that it is erased; then it is told again.
    values.push(consent(3, "marketing", "opt_out", json!({})));
    let refused = json!({"marketing": "opt_out", "utility": "opt_out", "authentication": null, "service": null,
        "stop_all": false});
    let erased = json!({"erased": ANA, "account": "acme", "as_of": at(4), "holds": refused});
    values.push(serde_json::to_vec(&erased).unwrap());
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let person = given(ANA);
    assert_eq!((&person["messages"], &person["entries"], &person["waits"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(
        (&person["consents"]["proofs"], &person["consents"]["consents"][0]["state"]),
        (&json!([]), &json!("opt_out"))
    );
    let message = dir.reader().message("acme", "m1").unwrap().unwrap();
    assert_eq!((message.to.as_str(), message.wamid, message.metadata.is_none()), ("", None, true));
    assert_eq!((message.outcome, message.moves.len()), (OutcomeKind::Read, 6), "what became of it stays");
    let feed = dir.reader().feed("acme", 0, 100).unwrap();
    let told: Vec<&str> = feed.items.iter().map(|i| i.outcome.get()).filter(|o| o.contains("\"m1\"")).collect();
    assert_eq!(told.len(), 6);
    assert!(!told.iter().any(|o| o.contains(ANA) || o.contains("wamid.1") || o.contains("crm")), "{told:?}");
    assert_eq!(given("+5511987650000")["messages"][0]["id"], "m2", "others stay");
    assert_eq!(dir.reader().message("acme", "m2").unwrap().unwrap().wamid.as_deref(), Some("wamid.2"));
    assert_eq!((counts(&dir.reader(), None), detail(dir)), (counted, bill_before), "counts and amounts stay");
    // Nothing refused: nothing is left.
    let nothing = json!({"erased": ANA, "account": "acme", "as_of": at(5)});
    let nothing = serde_json::to_vec(&nothing).unwrap();
    dir.writer().ingest_snapshots(&records(&[nothing], values.len() as u64), READ_AT).unwrap();
    assert_eq!(given(ANA)["consents"]["consents"][0]["state"], "none");
    // What is told of the message afterwards names nobody.
    ingest(dir, &[outcome("m1", 7, 100, "read", json!({"wamid": "wamid.1"}))], 100);
    let message = dir.reader().message("acme", "m1").unwrap().unwrap();
    assert_eq!(
        (message.to.as_str(), message.wamid, message.metadata.is_none(), message.moves.len()),
        ("", None, true, 7)
    );
    let feed = dir.reader().feed("acme", 0, 100).unwrap();
    let told = |o: &str| o.contains("\"m1\"") && (o.contains(ANA) || o.contains("wamid.1") || o.contains("crm"));
    assert!(!feed.items.iter().any(|i| told(i.outcome.get())));
}

/// Every entry of the fixture's month, without people's data.
fn detail(dir: &Database) -> Vec<String> {
    let mut all = Vec::new();
    let month = "2026-10".parse().unwrap();
    let mut each = |e: &tollgate_wire::ledger::LedgerEntry<'_>| {
        all.push(serde_json::to_string(e).unwrap());
        std::ops::ControlFlow::Continue(())
    };
    dir.reader().detail(month, None, false, &mut each).unwrap();
    assert!(!all.is_empty());
    all
}

fn a_refusal_names_the_newest_no(dir: &Database) {
    let refused = outcome("m1", 7, 9, "refused", json!({"attempt": 0, "reason": "opted_out"}));
    ingest(dir, &[refused], 0);
    let read = || dir.reader().message("acme", "m1").unwrap().unwrap().opt_out;
    assert_eq!(read(), None);
    let said = |seconds, category: &str, state| consent(seconds, category, state, json!({}));
    let values = [
        said(1, "utility", "opt_out"),
        said(3, "marketing", "opt_out"),
        said(2, "all", "opt_out"),
        said(4, "utility", "opt_in"),
    ];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let no =
        OptOutView { category: "marketing".to_owned(), at: Time(T0 + 3_000), source: "web".to_owned(), brand: None };
    assert_eq!(read(), Some(no));
}

/// Of what was said to brands that to the message's brand, or to the account; and a person's record has all of it.
fn what_was_said_to_brands(dir: &Database) {
    let mut gates = super::fixture::trace(4, Some("content"));
    gates["brand"] = "shoes".into();
    let refused = json!({"attempt": 0, "reason": "opted_out", "gates": gates, "detail": "opted out of brand shoes"});
    ingest(dir, &[outcome("m1", 7, 9, "refused", refused)], 0);
    let alone = |marketing: &str| json!({"marketing": marketing, "utility": null, "authentication": null, "service": null, "stop_all": false});
    let mut holds = alone("opt_in");
    holds["brands"] =
        json!([{"brand": "shoes", "holds": alone("opt_out")}, {"brand": "hats", "holds": alone("opt_out")}]);
    let said = |seconds: u64, brand: Option<&str>| {
        let mut said: Value = json!({"category": "marketing", "state": "opt_out", "source": "web", "at": at(seconds),
            "text_version": ""});
        if let Some(brand) = brand {
            said["brand"] = json!(brand);
        }
        consent(seconds, "marketing", "opt_out", json!({"said": said, "holds": holds}))
    };
    let values = [snapshot(0, 0), said(1, None), said(3, Some("shoes")), said(2, None), said(4, Some("hats"))];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let view = dir.reader().message("acme", "m1").unwrap().unwrap();
    let no = view.opt_out.as_ref().unwrap();
    assert_eq!((no.at, no.brand.as_deref()), (Time(T0 + 3_000), Some("shoes")));
    let text = explain(&view);
    for part in ["as brand shoes; ", "opted out of brand shoes", "no to marketing of brand shoes on "] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    let consents = dir.reader().consents("acme", "+5511987654321").unwrap().unwrap();
    let brands: Vec<_> = consents.brands.iter().map(|b| (b.brand.as_str(), b.consents[0].state, b.stop_all)).collect();
    assert_eq!(brands, [("shoes", "opt_out", false), ("hats", "opt_out", false)]);
    assert_eq!((consents.consents[0].state, consents.proofs.len()), ("opt_in", 4));
    let person = serde_json::to_value(dir.reader().person("acme", "+5511987654321").unwrap().unwrap()).unwrap();
    assert_eq!(person["consents"]["brands"][1]["brand"], "hats");
    assert!(person["consents"]["proofs"].to_string().contains("\"brand\":\"hats\""));
    // Erased, with what is refused.
    let erased = json!({"erased": "+5511987654321", "account": "acme", "as_of": at(5), "holds": {"marketing": null,
        "utility": null, "authentication": null, "service": null, "stop_all": false,
        "brands": [{"brand": "shoes", "holds": alone("opt_out")}]}});
    dir.writer().ingest_snapshots(&records(&[serde_json::to_vec(&erased).unwrap()], 5), READ_AT).unwrap();
    let left = dir.reader().consents("acme", "+5511987654321").unwrap().unwrap();
    assert_eq!((left.proofs.len(), left.brands.len(), left.brands[0].consents[0].state), (0, 1, "opt_out"));
}

fn numbers_are_known_by_their_digits(dir: &Database) {
    let mut other: Value = serde_json::from_slice(&snapshot(1, 0)).unwrap();
    other["account"] = json!("brand");
    other["senders"][0]["id"] = json!("s-brand");
    other["senders"][0]["display"] = json!("");
    let values = [snapshot(1, 0), serde_json::to_vec(&other).unwrap()];
    dir.writer().ingest_snapshots(&records(&values, 0), READ_AT).unwrap();
    let reader = dir.reader();
    let numbers = reader.numbers().unwrap();
    assert_eq!(numbers.get("551140000000").map(String::as_str), Some("106540352242922"));
    assert_eq!(numbers.get("s-brand").map(String::as_str), Some("s-brand"));
    assert_eq!(numbers.len(), 3, "nothing is known by no digits");
    assert_eq!(reader.without_number(None).unwrap(), ["s-brand"]);
    assert!(reader.without_number(Some("acme")).unwrap().is_empty());
}
