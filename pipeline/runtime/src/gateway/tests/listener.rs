//! Sockets: addresses, slow and unfinished clients, shutdown.

use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{World, config, request};
use crate::gateway::{GatewayConfig, GatewayError, HttpLimits, TokenSpec};
use crate::log::Topic;

async fn refused(config: GatewayConfig) -> GatewayError {
    let world = World::new().await;
    let mut gateway = world.second(&config).await;
    gateway.bind(config, world.parts()).await.unwrap_err()
}

#[tokio::test]
async fn what_cannot_start_says_why_and_what_helps() {
    let holder = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = holder.local_addr().unwrap();
    let text = refused(GatewayConfig { webhooks: address, ..config() }).await.to_string();
    assert!(text.contains("gateway.webhooks") && text.contains(&address.to_string()), "{text}");
    let open = GatewayConfig { api: "0.0.0.0:0".parse().unwrap(), tokens: Vec::new(), ..config() };
    assert!(matches!(refused(open).await, GatewayError::OpenApi { .. }));
    let mut plain = config();
    plain.tokens.push(TokenSpec { sha256: "the token itself".to_owned(), ..plain.tokens[0].clone() });
    assert!(matches!(refused(plain).await, GatewayError::TokenHash { .. }));
    let mut unsigned = config();
    unsigned.apps[1].app_secret.clear();
    assert!(refused(unsigned).await.to_string().contains("apps.shop.app_secret"));
    assert!(!format!("{:?}", config()).contains("secret of"), "secrets are never printed");
}

#[tokio::test]
async fn listeners_may_share_an_address() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let world = World::with(GatewayConfig { api: address, metrics: address, ..config() }).await;
    assert_eq!((world.at.api, world.at.metrics), (address, address));
    let url = format!("http://{address}/healthz");
    assert_eq!(world.call(&url, Method::GET, &[], "").await.text, "ok\n");
    assert_eq!(world.api("admin", Method::GET, "/v1/lots/acme", "").await.status, 200);
    assert_eq!(world.api("", Method::GET, "/console", "").await.text, "console");
}

#[tokio::test]
async fn health_answers_before_there_is_anything_else() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let world = World::new().await;
    let config = GatewayConfig { api: address, metrics: address, ..config() };
    let mut gateway = world.second(&config).await;
    let get = |path: &str| {
        let url = format!("http://{address}{path}");
        let world = &world;
        async move { world.call(&url, Method::GET, &[], "").await }
    };
    assert_eq!(get("/healthz").await.status, 200);
    assert_eq!(get("/metrics").await.status, 200);
    assert_eq!(get("/readyz").await.text, "not ready: restoring\n");
    let early = get("/v1/lots/acme").await;
    assert_eq!((early.status.as_u16(), &early.json()["code"]), (503, &serde_json::json!("starting")));
    gateway.bind(config, world.parts()).await.unwrap();
    assert_eq!(gateway.addresses().api, address, "one socket");
    assert_eq!(get("/v1/lots/acme").await.status, 401, "from the next request on");
    tokio::spawn(gateway.serve());
    tokio::task::yield_now().await;
    while get("/elsewhere").await.status != 404 {}
    assert_eq!(get("/healthz").await.status, 200);
}

#[tokio::test]
async fn health_and_metrics() {
    let world = World::new().await;
    let get = |path: &str| {
        let url = format!("http://{}{path}", world.at.metrics);
        let world = &world;
        async move { world.call(&url, Method::GET, &[], "").await }
    };
    assert_eq!(get("/readyz").await.status, 200);
    world.ready.store(false, Ordering::Relaxed);
    let waits = get("/readyz").await;
    assert_eq!((waits.status.as_u16(), waits.text.as_str()), (503, "not ready: restoring\n"));
    assert_eq!(get("/healthz").await.status, 200, "alive all the same");
    let metrics = get("/metrics").await;
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(metrics.text.contains("tollgate_build_info"));
}

#[tokio::test]
async fn an_answer_is_kept_by_nobody_on_the_way() {
    let world = World::new().await;
    for (token, path, status) in [
        ("admin", "/v1/messages/acme/m1", 200),
        ("finance", "/v1/billing/2026-10.csv?account=acme", 200),
        ("", "/x", 404),
    ] {
        let answer = world.api(token, Method::GET, path, "").await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (status, "no-store"), "{path}");
    }
}

/// Sends bytes and returns what comes back until the server closes.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.at.api).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // A reset after the answer is as good as a close.
    let _ = tokio::time::timeout(Duration::from_secs(5), read).await.expect("the server closes");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn slow_and_oversized_clients_are_cut() {
    let limits = HttpLimits {
        header_timeout: Duration::from_millis(200),
        request_timeout: Duration::from_millis(400),
        ..config().limits
    };
    let world = World::with(GatewayConfig { limits, ..config() }).await;
    assert_eq!(raw(&world, b"POST /v1/messages HTTP/1.1\r\nhost: x\r\n").await, "", "headers that never end");
    let head =
        b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin\r\ncontent-type: application/json\r\n";
    let unfinished = raw(&world, &[head.as_slice(), b"content-length: 10\r\n\r\n{"].concat()).await;
    assert!(unfinished.starts_with("HTTP/1.1 408") && unfinished.contains("\"code\":\"timeout\""), "{unfinished}");
    let announced = raw(&world, &[head.as_slice(), b"content-length: 99999999\r\n\r\n"].concat()).await;
    assert!(announced.starts_with("HTTP/1.1 413"), "{announced}");
    let many: String = (0..70).map(|i| format!("x-{i}: 1\r\n")).collect();
    let many = raw(&world, &[head.as_slice(), many.as_bytes(), b"\r\n"].concat()).await;
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits = HttpLimits { write_timeout: Duration::from_millis(200), ..config().limits };
    let world = World::with(GatewayConfig { limits, ..config() }).await;
    let row = format!("{{\"id\":\"{}\"}}", "m".repeat(4_000));
    *world.reads.outcomes.lock().unwrap() = (0..10_000).map(|cursor| (cursor, row.clone())).collect();
    let mut stream = TcpStream::connect(world.at.api).await.unwrap();
    let get = b"GET /v1/outcomes?account=acme&limit=10000 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin\r\n\r\n";
    stream.write_all(get).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got).await;
    assert!(got.len() < 40_000_000, "the rest was never sent: {} bytes", got.len());
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_in_flight_and_takes_nothing_new() {
    let world = World::new().await;
    world.inbox.set_open(false);
    let body = request("m1", "utility").to_string();
    let (answer, ()) = tokio::join!(world.api("enqueue", Method::POST, "/v1/messages", body), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.stop.send_replace(true);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(TcpStream::connect(world.at.api).await.is_err(), "not accepting any more");
        world.inbox.set_open(true);
    });
    assert_eq!(answer.status, 202);
    world.serving.await.unwrap();
    assert_eq!(world.inbox.of(Topic::Requests).len(), 1);
}

#[tokio::test]
async fn a_shutdown_is_bounded() {
    let world = World::new().await;
    let _idle = TcpStream::connect(world.at.webhooks).await.unwrap();
    world.inbox.set_open(false);
    let mut stuck = TcpStream::connect(world.at.api).await.unwrap();
    let body = request("m1", "utility").to_string();
    let head =
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin\r\ncontent-type: application/json\r\n";
    stuck.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.stop.send_replace(true);
    tokio::time::timeout(Duration::from_secs(3), world.serving).await.expect("cut at the bound").unwrap();
}

/// Opens a connection and sends nothing.
async fn idle(world: &World) -> TcpStream {
    TcpStream::connect(world.at.api).await.unwrap()
}

#[tokio::test]
async fn idle_clients_make_room_and_requests_in_flight_do_not() {
    let limits = HttpLimits { connections_max: 4, ..config().limits };
    let world = World::with(GatewayConfig { limits, ..config() }).await;
    world.inbox.set_open(false);
    let mut first = idle(&world).await;
    let body = request("m1", "utility").to_string();
    let waits = world.api("enqueue", Method::POST, "/v1/messages", body);
    let (answer, ()) = tokio::join!(waits, async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (mut second, _third) = (idle(&world).await, idle(&world).await);
        // All places are taken, and for 15 seconds nobody would end.
        let url = format!("http://{}/v1/lots/acme", world.at.api);
        let token = [("authorization", "Bearer admin")];
        let call = world.call(&url, Method::GET, &token, "");
        let answer = tokio::time::timeout(Duration::from_secs(5), call).await.expect("somebody made room");
        assert_eq!(answer.status, 200);
        let closed = |stream: &mut TcpStream| stream.try_read(&mut [0]).is_ok_and(|read| read == 0);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(closed(&mut first), "the one that was idle the longest");
        assert!(!closed(&mut second), "and no other");
        world.inbox.set_open(true);
    });
    assert_eq!(answer.status, 202, "a request in flight goes on");
}
