//! Taken before the call, never called twice, reported until durable.

use std::time::Duration;

use tollgate_wire::Reason;
use tollgate_wire::event::AttemptResult;

use super::world::World;
use crate::dispatcher::Stopped;
use crate::inbox::AppendError;

const LEAVE_BY: AttemptResult<'static> = AttemptResult::NotSent { reason: Reason::LeaveBy };
const UNREACHABLE: AttemptResult<'static> = AttemptResult::NotSent { reason: Reason::Unreachable };
const STOP: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_order_is_durably_taken_before_its_call() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    for uid in 0..50 {
        world.order(uid, "s1", &uid.to_string(), false, 5_000);
    }
    let dispatcher = world.start(16);
    let results = world.wait_for(50).await;
    assert!(
        results
            .iter()
            .all(|(uid, result)| *result
                == AttemptResult::Accepted { wamid: format!("wamid.{uid}").into(), held: false })
    );
    assert_eq!(world.calls().len(), 50);
    assert!(world.calls().iter().all(|call| call.taken), "{:?}", world.calls());
    assert_eq!(dispatcher.stop(STOP).await.unwrap(), Stopped::Clean);
}

#[tokio::test]
async fn what_was_taken_before_a_crash_is_not_called_again() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    for uid in 0..10 {
        world.order(uid, "s1", &uid.to_string(), false, 5_000);
    }
    world.orders.taken.lock().unwrap().extend([2, 3, 7]);
    let dispatcher = world.start(16);
    world.wait_for(7).await;
    dispatcher.stop(STOP).await.unwrap();
    let mut called: Vec<u64> = world.calls().iter().map(|call| call.uid).collect();
    called.sort_unstable();
    assert_eq!(called, [0, 1, 4, 5, 6, 8, 9]);
}

#[tokio::test]
async fn late_orders_are_reported_and_not_called() {
    let world = World::new(Duration::from_millis(300), 1_000).await;
    world.order(0, "s1", "100", false, -1);
    world.order(1, "s1", "200", false, 5_000);
    // Behind the same person's call, which outlasts it.
    world.order(2, "s1", "200", false, 100);
    let dispatcher = world.start(16);
    let results = world.wait_for(3).await;
    assert_eq!(world.calls().iter().map(|call| call.uid).collect::<Vec<_>>(), [1]);
    assert_eq!(results.iter().filter(|(uid, result)| [0, 2].contains(uid) && *result == LEAVE_BY).count(), 2);
    assert!(world.orders.taken.lock().unwrap().contains(&0), "taken, so that nobody calls it after all");
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn an_order_that_waits_for_its_pace_past_leave_by_is_not_called() {
    let world = World::new(Duration::from_millis(1), 2).await;
    for uid in 0..12 {
        world.order(uid, "s1", &uid.to_string(), false, 2_500);
    }
    let dispatcher = world.start(16);
    let results = world.wait_for(12).await;
    let late = results.iter().filter(|(_, result)| *result == LEAVE_BY).count();
    // Half a second apart; a machine that is busy sends fewer, never more.
    assert!((1..=4).contains(&world.calls().len()), "{:?}", world.calls());
    assert_eq!(world.calls().len() + late, 12);
    dispatcher.stop(STOP).await.unwrap();
}

/// An account's first order can be here before the account is.
#[tokio::test]
async fn a_sender_that_is_declared_meanwhile_is_waited_for() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    world.order(0, "late", "1", false, 5_000);
    let dispatcher = world.start(16);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(world.calls().is_empty());
    world.declare("late");
    assert!(matches!(world.wait_for(1).await[..], [(0, AttemptResult::Accepted { .. })]));
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn without_address_or_token_nothing_is_sent() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    world.order(0, "unregistered", "1", false, 5_000);
    let dispatcher = world.start(16);
    assert_eq!(world.wait_for(1).await, [(0, UNREACHABLE)]);
    assert!(world.calls().is_empty());
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn results_are_reported_until_durable() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    world.inbox.fail_with(vec![AppendError::Failed("disk".to_owned()), AppendError::Full]);
    world.order(0, "s1", "1", false, 5_000);
    let dispatcher = world.start(16);
    assert_eq!(world.wait_for(1).await.len(), 1);
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn an_order_that_cannot_be_read_is_set_aside() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    world.order(0, "s1", "1", false, 5_000);
    world.break_order(0);
    world.order(1, "s1", "2", false, 5_000);
    let dispatcher = world.start(16);
    assert_eq!(world.wait_for(1).await[0].0, 1);
    assert_eq!(world.inbox.of(crate::log::Topic::DeadLetters).len(), 1);
    assert!(world.orders.taken.lock().unwrap().contains(&0));
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn a_stop_finishes_calls_and_takes_nothing_more() {
    let world = World::new(Duration::from_millis(300), 1_000).await;
    for uid in 0..10 {
        world.order(uid, "s1", &uid.to_string(), false, 5_000);
    }
    let dispatcher = world.start(5);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(dispatcher.stop(STOP).await.unwrap(), Stopped::Clean);
    let taken = world.orders.taken.lock().unwrap().len();
    assert_eq!((world.results().len(), world.calls().len(), taken), (4, 4, 4), "bulk uses four of five slots");
}

#[tokio::test]
async fn a_stop_is_cut_at_its_bound() {
    let world = World::new(Duration::from_secs(5), 1_000).await;
    world.order(0, "s1", "1", false, 5_000);
    let dispatcher = world.start(5);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(dispatcher.stop(Duration::from_millis(100)).await.unwrap(), Stopped::Cut);
    assert!(world.results().is_empty(), "it becomes in doubt by the engine's deadline");
}
