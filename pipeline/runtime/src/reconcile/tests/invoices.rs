//! Invoices: what a profile makes of them, at the granularity of its columns.

use super::*;

const PROFILE: &str = r#"{"columns":{"waba":"Account","phone":"Number","category":"Product","quantity":"Messages",
    "amount":"Net","currency":"Cur","period":"Day"},"delimiter":";","decimal":",","thousands":".","date":"DD.MM.YYYY",
    "words":{"Utility messages":"utility"}}"#;

const HEADER: &str = "Account;Number;Product;Messages;Net;Cur;Day\n";

fn profile(text: &str) -> Profile {
    serde_json::from_str(text).expect("a profile")
}

fn read(profile: &Profile, rows: &str) -> Result<Statement, String> {
    let known = known();
    let mut invoices = Invoices::new(profile, october(), &known).map_err(|error| error.to_string())?;
    invoices.add("bill.csv", format!("{HEADER}{rows}").as_bytes()).map_err(|error| error.to_string())?;
    invoices.finish().map_err(|error| error.to_string())
}

fn report(profile: &Profile, rows: &str, entries: &[LedgerEntry<'static>]) -> Report {
    let statement = read(profile, rows).expect("reads");
    let rates = RateCards::embedded().expect("good data");
    reconcile(&Booked(entries.to_vec()), &request(), &statement, &known(), &rates, None, &mut |_| {}).expect("compares")
}

#[test]
fn columns_numbers_and_days_are_those_of_the_profile() {
    let entries = many(1200, 1, 2, Category::Utility);
    let rows = "waba-1;+1 555 000 1111;Utility messages;1.200;8,16;USD;02.10.2026\n\
                waba-1;+1 555 000 1111;Utility messages;9;1,00;USD;01.11.2026\n";
    let report = report(&profile(PROFILE), rows, &entries);
    assert!(report.classes.is_empty(), "{report:#?}");
    assert_eq!((report.totals[0].platform_messages, report.of_other_months), (1200, 1));
}

#[test]
fn another_currency_is_a_class_of_its_own() {
    let rows = "waba-1;15550001111;Utility messages;2;0,01;EUR;02.10.2026\n";
    let report = report(&profile(PROFILE), rows, &many(2, 1, 2, Category::Utility));
    let lines: Vec<_> = report.classes.iter().map(|l| (l.class, &*l.currency, l.more, l.fewer, l.amount)).collect();
    assert_eq!(lines, [(Class::Currency, "EUR", 2, 0, dec("0.01")), (Class::Currency, "USD", 0, 2, dec("-0.0136"))]);
    assert!(!report.is_unexplained());
}

#[test]
fn few_columns_are_the_sum_of_the_month_and_free_messages_are_not_on_it() {
    let few = profile(r#"{"columns":{"quantity":"Messages","amount":"Net"},"delimiter":";","decimal":","}"#);
    let mut entries = many(3, 1, 2, Category::Utility);
    entries.push(LedgerEntry {
        pricing_type: Some(PricingType::FreeEntryPoint),
        cost: Some(Decimal::ZERO),
        ..sent(9, 30, Category::Marketing)
    });
    // The entry's own month counts, also where its day is past the month in the zone that we know.
    entries.push(LedgerEntry { occurred_at: at(32, 9), ..sent(10, 31, Category::Marketing) });
    let rows = ";;;1;0,0068;;\n;;;3;0,0204;;\n";
    assert!(report(&few, rows, &entries).classes.is_empty());
    // Two currencies in one row cannot be compared.
    entries[0].cost_currency = "EUR".into();
    let statement = read(&few, rows).expect("reads");
    let rates = RateCards::embedded().expect("good data");
    let told = reconcile(&Booked(entries), &request(), &statement, &known(), &rates, None, &mut |_| {});
    let told = told.expect_err("refused").to_string();
    assert!(told.contains("the invoice has entries in EUR and in USD"), "{told}");
}

#[test]
fn days_of_a_waba_without_a_zone_are_refused() {
    let nowhere = Known { zones: [].into(), ..known() };
    let rates = RateCards::embedded().expect("good data");
    for (columns, row) in [
        (PROFILE.to_owned(), "waba-1;15550001111;Utility messages;2;0,01;USD;02.10.2026\n"),
        (
            r#"{"columns":{"quantity":"Messages","amount":"Net"},"delimiter":";","decimal":","}"#.to_owned(),
            ";;;2;0,01;;\n",
        ),
    ] {
        let statement = read(&profile(&columns), row).expect("reads");
        let booked = Booked(many(2, 1, 2, Category::Utility));
        let told =
            reconcile(&booked, &request(), &statement, &nowhere, &rates, None, &mut |_| {}).expect_err("refused");
        assert!(told.to_string().contains("waba = \"waba-1\": its time zone is not known"), "{told}");
    }
}

#[test]
fn faults_name_file_line_column_value_and_remedy() {
    let profile = profile(PROFILE);
    let row = "waba-1;1;Utility messages;1;1,00;USD;02.10.2026\n";
    for (rows, says) in [
        (
            row.replace(";1;1,00", ";x;1,00"),
            "bill.csv:2: Messages = \"x\": that is no number; the profile has ',' before the decimals",
        ),
        (
            row.replace(";1;1,00", ";1,5;1,00"),
            "bill.csv:2: Messages = \"1,5\": that is no number of messages; write a whole",
        ),
        (
            row.replace("02.10.2026", "2026-10-02"),
            "Day = \"2026-10-02\": that is no such day or month; it has to be DD.MM.YYYY",
        ),
        (row.replace("02.10.2026", "31.02.2026"), "that is no such day"),
        (row.replace("USD", "$"), "Cur = \"$\": that is no currency; write the ISO 4217 code"),
        (row.replace(";USD", ""), "bill.csv:2: "),
        (row.replace("10.2026", "09.2026"), "none of the 1 figures is of it, they are of 2026-09-02 to 2026-09-02"),
        (String::new(), "bill.csv: there is no row below the header"),
    ] {
        let told = read(&profile, &rows).expect_err("refused");
        assert!(told.contains(says), "{told}");
    }
    let typo = self::profile(&PROFILE.replace("\"Net\"", "\"Nett\""));
    let told = read(&typo, row).expect_err("refused");
    assert!(
        told.contains("bill.csv:1: there is no column \"Nett\" for columns.amount of the profile; did you mean Net?"),
        "{told}"
    );
    let contrary = self::profile(&PROFILE.replace("\"thousands\":\".\"", "\"thousands\":\",\""));
    let told = read(&contrary, row).expect_err("refused");
    assert!(told.contains("the profile's thousands = \",\" cannot be told"), "{told}");
    // A point where the profile has commas is not read as thousands.
    let plain = self::profile(&PROFILE.replace("\"thousands\":\".\",", ""));
    let told = read(&plain, &row.replace("1,00", "1.00")).expect_err("refused");
    assert!(told.contains("Net = \"1.00\": that is no number"), "{told}");
}

/// Whoever exports from a spreadsheet has `\r\n`; a row keeps its line then, and below blank ones.
#[test]
fn a_fault_has_the_line_of_its_row() {
    let profile = profile(PROFILE);
    let good = "waba-1;1;Utility messages;1;1,00;USD;02.10.2026";
    let bad = good.replace(";1;1,00", ";x;1,00");
    let short = good.replace(";USD", "");
    for (end, row, line) in [("\n", &bad, 4), ("\r\n", &bad, 4), ("\r\n", &short, 4), ("\n", &short, 4)] {
        let told = read(&profile, &format!("{good}{end}{good}{end}{row}{end}")).expect_err("refused");
        assert!(told.starts_with(&format!("bill.csv:{line}: ")), "{end:?}: {told}");
        let told = read(&profile, &format!("{good}{end}{end}{end}{row}{end}")).expect_err("refused");
        assert!(told.starts_with("bill.csv:5: ") && !told.contains("line: "), "{end:?}: {told}");
    }
}

/// `0.27` of an invoice in another language is no 27.
#[test]
fn a_sign_that_is_not_between_thousands_is_not_left_out() {
    let profile = profile(PROFILE);
    let cost = |written: &str| {
        let row = format!("waba-1;15550001111;Utility messages;1;{written};USD;02.10.2026\n");
        let statement = read(&profile, &row)?;
        let mut all = statement.rows.values().map(|theirs| theirs.cost);
        all.next().ok_or_else(|| "no row".to_owned())
    };
    for (written, is) in [
        ("0,27", "0.27"),
        ("1.234,5", "1234.5"),
        ("-1.234.567,5", "-1234567.5"),
        ("12.34.567,5", "1234567.5"),
        ("123.456", "123456"),
        ("1234,5", "1234.5"),
        (",5", "0.5"),
    ] {
        assert_eq!(cost(written), Ok(dec(is)), "{written}");
    }
    for written in
        ["0.27", "0.0625", "1.2345", "0.123", "123.45.678", "1.234.56", "1234.567", "1,234.567", ".123", "1..234"]
    {
        let told = cost(written).expect_err(written);
        assert!(told.contains(&format!("Net = {written:?}: that is no number; the profile has ',' before")), "{told}");
    }
    let told = read(&profile, "waba-1;1;Utility messages;1.5;1,00;USD;02.10.2026\n").expect_err("refused");
    assert!(told.contains("Messages = \"1.5\": that is no number"), "{told}");
}

#[test]
fn days_are_written_in_many_ways() {
    use super::super::profile::Period;
    let day = "2026-10-02".parse().map(Period::Day).ok();
    for (form, text) in [
        (DateForm::Iso, "2026-10-02"),
        (DateForm::DayPoint, "02.10.2026"),
        (DateForm::DaySlash, "2/10/2026"),
        (DateForm::MonthSlash, "10/02/2026"),
    ] {
        assert_eq!(form.read(text), day, "{text}");
        assert_eq!(form.read("02-10-26"), None);
    }
    assert_eq!(DateForm::Month.read("2026-10"), Some(Period::Month(october())));
}
