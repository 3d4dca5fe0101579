use tollgate_rate_card::{
    Card, CardHead, Category, Currency, Decimal, Market, PricingModel, Published, PublishedBase, PublishedPrices,
    Source, Validity,
};

use super::{layout, read};
use crate::{CARDS, day, decimal};

fn base(text: &str, from: &str) -> PublishedBase {
    match read(text, from, None).unwrap() {
        Published::Prices(PublishedPrices::Base(base)) => base,
        other => panic!("{other:?}"),
    }
}

fn cells(card: &Card) -> Vec<(Market, Category, Option<Decimal>)> {
    let of = |market| Category::ALL.map(|category| (market, category, card.cell(market, category).unwrap().rate()));
    card.markets().flat_map(of).collect()
}

#[test]
fn known_cards_survive_the_published_layout() {
    for (id, token, code) in [("pmp-usd-2026-10-01", "$US", "USD"), ("pmp-eur-2026-07-01", "EUR", "EUR")] {
        let card = CARDS.card_named(id).unwrap();
        let from = card.validity().from();
        let base = base(&layout(card, token), &from.to_string());
        assert_eq!((base.currency, base.scale), (Currency::new(code).unwrap(), card.scale()));
        let head = CardHead {
            id: "again",
            model: PricingModel::Pmp,
            validity: Validity::new(from, card.declared_validity().to()).unwrap(),
            gap_before: false,
        };
        let again = CARDS.read_card(&Source::new("again.csv", base.file(head, CARDS.map()))).unwrap();
        assert_eq!(cells(&again), cells(card), "{id}");
        assert_eq!((again.id(), again.scale()), ("again", card.scale()));
        assert_eq!(again.declared_validity(), card.declared_validity());
        assert!(base.is(&again), "{id}");
    }
}

#[test]
fn tokens_of_all_billing_currencies() {
    let card = CARDS.card_named("pmp-usd-2026-10-01").unwrap();
    let mut tokens: Vec<(String, Currency)> = CARDS.currencies().map(|code| (code.to_string(), code)).collect();
    assert_eq!(tokens.len(), 16);
    for (token, code) in [("$US", "USD"), ("A$", "AUD"), ("GBD", "GBP"), ("₹", "INR"), ("RP", "IDR"), ("£", "GBP")] {
        tokens.push((token.to_owned(), Currency::new(code).unwrap()));
    }
    for (token, currency) in tokens {
        assert_eq!(base(&layout(card, &token), "2026-10-01").currency, currency, "{token}");
    }
}

#[test]
fn numbers_names_and_lines_as_the_platform_writes_them() {
    let card = CARDS.card_named("pmp-usd-2026-10-01").unwrap();
    let text = layout(card, "RP")
        .replace("Argentina,RP,0.0618,", "\" ARGENTINA \",RP,\"1,940.13\",")
        .replace("Rest of Latin America", "rest of  latin america")
        .replace("Brazil,RP,0.0625,", "Brazil,RP,0.06250,")
        .replace("n/a", "N/A")
        .replace('\n', "\r\n");
    let base = base(&format!("\u{feff}{text}\r\n,,,,,,\r\n"), "2026-10-01");
    let rate = |market: &str| base.cells[&(CARDS.map().market_named(market).unwrap(), Category::Marketing)];
    assert_eq!(rate("Argentina"), Some(decimal("1940.13")));
    assert_eq!(base.scale, 5, "the most decimals of a rate");
    assert_eq!(base.cells.len(), card.markets().count() * Category::COUNT);
    let head = CardHead {
        id: "x",
        model: PricingModel::Pmp,
        validity: Validity::new(day("2026-10-01"), None).unwrap(),
        gap_before: true,
    };
    let file = base.file(head, CARDS.map());
    assert!(file.starts_with(
        "# id=x pricing_model=PMP currency=IDR valid_from=2026-10-01 valid_to=open scale=5 gap_before=yes;"
    ));
    assert!(file.contains("\nArgentina,marketing,1940.13000,published,\n"), "{file}");
    assert!(file.contains("\nArgentina,authentication_international,,not_offered,\n"), "{file}");
}

#[test]
fn columns_may_stand_in_another_order() {
    let card = CARDS.card_named("pmp-usd-2026-10-01").unwrap();
    let text = layout(card, "USD");
    let lines = text.split_once("International\",Service\n").unwrap().1;
    let swapped: String = lines
        .lines()
        .map(|line| {
            let (head, service) = line.rsplit_once(',').unwrap();
            let (market, rest) = head.split_once(',').unwrap();
            format!("{service},{market},{rest}\n")
        })
        .collect();
    let header = "Service,Market,Currency,Marketing,Utility,Authentication,Authentication-International\n";
    // The header of the other has a line more.
    let said = |read: PublishedBase| (read.currency, read.scale, read.cells);
    assert_eq!(said(base(&format!("{header}{swapped}"), "2026-10-01")), said(base(&text, "2026-10-01")));
}
