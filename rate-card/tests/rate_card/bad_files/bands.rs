use tollgate_rate_card::{RateCards, Source, Sources};

use super::check;

#[test]
fn bands() {
    check(
        "bands/bands_usd_2026-07-01.csv",
        &[
            (
                "Mexico,USD,utility,1000001",
                "Mexico,USD,utility,1000002",
                "4: from_message is `1000002`; write 1000001, the next message",
            ),
            (
                "Mexico,USD,utility,1000001",
                "Mexico,USD,utility,1000000",
                "4: from_message is `1000000`; write 1000001, the next message",
            ),
            ("Mexico,USD,utility,1,", "Mexico,USD,utility,0,", "3: from_message is `0`; write 1, the next message"),
            (
                "1000001,5000000",
                "1000001,1000000",
                "4: to_message is `1000000`; write a message not before from_message, or nothing",
            ),
            ("1,1000000,LIST", "1,1000000,TIER", "3: rate_type is `TIER`; write LIST"),
            (
                "TIER,0.0081",
                "TIER,0.0086",
                "4: rate is `0.0086`; write a rate of at most 0.0085, that of the band before",
            ),
            ("TIER,0.0081,-5", "TIER,0.0081,5", "4: vs_list_pct is `5`; write a whole percentage from -100 to 0"),
            (
                "Mexico,USD,utility,1000001",
                "Mexico,EUR,utility,1000001",
                "4: currency is `EUR`; write USD, the file's currency",
            ),
            (
                "40000001,,TIER",
                "40000001,50000000,TIER",
                "3: the last band of Mexico, utility ends; leave to_message of the last band empty",
            ),
            ("1000001,5000000", "1000001,", "5: a band follows an open one; write the bands in ascending order, once"),
            (
                "LIST,0.0085",
                "LIST,0.0086",
                "3: the first band's rate is `0.0086` where rates/pmp_usd_2026-07-01.csv has 0.0085; write the card's list rate",
            ),
            (
                "valid_to=2026-09-30",
                "valid_to=2026-09-29",
                "1: there is no USD card for 2026-07-01 to 2026-09-29; give the bands the currency and dates of a card",
            ),
        ],
    );
    let mut sources = Sources::embedded();
    let text = sources.bands[0].text.replace("Mexico", "Ukraine");
    sources.bands[0] = Source::new("bands.csv", text);
    assert_eq!(
        RateCards::from_sources(&sources).unwrap_err().to_string(),
        "bands.csv:3: market is `Ukraine`; write a market that the card lists"
    );
    let mut sources = Sources::embedded();
    let again = Source::new("again.csv", sources.bands[0].text.clone());
    sources.bands.push(again);
    assert_eq!(
        RateCards::from_sources(&sources).unwrap_err().to_string(),
        "again.csv:3: bands of Mexico,utility are in another file too; keep one of the two"
    );
}
