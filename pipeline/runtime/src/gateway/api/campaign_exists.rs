//! Refuses to control a campaign that does not exist or has ended, by the views.
//!
//! The views follow what is decided within about a second, so that a campaign may exist before they show it. The rule
//! must never refuse a control that would have worked:
//!
//! - `start`, and `test` with recipients, create what they do not find: existence is not asked.
//! - A campaign that was created or started through this process is taken to exist.
//! - One that is not in the views is looked for again for [`APPEAR_WITHIN`].
//! - It is refused then only if the account's snapshot is newer than [`SNAPSHOT_AGE_MAX`], so that deciding and views
//!   go on. Without such a snapshot the control is taken, with a warning: if there is no such campaign, the command
//!   is set aside and listed by `GET /v1/dead-letters`.
//!   What is left: a campaign that another process created and whose command is more than two seconds behind.
//! - A snapshot that leaves campaigns out refuses none that it does not have.
//! - `cancelled` is final, so a view that says so cannot be outdated.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use tollgate_wire::Time;
use tollgate_wire::command::CampaignAction;

use super::Api;
use crate::clock::monotonic;
use crate::gateway::problem::Problem;
use crate::gateway::reads::ReadError;

/// How long a campaign may take to appear in the views.
const APPEAR_WITHIN: Duration = Duration::from_secs(2);
/// How often it is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Every account has a snapshot at least every ten seconds; an older one says nothing about now. Milliseconds.
const SNAPSHOT_AGE_MAX: u64 = 15_000;
/// Campaigns remembered; the oldest is forgotten first.
const WRITTEN_MAX: usize = 10_000;
/// How alike a name must be to be the one that was meant (0 = nothing in common, 1 = the same).
const LIKENESS_MIN: f64 = 0.75;

/// Campaigns that were created or started through this process.
#[derive(Default)]
pub(super) struct Written(Mutex<(BTreeSet<String>, VecDeque<String>)>);

impl Written {
    pub(super) fn remember(&self, account: &str, campaign: &str) {
        let (names, order) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{account}/{campaign}");
        if names.insert(name.clone()) {
            order.push_back(name);
        }
        if order.len() > WRITTEN_MAX
            && let Some(oldest) = order.pop_front()
        {
            names.remove(&oldest);
        }
    }

    fn has(&self, account: &str, campaign: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.contains(&format!("{account}/{campaign}"))
    }
}

/// The account's campaigns as the views have them.
#[derive(Deserialize)]
struct Seen {
    as_of: Time,
    items: Vec<Campaign>,
    /// Campaigns beside these.
    #[serde(default)]
    left_out: u64,
}

#[derive(Deserialize)]
struct Campaign {
    spec: Spec,
    state: String,
}

#[derive(Deserialize)]
struct Spec {
    name: String,
}

/// Whether the campaign may be controlled; a warning if that cannot be said. `creates`: the control makes one that is not
/// there.
pub(super) async fn check(
    api: &Api,
    account: &str,
    campaign: &str,
    (action, creates): (CampaignAction, bool),
) -> Result<Option<String>, Problem> {
    let until = monotonic() + APPEAR_WITHIN;
    let asked_at = api.clock.now();
    loop {
        let seen = read(api, account).await?;
        if let Some(found) = seen.iter().flat_map(|seen| &seen.items).find(|c| c.spec.name == campaign) {
            return if found.state == "cancelled" && action != CampaignAction::Cancel {
                Err(ended(campaign))
            } else {
                Ok(None)
            };
        }
        if creates || api.campaigns.has(account, campaign) {
            return Ok(None);
        }
        let complete = seen.as_ref().is_some_and(|seen| seen.as_of >= asked_at);
        if !complete && monotonic() < until {
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        }
        return match seen {
            // One that is left out may exist.
            Some(seen) if seen.left_out == 0 && seen.as_of.0 + SNAPSHOT_AGE_MAX >= api.clock.now().0 => {
                Err(missing(&seen, campaign))
            }
            seen => Ok(Some(unseen(seen.as_ref()))),
        };
    }
}

async fn read(api: &Api, account: &str) -> Result<Option<Seen>, Problem> {
    let wanted = account.to_owned();
    let view = api.view(move |reads| reads.campaigns(&wanted)).await?;
    let seen = view.map(|view| serde_json::from_slice(&view)).transpose();
    Ok(seen.map_err(|error| ReadError::Failed(format!("the view of campaigns: {error}")))?)
}

fn ended(campaign: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "conflict", "the campaign was cancelled, which is final")
        .field("campaign", campaign)
        .remedy("create one with a new name")
}

fn missing(seen: &Seen, campaign: &str) -> Problem {
    let names = seen.items.iter().map(|c| (strsim::jaro_winkler(&c.spec.name, campaign), c.spec.name.as_str()));
    let nearest = names.filter(|(likeness, _)| *likeness >= LIKENESS_MIN).max_by(|a, b| a.0.total_cmp(&b.0));
    let remedy = match nearest {
        Some((_, name)) => format!("did you mean {name}?"),
        None => "see `GET /v1/campaigns/{account}` for the account's campaigns".to_owned(),
    };
    let detail = format!("the account has no such campaign as of {}", seen.as_of);
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail).field("campaign", campaign).remedy(remedy)
}

fn unseen(seen: Option<&Seen>) -> String {
    let as_of = match seen {
        None => "there is no snapshot yet".to_owned(),
        Some(s) if s.left_out == 0 => format!("the last is of {}", s.as_of),
        Some(s) => format!("the last is of {} and leaves out {}", s.as_of, s.left_out),
    };
    format!(
        "the campaign is not in the account's snapshot ({as_of}); if there is none of that name, the command is set \
         aside: see `tollgate dead-letters list`"
    )
}
