//! Commands that look further into this very run.

use super::args::DemoArgs;
use super::cast::ACCOUNTS;
use super::parts::{PARTS, Person};
use super::population::Population;
use super::watch::Watch;
use std::net::SocketAddr;
use tollgate_rate_card::YearMonth;
use tollgate_wire::outcome::OutcomeKind;

/// Address that commands ask when none is given.
const DEFAULT_API: &str = "127.0.0.1:8080";

/// The commands: those that need the service only when it goes on serving.
pub(super) fn commands(
    args: &DemoArgs,
    address: SocketAddr,
    population: &Population,
    watch: &Watch,
    months: &[YearMonth],
) -> Vec<String> {
    let place = args.data_dir.display();
    let mut commands = Vec::new();
    if let Some(month) = months.last() {
        commands.push(format!("TOLLGATE__DATA_DIR={place} tollgate billing export --month {month} --format detail"));
    }
    commands.push(format!("TOLLGATE__DATA_DIR={place} tollgate billing forecast"));
    if !args.keep_running {
        commands.push(format!("tollgate demo --keep-running --force --data-dir {place}   # and then, beside it:"));
    }
    let url = match address.to_string() {
        address if address == DEFAULT_API || !args.keep_running => String::new(),
        address => format!(" --url http://{address}"),
    };
    for id in examples(population, watch) {
        let account = id.split('-').next().unwrap_or_default();
        commands.push(format!("tollgate explain {account} {id}{url}"));
    }
    commands.push(format!("tollgate campaigns report {} winter-sale{url}", ACCOUNTS[0].id));
    commands.push(format!("tollgate lots{url}"));
    commands
}

/// A message that waits for its turn, one that was refused, and one that was delivered.
fn examples(population: &Population, watch: &Watch) -> Vec<String> {
    let wanted = [
        (1, Person::OptedIn, OutcomeKind::Parked),
        (0, Person::OptedOut, OutcomeKind::Refused),
        (0, Person::OptedIn, OutcomeKind::Read),
    ];
    let first = |(account, person, outcome): (usize, Person, OutcomeKind)| {
        let fits = |part: usize| PARTS[part].account == account && PARTS[part].person == person;
        let lines = population.bulk.iter().filter(|line| fits(usize::from(line.part))).take(50);
        lines.map(super::population::Line::id).find(|id| {
            let view = watch.reader.message(ACCOUNTS[account].id, id);
            view.ok().flatten().is_some_and(|view| view.outcome == outcome)
        })
    };
    wanted.into_iter().filter_map(first).collect()
}
