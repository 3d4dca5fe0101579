//! `tollgate lots`: queues of waiting messages.

use std::process::ExitCode;

use clap::Args;
use tollgate_runtime::views::LotView;
use tollgate_wire::Time;

use super::accounts;
use crate::client::{Api, ClientArgs, Listing, path};
use crate::output::{self, Table};

/// Show what waits, for what, and until when.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tollgate lots\n  tollgate lots acme --json")]
pub struct LotsArgs {
    /// Account id [default: all]
    account: Option<String>,
    #[command(flatten)]
    client: ClientArgs,
}

/// What a queue waits for, by name; of a template with its language.
pub fn of(lot: &LotView) -> String {
    lot.language.iter().fold(lot.resource.clone(), |of, language| format!("{of} {language}"))
}

/// Queues that wait for the same thing by now, though their messages came for different ones, as one: for people there
/// is nothing between them.
pub fn together(lots: Vec<LotView>) -> Vec<LotView> {
    let mut seen: Vec<LotView> = Vec::with_capacity(lots.len());
    for lot in lots {
        let same = |have: &&mut LotView| {
            let key =
                |l: &LotView| (l.reason, of(l), l.priority, l.class.clone(), l.campaign.clone(), l.sender.clone());
            key(have) == key(&lot)
        };
        let Some(have) = seen.iter_mut().find(same) else {
            seen.push(lot);
            continue;
        };
        have.messages += lot.messages;
        have.opens_at = [have.opens_at, lot.opens_at].into_iter().flatten().min();
        have.done_by = have.done_by.zip(lot.done_by).map(|(a, b)| a.max(b));
    }
    seen
}

/// Runs it.
///
/// # Errors
/// The service or stdout.
pub async fn run(args: &LotsArgs, json: bool) -> anyhow::Result<ExitCode> {
    let api = Api::new(&args.client)?;
    let accounts = match &args.account {
        Some(account) => vec![account.clone()],
        None => accounts::ids(&api).await?,
    };
    let mut table = Table::new(&[
        "account", "messages", "wait for", "of", "lane", "class", "campaign", "sender", "opens at", "done by",
    ]);
    let mut as_of = None;
    for account in accounts {
        let answer = api.get(&path(&["lots", &account])).await?.ok()?;
        if json {
            output::json(&answer.body)?;
            continue;
        }
        let at = |time: Option<Time>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        let list: Listing<LotView> = answer.json()?;
        as_of = Some(as_of.map_or(list.as_of, |oldest: Time| oldest.min(list.as_of)));
        for lot in together(list.items) {
            table.row([
                account.clone(),
                lot.messages.to_string(),
                lot.reason.as_str().to_owned(),
                of(&lot),
                if lot.priority { "priority" } else { "bulk" }.to_owned(),
                lot.class,
                lot.campaign.unwrap_or_else(|| "-".to_owned()),
                lot.sender,
                at(lot.opens_at),
                at(lot.done_by),
            ]);
        }
    }
    if !json {
        table.print_as_of(as_of)?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(name: &str, language: &str, sender: &str, messages: u64, opens_ms: Option<u64>) -> LotView {
        let lot = serde_json::json!({"lot": name, "reason": "template_paused", "resource": "loyalty_points",
            "language": language, "priority": false, "class": "marketing", "sender": sender, "messages": messages,
            "opens_at": opens_ms.map(Time), "done_by": opens_ms.map(Time)});
        serde_json::from_value(lot).expect("a lot")
    }

    #[test]
    fn only_what_differs_is_a_row_of_its_own() {
        let lots = vec![
            lot("template1", "pt_BR", "1", 680, Some(5_000)),
            lot("template2", "en_US", "1", 97, None),
            lot("pacing1", "pt_BR", "1", 3, Some(2_000)),
            lot("template1", "pt_BR", "2", 1, None),
        ];
        let rows: Vec<_> = together(lots).iter().map(|l| (of(l), l.sender.clone(), l.messages, l.opens_at)).collect();
        let row = |of: &str, sender: &str, messages, at: Option<u64>| {
            (of.to_owned(), sender.to_owned(), messages, at.map(Time))
        };
        let expected = [
            row("loyalty_points pt_BR", "1", 683, Some(2_000)),
            row("loyalty_points en_US", "1", 97, None),
            row("loyalty_points pt_BR", "2", 1, None),
        ];
        assert_eq!(rows, expected);
    }
}
