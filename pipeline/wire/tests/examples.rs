//! What the examples and the manual show is what is taken.
#![expect(clippy::unwrap_used, reason = "test")]

use serde::Deserialize;
use tollgate_rate_card::{Currency, Markup, RateCards};
use tollgate_wire::command::{AccountSpec, check_account};

const ACCOUNTS: &str = include_str!("../../../examples/accounts.toml");
const FINANCE: &str = include_str!("../../../docs/finance.md");

#[derive(Deserialize)]
struct Accounts {
    account: Vec<AccountSpec>,
}

fn accounts(text: &str) -> Vec<AccountSpec> {
    let accounts = toml::from_str::<Accounts>(text).unwrap().account;
    accounts.iter().for_each(|spec| check_account(spec).unwrap());
    accounts
}

/// The markets of the rules are on the cards.
fn on_the_cards(markups: &[Markup]) {
    let cards = RateCards::embedded().unwrap();
    for rule in markups.iter().flat_map(|m| &m.rules) {
        let market = rule.market.as_deref();
        assert!(market.is_none_or(|name| cards.map().market_named(name).is_some()), "{market:?}");
    }
}

#[test]
fn the_accounts_to_begin_with() {
    let specs = accounts(ACCOUNTS);
    assert!(specs.iter().flat_map(|spec| &spec.wabas).all(|waba| waba.markup.is_empty()));
}

/// The example is commented out, because the tour of the README is without one.
#[test]
fn the_commented_mark_up() {
    let (before, rest) = ACCOUNTS.split_once("# [[account.wabas.markup]]\n").unwrap();
    let (example, after) = rest.split_once("\n\n").unwrap();
    let example: Vec<&str> = example.lines().map(|line| line.strip_prefix("# ").unwrap()).collect();
    let specs = accounts(&format!("{before}[[account.wabas.markup]]\n{}\n\n{after}", example.join("\n")));
    let markups = &specs[0].wabas[0].markup;
    assert_eq!((markups.len(), markups[0].rules.len()), (1, 3));
    on_the_cards(markups);
    // What `tollgate accounts show` prints can be applied again.
    let again: AccountSpec = toml::from_str(&toml::to_string(&specs[0]).unwrap()).unwrap();
    assert_eq!(again, specs[0]);
}

#[test]
fn the_commented_brands() {
    let (before, rest) = ACCOUNTS.split_once("# [[account.policy.brands]]\n").unwrap();
    let (example, after) = rest.split_once("\n\n").unwrap();
    let example: Vec<&str> = example.lines().map(|line| line.trim_start_matches(['#', ' '])).collect();
    let specs = accounts(&format!("{before}[[account.policy.brands]]\n{}\n\n{after}", example.join("\n")));
    let brands = &specs[0].policy.brands;
    assert_eq!(
        brands.iter().map(|b| (b.name.as_str(), b.inherits)).collect::<Vec<_>>(),
        [("shoes", true), ("hats", false)]
    );
    let again: AccountSpec = toml::from_str(&toml::to_string(&specs[0]).unwrap()).unwrap();
    assert_eq!(again, specs[0]);
}

#[test]
fn the_mark_ups_of_the_manual() {
    let (_, rest) = FINANCE.split_once("```json\n").unwrap();
    let (json, _) = rest.split_once("```").unwrap();
    let markups: Vec<Markup> = serde_json::from_str(json).unwrap();
    Markup::check(&markups, Currency::new("USD").unwrap()).unwrap();
    assert_eq!(markups.len(), 2);
    on_the_cards(&markups);
}
