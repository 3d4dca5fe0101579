use super::{layout, read, said};
use crate::CARDS;

fn good() -> String {
    layout(CARDS.card_named("pmp-usd-2026-10-01").unwrap(), "$US")
}

/// What is said of the USD card with one text replaced.
fn bad(find: &str, put: &str) -> String {
    let good = good();
    assert!(good.contains(find), "{find}");
    said(read(&good.replacen(find, put, 1), "2026-10-01", None))
}

#[test]
fn every_fault_has_line_value_and_remedy() {
    for (find, put, expected) in [
        ("Argentina,$US,0.0618", "Argentina,$US,-0.0618", "5: Marketing is `-0.0618`; write a rate of 0 or more"),
        (
            "Argentina,$US,0.0618",
            "Argentina,$US,0.0618123",
            "5: Marketing is `0.0618123`; write at most 6 decimals; the platform publishes no more",
        ),
        (
            "Argentina,$US,0.0618",
            "Argentina,$US,\"0,0618\"",
            "5: Marketing is `0,0618`; write a rate as digits with a decimal point, such as 0.0085 or 1,940.13, or n/a",
        ),
        (
            "Argentina,$US,0.0618",
            "Argentina,$US,",
            "5: Marketing is ``; write a rate as digits with a decimal point, such as 0.0085 or 1,940.13, or n/a",
        ),
        (
            "Argentina,$US,0.0618",
            "Argentina,$US,\"1,2345.00\"",
            "5: Marketing is `1,2345.00`; write a rate as digits with a decimal point, such as 0.0085 or 1,940.13, or n/a",
        ),
        (
            "Bangladesh,$US",
            "Bangladsh,$US",
            "6: Market is `Bangladsh`, not one of the market map in this period; the nearest known name is `Bangladesh`; \
             correct it, or add it to market_map.csv",
        ),
        ("Bangladesh,$US", "argentina,$US", "6: Market `argentina` is already on line 5; keep one of the two"),
        ("Bangladesh,$US", "Bangladesh,€", "6: Currency is `€` where the file is in USD; import one currency a file"),
        (
            "Bangladesh,$US",
            "Bangladesh,CHF",
            "6: Currency is `CHF`, not a billing currency; write a currency of currencies.csv",
        ),
        (
            "Bangladesh,$US",
            "Bangladesh,$",
            "6: Currency is `$`, not a billing currency; write a currency of currencies.csv",
        ),
        (
            ",Utility,",
            ",Messages,",
            "3: column `Messages` is not known; the layout has changed; remove the column if it is not a rate\n\
             3: there is no column `Utility`; fetch the list rates again; a category that is not offered is a column of n/a",
        ),
        (
            ",Utility,",
            ",Service,",
            "3: column `Service` is there twice; keep one of the two\n3: there is no column `Utility`; fetch the list rates again; a category that is not offered is a column of n/a",
        ),
        (
            "Argentina,$US",
            "\"Argentina,$US",
            "5: the quotes that open here never close; fetch the file again, its end is missing",
        ),
    ] {
        let said = bad(find, put);
        let said =
            said.lines().filter(|line| !line.contains("there is no row for market")).collect::<Vec<_>>().join("\n");
        assert_eq!(said, expected, "{put}");
    }
}

/// A spreadsheet of another language writes 0.008 so: it is no 8, in a file of rates that all have three decimals.
#[test]
fn a_comma_before_decimals_is_none_between_thousands() {
    let row = good().lines().find(|line| line.starts_with("Argentina,")).unwrap().to_owned();
    let cells = row.matches(',').count() - 1;
    let of = |rate: &str| bad(&row, &format!("Argentina,$US{}", format!(",\"{rate}\"").repeat(cells)));
    for rate in ["0,008", "0,068", "00,123", "0,008.5"] {
        let said = of(rate);
        assert_eq!(said.lines().count(), cells, "{said}");
        assert!(
            said.contains(&format!("Marketing is `{rate}`; write a rate as digits with a decimal point")),
            "{said}"
        );
    }
}

/// Without quotes a thousand is two cells, and all rates after it stand one column too far.
#[test]
fn a_cell_below_no_column_is_refused() {
    let row = "Argentina,$US,0.0618,0.0260,0.0260,n/a,0.0260\n";
    for (put, value) in [
        ("Argentina,$US,1,940.13,0.0260,0.0260,n/a,0.0260\n", "0.0260"),
        ("Argentina,$US,0.0618,0.0260,0.0260,n/a,0.0260,,see note\n", "see note"),
    ] {
        let expected = format!(
            "5: `{value}` stands below no column of the header; put quotes around a number with thousands separators, \
             such as \"1,940.13\", or remove what is no rate"
        );
        assert_eq!(bad(row, put), expected);
        let header = good().replacen(",Service\n", ",Service,,\n", 1).replacen(row, put, 1);
        assert_eq!(said(read(&header, "2026-10-01", None)), expected, "nor is an empty name one");
    }
    assert!(read(&good().replacen(row, &row.replace('\n', ",,\n"), 1), "2026-10-01", None).is_ok(), "empty cells");
}

#[test]
fn a_market_without_a_row() {
    let good = good();
    let row = good.lines().find(|line| line.starts_with("Ukraine,")).unwrap();
    let said = bad(&format!("{row}\n"), "");
    assert!(said.contains("there is no row for market `Ukraine`; fetch the file again"), "{said}");
}

#[test]
fn a_column_missing_altogether() {
    let text = good().replace(",Service\n", "\n");
    let said = said(read(&text, "2026-10-01", None));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("3: there is no column `Service`"), "{said}");
}

#[test]
fn another_currency_than_was_said() {
    let said = said(read(&good(), "2026-10-01", Some("EUR")));
    assert!(said.starts_with("5: Currency is `$US` where the file is in EUR;"), "{said}");
}

#[test]
fn the_markets_of_another_period() {
    // Ukraine has its own rates from 2026-10-01 only.
    let said = said(read(&good(), "2026-07-01", None));
    assert!(said.contains("Market is `Ukraine`, not one of the market map in this period"), "{said}");
}

#[test]
fn no_layout() {
    for text in ["", "a,b\n1,2\n", "# id=x pricing_model=PMP\nmarket,category,rate,status,note\n"] {
        let said = said(read(text, "2026-10-01", None));
        assert!(said.starts_with("1: no layout is recognised; the list rates have"), "{said}");
    }
    let said = said(read(&good(), "2020-01-01", None));
    assert!(said.starts_with("1: 2020-01-01 is before the market map"), "{said}");
}

#[test]
fn twenty_faults_are_told_and_the_others_counted() {
    let faults = read(&good().replace(",0.", ",-0."), "2026-10-01", None).unwrap_err();
    assert_eq!(faults.faults.len(), 20);
    assert!(faults.more > 100, "{}", faults.more);
    assert!(faults.faults.is_sorted_by_key(|fault| fault.line));
}

/// The platform writes `\r\n`; a row keeps its line then, and below blank ones.
#[test]
fn a_fault_has_the_line_of_its_row() {
    let wrong = good().replace("Argentina,$US,0.0618", "Argentina,$US,-0.0618");
    let line = wrong.lines().position(|line| line.starts_with("Argentina,")).unwrap() + 1;
    for (ends, text) in [
        ("plain", wrong.clone()),
        ("of Windows", wrong.replace('\n', "\r\n")),
        ("with a byte order mark", format!("\u{feff}{}", wrong.replace('\n', "\r\n"))),
    ] {
        let told = said(read(&text, "2026-10-01", None));
        assert!(told.starts_with(&format!("{line}: Marketing is `-0.0618`")), "{ends}: {told}");
    }
    for (blank, end) in [("\n\n", "\n"), ("\r\n\r\n", "\r\n")] {
        let text = format!("{blank}{}", wrong.replace('\n', end));
        let told = said(read(&text, "2026-10-01", None));
        assert!(told.starts_with(&format!("{}: Marketing is `-0.0618`", line + 2)), "{blank:?}: {told}");
    }
}
