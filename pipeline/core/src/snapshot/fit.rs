//! A snapshot that fits into a record: what no record would take is left out and counted.

use crate::state::State;
use serde::Serialize;
use std::collections::BTreeSet;
use tollgate_wire::snapshot::{AccountSnapshot, CampaignSnapshot};

/// Most bytes of a snapshot's JSON: what brokers are set to take, with room for what they add.
pub const SNAPSHOT_BYTES_MOST: usize = 4_000_000;

/// What the counts of what is left out take.
const COUNTS_BYTES: usize = 80;

/// Leaves out what a snapshot of at most `most` bytes cannot hold: campaigns of which no message waits or is on the way, those
/// first of which nothing was said for longest, then the smallest queues, then the other campaigns. Returns its JSON.
///
/// # Errors
/// Only if serialising fails, which plain data does not.
pub fn fit(state: &State, s: &mut AccountSnapshot<'_>, most: usize) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_vec(s)?;
    let Some(mut over) = json.len().checked_sub(most).filter(|over| *over != 0) else { return Ok(json) };
    over += COUNTS_BYTES;
    let account = state.account(&s.account).map(|a| a.ix);
    let age = |c: &CampaignSnapshot<'_>| {
        let known = account.and_then(|ix| state.campaign(ix, &c.spec.name));
        known.map_or((false, 0), |c| (c.is_open(), c.said_day))
    };
    let ages: Vec<(bool, u32)> = s.campaigns.iter().map(age).collect();
    let mut by_age: Vec<usize> = (0..ages.len()).collect();
    by_age.sort_by_key(|at| ages[*at]);
    let (ended, open) = by_age.split_at(ages.iter().filter(|(is_open, _)| !is_open).count());
    let mut by_size: Vec<usize> = (0..s.lots.len()).collect();
    by_size.sort_by_key(|at| s.lots[*at].messages);
    let mut campaigns = first_of(&s.campaigns, ended, &mut over)?;
    let lots = first_of(&s.lots, &by_size, &mut over)?;
    campaigns.extend(first_of(&s.campaigns, open, &mut over)?);
    leave_out(&mut s.campaigns, &campaigns);
    leave_out(&mut s.lots, &lots);
    s.left_out.campaigns += campaigns.len() as u64;
    s.left_out.lots += lots.len() as u64;
    serde_json::to_vec(s)
}

/// The first in an order that together are as long as what is too much.
fn first_of<T: Serialize>(items: &[T], order: &[usize], over: &mut usize) -> serde_json::Result<BTreeSet<usize>> {
    let mut chosen = BTreeSet::new();
    for at in order {
        if *over == 0 {
            break;
        }
        // With the comma before it.
        *over = over.saturating_sub(serde_json::to_vec(&items[*at])?.len() + 1);
        chosen.insert(*at);
    }
    Ok(chosen)
}

fn leave_out<T>(items: &mut Vec<T>, chosen: &BTreeSet<usize>) {
    let mut at = 0..;
    items.retain(|_| !at.next().is_some_and(|at| chosen.contains(&at)));
}
