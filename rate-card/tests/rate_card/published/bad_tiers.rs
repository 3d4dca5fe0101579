use super::tiers::published;
use super::{read, said};

#[test]
fn every_fault_has_line_value_and_remedy() {
    // Headers with line breaks take more than one line.
    let good = published();
    let first = good.lines().position(|line| line.starts_with("Mexico,")).unwrap() as u64 + 1;
    let tier = "\"1,000,001\",\"5,000,000\",Tier rate,0.0081,-5%";
    for (find, put, line, expected) in [
        (
            tier,
            "\"1,000,002\",\"5,000,000\",Tier rate,0.0081,-5%",
            first + 1,
            "Utility From is `1,000,002`; write 1000001: tiers follow each other without gap or overlap",
        ),
        (
            tier,
            "\"1,000,001\",\"1,000,000\",Tier rate,0.0081,-5%",
            first + 1,
            "Utility To is `1,000,000`; write a message not before From, or --",
        ),
        (
            tier,
            "\"1,000,001\",many,Tier rate,0.0081,-5%",
            first + 1,
            "Utility To is `many`; write a message not before From, or --",
        ),
        (
            tier,
            "\"1,000,001\",\"5,000,000\",List rate,0.0081,-5%",
            first + 1,
            "Utility Rate type is `List rate`; the first tier is List, the others are Tier",
        ),
        (
            tier,
            "\"1,000,001\",\"5,000,000\",Tier rate,0.0091,-5%",
            first + 1,
            "Utility Rate is `0.0091`; write at most 0.0085, the rate of the tier before",
        ),
        (
            tier,
            "\"1,000,001\",\"5,000,000\",Tier rate,-0.0081,-5%",
            first + 1,
            "Utility Rate is `-0.0081`; write a rate of 0 or more",
        ),
        (
            tier,
            "\"1,000,001\",\"5,000,000\",Tier rate,0.0081,5%",
            first + 1,
            "Utility vs. List rate is `5%`; write a whole percentage from -100% to 0%",
        ),
        (
            tier,
            "\"1,000,001\",--,Tier rate,0.0081,-5%",
            first + 2,
            "a tier of Utility follows the open one; keep one of the two",
        ),
        (
            tier,
            "1,000,001,5,000,000,Tier rate,0.0081,-5%",
            first + 1,
            "`n/a` stands below no column of the header; put quotes around a number with thousands separators, such as \
             \"1,940.13\", or remove what is no rate",
        ),
        (
            "Mexico,$US",
            "Mexiko,$US",
            first,
            "Market is `Mexiko`, not one of the market map in this period; the nearest known name is `Mexico`; \
             correct it, or add it to market_map.csv",
        ),
        (
            "\nRest of Latin America,",
            "\nMexico,",
            first + 6,
            "Market `Mexico` is already on line 9; keep one of the two",
        ),
        (
            "Mexico,$US",
            "Mexico,EUR",
            first + 1,
            "Currency is `$US` where the file is in EUR; import one currency a file",
        ),
    ] {
        assert!(good.contains(find), "{find}");
        let said = said(read(&good.replacen(find, put, 1), "2026-07-01", None));
        assert_eq!(said.lines().next().unwrap(), format!("{line}: {expected}"), "{put}");
    }
}

#[test]
fn a_file_that_was_cut() {
    let good = published();
    // In the middle of the last block.
    let cut = &good[..good.trim_end().rfind('\n').unwrap() + 1];
    let said_of = said(read(cut, "2026-07-01", None));
    assert!(
        said_of.starts_with("15: the last tier of Rest of Latin America, Utility ends; fetch the file again"),
        "{said_of}"
    );
    // In the middle of a quoted cell.
    let cut = &good[..good.rfind("\"40,000,001").unwrap() + 4];
    let said_of = said(read(cut, "2026-07-01", None));
    assert!(
        said_of.ends_with("the quotes that open here never close; fetch the file again, its end is missing"),
        "{said_of}"
    );
    // After the headers.
    let cut = &good[..good.find("Mexico").unwrap()];
    let said_of = said(read(cut, "2026-07-01", Some("USD")));
    assert!(said_of.ends_with("there are no tiers; fetch the file again, its rows are missing"), "{said_of}");
}

#[test]
fn another_layout() {
    let good = published();
    for (find, put, expected) in [
        (",Authentication,", ",Voice,", "the group at column 8 has no category; the layout has changed;"),
        (",Authentication,", ",Utility,", "two groups are Utility; keep one of the two"),
        (
            "vs. List rate,From,To,Rate type,Rate",
            "From,To,Rate type,Rate",
            "the layout has changed; after Market and Currency",
        ),
        (",Currency,", ",Money,", "the layout has changed; after Market and Currency"),
    ] {
        assert!(good.contains(find), "{find}");
        let said = said(read(&good.replacen(find, put, 1), "2026-07-01", None));
        assert!(said.contains(expected), "{said}");
    }
}
