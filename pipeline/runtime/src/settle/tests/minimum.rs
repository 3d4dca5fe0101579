//! Fees in a month that is closed: left alone, and made up to the minimum.

use super::*;
use crate::export::{Focus, View};
use crate::ledger::fixture::{T0, charge};
use tollgate_core::emit::blank_fee;
use tollgate_rate_card::{Fee, Markup};

/// A fee as the engine books it: in October, of the first WABA.
pub(super) fn fee(n: u64, fee: Fee, quantity: i64, amount: &str) -> LedgerEntry<'static> {
    LedgerEntry {
        entry: format!("{:032x}", (1_u128 << 90) + u128::from(n)).into(),
        account: "acme".into(),
        account_name: "Acme".into(),
        legal_entity: "Acme Ltda".into(),
        waba: "waba-1".into(),
        sender: "106540352242922".into(),
        quantity,
        cost_currency: "USD".into(),
        fee: Some(dec(amount)),
        price_ex_tax: Some(dec(amount)),
        price_currency: "USD".into(),
        // 2026-10-31, 23:59:59 in Mexico City.
        occurred_at: Time(1_793_512_799_000),
        booked_at: READ_AT,
        usage_period: OCTOBER.into(),
        billing_period: OCTOBER.into(),
        ..blank_fee(fee)
    }
}

pub(super) fn books<'d>(dir: &'d Database, minimum: &str) -> Books<'d> {
    let mut books = Books::new(dir);
    let markup: Markup = serde_json::from_str(&format!(
        r#"{{"valid_from": "2026-10-01", "rules": [{{"name": "all", "percent": "0"}}], "fees": {{"minimum": "{minimum}"}}}}"#
    ))
    .unwrap();
    for terms in books.terms.values_mut() {
        terms.markup = vec![markup.clone()];
    }
    books
}

/// The entries of the minimum: revision, quantity, amount, whether it adjusts the one before.
fn told(books: &Books<'_>) -> Vec<(u32, i64, String, bool)> {
    let mut all: Vec<(u32, i64, String, bool, String)> = Vec::new();
    let each = &mut |e: &LedgerEntry<'_>| {
        if e.reason.as_deref() == Some("minimum") {
            assert!(e.kind == EntryKind::Fee && e.cause == Some(Cause::Settle) && e.fee == e.price_ex_tax);
            assert_eq!((&*e.waba, e.occurred_at, e.cost), ("waba-1", Time(1_793_512_799_000), Some(Decimal::ZERO)));
            let adjusts = e.adjusts.as_deref().map(str::to_owned).unwrap_or_default();
            let amount = e.price_ex_tax.unwrap().normalize().to_string();
            all.push((e.revision, e.quantity, amount, !adjusts.is_empty(), e.entry.to_string()));
        }
        std::ops::ControlFlow::Continue(())
    };
    books.reader.detail(OCTOBER.parse().unwrap(), None, false, each).unwrap();
    all.sort();
    all.into_iter().map(|(revision, quantity, amount, adjusts, _)| (revision, quantity, amount, adjusts)).collect()
}

fn minimum(books: &mut Books<'_>) -> u64 {
    let job = Books::job(&books.rates, &books.terms, OCTOBER);
    let end = crate::ledger::Close {
        month: OCTOBER.parse().unwrap(),
        // In November.
        at: Time(T0 + 40 * 86_400_000),
        forced: None,
        closed_at: None,
        manifest: String::new(),
        sha256: String::new(),
    };
    super::super::minimum::book(&mut books.writer, &job, &end).unwrap()
}

pub(super) fn a_month_is_made_up_to_its_minimum(dir: &Database) {
    let mut books = books(dir, "1");
    // Of the second WABA is no number: it has no minimum, whatever is billed of it.
    let other = LedgerEntry { waba: "waba-2".into(), ..charge(9) };
    let entries = [
        json(&charge(1)),
        json(&other),
        json(&fee(1, Fee::Accepted, 120, "0.12")),
        json(&fee(2, Fee::Number, 1, "0.5")),
        json(&LedgerEntry { price_currency: "EUR".into(), ..fee(3, Fee::Inbound, 1, "7") }),
    ];
    books.ingest(&entries, 0);
    // 1 - 0.0068 - 0.12 - 0.5; another currency does not count.
    assert_eq!((minimum(&mut books), minimum(&mut books)), (1, 0));
    assert_eq!(told(&books), [(0, 1, "0.3732".to_owned(), false)]);
    // What comes before the month is closed is taken into account.
    books.ingest(&[json(&fee(4, Fee::Failed, 1, "0.0732"))], 0);
    assert_eq!((minimum(&mut books), minimum(&mut books)), (2, 0));
    books.ingest(&[json(&fee(5, Fee::Failed, 1, "5"))], 0);
    assert_eq!((minimum(&mut books), minimum(&mut books)), (1, 0));
    books.ingest(&[json(&fee(6, Fee::Failed, -1, "-5"))], 0);
    assert_eq!((minimum(&mut books), minimum(&mut books)), (1, 0));
    let pair = |revision, quantity, amount: &str| (revision, quantity, amount.to_owned(), quantity < 0);
    assert_eq!(
        told(&books),
        [pair(0, 1, "0.3732"), pair(1, -1, "-0.3732"), pair(2, 1, "0.3"), pair(3, -1, "-0.3"), pair(4, 1, "0.3")]
    );
}

/// A card is put right that had October's message 0.005 too dear: the client gets that in November, also where November has
/// a minimum.
pub(super) fn no_minimum_asks_a_correction_back(dir: &Database) {
    let mut books = books(dir, "1");
    let october = charge(1);
    books.ingest(&[json(&october)], 0);
    books.end(OCTOBER);
    books.close(OCTOBER, ALL).unwrap();
    let november = |e: LedgerEntry<'static>| LedgerEntry { billing_period: NOVEMBER.into(), ..e };
    let true_up = |n: u64, amount: &str, quantity: i64| LedgerEntry {
        entry: format!("{:032x}", (1_u128 << 92) + u128::from(n)).into(),
        kind: EntryKind::TrueUp,
        cause: Some(Cause::Card),
        adjusts: Some(october.entry.clone()),
        revision: n as u32,
        quantity,
        cost: Some(dec(amount)),
        price_ex_tax: Some(dec(amount)),
        ..november(october.clone())
    };
    let own = |e: LedgerEntry<'static>| LedgerEntry {
        usage_period: NOVEMBER.into(),
        occurred_at: Time(e.occurred_at.0 + 30 * 86_400_000),
        ..november(e)
    };
    let late = LedgerEntry { cause: Some(Cause::Late), ..november(charge(2)) };
    let entries = [
        json(&true_up(1, "-0.0068", -1)),
        json(&true_up(2, "0.0018", 1)),
        json(&own(charge(3))),
        json(&own(fee(2, Fee::Number, 1, "0.5"))),
        // What comes late was billed in no month before.
        json(&late),
    ];
    assert_eq!(books.ingest(&entries, 0).applied, 5);
    let prices = novembers_minimum(&mut books);
    // 1 - 0.0068 - 0.5 - 0.0068, and not 0.005 more.
    assert_eq!(prices, ["0.4864"]);
}

/// What is asked as November's minimum, which is booked once.
fn novembers_minimum(books: &mut Books<'_>) -> Vec<String> {
    let job = Books::job(&books.rates, &books.terms, NOVEMBER);
    let end = crate::ledger::Close {
        month: NOVEMBER.parse().unwrap(),
        at: Time(T0 + 70 * 86_400_000),
        forced: None,
        closed_at: None,
        manifest: String::new(),
        sha256: String::new(),
    };
    assert_eq!(super::super::minimum::book(&mut books.writer, &job, &end).unwrap(), 1);
    assert_eq!(super::super::minimum::book(&mut books.writer, &job, &end).unwrap(), 0);
    let mut prices = Vec::new();
    let each = &mut |e: &LedgerEntry<'_>| {
        if e.reason.as_deref() == Some("minimum") {
            prices.push(e.price_ex_tax.unwrap().normalize().to_string());
        }
        std::ops::ControlFlow::Continue(())
    };
    books.reader.detail(NOVEMBER.parse().unwrap(), None, false, each).unwrap();
    prices
}

/// November's bill holds what was used in October: what was billed there and is another category by now, which does not count, and
/// what came late, which does, with what became of it.
pub(super) fn what_comes_late_counts_and_what_corrects_does_not(dir: &Database) {
    let mut books = books(dir, "1");
    let october = charge(1);
    books.ingest(&[json(&october)], 0);
    books.end(OCTOBER);
    books.close(OCTOBER, ALL).unwrap();
    let of = |n: u64, kind: EntryKind, adjusts: &LedgerEntry<'static>, revision: u32, quantity: i64, price: &str| {
        LedgerEntry {
            entry: format!("{:032x}", (1_u128 << 92) + u128::from(n)).into(),
            kind,
            cause: Some(Cause::Reclassified),
            adjusts: Some(adjusts.entry.clone()),
            revision,
            quantity,
            cost: Some(dec(price)),
            price_ex_tax: Some(dec(price)),
            billing_period: NOVEMBER.into(),
            ..adjusts.clone()
        }
    };
    let back = |n, e: &LedgerEntry<'static>, revision| {
        of(n, EntryKind::Adjustment, e, revision, -1, &format!("-{}", e.price_ex_tax.unwrap()))
    };
    let anew = |n, e: &LedgerEntry<'static>, revision, price| of(n, EntryKind::Charge, e, revision, 1, price);
    let settled =
        |n, e: &LedgerEntry<'static>, revision, quantity, price| of(n, EntryKind::TrueUp, e, revision, quantity, price);
    // Of the closed month, re-classified twice; its ids are in no order, and it is reported earlier, too.
    let second = LedgerEntry { occurred_at: Time(october.occurred_at.0 - 1), ..anew(90, &october, 1, "0.0625") };
    let third = anew(20, &second, 2, "0.03");
    let late = |n| LedgerEntry { cause: Some(Cause::Late), billing_period: NOVEMBER.into(), ..charge(n) };
    let (settled_late, moved_late) = (late(2), late(3));
    let fourth = LedgerEntry { occurred_at: Time(moved_late.occurred_at.0 - 1), ..anew(10, &moved_late, 1, "0.0625") };
    let own = LedgerEntry {
        usage_period: NOVEMBER.into(),
        billing_period: NOVEMBER.into(),
        occurred_at: Time(october.occurred_at.0 + 30 * 86_400_000),
        ..fee(2, Fee::Number, 1, "0.5")
    };
    let entries = [
        back(80, &october, 1),
        back(30, &second, 2),
        settled(21, &third, 1, -1, "-0.03"),
        settled(22, &third, 2, 1, "0.02"),
        third,
        second,
        back(11, &moved_late, 1),
        fourth,
        moved_late,
        settled(23, &settled_late, 1, -1, "-0.0068"),
        settled(24, &settled_late, 2, 1, "0.008"),
        settled_late,
        own,
    ];
    assert_eq!(books.ingest(&entries.iter().map(json).collect::<Vec<_>>(), 0).applied, 13);
    let prices = novembers_minimum(&mut books);
    // 1 - 0.5 - 0.0625 - 0.008.
    assert_eq!(prices, ["0.4295"]);
}

pub(super) fn a_month_with_fees_is_closed_once(dir: &Database) {
    let mut books = books(dir, "1");
    let entries = [json(&charge(1)), json(&fee(1, Fee::Accepted, 120, "0.12")), json(&fee(2, Fee::Number, 1, "0.5"))];
    books.ingest(&entries, 0);
    books.end(OCTOBER);
    // The end came in October, of which today is not the last day; that changes nothing where one mark-up holds.
    let settled = books.settle(OCTOBER);
    assert_eq!((settled.entries, settled.charges), (3, 1), "fees are no charges");
    let closed = books.close(OCTOBER, ALL).unwrap();
    assert_eq!(told(&books), [(0, 1, "0.3732".to_owned(), false)]);
    let again = books.close(OCTOBER, ALL).unwrap();
    assert_eq!((again.manifest, again.sha256), (closed.manifest.clone(), closed.sha256));
    assert_eq!(told(&books).len(), 1);
    let manifest: CloseManifest = serde_json::from_str(&closed.manifest).unwrap();
    assert_eq!((manifest.messages, manifest.entries), (1, closed.settled.unwrap().entries));
    let total = |kind: &str| manifest.price_totals.iter().find(|t| t.kind == kind).unwrap().exact.clone();
    assert_eq!((total("fee").as_str(), total("total").as_str()), ("0.9932000000", "1.0000000000"));
    assert_eq!(verify(&books.reader, &books.rates, "acme").unwrap().len(), 1);
    // By other rules fees stay as they are.
    let zones = books.terms.iter().map(|(id, terms)| (id.clone(), terms.zone.clone())).collect();
    let rules = Rules::new(&books.rates, Under::Own(zones));
    let report = crate::rerate::rerate(&books.reader, OCTOBER.parse().unwrap(), None, &rules, &mut |_| {}).unwrap();
    assert_eq!((report.totals.iter().map(|line| line.messages).sum::<u64>(), report.kept), (1, 3), "{report:?}");

    let (summary, _) = books.export(OCTOBER, Format::Summary, 0);
    let summary = String::from_utf8(summary).unwrap();
    let fees: Vec<_> = summary.lines().filter(|line| line.contains(",fee,")).collect();
    assert_eq!(
        fees[1..],
        [
            "2026-10,2026-10,fee,acme,Acme,Acme Ltda,waba-1,,,,,,,,PMP,,,,,own,0,1,,,,0.000000,USD,,minimum,0.000000,0.373200,0.373200,USD,,",
            "2026-10,2026-10,fee,acme,Acme,Acme Ltda,waba-1,106540352242922,,,,,,,PMP,,,,,own,0,120,,,,0.000000,USD,,accepted,0.000000,0.120000,0.120000,USD,,",
            "2026-10,2026-10,fee,acme,Acme,Acme Ltda,waba-1,106540352242922,,,,,,,PMP,,,,,own,0,1,,,,0.000000,USD,,number,0.000000,0.500000,0.500000,USD,,",
        ]
    );
    let view = View::Customer { issuer: "Reseller".to_owned() };
    let zones = books.terms.iter().map(|(id, terms)| (id.clone(), terms.zone.clone())).collect();
    let (focus, _) = books.export(OCTOBER, Format::Focus(Focus { view, zones }), 0);
    let rows: Vec<BTreeMap<String, String>> =
        csv::Reader::from_reader(&*focus).deserialize().map(Result::unwrap).collect();
    let row = |what: &str| rows.iter().find(|row| row["ChargeDescription"] == what).unwrap();
    let number = row("Fee for a number");
    let columns =
        ["ChargeCategory", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ConsumedQuantity", "SkuId"];
    assert_eq!(
        columns.map(|c| number[c].as_str()),
        ["Adjustment", "0.500000", "0.500000", "0.5000000000", "0.5000000000", "", ""]
    );
    assert_eq!(row("Fee up to the minimum of the month")["Tags"], "{}");
    let billed: Decimal = rows.iter().map(|row| dec(&row["BilledCost"])).sum();
    assert_eq!(billed, dec("1"));
}

/// Prices may be in currencies that the platform does not bill in: the manifest rounds them as an invoice does.
pub(super) fn totals_are_rounded_in_whatever_currency(dir: &Database) {
    let mut books = Books::new(dir);
    let of = |n, amount: &str, currency: &'static str| LedgerEntry {
        price_currency: currency.into(),
        ..fee(n, Fee::Accepted, 1, amount)
    };
    let each = [("0.126", "CHF"), ("12.6", "JPY"), ("0.0125", "KWD"), ("0.5", "XAU")];
    let entries: Vec<_> = (1..).zip(each).map(|(n, (amount, currency))| json(&of(n, amount, currency))).collect();
    books.ingest(&entries, 0);
    books.end(OCTOBER);
    let manifest: CloseManifest = serde_json::from_str(&books.close(OCTOBER, ALL).unwrap().manifest).unwrap();
    let totals: Vec<_> = manifest.price_totals.iter().filter(|t| t.kind == "total").collect();
    let told: Vec<_> = totals.iter().map(|t| (&*t.currency, &*t.rounded, &*t.remainder)).collect();
    assert_eq!(
        told,
        [
            ("CHF", "0.13", "-0.0040000000"),
            ("JPY", "13", "-0.4000000000"),
            ("KWD", "0.013", "-0.0005000000"),
            ("XAU", "0.5000000000", "0.0000000000"),
        ]
    );
}
