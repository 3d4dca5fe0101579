//! What a number or a portfolio may do: each change of it is told, so that there is a history of upgrades and downgrades.

use crate::effect::{Effect, LevelChange};
use crate::record::{Account, Sender};
use tollgate_quality::Limit;
use tollgate_wire::command::SenderSpec;
use tollgate_wire::snapshot::Level;

/// Tells what of a number is another.
pub(crate) fn sender(known: &Sender, new: &SenderSpec, told: &mut Vec<Effect>) {
    let old = &known.spec;
    let mut tell = |level, from: String, to: String| {
        if from != to {
            let (account, sender) = (known.account, Some(known.ix));
            let change = LevelChange { level, account, sender, from: from.into(), to: to.into() };
            told.push(Effect::Level(Box::new(change)));
        }
    };
    tell(Level::Quality, old.quality.to_string(), new.quality.to_string());
    tell(Level::Throughput, old.throughput.to_string(), new.throughput.to_string());
    tell(Level::Blocked, old.blocked.to_string(), new.blocked.to_string());
}

/// Tells another messaging limit.
pub(crate) fn limit(account: &Account, new: Limit, told: &mut Vec<Effect>) {
    let old = account.spec.limit;
    if old != new {
        let (from, to) = (old.to_string().into(), new.to_string().into());
        let change = LevelChange { level: Level::Limit, account: account.ix, sender: None, from, to };
        told.push(Effect::Level(Box::new(change)));
    }
}
