//! Priority first, one call at a time per person, a slot is free when its result is durable.

use std::time::Duration;

use super::world::World;

const STOP: Duration = Duration::from_secs(5);

#[tokio::test]
async fn priority_goes_first() {
    let world = World::new(Duration::from_millis(20), 1_000).await;
    for uid in 0..6 {
        world.order(uid, "s1", &uid.to_string(), uid >= 4, 5_000);
    }
    let dispatcher = world.start(1);
    world.wait_for(6).await;
    let called: Vec<u64> = world.calls().iter().map(|call| call.uid).collect();
    assert_eq!(called, [4, 5, 0, 1, 2, 3]);
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn bulk_leaves_slots_for_priority() {
    let world = World::new(Duration::from_millis(400), 1_000).await;
    for uid in 0..20 {
        world.order(uid, "s1", &uid.to_string(), false, 5_000);
    }
    let dispatcher = world.start(10);
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(world.calls().len(), 8);
    world.order(20, "s2", "20", true, 5_000);
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(world.calls().last().unwrap().uid, 20, "it does not wait for a bulk call to end");
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn one_call_at_a_time_per_person() {
    let world = World::new(Duration::from_millis(10), 1_000).await;
    for uid in 0..12 {
        world.order(uid, "s1", &(uid % 3).to_string(), false, 5_000);
    }
    let dispatcher = world.start(16);
    world.wait_for(12).await;
    let calls = world.calls();
    assert!(calls.iter().all(|call| call.beside == 0), "{calls:?}");
    for person in ["0", "1", "2"] {
        let uids: Vec<u64> = calls.iter().filter(|call| call.to == person).map(|call| call.uid).collect();
        assert!(uids.is_sorted(), "in the order decided: {uids:?}");
    }
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn no_slot_is_free_before_its_result_is_durable() {
    let world = World::new(Duration::from_millis(1), 1_000).await;
    world.inbox.set_open(false);
    for uid in 0..10 {
        world.order(uid, "s1", &uid.to_string(), true, 5_000);
    }
    let dispatcher = world.start(4);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(world.calls().len(), 4, "a log that does not take results stops sending");
    world.inbox.set_open(true);
    world.wait_for(10).await;
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn a_sender_keeps_its_pace_and_does_not_hold_up_another() {
    let world = World::new(Duration::from_millis(1), 40).await;
    for uid in 0..12 {
        world.order(uid, "s1", &uid.to_string(), false, 5_000);
    }
    let dispatcher = world.start(64);
    tokio::time::sleep(Duration::from_millis(60)).await;
    world.order(12, "s2", "12", false, 5_000);
    world.wait_for(13).await;
    let calls = world.calls();
    let of = |sender_uids: std::ops::Range<u64>| {
        calls.iter().filter(move |call| sender_uids.contains(&call.uid)).map(|call| call.at).collect::<Vec<_>>()
    };
    let paced = of(0..12);
    let took = *paced.last().unwrap() - paced[0];
    assert!(took >= Duration::from_millis(255), "11 intervals of 25 ms, took {took:?}");
    assert!(of(12..13)[0] < paced[11], "the other sender went meanwhile");
    dispatcher.stop(STOP).await.unwrap();
}

#[tokio::test]
async fn results_are_gathered_into_few_appends() {
    let world = World::new(Duration::from_millis(1), 100_000).await;
    for uid in 0..300 {
        world.order(uid, "s1", &uid.to_string(), true, 5_000);
    }
    let dispatcher = world.start(512);
    world.wait_for(300).await;
    assert!(world.inbox.appends() < 60, "{} appends", world.inbox.appends());
    dispatcher.stop(STOP).await.unwrap();
}
