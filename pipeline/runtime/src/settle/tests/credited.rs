//! What finance credits: in the bill of its month, in every export of it.

use super::minimum::{books, fee};
use super::*;
use crate::export::{Focus, View};
use crate::ledger::fixture::charge;
use tollgate_rate_card::Fee;

/// A credit as the engine books it.
fn credit(n: u64, cost: &str, price: &str) -> LedgerEntry<'static> {
    LedgerEntry {
        entry: format!("{:032x}", (1_u128 << 91) + u128::from(n)).into(),
        kind: EntryKind::Credit,
        cause: Some(Cause::Manual),
        message: Some(format!("C-{n}").into()),
        sender: "".into(),
        quantity: 1,
        cost: Some(dec(cost)),
        markup_rule: None,
        markup: Some(dec(price) - dec(cost)),
        fee: Some(Decimal::ZERO),
        price_ex_tax: Some(dec(price)),
        reason: Some("an outage; reference CN-7; by finance".into()),
        ..fee(0, Fee::Number, 1, "0")
    }
}

pub(super) fn a_credit_is_in_the_bill_and_no_minimum_asks_it_back(dir: &Database) {
    let mut books = books(dir, "1");
    let entries = [
        json(&charge(1)),
        json(&fee(2, Fee::Number, 1, "0.5")),
        json(&credit(1, "0", "-25")),
        json(&credit(2, "-3.2", "-3.2")),
        json(&credit(3, "-0.0000000005", "0.0000000005")),
    ];
    let done = books.ingest(&entries, 0);
    assert_eq!(done.applied, 5);
    assert_eq!(books.ingest(&[json(&credit(1, "0", "-25"))], 1).duplicates, 1, "the ledger has it once");
    books.end(OCTOBER);
    let report = books.settle(OCTOBER);
    assert_eq!((report.charges, report.true_ups), (1, 0));
    let closed = books.close(OCTOBER, ALL).unwrap();
    let manifest: CloseManifest = serde_json::from_str(&closed.manifest).unwrap();
    let of = |totals: &[ControlTotal], kind: &str| totals.iter().find(|t| t.kind == kind).unwrap().exact.clone();
    assert_eq!(of(&manifest.price_totals, "credit"), "-28.1999999995");
    // Up to the minimum of 1 as if there were no credits.
    assert_eq!(of(&manifest.price_totals, "total"), "-27.1999999995");
    assert_eq!(of(&manifest.cost_totals, "credit"), "-3.2000000005");
    assert_eq!((manifest.messages, manifest.entries), (1, 6));
    assert_eq!(verify(&books.reader, &books.rates, "acme").unwrap().len(), 1);

    // The same sums by entry, by summary row and by row of FOCUS.
    let month = || OCTOBER.parse().unwrap();
    let mut entries = (Decimal::ZERO, Decimal::ZERO);
    let each = &mut |e: &LedgerEntry<'_>| {
        entries.0 += e.cost.unwrap_or_default();
        entries.1 += e.price_ex_tax.unwrap_or_default();
        std::ops::ControlFlow::Continue(())
    };
    books.reader.detail(month(), None, false, each).unwrap();
    let mut rows = (Decimal::ZERO, Decimal::ZERO);
    let each = &mut |r: &crate::ledger::SummaryRow<'_>| {
        rows.0 += r.cost.unwrap_or_default();
        rows.1 += r.price_ex_tax.unwrap_or_default();
        std::ops::ControlFlow::Continue(())
    };
    books.reader.summary(month(), None, each).unwrap();
    assert_eq!(entries, rows);
    assert_eq!(rows.1, dec(&of(&manifest.price_totals, "total")));
    assert_eq!(rows.0, dec(&of(&manifest.cost_totals, "total")));
    for (view, sum) in [(View::Provider, rows.0), (View::Customer { issuer: "Reseller".to_owned() }, rows.1)] {
        let zones = books.terms.iter().map(|(id, terms)| (id.clone(), terms.zone.clone())).collect();
        let (focus, _) = books.export(OCTOBER, Format::Focus(Focus { view, zones }), 0);
        let rows: Vec<BTreeMap<String, String>> =
            csv::Reader::from_reader(&*focus).deserialize().map(Result::unwrap).collect();
        let credits: Vec<_> = rows.iter().filter(|row| row["ChargeCategory"] == "Credit").collect();
        assert!(credits.len() == 1 && credits[0]["ChargeDescription"] == "Credit", "{credits:?}");
        let billed: Decimal = rows.iter().map(|row| dec(&row["BilledCost"])).sum();
        // Each row is rounded to 6 decimals.
        assert!((billed - sum).abs() <= dec("0.000001") * Decimal::from(rows.len()), "{billed} {sum}");
    }
    let (detail, _) = books.export(OCTOBER, Format::Detail, 0);
    let detail = String::from_utf8(detail).unwrap();
    assert_eq!(detail.lines().filter(|line| line.contains("an outage; reference CN-7; by finance")).count(), 3);
}
