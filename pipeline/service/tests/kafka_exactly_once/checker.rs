//! The truth, recomputed from the inputs and compared with what every reader sees.

use std::collections::{BTreeMap, BTreeSet};
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka::{KafkaConfig, partition_of};

use crate::PARTITIONS;
use crate::inputs::Inputs;
use crate::topics::{read, read_as};

pub enum Fault {
    /// May still become true.
    NotYet(String),
    /// Never true again.
    Wrong(String),
}

/// Cost of a marketing message to Brazil on the card of 2026-10-01, in units of 0.0001 USD.
const BRAZIL_MARKETING: u64 = 625;

pub fn check(config: &KafkaConfig, inputs: &Inputs) -> Result<String, Fault> {
    let by_id: BTreeMap<(&str, &str), usize> = inputs
        .requests
        .iter()
        .enumerate()
        .map(|(i, r)| ((inputs.accounts[r.account].name.as_str(), r.id.as_str()), i))
        .collect();
    let by_person: BTreeMap<&str, usize> = inputs.requests.iter().enumerate().map(|(i, r)| (&r.to[1..], i)).collect();

    // Outcomes: each request has exactly one first one, and duplicates are told apart.
    let mut first: BTreeMap<usize, String> = BTreeMap::new();
    let mut admitted: BTreeSet<usize> = BTreeSet::new();
    let mut parked: BTreeSet<usize> = BTreeSet::new();
    let mut duplicates = 0;
    for (_, o) in read(config, Topic::Outcomes) {
        let text = |field: &str| o[field].as_str().unwrap_or_default().to_owned();
        let (account, id, kind, reason) = (text("account"), text("id"), text("outcome"), text("reason"));
        let Some(&i) = by_id.get(&(account.as_str(), id.as_str())) else {
            return Err(Fault::Wrong(format!("an outcome of nobody's request: {o}")));
        };
        if reason == "duplicate" || kind == "duplicate" {
            duplicates += 1;
            if !first.contains_key(&i) {
                return Err(Fault::Wrong(format!("{id} is called a duplicate before anything else: {o}")));
            }
            continue;
        }
        match kind.as_str() {
            "admitted" => {
                parked.remove(&i);
                first.entry(i).or_insert(kind);
                if !admitted.insert(i) {
                    return Err(Fault::Wrong(format!("{id} admitted twice: {o}")));
                }
            }
            "parked" => {
                parked.insert(i);
                first.entry(i).or_insert(kind);
            }
            "refused" if first.insert(i, format!("refused {reason}")).is_some() => {
                return Err(Fault::Wrong(format!("{id} refused after something else: {o}")));
            }
            _ => {}
        }
    }
    if first.len() < inputs.requests.len() {
        let mut missing: BTreeMap<(&str, u32, bool), (usize, &str)> = BTreeMap::new();
        for (_, request) in inputs.requests.iter().enumerate().filter(|(i, _)| !first.contains_key(i)) {
            let account = inputs.accounts[request.account].name.as_str();
            let key = (account, partition_of(account.as_bytes(), PARTITIONS), request.priority);
            missing.entry(key).or_insert((0, &request.id)).0 += 1;
        }
        let there: BTreeSet<String> = [Topic::Requests, Topic::RequestsPriority]
            .into_iter()
            .flat_map(|topic| read(config, topic))
            .map(|(_, r)| r["id"].as_str().unwrap_or_default().to_owned())
            .collect();
        if there.len() < inputs.requests.len() {
            return Err(Fault::Wrong(format!("the producer lost requests: {} are in the topics", there.len())));
        }
        let aborted: BTreeMap<String, usize> =
            read_as(config, Topic::Outcomes, "read_uncommitted").into_iter().fold(BTreeMap::new(), |mut n, (_, o)| {
                *n.entry(o["id"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
                n
            });
        let hidden =
            inputs.requests.iter().enumerate().filter(|(i, r)| !first.contains_key(i) && aborted.contains_key(&r.id));
        let hidden = hidden.count();
        return Err(Fault::NotYet(format!(
            "({hidden} have aborted outcomes) {} of {} requests have an outcome; without, by account, partition and lane, with the first: {missing:?}",
            first.len(),
            inputs.requests.len()
        )));
    }

    // Orders: one for each admission, for people with consent, in the order of the requests, within the limits.
    let mut ordered: BTreeSet<usize> = BTreeSet::new();
    let mut last_bulk: BTreeMap<usize, usize> = BTreeMap::new();
    let mut users: BTreeMap<usize, u64> = BTreeMap::new();
    for (_, o) in read(config, Topic::Dispatch) {
        let to = o["to"].as_str().unwrap_or_default();
        let Some(&i) = by_person.get(to) else {
            return Err(Fault::Wrong(format!("an order for a stranger: {o}")));
        };
        let request = &inputs.requests[i];
        if !ordered.insert(i) {
            return Err(Fault::Wrong(format!("{} ordered twice: {o}", request.id)));
        }
        if !request.consented {
            return Err(Fault::Wrong(format!("{} ordered without consent: {o}", request.id)));
        }
        *users.entry(request.account).or_default() += 1;
        if inputs.accounts[request.account].limit == 0 && !request.priority {
            let last = last_bulk.insert(request.account, i);
            if last.is_some_and(|last| last > i) {
                return Err(Fault::Wrong(format!("{} ordered after a later request", request.id)));
            }
        }
    }
    if ordered != admitted {
        let only = |a: &BTreeSet<usize>, b: &BTreeSet<usize>| a.difference(b).count();
        return Err(Fault::NotYet(format!(
            "{} orders without admission, {} admissions without order",
            only(&ordered, &admitted),
            only(&admitted, &ordered)
        )));
    }
    for (account, n) in &users {
        let limit = inputs.accounts[*account].limit;
        if limit > 0 && *n > limit {
            return Err(Fault::Wrong(format!("account {account}: {n} unique users, the limit is {limit}")));
        }
    }
    for (i, request) in inputs.requests.iter().enumerate() {
        let limited = inputs.accounts[request.account].limit > 0;
        let as_expected = match (request.consented, limited) {
            (false, _) => first[&i] == "refused not_opted_in",
            (true, false) => ordered.contains(&i),
            (true, true) => ordered.contains(&i) || parked.contains(&i),
        };
        if !as_expected {
            let what = format!("{}: consent {}, first outcome {}", request.id, request.consented, first[&i]);
            return Err(Fault::NotYet(what));
        }
    }

    // Ledger: one charge for each delivery, at the card's rate.
    let mut charged: BTreeSet<(String, u64)> = BTreeSet::new();
    let mut total = 0;
    for (_, e) in read(config, Topic::Ledger) {
        let key = (e["account"].as_str().unwrap_or_default().to_owned(), e["message_uid"].as_u64().unwrap_or(0));
        if !charged.insert(key) {
            return Err(Fault::Wrong(format!("charged twice: {e}")));
        }
        let cost: f64 = e["cost"].as_str().and_then(|c| c.parse().ok()).unwrap_or(-1.0);
        total += (cost * 10_000.0).round() as u64;
    }
    if charged.len() < ordered.len() {
        return Err(Fault::NotYet(format!("{} of {} deliveries charged", charged.len(), ordered.len())));
    }
    if charged.len() > ordered.len() || total != ordered.len() as u64 * BRAZIL_MARKETING {
        return Err(Fault::Wrong(format!(
            "{} charges of {total} in all for {} deliveries of {BRAZIL_MARKETING}",
            charged.len(),
            ordered.len()
        )));
    }
    let dead = read(config, Topic::DeadLetters).len();
    if dead > 0 {
        return Err(Fault::Wrong(format!("{dead} dead letters")));
    }
    Ok(format!(
        "{} requests, {} ordered and charged, {} wait for quota, {} refused, {duplicates} duplicates",
        inputs.requests.len(),
        ordered.len(),
        parked.len(),
        first.values().filter(|f| f.starts_with("refused")).count()
    ))
}
