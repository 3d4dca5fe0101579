//! Accounts as their snapshots tell them: campaigns, senders, zones, terms, numbers.

use super::ingest;
use crate::ledger::fixture::{Database, READ_AT, dec, json as bytes, on_both, records};
use crate::views::fixture::{at, outcome, snapshot};
use serde_json::{Value, json};

on_both!(
    snapshots_are_replaced_whole,
    zones_are_those_of_the_newest_snapshots,
    terms_of_a_waba_come_from_the_snapshot,
    an_account_is_read_whole_from_one_snapshot,
    numbers_are_known_by_their_digits,
    a_campaign_that_the_snapshot_does_not_have_is_told_by_its_messages,
);

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
    let mut older: Value = serde_json::from_slice(&snapshot(1, 9)).unwrap();
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

fn a_campaign_that_the_snapshot_does_not_have_is_told_by_its_messages(dir: &Database) {
    let of = |id: &str, uid, kind: &str, more: Value| {
        let mut more = more;
        more["campaign"] = json!("spring");
        outcome(id, uid, 9, kind, more)
    };
    let moves = [
        of("a", 1, "refused", json!({"attempt": 0, "reason": "template_unknown"})),
        of("b", 2, "refused", json!({"attempt": 0, "reason": "not_opted_in"})),
        of("c", 3, "delivered", json!({})),
        of("d", 4, "sent", json!({})),
    ];
    ingest(dir, &moves, 0);
    let mut value: Value = serde_json::from_slice(&snapshot(1, 2)).unwrap();
    value["left_out"] = json!({"campaigns": 3, "lots": 2});
    dir.writer().ingest_snapshots(&records(&[bytes(&value)], 0), READ_AT).unwrap();
    let reader = dir.reader();
    // The list says that it has not all of them.
    let list = reader.campaigns("acme").unwrap().unwrap();
    assert_eq!((list.items.len(), list.left_out), (1, 3));
    assert_eq!(serde_json::to_value(&list).unwrap()["left_out"], 3);
    assert_eq!(reader.account("acme").unwrap().unwrap().campaigns, 4);
    assert_eq!(reader.lots("acme").unwrap().unwrap().left_out, 2);
    assert!(serde_json::to_value(reader.senders("acme").unwrap()).unwrap().get("left_out").is_none());
    let campaign = reader.campaign("acme", "spring").unwrap().unwrap();
    let n = campaign.counts;
    assert_eq!((n.requested, n.refused, n.delivered, n.on_the_way), (4, 2, 1, 1));
    assert_eq!((campaign.spec.name.as_str(), campaign.state.as_str()), ("spring", "past"));
    let report = reader.campaign_report("acme", "spring").unwrap().unwrap();
    assert_eq!((report.delivered, report.campaign.counts.refused), (1, 2));
    assert!(reader.campaign("acme", "winter").unwrap().is_none());
    assert!(reader.campaign_report("acme", "winter").unwrap().is_none());
    assert!(reader.campaign("nobody", "spring").unwrap().is_none());
}
