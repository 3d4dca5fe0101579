//! Webhook events a second over real sockets into the embedded log. Run by hand:
//! `cargo test --release -p tollgate-runtime webhook_events_per_second -- --ignored --nocapture`.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;

use super::webhook::{entry, envelope, signature};
use super::world::{World, config};
use crate::clock;
use crate::gateway::GatewayParts;
use crate::log::embedded::{EmbeddedLog, EmbeddedOptions};

async fn measure(world: &World, url: &str, events: usize, clients: usize, posts: usize) {
    let body = envelope(&[entry("100", "200", events)]);
    let signature = signature("secret of default", body.as_bytes());
    let started = clock::monotonic();
    let one = || async {
        for _ in 0..posts {
            let answer = world.call(url, Method::POST, &[("x-hub-signature-256", &signature)], body.clone()).await;
            assert_eq!(answer.status, 200);
        }
    };
    let mut running: Vec<_> = (0..clients).map(|_| Box::pin(one())).collect();
    std::future::poll_fn(|context| {
        running.retain_mut(|client| client.as_mut().poll(context).is_pending());
        if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    let took: Duration = started.elapsed();
    let posts = (clients * posts) as f64 / took.as_secs_f64();
    println!("{events} events a post, {clients} clients: {posts:.0} posts/s, {:.0} events/s", posts * events as f64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn webhook_events_per_second() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(directory.path(), &EmbeddedOptions::default()).unwrap();
    let parts = GatewayParts { inbox: Arc::new(log), ..world.parts() };
    let mut gateway = world.second(&config()).await;
    gateway.bind(config(), parts).await.unwrap();
    let url = format!("http://{}/webhooks/whatsapp/default", gateway.addresses().webhooks);
    tokio::spawn(gateway.serve());
    for (events, clients, posts) in [(1, 64, 200), (20, 64, 100), (500, 16, 20)] {
        measure(&world, &url, events, clients, posts).await;
    }
}
