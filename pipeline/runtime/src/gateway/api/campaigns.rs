//! Campaigns: settings, control, progress.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::json;
use tollgate_wire::command::{AccountSpec, CampaignAction, CampaignSpec, Command};

use super::campaign_exists::check;
use super::{Api, JSON, Shared, parse_json, require_content_type, state_of, state_of_campaign};
use crate::gateway::access::Action;
use crate::gateway::path::Path;
use crate::gateway::problem::Problem;
use crate::gateway::reads::Reads;

const BODY_BYTES_MAX: usize = 64 << 10;

/// `GET /v1/campaigns/{account}`.
pub(super) async fn list(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state_of(&api, &headers, account, Reads::campaigns).await
}

/// `GET /v1/campaigns/{account}/{name}`.
pub(super) async fn read(
    State(api): Shared,
    Path((account, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state_of_campaign(&api, &headers, account, name, Reads::campaign).await
}

/// `GET /v1/campaigns/{account}/{name}/report`: funnel, cost, answers within seven days, errors by code.
pub(super) async fn report(
    State(api): Shared,
    Path((account, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state_of_campaign(&api, &headers, account, name, Reads::campaign_report).await
}

/// `GET /v1/campaigns/{account}/{name}/test-recipients`: in full, which the campaign itself shows masked.
pub(super) async fn test_recipients(
    State(api): Shared,
    Path((account, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ReadMessages, &account)?;
    state_of_campaign(&api, &headers, account, name, Reads::test_recipients).await
}

/// `POST /v1/campaigns/{account}` with the settings.
pub(super) async fn put(
    State(api): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ControlCampaigns, &account)?;
    put_spec(&api, account, None, &headers, body).await
}

/// What `:test` may be given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestBody {
    test_recipients: Vec<String>,
}

/// `POST /v1/campaigns/{account}/{name}` with the settings, or `…:start`, `:test`, `:pause`, `:resume`, `:cancel` without;
/// `:test` may be given `test_recipients`, in place of those that were named before.
pub(super) async fn put_or_control(
    State(api): Shared,
    Path((account, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    api.access.account(&headers, Action::ControlCampaigns, &account)?;
    let Some((campaign, verb)) = name.rsplit_once(':') else {
        return put_spec(&api, account, Some(name), &headers, body).await;
    };
    let action = match verb {
        "start" => CampaignAction::Start,
        "test" => CampaignAction::Test,
        "pause" => CampaignAction::Pause,
        "resume" => CampaignAction::Resume,
        "cancel" => CampaignAction::Cancel,
        other => {
            return Err(Problem::new(StatusCode::NOT_FOUND, "unknown_action", "there is no such action")
                .field("action", other)
                .remedy("use :start, :test, :pause, :resume or :cancel"));
        }
    };
    api.known(&account)?;
    let test_recipients = match action {
        CampaignAction::Test => test_recipients_of(&api, &headers, body).await?,
        _ => Vec::new(),
    };
    // With recipients a test creates the campaign, as a start does.
    let creates = action == CampaignAction::Start || !test_recipients.is_empty();
    let unseen = check(&api, &account, campaign, (action, creates)).await?;
    let mut answer = json!({ "account": account, "campaign": campaign, "action": action });
    if let Some(warning) = unseen {
        answer["warning"] = warning.into();
    }
    let command = Command::ControlCampaign { account, campaign: campaign.to_owned(), action, test_recipients };
    let answer = api.command(&command, &answer).await?;
    // What was refused creates nothing.
    if creates {
        api.campaigns.remember(command.account(), campaign);
    }
    Ok(answer)
}

async fn test_recipients_of(api: &Api, headers: &HeaderMap, body: Body) -> Result<Vec<String>, Problem> {
    let body = api.body(body, BODY_BYTES_MAX).await?;
    if body.bytes.is_empty() {
        return Ok(Vec::new());
    }
    require_content_type(headers, JSON)?;
    Ok(parse_json::<TestBody>(&body.bytes)?.test_recipients)
}

async fn put_spec(
    api: &Api,
    account: String,
    name: Option<String>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    require_content_type(headers, JSON)?;
    let registry = api.registry.snapshot();
    let entry = registry.account(&account).ok_or_else(|| Problem::unknown_account(&account))?;
    let body = api.body(body, BODY_BYTES_MAX).await?;
    let spec: CampaignSpec = parse_json(&body.bytes)?;
    if name.is_some_and(|name| name != spec.name) {
        let problem = Problem::malformed("path and body name two campaigns");
        return Err(problem.field("name", &spec.name).remedy("use one name"));
    }
    if spec.name.contains(['/', ':']) {
        let problem = Problem::malformed("the name cannot stand in a path");
        return Err(problem.field("name", &spec.name).remedy("leave out / and :"));
    }
    if let Some(budget) = &spec.budget {
        check_one_currency(entry, budget)?;
    }
    let name = spec.name.clone();
    let answer = json!({ "account": account, "campaign": name });
    let command = Command::PutCampaign { account, spec };
    let answer = api.command(&command, &answer).await?;
    // What was refused creates nothing.
    api.campaigns.remember(command.account(), &name);
    Ok(answer)
}

/// A budget is compared with costs of all of the account's WABAs, so they must be in one currency.
fn check_one_currency(entry: &AccountSpec, budget: &Decimal) -> Result<(), Problem> {
    let currencies: BTreeSet<&str> = entry.wabas.iter().map(|waba| waba.currency.as_str()).collect();
    if currencies.len() <= 1 {
        return Ok(());
    }
    let all = Vec::from_iter(currencies).join(" and ");
    Err(Problem::malformed(format!("a budget needs one currency, but the WABAs of the account bill in {all}"))
        .field("budget", &budget.to_string())
        .remedy("leave it out, or make an account for the WABAs of each currency"))
}
