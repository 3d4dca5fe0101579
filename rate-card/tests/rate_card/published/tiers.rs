use tollgate_rate_card::{Published, PublishedPrices, PublishedTiers, RateCards, Source, Sources};

use super::read;
use crate::CARDS;

/// Mexico and Rest of Latin America, as the card of 2026-07-01 has them.
pub(super) fn published() -> String {
    let card = CARDS.card_named("pmp-usd-2026-07-01").unwrap();
    let mut text = "WhatsApp volume tiers,,,,,,,,,,,,,,,,\nhttps://example.com/pricing,,,,,,,,,,,,,,,,\n\
                    ,,Utility,,,,,Authentication,,,,,\"Authentication-\nInternational\",,,,\n\
                    ,,Messages per month,,What we charge,,,Messages per month,,What we charge,,,Messages per month,,What we charge,,\n\
                    \"Market\n(per rate card)\",Currency,From,To,\"Rate type\n(List/Tier)\",Rate,vs. List rate,From,To,Rate type,Rate,vs. List rate,From,To,Rate type,Rate,vs. List rate\n"
        .to_owned();
    for name in ["Mexico", "Rest of Latin America"] {
        let market = CARDS.map().market_named(name).unwrap();
        let of = |category| card.bands(market, category).unwrap().bands();
        let utility = of(tollgate_rate_card::Category::Utility);
        let authentication = of(tollgate_rate_card::Category::Authentication);
        for (index, (a, b)) in utility.iter().zip(authentication).enumerate() {
            let group = |(band, rate): &(tollgate_rate_card::Band, tollgate_rate_card::Decimal)| {
                let to = band.to.map_or_else(|| "--".to_owned(), |to| format!("\"{}\"", grouped(to)));
                let kind = if index == 0 { "List rate" } else { "Tier rate" };
                format!("\"{}\",{to},{kind},{rate},{}%", grouped(band.from), -5 * index as i64)
            };
            let name = if index == 0 { name } else { "" };
            text.push_str(&format!("{name},$US,{},{},n/a,n/a,n/a,n/a,n/a\n", group(a), group(b)));
        }
    }
    text
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<String> =
        digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8(group.to_vec()).unwrap()).collect();
    groups.join(",")
}

fn tiers(text: &str, currency: Option<&str>) -> PublishedTiers {
    match read(text, "2026-07-01", currency).unwrap() {
        Published::Prices(PublishedPrices::Tiers(tiers)) => tiers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn known_bands_survive_the_published_layout() {
    let text = published();
    assert!(text.contains("\"1,000,001\""), "{text}");
    let tiers = tiers(&text, None);
    let card = CARDS.card_named("pmp-usd-2026-07-01").unwrap();
    assert!(tiers.is(card), "the same bands as the card's");
    let mut sources = Sources::embedded();
    let known = sources.bands[0].text.split_once('\n').unwrap().1.to_owned();
    let file = tiers.file(card.declared_validity(), 1, CARDS.map());
    let mut rows: [Vec<&str>; 2] = [known.lines().collect(), file.lines().skip(1).collect()];
    rows.iter_mut().for_each(|rows| rows.sort_unstable());
    assert_eq!(rows[0], rows[1]);
    sources.bands[0] = Source::new("bands.csv", file);
    let again = RateCards::from_sources(&sources).unwrap();
    assert!(tiers.is(again.card_named("pmp-usd-2026-07-01").unwrap()));
}

#[test]
fn the_currency_may_be_said_where_the_file_has_none() {
    let text = published();
    let without: String =
        text.replace("\",Currency,", "\",").replace("\n,,Utility", "\n,Utility").replace(",$US,", ",");
    assert_eq!(tiers(&without, Some("USD")), tiers(&text, None));
    let said = super::said(read(&without, "2026-07-01", None));
    assert!(said.ends_with("the file does not tell its currency; say it with --currency"), "{said}");
}
