use tollgate_rate_card::{RateCards, Source, Sources};

use super::{check, message};

#[test]
fn cards() {
    check(
        "rates/pmp_usd_2026-10-01.csv",
        &[
            (
                "Argentina,marketing,0.0618",
                "Argentina,marketing,-0.0618",
                "3: rate is `-0.0618`; write a rate of 0 or more",
            ),
            (
                "Argentina,marketing,0.0618",
                "Argentina,marketing,0.06181",
                "3: rate is `0.06181`; write at most 4 decimals, or declare a larger scale",
            ),
            (
                "Argentina,marketing,0.0618",
                "Argentina,marketing,\"0,0618\"",
                "3: rate is `0,0618`; write a rate as digits with a decimal point, such as 0.0085",
            ),
            (
                "Argentina,marketing,0.0618",
                "Argentina,marketing,",
                "3: rate is ``; write a rate as digits with a decimal point, such as 0.0085",
            ),
            (
                "0.0618,published",
                "0.0618,sure",
                "3: status is `sure`; write published, composed, unverified, unknown or not_offered",
            ),
            ("0.0618,published", "0.0618,unknown", "3: rate is `0.0618`; write no rate where the status is unknown"),
            (
                "Argentina,marketing",
                "Argentina,sms",
                "3: category is `sms`; write marketing, utility, authentication, authentication_international or service",
            ),
            (
                "Argentina,marketing",
                "Argentinia,marketing",
                "3: market is `Argentinia`; write a market of the market map in this period",
            ),
            (
                "Argentina,utility",
                "Argentina,marketing",
                "4: Argentina,marketing is already on line 3; keep one of the two",
            ),
            (
                "Argentina,service,0.0260,published,\n",
                "",
                "1: there is no row `Argentina,service`; add it; status unknown if the rate is not known, not_offered if there is none",
            ),
            (
                "Argentina,service,0.0260,published,\n",
                "\n",
                "7: a blank or comment line among the records; remove it, comments stand at the top",
            ),
            (
                "0.0618,published,",
                "0.0618,published",
                "3: 4 cells where there are 5 columns; write one cell a column and quote cells that contain a comma",
            ),
            (
                "0.0618,published,",
                "0.0618,published,\"a\nb\"",
                "3: a cell contains a line break; close the quotes on the same line",
            ),
            (
                "market,category",
                "Market,category",
                "2: the columns are `Market,category,rate,status,note`; write `market,category,rate,status,note`",
            ),
            (
                "valid_from=2026-10-01",
                "valid_from=2026-10-1",
                "1: valid_from is `2026-10-1`; write a day as YYYY-MM-DD",
            ),
            (
                "valid_from=2026-10-01",
                "valid_from=2026-09-31",
                "1: valid_from is `2026-09-31`; write a day as YYYY-MM-DD",
            ),
            (
                "valid_from=2026-10-01 ",
                "",
                "1: the first line does not declare `valid_from`; add `valid_from=` and a day as YYYY-MM-DD",
            ),
            (
                "valid_to=open",
                "valid_to=2026-09-30",
                "1: valid_to is before valid_from; write the last day on which it holds",
            ),
            ("scale=4", "scale=7", "1: scale is `7`; write a number of decimals from 0 to 6"),
            ("currency=USD", "currency=usd", "1: currency is `usd`; write an ISO 4217 code"),
            (
                "currency=USD",
                "currency=CHF",
                "1: currency is `CHF`, not a billing currency; write one of currencies.csv, or add it there",
            ),
            (
                "currency=USD",
                "currency=EUR",
                "1: currency is `EUR` where id `pmp-usd-2026-10-01` is of a card in USD; correct the one that is wrong",
            ),
            (
                "pricing_model=PMP",
                "pricing_model=CBP",
                "1: pricing_model is `CBP` where rulebook `pmp-2026-10-01` has PMP; correct the model or the dates",
            ),
            ("pricing_model=PMP", "pricing_model=NBP", "1: pricing_model is `NBP`; write CBP or PMP"),
            (
                "id=pmp-usd-2026-10-01",
                "id=pmp-usd-2026-07-01",
                "1: id `pmp-usd-2026-07-01` is also that of rates/pmp_usd_2026-07-01.csv; give every card its own id",
            ),
            (
                "valid_from=2026-10-01",
                "valid_from=2026-10-02",
                "1: there is a gap between rates/pmp_usd_2026-07-01.csv (2026-07-01 to 2026-09-30) and this card (2026-10-02 onwards); load the card between them, or declare gap_before=yes: those days stay unpriced",
            ),
            (
                "valid_from=2026-10-01",
                "valid_from=2023-05-01",
                "1: valid_from is `2023-05-01`, before the market map; add a column for that period to the map",
            ),
        ],
    );
    check(
        "rates/pmp_usd_2026-07-01.csv",
        &[(
            "valid_to=2026-09-30",
            "valid_to=2026-10-01",
            "1: the card (2026-07-01 to 2026-10-01) spans the change of the market map on 2026-10-01; end it on the day before 2026-10-01 and load a second card from there",
        )],
    );
    check(
        "rates/cbp_usd_2025-02-01.csv",
        &[(
            "valid_to=2025-06-30",
            "valid_to=2025-07-01",
            "1: the card (2025-02-01 to 2025-07-01) spans the end of rulebook `cbp-2024-11-01` (2024-11-01 to 2025-06-30); end it with the rulebook and load a second card from there",
        )],
    );
    check(
        "rates/pmp_usd_2026-04-01.csv",
        &[(
            "valid_from=2026-04-01",
            "valid_from=2026-03-31",
            "1: the card (2026-03-31 to 2026-06-30) overlaps rates/pmp_usd_2026-01-01.csv (2026-01-01 to 2026-03-31); set valid_to of the earlier one to the day before",
        )],
    );
}

#[test]
fn a_declared_gap_is_accepted() {
    let declared =
        message("rates/pmp_usd_2026-10-01.csv", "valid_from=2026-10-01", "gap_before=yes valid_from=2026-10-02");
    assert_eq!(declared, "accepted");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_read() {
    let mut sources = Sources::embedded();
    for card in &mut sources.cards {
        let text = format!("\u{feff}{}", card.text.replace('\n', "\r\n"));
        *card = Source::new(card.name.to_string(), text);
    }
    assert_eq!(RateCards::from_sources(&sources).unwrap().cards().len(), sources.cards.len());
    let text = sources.cards[11].text.replacen("0.0512", "0.05129", 1);
    sources.cards[11] = Source::new("card.csv", text);
    assert_eq!(
        RateCards::from_sources(&sources).unwrap_err().to_string(),
        "card.csv:3: rate is `0.05129`; write at most 4 decimals, or declare a larger scale"
    );
}
