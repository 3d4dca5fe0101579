//! A partition moves to an empty disk while its owner is frozen in the middle of a batch that only timers filled.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_runtime::clock;
use tollgate_runtime::log::Topic;
use tollgate_runtime::log::kafka;
use tollgate_wire::Time;

use crate::broker::Broker;
use crate::process::{Process, Topics, wait_for, write_config};
use crate::{account, consent, request};

const PARTITIONS: u32 = 2;
/// Requests that wait for their time, and the users that the account may reach: who is admitted is a decision.
const WAITING: usize = 400;
const LIMIT: usize = 250;
/// From the requests to their time: they are parked by then, also on a busy machine.
const WAIT_MS: u64 = 30_000;

#[test]
fn a_successor_decides_what_the_frozen_owner_would_have() {
    moved("before_commit");
}

#[test]
fn an_owner_frozen_before_its_offsets_is_fenced_by_them() {
    moved("after_produce");
}

/// Freezes the owner at a point of its batch, and moves the partition.
fn moved(point: &str) {
    let broker = Broker::shared();
    let config = broker.config();
    kafka::create(&config, PARTITIONS, 1).unwrap();
    let topics = Topics::new(&config, PARTITIONS);
    let directory = tempfile::tempdir().unwrap();
    // No snapshots: without any input, timers alone fill a batch.
    let file = write_config(&config, directory.path(), "roles = \"shards\"\n[shard]\nsnapshot_every_ms = 3600000\n");
    topics.send(Topic::Commands, crate::ACCOUNT, &account(&json!(LIMIT), 5));
    (0..WAITING).for_each(|i| topics.send(Topic::Commands, crate::ACCOUNT, &consent(i)));
    topics.flush();
    let arm = directory.path().join("pause");
    let pause = format!("{point}:{}", arm.display());
    let mut owner = Process::serve(&file, directory.path(), "owner", &[], &[("TOLLGATE_PAUSE_AT", &pause)]);
    topics.wait_until_read(Topic::Commands);

    let due = Time(clock::now().0 / 1_000 * 1_000 + WAIT_MS);
    for i in 0..WAITING {
        let mut request = request(i);
        request["send_after"] = json!(due.to_string());
        topics.send(Topic::Requests, crate::ACCOUNT, &request);
    }
    topics.flush();
    topics.wait_until_read(Topic::Requests);
    assert!(clock::now().0 + 1_000 < due.0, "the requests took too long to be parked");
    let parked = topics.values(Topic::Outcomes, false);
    assert_eq!(parked.len(), WAITING);
    assert!(parked.iter().all(|outcome| outcome["outcome"] == "parked" && outcome["reason"] == "scheduled"));

    // From here on there is no input: the next batch is made by timers.
    std::fs::write(&arm, "").unwrap();
    assert!(
        clock::now().0 < due.0,
        "the machine is too busy: the time came before the batch of timers could be stopped"
    );
    wait_for("the owner is frozen in its batch", &mut || owner.is_frozen());
    assert!(clock::now().0 >= due.0, "frozen before the timers");
    assert!(topics.values(Topic::Dispatch, false).is_empty(), "nothing of an open batch is seen");
    // Frozen earlier, its client still holds records; before the commit that is nothing.
    let told = decisions(&topics.values(Topic::Outcomes, true)[WAITING..]);
    let ordered = orders(&topics.values(Topic::Dispatch, true));
    if point == "before_commit" {
        assert_eq!(told.len(), WAITING);
        assert!(!ordered.is_empty() && ordered.len() <= LIMIT, "{} orders", ordered.len());
    }

    let mut successor = Process::serve(&file, directory.path(), "successor", &[], &[]);
    wait_for("the successor decides", &mut || topics.values(Topic::Outcomes, false).len() >= 2 * WAITING);
    owner.signal("CONT");
    // Before its offsets were sent it may still find that its records are too old, undo the batch by itself and come back
    // as a member like any other. With its offsets sent, its transaction was ended by the broker, and so is it.
    let undone = |owner: &Process| point == "after_produce" && owner.log().contains("a batch was undone");
    wait_for("the owner gives its batch up", &mut || !owner.is_running() || undone(&owner));
    if !owner.is_running() {
        assert_eq!(owner.ended(Duration::ZERO).code(), Some(1), "{}", owner.log());
        assert!(owner.log().contains("may not write for its partitions any more"), "{}", owner.log());
    }

    assert!(successor.is_running(), "{}", successor.log());
    let orders_made = orders(&topics.values(Topic::Dispatch, false));
    let outcomes_told = decisions(&topics.values(Topic::Outcomes, false)[WAITING..]);
    // The successor goes on: queues have their turn again.
    assert!(outcomes_told.len() >= WAITING);
    assert!(!orders_made.is_empty() && orders_made.len() <= LIMIT, "{} orders", orders_made.len());
    assert!(orders_made.starts_with(&ordered), "the same orders in the same order");
    assert!(outcomes_told.starts_with(&told), "the same outcomes");
    // Beside what readers see there is what was undone, and that is part of the same. Records that the client still held
    // were written when it went on, or never.
    let undone = without(orders(&topics.values(Topic::Dispatch, true)), &orders_made);
    assert!(undone.len() >= ordered.len(), "{} undone of {}", undone.len(), ordered.len());
    assert!(orders_made.starts_with(&undone), "what was undone is what was decided again");
    if point == "before_commit" {
        assert_eq!(undone, ordered, "nothing came after");
    }
}

/// What is left of all orders, in their order, when each of the seen ones is taken away once.
fn without(all: Vec<Value>, seen: &[Value]) -> Vec<Value> {
    let mut seen: Vec<_> = seen.iter().map(Some).collect();
    let mut left = all;
    left.retain(|order| match seen.iter_mut().find(|s| **s == Some(order)) {
        Some(found) => {
            *found = None;
            false
        }
        None => true,
    });
    left
}

/// What an order says but for the time of its admission.
fn orders(orders: &[Value]) -> Vec<Value> {
    let same = |order: &Value| {
        let mut order = order.clone();
        order.as_object_mut().unwrap().remove("leave_by").unwrap();
        order
    };
    orders.iter().map(same).collect()
}

/// What was decided, but for when.
fn decisions(outcomes: &[Value]) -> Vec<String> {
    let fields = ["id", "attempt", "to", "outcome", "reason", "estimate", "content"];
    outcomes.iter().map(|o| fields.map(|field| o[field].to_string()).join(" ")).collect()
}
