//! What the platform told: templates, levels, and who asks it when.

use crate::ledger::Writer;
use crate::ledger::fixture::{Database, READ_AT, json as bytes, on_both, records};
use crate::views::fixture::{at, snapshot};
use crate::views::{Claim, SyncChange, SyncReport, SyncResult};
use serde_json::{Value, json};
use tollgate_wire::Time;
use tollgate_wire::analytics::{DAY_S, Day, Metric};

on_both!(
    templates_are_as_they_were_told_last,
    levels_are_kept_newest_first_and_no_more_than_a_thousand,
    one_at_a_time_asks_about_a_waba,
    figures_of_a_day_are_missing_until_they_are_told_when_it_is_over,
);

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
    let claim = |writer: &mut Writer, now: u64, begun_before: u64, due_before: u64| {
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

fn figures_of_a_day_are_missing_until_they_are_told_when_it_is_over(dir: &Database) {
    const DAY: i64 = 20_000;
    let mut writer = dir.writer();
    writer.claim_sync(("acme", "w1"), Time(1), (Time(1), Time(1)), Time(2)).unwrap();
    assert!(writer.syncs_without_figures(DAY).unwrap().is_empty(), "nothing came of it yet");
    let report = SyncReport {
        waba: "w1".to_owned(),
        at: Time(1),
        result: SyncResult::Done,
        detail: String::new(),
        templates: 0,
        numbers: 0,
        changes: Vec::new(),
        changed: 0,
        not_listed: Vec::new(),
        silent_since: None,
    };
    writer.finish_sync(&report, 0, Time(2)).unwrap();
    let missing = |writer: &mut Writer| writer.syncs_without_figures(DAY).unwrap();
    assert_eq!(missing(&mut writer), ["w1"]);
    let over = Time(((DAY + 1) * DAY_S * 1_000) as u64);
    let told = |waba: &str, metric: Metric, day: i64, at: Time| {
        let (waba, points) = (waba.to_owned(), "[]".to_owned());
        Day { waba, metric, day, seen_at: at, asked_at: at, points }
    };
    let others = [
        told("w2", Metric::Pricing, DAY, over),
        told("w1", Metric::Conversation, DAY, over),
        told("w1", Metric::Pricing, DAY - 1, over),
        told("w1", Metric::Pricing, DAY, Time(over.0 - 1)),
    ];
    writer.keep_figures(&others).unwrap();
    assert_eq!(missing(&mut writer), ["w1"], "another WABA, metric, day, or before the day was over");
    writer.keep_figures(&[told("w1", Metric::Pricing, DAY, over)]).unwrap();
    assert!(missing(&mut writer).is_empty());
    assert_eq!(writer.syncs_without_figures(DAY + 1).unwrap(), ["w1"]);
}
