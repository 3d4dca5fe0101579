//! Everything that comes in: accounts, campaigns, consents, people who write, requests. All of it over HTTP.

use super::cast::{ACCOUNTS, campaigns};
use super::http::Http;
use super::parts::Person;
use super::population::{Line, Population};
use super::requests;
use anyhow::{Context as _, bail};
use hyper::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tollgate_wire::Time;

/// Lines of one batch.
const BATCH: usize = 5_000;
/// How long something that was answered 202 may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// What the API said to requests.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    /// Durable.
    pub(super) accepted: u64,
    /// Refused at once, as no request.
    pub(super) refused: u64,
}

impl std::ops::Add for Sent {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self { accepted: self.accepted + more.accepted, refused: self.refused + more.refused }
    }
}

/// Applies the accounts and waits until webhooks for them would be known; then creates the campaigns.
pub(super) async fn accounts(api: &Http, recipients: u32, now: Time) -> anyhow::Result<()> {
    for account in &ACCOUNTS {
        let body = serde_json::to_vec(&account.spec())?;
        api.call(Method::PUT, &format!("/v1/accounts/{}", account.id), body).await?;
    }
    for account in &ACCOUNTS {
        let path = format!("/v1/accounts/{}", account.id);
        seen(account.id, async || api.call(Method::GET, &path, "").await.is_ok()).await?;
    }
    let hour = (now.secs() / 3_600 % 24) as u8;
    for (account, campaign) in campaigns(recipients, hour) {
        api.call(Method::POST, &format!("/v1/campaigns/{account}"), serde_json::to_vec(&campaign)?).await?;
    }
    Ok(())
}

/// Imports the consents and waits until the last one of each account is in force.
pub(super) async fn consents(
    api: &Http,
    population: &Population,
    now: Time,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<u64> {
    let mut lines = population.everybody().filter_map(|line| requests::consent(line, now)).peekable();
    let mut said = 0;
    while lines.peek().is_some() {
        let batch: Vec<String> = lines.by_ref().take(BATCH).collect();
        let answer = api.call(Method::POST, "/v1/consents:batch", batch.join("\n")).await?;
        if number(&answer, "accepted") != batch.len() as u64 {
            bail!("some consents were refused: {}", answer["results"][0]);
        }
        said += batch.len() as u64;
        progress(said);
    }
    for (position, account) in ACCOUNTS.iter().enumerate() {
        let opted_in = |line: &&Line| line.part().account == position && line.part().person == Person::OptedIn;
        let Some(last) = population.everybody().rfind(opted_in) else { continue };
        let path = format!("/v1/contacts/{}/%2B{}/consents", account.id, last.to);
        let in_force = async || match api.call(Method::GET, &path, "").await {
            Ok(view) => view["proofs"].as_array().is_some_and(|proofs| !proofs.is_empty()),
            Err(_) => false,
        };
        seen("consents", in_force).await?;
    }
    Ok(said)
}

/// Lets people write to the numbers, at half of what a number takes, so that their windows open.
pub(super) async fn inbound(platform: &Http, population: &Population) -> anyhow::Result<u64> {
    let mut numbers = JoinSet::new();
    for (a, account) in ACCOUNTS.iter().enumerate() {
        for (s, sender) in account.senders.iter().enumerate() {
            let mine = |line: &&Line| line.part().account == a && usize::from(line.sender) == s;
            let people = population.bulk.iter().filter(mine).filter(|line| line.part().person == Person::Wrote);
            let people: Vec<u64> = people.map(|line| line.to).collect();
            numbers.spawn(write(platform.clone(), sender.id, people, sender.throughput / 2));
        }
    }
    let mut wrote = 0;
    while let Some(done) = numbers.join_next().await {
        wrote += done??;
    }
    Ok(wrote)
}

async fn write(platform: Http, sender: &'static str, people: Vec<u64>, per_second: u32) -> anyhow::Result<u64> {
    let mut pace = interval(Duration::from_secs(1) / per_second.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for from in &people {
        pace.tick().await;
        let body = json!({ "sender": sender, "from": from.to_string(), "text": "Hi, I have a question" });
        platform.call(Method::POST, "/sandbox/inbound", body.to_string()).await?;
    }
    Ok(people.len() as u64)
}

/// Sends requests in, batch by batch.
pub(super) async fn requests(api: &Http, lines: &[Line], now: Time) -> anyhow::Result<Sent> {
    let mut sent = Sent::default();
    for batch in lines.chunks(BATCH) {
        let mut body = String::new();
        for line in batch {
            body.push_str(&requests::request(line, now));
            body.push('\n');
        }
        let answer = api.call(Method::POST, "/v1/messages:batch", body).await?;
        sent.accepted += number(&answer, "accepted");
        sent.refused += number(&answer, "refused");
    }
    Ok(sent)
}

/// Cancels the campaign that was paused so far: what waits in it ends.
pub(super) async fn cancel(api: &Http) -> anyhow::Result<()> {
    api.call(Method::POST, "/v1/campaigns/aurora/gift-cards:cancel", "").await?;
    Ok(())
}

fn number(answer: &Value, field: &str) -> u64 {
    answer[field].as_u64().unwrap_or_default()
}

/// Waits until something is there.
async fn seen(what: &str, is_there: impl AsyncFn() -> bool) -> anyhow::Result<()> {
    let until = Instant::now() + SEEN_WITHIN;
    while !is_there().await {
        if Instant::now() >= until {
            return Err(anyhow::anyhow!("nothing of {what} after {} s", SEEN_WITHIN.as_secs()))
                .context("the service is too slow on this machine, or stuck; see its log");
        }
        sleep(Duration::from_millis(40)).await;
    }
    Ok(())
}
