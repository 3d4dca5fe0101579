//! The registry's entry of an account.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;
use tollgate_core::inbound::AHEAD_S;
use tollgate_rate_card::{Currency, Markup, RateCards, Zone};
use tollgate_wire::Time;
use tollgate_wire::command::{self, AccountSpec, Command};

use super::{JSON, Shared, json as answer_json, parse_json, require_content_type};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;
use crate::registry::Registry;

/// `PUT /v1/accounts/{account}`: creates or replaces the entry.
pub(super) async fn put(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::WriteAccounts, &account)?;
    require_content_type(&headers, JSON)?;
    let body = api.body(body, command::MAX_BYTES).await?;
    let spec: AccountSpec = parse_json(&body.bytes)?;
    if spec.account != account {
        let problem = Problem::malformed("path and body name two accounts");
        return Err(problem.field("account", &spec.account).remedy("use one name"));
    }
    let command = Command::ApplyAccount { spec: Box::new(spec.clone()) };
    command::check(&command)?;
    let registry = api.registry.snapshot();
    check_unchanging(&registry, &spec, api.clock.now())?;
    check_rated(&registry, &spec, &api.rates)?;
    registry.with(spec)?;
    api.command(&command, &json!({ "account": account })).await
}

/// Currency and time zone of a WABA never change: bills would be summed over two of them. Nor does a mark-up that has
/// begun: what was booked by it could not be taken back. The shard checks that again when it applies the entry.
fn check_unchanging(registry: &Registry, spec: &AccountSpec, now: Time) -> Result<(), Problem> {
    let Some(before) = registry.account(&spec.account) else { return Ok(()) };
    for (i, waba) in spec.wabas.iter().enumerate() {
        let Some(old) = before.wabas.iter().find(|old| old.id == waba.id) else { continue };
        let fields = [("currency", &old.currency, &waba.currency), ("time_zone", &old.time_zone, &waba.time_zone)];
        for (field, old, new) in fields {
            if old != new {
                let detail = format!("the {field} of WABA {} is {old} and never changes", waba.id);
                return Err(Problem::new(StatusCode::CONFLICT, "unchanging", detail)
                    .field(format!("wabas[{i}].{field}"), new)
                    .remedy("create a new WABA and move the numbers"));
            }
        }
        let Ok(zone) = Zone::new(&waba.time_zone) else { continue };
        // As the shard has it: the platform's times may be ahead of ours, and something be booked by them.
        let today = zone.local_date_at(i64::from(now.secs() + AHEAD_S));
        if let Some(day) = Markup::first_changed(&old.markup, &waba.markup, today) {
            let detail = format!("the mark-up of {day} of WABA {} is not as it was, and has begun", waba.id);
            return Err(Problem::new(StatusCode::CONFLICT, "unchanging", detail)
                .field(format!("wabas[{i}].markup"), &day.to_string())
                .remedy("leave what has begun as it is and add a mark-up with a later valid_from"));
        }
    }
    Ok(())
}

/// What the rate cards do not know is not priced: the currency of a new WABA, and the market of a mark-up. The shard checks
/// that again when it applies the entry.
fn check_rated(registry: &Registry, spec: &AccountSpec, rates: &RateCards) -> Result<(), Problem> {
    let before = registry.account(&spec.account);
    for (i, waba) in spec.wabas.iter().enumerate() {
        let known = before.is_some_and(|before| before.wabas.iter().any(|old| old.id == waba.id));
        let billed = Currency::new(&waba.currency).and_then(|currency| rates.minor_units(currency)).is_some();
        if !known && !billed {
            let all: Vec<String> = rates.currencies().map(|currency| currency.to_string()).collect();
            return Err(Problem::malformed("the platform bills in no such currency")
                .field(format!("wabas[{i}].currency"), &waba.currency)
                .remedy(format!("use one of {}, or add it to currencies.csv in rates.directory", all.join(" "))));
        }
        for (j, markup) in waba.markup.iter().enumerate() {
            for (k, rule) in markup.rules.iter().enumerate() {
                let Some(market) = &rule.market else { continue };
                if rates.map().market_named(market).is_none() {
                    return Err(Problem::malformed("the market is on no rate card")
                        .field(format!("wabas[{i}].markup[{j}].rules[{k}].market"), market)
                        .remedy(markets(rates, market)));
                }
            }
        }
    }
    Ok(())
}

fn markets(rates: &RateCards, unknown: &str) -> String {
    let map = rates.map();
    match map.market_folded(unknown) {
        Some(meant) => format!("write it as {:?}", map.market_name(meant)),
        None => format!("use one of {}", map.markets().join(", ")),
    }
}

#[derive(Serialize)]
struct Account<'a> {
    as_of: Time,
    spec: &'a AccountSpec,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a RawValue>,
}

/// `GET /v1/accounts/{account}`: the entry as declared, and its live state once there is one, with its own `as_of`.
pub(super) async fn read(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ReadAccounts, &account)?;
    let registry = api.registry.snapshot();
    let spec = registry.account(&account).ok_or_else(|| Problem::unknown_account(&account))?;
    let as_of = api.clock.now();
    let wanted = account.clone();
    let state = api.view(move |reads| reads.account(&wanted)).await?;
    let state: Option<&RawValue> = state.as_deref().and_then(|state| serde_json::from_slice(state).ok());
    let body = serde_json::to_vec(&Account { as_of, spec, state });
    Ok(answer_json(StatusCode::OK, body.expect("an entry has string keys only")))
}
