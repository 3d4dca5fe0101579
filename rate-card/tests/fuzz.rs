//! Whatever a data file or a published file holds, reading it ends with a value or an error that can be acted on, soon
//! and in bounded memory.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use tollgate_rate_card::{Category, Currency, Published, RateCards, Source, Sources};
use tollgate_tests::fuzz::{Counting, Form, Fuzz};

#[global_allocator]
static MEMORY: Counting = Counting;

/// The most rows of a data file, and the tables of a market map.
const ROWS_BYTES: usize = 8 << 20;

/// As an operator's file is read: a text, put in place of the embedded one.
fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())
}

#[test]
fn rate_cards() {
    let rates = RateCards::embedded().unwrap();
    let sources = Sources::embedded();
    let cards: Vec<String> = sources.cards.iter().map(|card| card.text.to_string()).collect();
    let long = format!("{}\n{}\n", cards[0].lines().next().unwrap(), "x".repeat(100_000));
    let many = format!("{}{}", cards[0], "x\n".repeat(200_000));
    let wide = format!("{}{}\n{}", cards[0], "x,".repeat(9_000), "x\n".repeat(5_000));
    let fuzz = Fuzz::new("card", Form::Csv, &cards)
        .situation("a column without end", long)
        .situation("rows without end", many)
        .situation("a wide row before others", wide);
    fuzz.inputs(8_000).memory(64, ROWS_BYTES).run(|bytes| {
        rates.read_card(&Source::new("card.csv", text(bytes)?)).map(drop).map_err(|error| error.to_string())
    });
}

#[test]
fn the_other_data_files() {
    let sources = Sources::embedded();
    let whole = [
        &sources.rulebooks,
        &sources.charging_rules,
        &sources.bars,
        &sources.currency_deadlines,
        &sources.number_zones,
        &sources.country_zones,
        &sources.currencies,
    ];
    let files = whole.into_iter().chain(&sources.bands).chain([&sources.market_map]).chain(&sources.numbering);
    for file in files {
        Fuzz::new("data", Form::Csv, &[&file.text]).inputs(100).memory(64, ROWS_BYTES).run(|bytes| {
            let mut sources = sources.clone();
            assert!(sources.replace(&Source::new(file.name.clone(), text(bytes)?)));
            RateCards::from_sources(&sources).map(drop).map_err(|error| error.to_string())
        });
    }
}

/// A published file for every layout: list rates of a card, tiers of two markets, and markets of some countries.
fn published(rates: &RateCards) -> [String; 3] {
    let card = rates.card_named("pmp-usd-2026-10-01").unwrap();
    let mut base = "Cost per message,,,,,,\nMarket,Currency,Marketing,Utility,Authentication,\
                    \"Authentication-\nInternational\",Service\n"
        .to_owned();
    for market in card.markets() {
        let of =
            |category| card.cell(market, category).unwrap().rate().map_or("n/a".to_owned(), |rate| rate.to_string());
        base.push_str(&format!("{},$US,{}\n", rates.map().market_name(market), Category::ALL.map(of).join(",")));
    }
    let tiers = "Volume tiers,,,,,,\n,,Utility,,,,\n,,Messages per month,,What we charge,,\n\
                 \"Market\n(per rate card)\",Currency,From,To,\"Rate type\n(List/Tier)\",Rate,vs. List rate\n\
                 Mexico,$US,1,\"250,000\",List rate,0.0085,--\n,$US,\"250,001\",--,Tier rate,0.0081,-5%\n\
                 Brazil,$US,1,--,List rate,0.0068,--\n";
    let markets = "Market,Country,Calling code\nPortugal,Portugal,+351\nIberia,\"Spain (+34), AD\",\n,\"Gibraltar;IT\nSM\",+350\n";
    [base, tiers.to_owned(), markets.to_owned()]
}

#[test]
fn published_files() {
    let rates = RateCards::embedded().unwrap();
    let from = "2026-10-01".parse().unwrap();
    let texts = published(&rates);
    let usd = Currency::new("USD");
    for text in &texts {
        Published::read(&Source::new("rates.csv", text.clone()), &rates, from, usd).unwrap();
    }
    for (name, text_of) in [("list_rates", &texts[0]), ("tiers", &texts[1]), ("markets", &texts[2])] {
        let row = text_of.lines().last().unwrap();
        let long_name = format!("{text_of}{}{row}\n", "x".repeat(300_000));
        let wrong_rows = format!("{text_of}{}", format!("x{row}\n").repeat(5_000));
        let fuzz = Fuzz::new(name, Form::Csv, &[text_of])
            .situation("a market without end", long_name)
            .situation("every row is wrong", wrong_rows);
        fuzz.inputs(3_000).run(|bytes| {
            let source = Source::new("rates.csv", text(bytes)?);
            Published::read(&source, &rates, from, None).map(drop).map_err(|faults| faults.to_string())
        });
    }
}
