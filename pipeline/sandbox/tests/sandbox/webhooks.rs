//! Delivery of webhooks: signature, batches, retries, shutdown, and the journal beside it.

use std::sync::atomic::Ordering;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::support::{SECRET, start, template};

#[tokio::test]
async fn every_body_is_signed() {
    let (receiver, _handle, client) = start(|_| {}).await;
    client.accepted("16505551234", "promo").await;
    receiver.wait_statuses(3).await;
    for post in receiver.posts() {
        let digest = hex::decode(post.signature.strip_prefix("sha256=").expect("prefix")).expect("hex");
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("key");
        mac.update(&post.body);
        mac.verify_slice(&digest).expect("signature");
    }
}

#[tokio::test]
async fn statuses_share_a_post_up_to_the_bound() {
    let (receiver, _handle, client) = start(|config| {
        config.webhooks.flush_ms = 100;
        config.webhooks.updates_max = 10;
    })
    .await;
    for n in 0..20 {
        client.accepted(&format!("165055{n:02}999"), "promo").await;
    }
    receiver.wait_statuses(60).await;
    let sizes: Vec<usize> = receiver
        .changes()
        .iter()
        .map(|(_, change)| change["value"]["statuses"].as_array().expect("statuses").len())
        .collect();
    assert!(sizes.iter().all(|size| *size <= 10), "{sizes:?}");
    assert!(sizes.contains(&10), "{sizes:?}");
}

#[tokio::test]
async fn bodies_are_ascii_as_the_platform_signs_them() {
    let (receiver, _handle, client) = start(|_| {}).await;
    let order = serde_json::json!({ "sender": crate::support::NUMBER, "from": "16505551234", "text": "Saír 😀" });
    client.control("inbound", &order).await;
    receiver.wait("the message", |receiver| receiver.all("messages").len() == 1).await;
    assert!(receiver.posts().iter().all(|post| post.body.is_ascii()));
    assert_eq!(receiver.all("messages")[0]["text"]["body"], "Saír 😀");
}

#[tokio::test]
async fn people_have_ids_and_statuses_name_them_when_asked_to() {
    let (receiver, _handle, client) = start(|config| {
        config.webhooks.user_ids = true;
        config.webhooks.flush_ms = 200;
    })
    .await;
    client.accepted("16505551234", "promo").await;
    client.accepted("16505551013", "promo").await;
    client.accepted("16505551005", "promo").await;
    receiver.wait("seven statuses and a STOP", |r| r.statuses().len() == 7 && r.all("messages").len() == 1).await;
    let user = &receiver.all("messages")[0]["from_user_id"];
    assert!(user.as_str().is_some_and(|user| user.starts_with("US.") && user.len() == 23), "{user}");
    for (_, change) in receiver.changes() {
        let items = |list: &str| change["value"][list].as_array().cloned().unwrap_or_default();
        for message in items("messages") {
            assert_eq!(items("contacts")[0]["user_id"], message["from_user_id"]);
        }
        // A failed status has neither; the others of one person share a contact.
        let named = |status: &Value| (status["recipient_id"].to_string(), status["recipient_user_id"].to_string());
        let statuses = items("statuses");
        let (failed, told): (Vec<_>, Vec<_>) = statuses.iter().partition(|status| status["status"] == "failed");
        assert!(failed.iter().all(|status| status["recipient_user_id"].is_null()), "{change}");
        if !told.is_empty() {
            let mut people: Vec<_> = told.into_iter().map(named).collect();
            people.sort();
            people.dedup();
            let contact = |contact: &Value| (contact["wa_id"].to_string(), contact["user_id"].to_string());
            let mut contacts: Vec<_> = items("contacts").iter().map(contact).collect();
            contacts.sort();
            assert_eq!(contacts, people, "{change}");
        }
    }
}

#[tokio::test]
async fn a_refused_post_is_tried_again_unchanged() {
    let (receiver, handle, client) = start(|_| {}).await;
    receiver.failures.store(4, Ordering::SeqCst);
    client.accepted("16505551234", "promo").await;
    receiver.wait_statuses(3).await;
    let mut names = receiver.names();
    names.sort();
    assert_eq!(names, ["delivered", "read", "sent"]);
    let stats = handle.shutdown().await;
    assert_eq!(stats.posts_retried, 4);
    assert_eq!(stats.posts_abandoned, 0);
    assert_eq!(stats.updates_delivered, 3);
    let delivered = receiver.posts().len() as u32;
    assert_eq!(receiver.tries.load(Ordering::SeqCst), delivered + 4);
}

#[tokio::test]
async fn a_post_is_given_up_after_the_horizon() {
    let (receiver, handle, client) = start(|config| {
        config.webhooks.retry_horizon_seconds = 0;
    })
    .await;
    receiver.failures.store(1, Ordering::SeqCst);
    client.accepted("16505550001", "promo").await;
    receiver.wait("one try", |receiver| receiver.tries.load(Ordering::SeqCst) == 1).await;
    let stats = handle.shutdown().await;
    assert_eq!((stats.posts_abandoned, stats.posts_delivered), (1, 0));
}

#[tokio::test]
async fn shutdown_delivers_what_is_due_and_not_what_would_come() {
    let (receiver, handle, client) = start(|config| {
        config.webhooks.flush_ms = 10_000;
        config.delays.delivered_median_ms = 600_000.0;
        config.delays.delay_scale = 1.0;
        config.delays.sent_median_ms = 0.0;
    })
    .await;
    // The first flush happens at the start, the next one only after ten seconds.
    let order = serde_json::json!({ "sender": crate::support::NUMBER, "from": "16505551234", "text": "hi" });
    client.accepted("16505551234", "promo").await;
    client.control("inbound", &order).await;
    let start = std::time::Instant::now();
    let stats = handle.shutdown().await;
    assert!(start.elapsed().as_secs() < 2);
    assert_eq!((stats.timers, stats.updates_queued), (0, 0));
    assert_eq!(receiver.all("messages").len(), 1);
    assert_eq!(receiver.names(), ["sent"]);
}

#[tokio::test]
async fn the_journal_equals_what_the_receiver_got() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("journal.ndjson");
    let (receiver, handle, client) = start(|config| config.journal.path = Some(path.clone())).await;
    for suffix in 1..=18 {
        let body = template(&format!("16505550{suffix:03}"), "promo").to_string();
        let path = format!("/v24.0/{}/messages", crate::support::NUMBER);
        // 012 closes the connection: no answer is an answer here.
        let _ = client.request("POST", &path, &body).await;
    }
    receiver.wait("four messages", |receiver| receiver.all("messages").len() == 4).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let (_, memory) = client.request("GET", "/sandbox/journal", "").await.expect("answer");
    let stats = handle.shutdown().await;
    let file = std::fs::read_to_string(&path).expect("journal");
    assert_eq!(file, memory);

    let lines: Vec<Value> = file.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let accepted = lines.iter().filter(|line| line["kind"] == "accepted");
    assert_eq!(accepted.count() as u64, stats.accepted);
    let of_journal = |line: &Value| format!("{} {}", line["waba"].as_str().expect("WABA"), line["change"]);
    let mut journal: Vec<String> = lines.iter().filter(|line| line["kind"] == "webhook").map(of_journal).collect();
    let mut received: Vec<String> =
        receiver.changes().iter().map(|(waba, change)| format!("{waba} {change}")).collect();
    journal.sort();
    received.sort();
    assert_eq!(journal, received);
    // Exactly as sent: the bytes of a change occur in a body.
    let first = file.lines().find(|line| line.contains("\"webhook\"")).expect("line");
    let (_, change) = first.split_once("\"change\":").expect("change");
    let change = change.strip_suffix('}').expect("end");
    let bodies: Vec<String> =
        receiver.posts().iter().map(|post| String::from_utf8(post.body.to_vec()).expect("utf-8")).collect();
    assert!(bodies.iter().any(|body| body.contains(change)));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_fates() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (receiver, handle, client) = start(|config| {
            config.seed = 99;
            config.rates.silence = 0.3;
            config.rates.undeliverable = 0.3;
        })
        .await;
        for n in 0..40 {
            client.accepted(&format!("165055{n:02}999"), "promo").await;
        }
        receiver.wait("quiet", |_| handle.stats().timers == 0).await;
        handle.shutdown().await;
        let mut fates: Vec<String> = receiver
            .statuses()
            .iter()
            .map(|status| format!("{} {}", status["recipient_id"], status["status"]))
            .collect();
        fates.sort();
        runs.push(fates);
    }
    assert_eq!(runs[0], runs[1]);
    let failed = runs[0].iter().filter(|fate| fate.contains("failed")).count();
    assert!((4..25).contains(&failed), "{failed}");
}
