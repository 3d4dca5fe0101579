//! A budget is compared with costs, so an account whose campaigns have one bills in one currency.
#![expect(clippy::unwrap_used, reason = "test")]

mod common;
use common::{World, account_spec};
use serde_json::{Value, json};

/// The account with a second WABA that bills in this currency.
fn with_second(currency: &str) -> Value {
    let mut spec = account_spec("acme", "waba-1", "1001", "TIER_1K", "GREEN");
    let mut second = account_spec("acme", "waba-2", "1002", "TIER_1K", "GREEN")["wabas"][0].clone();
    second["currency"] = json!(currency);
    spec["wabas"].as_array_mut().unwrap().push(second);
    json!({"command": "apply_account", "spec": spec})
}

fn budget(amount: &Value) -> Value {
    json!({"command": "put_campaign", "account": "acme", "spec": {"name": "c", "budget": amount}})
}

#[test]
fn no_budget_over_several_currencies() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.command(&with_second("EUR"));
    let refused = w.try_command(&budget(&json!("10"))).unwrap_err().detail;
    assert!(refused.starts_with("campaign c: a budget needs one currency"), "{refused}");
    w.command(&budget(&Value::Null));
    w.command(&with_second("EUR"));
}

#[test]
fn no_second_currency_beside_a_budget() {
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.command(&budget(&json!("10")));
    w.command(&with_second("USD"));
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.command(&budget(&json!("10")));
    let refused = w.try_command(&with_second("EUR")).unwrap_err().detail;
    assert_eq!(
        refused,
        "waba waba-2: it bills in EUR, but campaign c has a budget in USD; take the budget off, or declare the WABA in an \
         account of its own"
    );
    assert!(w.engine.state().sender("1002").is_none(), "nothing of it is applied");
    // Nor in place of the first.
    let mut moved = with_second("EUR");
    moved["spec"]["wabas"].as_array_mut().unwrap().remove(0);
    assert_eq!(w.try_command(&moved).unwrap_err().detail, refused);
    // Without the budget it may come, and so it may once the campaign is over.
    w.command(&budget(&Value::Null));
    w.command(&with_second("EUR"));
    let mut w = World::with_account("TIER_1K", "GREEN");
    w.command(&budget(&json!("10")));
    w.control("c", "cancel");
    w.command(&with_second("EUR"));
}
