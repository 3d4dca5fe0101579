//! Bills summed from the entries of a month.

use crate::ledger::fixture::{Database, READ_AT, dec, on_both};
use crate::views::{BillLine, bill, bill_by_account};
use rust_decimal::Decimal;

on_both!(a_bill_sums_by_country_and_category, a_bill_sums_by_account,);

fn a_bill_sums_by_country_and_category(dir: &Database) {
    let reader = dir.with_month();
    let bill = bill(&reader, "2026-10".parse().unwrap(), None, READ_AT).unwrap();
    let line = |l: &BillLine| {
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
    assert_eq!(bills.iter().map(|b| b.cost).sum::<Decimal>(), lines.iter().map(|l| l.cost).sum());
    assert!(bill_by_account(&reader, month, &|account| account == "other").unwrap().is_empty());
    assert!(bill_by_account(&reader, "2026-09".parse().unwrap(), &|_| true).unwrap().is_empty());
}
