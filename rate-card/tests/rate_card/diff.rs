use tollgate_rate_card::{CardDiff, Category, ChangeKind, Source, Sources, percent};

use crate::{CARDS, decimal};

#[test]
fn a_card_differs_by_what_was_changed() {
    let sources = Sources::embedded();
    let before = CARDS.card_named("pmp-usd-2026-10-01").unwrap();
    let text = &sources.cards.iter().find(|card| card.name.ends_with("pmp_usd_2026-10-01.csv")).unwrap().text;
    let changed = text
        .replace("Argentina,marketing,0.0618,published", "Argentina,marketing,0.0600,published")
        .replace("Argentina,utility,0.0260,published", "Argentina,utility,0.0300,composed")
        .replace("Argentina,authentication,0.0260,published", "Argentina,authentication,0.0260,unverified")
        .replace(
            "Argentina,authentication_international,,not_offered",
            "Argentina,authentication_international,0.1,published",
        )
        .replace("Argentina,service,0.0260,published", "Argentina,service,,unknown");
    let after = CARDS.read_card(&Source::new("after.csv", changed)).unwrap();
    let diff = CardDiff::between(before, &after, CARDS.map()).unwrap();
    let told: Vec<_> = diff
        .changes
        .iter()
        .map(|change| {
            assert_eq!(change.market, "Argentina");
            (
                change.category,
                change.kind,
                change.difference().map(|d| d.to_string()),
                change.percent().map(|p| p.to_string()),
            )
        })
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            (Category::Marketing, ChangeKind::Rate, text("-0.0018"), text("-2.91")),
            (Category::Utility, ChangeKind::Rate, text("0.0040"), text("15.38")),
            (Category::Authentication, ChangeKind::Status, text("0.0000"), text("0")),
            (Category::AuthenticationInternational, ChangeKind::Added, None, None),
            (Category::Service, ChangeKind::Removed, None, None),
        ]
    );
    assert_eq!(diff.up_and_down(), (1, 1));
    assert_eq!(diff.same, before.markets().count() * Category::COUNT - 5);
    assert!(CardDiff::between(before, before, CARDS.map()).unwrap().is_empty());
}

#[test]
fn markets_of_one_card_only() {
    let [july, october] = ["pmp-usd-2026-07-01", "pmp-usd-2026-10-01"].map(|id| CARDS.card_named(id).unwrap());
    let diff = CardDiff::between(july, october, CARDS.map()).unwrap();
    assert!(diff.only_after.contains(&"Ukraine".to_owned()), "{:?}", diff.only_after);
    assert_eq!(diff.only_before, Vec::<String>::new());
    let back = CardDiff::between(october, july, CARDS.map()).unwrap();
    assert_eq!((back.only_before, back.only_after), (diff.only_after, diff.only_before));
}

#[test]
fn other_currency_or_model() {
    let [usd, eur, cbp] =
        ["pmp-usd-2026-07-01", "pmp-eur-2026-07-01", "cbp-usd-2024-11-01"].map(|id| CARDS.card_named(id).unwrap());
    assert_eq!(
        CardDiff::between(usd, eur, CARDS.map()).unwrap_err().to_string(),
        "pmp-usd-2026-07-01 is PMP USD and pmp-eur-2026-07-01 is PMP EUR: compare cards of one currency and pricing model"
    );
    assert!(CardDiff::between(cbp, usd, CARDS.map()).is_err());
}

#[test]
fn a_percentage_of_nothing() {
    assert_eq!(percent(decimal("0.01"), decimal("0")), None);
    assert_eq!(percent(decimal("0.0005"), decimal("0.0400")).unwrap(), decimal("1.25"));
}
