//! `tollgate dead-letters replay`: back to where they came from.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{DeadLetter, Page};
use crate::client::{Api, ClientArgs, JSON, path};
use crate::commands::whole;
use crate::exit::WrongUse;
use crate::output;

/// Letters of one call: few enough that the service answers well within its time.
const CHUNK: usize = 100;
/// Letters of one page of the list.
const PAGE: u32 = 1_000;
/// Refusals shown; --json lists all.
const REFUSED_SHOWN: usize = 20;

/// Put dead letters back to the topic that they came from, bytes untouched
///
/// Choose them by offset, or with --reason, --after, --all. Put right first what was wrong: apply the account, deploy
/// the version that knows the field. Each record then carries the header `replayed_from` with the offset of its dead
/// letter. The letters themselves stay until their retention is over; putting a request back twice is harmless as long
/// as its id is remembered (30 days). A letter that was put back before and failed again is left to its newer one.
/// Webhooks are read anew for the accounts as they are now. Needs role admin; exit code 1 when one was refused.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    tollgate dead-letters replay 1200 1201\n  \
    tollgate dead-letters replay --reason unknown_account --dry-run\n  \
    tollgate dead-letters replay --all --after 1200")]
pub(super) struct ReplayArgs {
    /// Offsets in the list
    #[arg(value_name = "OFFSET", conflicts_with_all = ["reason", "after", "all"], value_parser = whole::<u64>)]
    offsets: Vec<u64>,
    /// Those with this reason; repeat
    #[arg(long, value_name = "REASON", conflicts_with = "all", value_parser = reason)]
    reason: Vec<String>,
    /// Only those after this offset
    #[arg(long, value_name = "OFFSET", value_parser = whole::<u64>)]
    after: Option<u64>,
    /// Every one that is kept
    #[arg(long)]
    all: bool,
    /// Say what would be done and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Key records by the account in them where their key is another (wrong_key, wrong_partition)
    #[arg(long)]
    rekey: bool,
    #[command(flatten)]
    client: ClientArgs,
}

fn reason(text: &str) -> Result<String, String> {
    let known = tollgate_wire::DeadLetterReason::ALL;
    match known.iter().any(|reason| reason.as_str() == text) {
        true => Ok(text.to_owned()),
        false => Err(format!("use one of {}", known.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(", "))),
    }
}

#[derive(Default, Deserialize)]
struct Answer {
    replayed: u64,
    refused: u64,
    results: Vec<Settled>,
}

#[derive(Deserialize)]
struct Settled {
    offset: u64,
    #[serde(default)]
    refused: Option<String>,
}

/// What is to be put back.
#[derive(Default)]
struct Chosen {
    offsets: Vec<u64>,
    /// Left out, since a newer letter of the same record is there.
    superseded: usize,
}

/// Runs it.
///
/// # Errors
/// The arguments, or the service.
pub(super) async fn run(args: &ReplayArgs, json: bool) -> anyhow::Result<ExitCode> {
    let by_offset = !args.offsets.is_empty();
    if !by_offset && !args.all && args.reason.is_empty() && args.after.is_none() {
        return Err(WrongUse("nothing is chosen; give offsets, --reason, --after or --all".to_owned()).into());
    }
    let api = Api::new(&args.client)?;
    let chosen = match by_offset {
        true => {
            let offsets: BTreeSet<u64> = args.offsets.iter().copied().collect();
            Chosen { offsets: offsets.into_iter().collect(), superseded: 0 }
        }
        false => choose(&api, args).await?,
    };
    let mut total = Answer::default();
    let mut result = Ok(());
    for offsets in chosen.offsets.chunks(CHUNK) {
        match replay(&api, args, offsets).await {
            Ok(answer) => {
                total.replayed += answer.replayed;
                total.refused += answer.refused;
                total.results.extend(answer.results.into_iter().filter(|settled| settled.refused.is_some()));
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    // What was done is told, also when the rest could not be.
    if result.is_ok() || total.replayed + total.refused > 0 {
        print(args, &chosen, &total, json)?;
    }
    result?;
    Ok(if total.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Looks through the list up to its end.
async fn choose(api: &Api, args: &ReplayArgs) -> anyhow::Result<Chosen> {
    let (mut found, mut newer) = (BTreeSet::new(), BTreeSet::new());
    let mut after = args.after;
    loop {
        let from = after.map_or_else(String::new, |after| format!("&after={after}"));
        let address = format!("{}?limit={PAGE}{from}", path(&["dead-letters"]));
        let page: Page = api.get(&address).await?.ok()?.json()?;
        let Some(last) = page.items.last() else { break };
        after = Some(last.offset);
        for letter in &page.items {
            newer.extend(letter.header("replayed_from").and_then(|from| from.parse::<u64>().ok()));
            if wanted(letter, &args.reason) {
                found.insert(letter.offset);
            }
        }
    }
    let before = found.len();
    found.retain(|offset| !newer.contains(offset));
    Ok(Chosen { superseded: before - found.len(), offsets: found.into_iter().collect() })
}

fn wanted(letter: &DeadLetter, reasons: &[String]) -> bool {
    reasons.is_empty() || letter.header("reason").is_some_and(|have| reasons.iter().any(|reason| reason == have))
}

async fn replay(api: &Api, args: &ReplayArgs, offsets: &[u64]) -> anyhow::Result<Answer> {
    let body = json!({ "offsets": offsets, "dry_run": args.dry_run, "rekey": args.rekey });
    let answer = api.post("/v1/dead-letters:replay", JSON, body.to_string().into()).await?;
    answer.ok()?.json()
}

fn print(args: &ReplayArgs, chosen: &Chosen, total: &Answer, json: bool) -> std::io::Result<()> {
    if json {
        let refused: Vec<_> =
            total.results.iter().map(|settled| json!({ "offset": settled.offset, "why": settled.refused })).collect();
        return output::line(json!({
            "dry_run": args.dry_run, "chosen": chosen.offsets.len(), "replayed": total.replayed,
            "refused": total.refused, "superseded": chosen.superseded, "refusals": refused,
        }));
    }
    let done = if args.dry_run { "would be replayed" } else { "replayed" };
    output::line(format_args!("{} {done}, {} refused", total.replayed, total.refused))?;
    for settled in total.results.iter().take(REFUSED_SHOWN) {
        output::line(format_args!("  {}: {}", settled.offset, settled.refused.as_deref().unwrap_or_default()))?;
    }
    if total.results.len() > REFUSED_SHOWN {
        output::line(format_args!("  and {} more; --json lists them", total.results.len() - REFUSED_SHOWN))?;
    }
    let left = (chosen.offsets.len() as u64).saturating_sub(total.replayed + total.refused);
    if left > 0 {
        output::line(format_args!("  {left} not tried"))?;
    }
    if chosen.superseded > 0 {
        output::line(format_args!("  {} left out: put back before, and set aside again later", chosen.superseded))?;
    }
    Ok(())
}
