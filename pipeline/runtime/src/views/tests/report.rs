//! Reports of campaigns: cost, answers, errors, variants, test recipients.

use super::ingest;
use crate::ledger::LedgerStore;
use crate::ledger::fixture::{Database, READ_AT, charge, dec, json as bytes, month, on_both, records};
use crate::views::VariantReport;
use crate::views::fixture::{at, consent, outcome, snapshot};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tollgate_wire::ledger::LedgerEntry;

on_both!(
    a_campaign_report_has_cost_answers_and_errors,
    a_campaign_report_tells_variants_and_keeps_tests_apart,
    test_recipients_are_masked_unless_asked_for,
);

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
    let total: Decimal = month()
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
            let named = charge(uid);
            entries.push(LedgerEntry {
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
    let line = |v: &VariantReport| {
        let cost = &v.costs[0];
        let of = |amount: Option<Decimal>| amount.map(|a| a.normalize().to_string()).unwrap_or_default();
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
