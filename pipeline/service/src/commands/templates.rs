//! `tollgate templates`: the templates that are known, and asking the platform for them.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Deserialize;
use tollgate_runtime::views::{SyncReport, SyncResult, TemplateView, TemplatesView};
use tollgate_wire::Time;
use tollgate_wire::command::TemplateSpec;

use super::accounts;
use crate::client::{Api, ClientArgs, JSON, path};
use crate::output::{self, Table};

/// Show templates, and have the platform asked for them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate templates list acme\n  tollgate templates sync acme")]
pub struct TemplatesArgs {
    #[command(subcommand)]
    command: TemplatesCommand,
}

#[derive(Debug, Subcommand)]
enum TemplatesCommand {
    /// List templates: state, category with the one that is announced, quality, what a send must give
    ///
    /// The digest is of the components as the platform has them; it is missing where the platform was not asked yet.
    #[command(after_help = "Examples:\n  tollgate templates list\n  tollgate templates list acme --json")]
    List(Of),
    /// Have the running service ask the platform for templates and numbers now, and show what is different
    ///
    /// It does so by itself at its start and on a schedule (sync.every_minutes). What it finds is written to the log and
    /// decided like a webhook. Exit code 1 if the platform could not be asked.
    #[command(after_help = "Examples:\n  tollgate templates sync acme\n  tollgate templates sync acme --json")]
    Sync(Of),
}

#[derive(Args, Debug)]
struct Of {
    /// Account id [default: all]
    account: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

/// What the service answers to a sync.
#[derive(Deserialize)]
struct Synced {
    account: String,
    running: bool,
    wabas: Vec<SyncReport>,
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &TemplatesArgs, json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        TemplatesCommand::List(of) => list(of, json).await,
        TemplatesCommand::Sync(of) => sync(of, json).await,
    }
}

impl Of {
    async fn accounts(&self, api: &Api) -> anyhow::Result<Vec<String>> {
        match &self.account {
            Some(account) => Ok(vec![account.clone()]),
            None => accounts::ids(api).await,
        }
    }
}

async fn list(of: &Of, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&of.client)?;
    let columns =
        ["account", "template", "language", "category", "status", "quality", "takes", "time to live", "digest"];
    let (mut table, mut as_of, mut failed) = (Table::new(&columns), None, Vec::new());
    for account in of.accounts(&api).await? {
        let answer = api.get(&path(&["templates", &account])).await?.ok()?;
        if json {
            output::json(&answer.body)?;
            continue;
        }
        let list: TemplatesView = answer.json()?;
        as_of = Some(as_of.map_or(list.as_of, |oldest: Time| oldest.min(list.as_of)));
        for TemplateView { template: t, .. } in list.items {
            let digest = t.components.as_ref().map_or("-", |components| &components.digest).to_owned();
            let (category, takes, ttl) = (category(&t), takes(&t), ttl(&t));
            let cells =
                [t.name, t.language, category, t.status.as_str().to_owned(), t.quality.to_string(), takes, ttl, digest];
            table.row(std::iter::once(account.clone()).chain(cells));
        }
        failed.extend(list.syncs.into_iter().filter(|sync| sync.result == SyncResult::Failed));
    }
    if !json {
        table.print_as_of(as_of)?;
        for sync in failed {
            output::line(format_args!("WABA {} could not be read at {}: {}", sync.waba, sync.at, sync.detail))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The category, with the one that is announced: the price moves with it.
fn category(t: &TemplateSpec) -> String {
    match t.next_category {
        None => t.category.to_string(),
        Some(next) if next.at_s == 0 => format!("{}, soon {}", t.category, next.category),
        Some(next) => format!("{}, {} from {}", t.category, next.category, Time::from_secs(next.at_s)),
    }
}

/// How long the platform tries to deliver a message of it, where the template says so.
fn ttl(t: &TemplateSpec) -> String {
    match t.ttl_s {
        None => "-".to_owned(),
        Some(s) if s % 86_400 == 0 => format!("{} d", s / 86_400),
        Some(s) if s % 3_600 == 0 => format!("{} h", s / 3_600),
        Some(s) if s % 60 == 0 => format!("{} min", s / 60),
        Some(s) => format!("{s} s"),
    }
}

/// What a send must give.
fn takes(t: &TemplateSpec) -> String {
    let mut takes = Vec::new();
    match t.header {
        tollgate_wire::command::HeaderFormat::None => {}
        format => takes.push(format!("{format:?} header").to_lowercase()),
    }
    if !t.body.is_empty() {
        let positional = t.body.iter().all(|name| name.bytes().all(|b| b.is_ascii_digit()));
        takes.push(if positional { format!("{} in body", t.body.len()) } else { t.body.join(" ") });
    }
    if t.buttons > 0 {
        takes.push(format!("{} in buttons", t.buttons));
    }
    if let Some(component) = t.components.as_ref().and_then(|components| components.unfillable.as_ref()) {
        takes.push(format!("{component}, which cannot be sent"));
    }
    if takes.is_empty() { "-".to_owned() } else { takes.join(", ") }
}

async fn sync(of: &Of, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&of.client)?;
    let mut code = ExitCode::SUCCESS;
    for account in of.accounts(&api).await? {
        let address = format!("{}:sync", path(&["templates", &account]));
        let answer = api.post(&address, JSON, bytes::Bytes::new()).await?.ok()?;
        let synced: Synced = answer.json()?;
        if synced.wabas.iter().any(|waba| waba.result == SyncResult::Failed) {
            code = ExitCode::FAILURE;
        }
        if json {
            output::json(&answer.body)?;
        } else {
            show(&synced)?;
        }
    }
    Ok(code)
}

fn show(synced: &Synced) -> std::io::Result<()> {
    if synced.running {
        return output::line(format_args!(
            "Account {}: the platform is still being asked; `tollgate templates list {}` shows what came of it",
            synced.account, synced.account
        ));
    }
    for waba in &synced.wabas {
        let place = format!("Account {}, WABA {}", synced.account, waba.waba);
        match waba.result {
            SyncResult::Done => output::line(format_args!(
                "{place}: {} templates and {} numbers read, {} changes",
                waba.templates, waba.numbers, waba.changed
            ))?,
            SyncResult::Failed => output::line(format_args!("{place}: failed, nothing is changed: {}", waba.detail))?,
            SyncResult::NotBegun => output::line(format_args!("{place}: {}", waba.detail))?,
        }
        if waba.result == SyncResult::Done && !waba.detail.is_empty() {
            output::line(format_args!("  {}", waba.detail))?;
        }
        for change in &waba.changes {
            output::line(format_args!("  {}: {}", change.of, change.what))?;
        }
        let more = (waba.changed as usize).saturating_sub(waba.changes.len());
        if more > 0 {
            output::line(format_args!("  and {more} more"))?;
        }
        for name in &waba.not_listed {
            output::line(format_args!("  {name}: the platform does not have it"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_send_must_give_and_what_it_will_cost_as() {
        let of = |more: &str| {
            let json = format!(r#"{{"name":"t","language":"en_US","category":"utility"{more}}}"#);
            let t: TemplateSpec = serde_json::from_str(&json).expect("a template");
            format!("{} | {}", category(&t), takes(&t))
        };
        assert_eq!(of(""), "utility | -");
        assert_eq!(
            of(r#","body":["1","2"],"header":"image","buttons":1"#),
            "utility | image header, 2 in body, 1 in buttons"
        );
        let next = r#","body":["name"],"next_category":{"category":"marketing","at_s":1795867200}"#;
        assert_eq!(of(next), "utility, marketing from 2026-11-28T12:00:00.000Z | name");
        assert_eq!(of(r#","next_category":{"category":"marketing"}"#), "utility, soon marketing | -");
        let carousel = r#","components":{"digest":"0","unfillable":"CAROUSEL"}"#;
        assert_eq!(of(carousel), "utility | CAROUSEL, which cannot be sent");
        let live = |ttl_s: u32| {
            let json = format!(r#"{{"name":"t","language":"en_US","category":"utility","ttl_s":{ttl_s}}}"#);
            ttl(&serde_json::from_str(&json).expect("a template"))
        };
        assert_eq!([30, 600, 43_200, 2_592_000].map(live), ["30 s", "10 min", "12 h", "30 d"]);
    }
}
