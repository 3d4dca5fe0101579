//! How many sends a second a sandbox takes, and what share of a core it needs for them and
//! their webhooks: `cargo run --release -p tollgate-sandbox --example sends -- RATE SECONDS`.
//!
//! The sandbox has one thread of its own, whose processor time is read from Linux; the clients
//! and the webhook receiver share another. RATE 0 sends as fast as the answers come.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tollgate_sandbox::{MessagingLimit, Sandbox, SandboxConfig};

const CLIENTS: u64 = 32;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let rate: u64 = args.next().unwrap_or_else(|| "2000".to_owned()).parse()?;
    let seconds: u64 = args.next().unwrap_or_else(|| "15".to_owned()).parse()?;
    let (webhook, webhook_url) = std::sync::mpsc::channel::<String>();
    let (started, start) = oneshot::channel::<String>();
    let (stop, stopped) = oneshot::channel::<()>();
    let (ended, end) = oneshot::channel::<()>();

    let sandbox = std::thread::spawn(move || -> anyhow::Result<()> {
        let mut config = SandboxConfig::example();
        config.listen.set_port(0);
        config.webhooks.url = Some(webhook_url.recv()?);
        config.delays.delay_scale = 0.2;
        config.accounts[0].messaging_limit = MessagingLimit::Unlimited;
        config.accounts[0].senders[0].throughput_mps = 100_000;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let handle = Sandbox::start(config).await?;
            started.send(handle.url()).ok().context("the client thread is gone")?;
            let before = cpu_time()?;
            let start = Instant::now();
            // An ended client thread is a reason to stop, too.
            let _ = stopped.await;
            let (used, elapsed) = (cpu_time()? - before, start.elapsed().as_secs_f64());
            let accepted = handle.stats().accepted;
            let stats = handle.shutdown().await;
            println!("accepted {accepted}, {:.0}/s", accepted as f64 / elapsed);
            println!(
                "sandbox thread: {:.1} % of a core, {:.1} µs per send with its webhooks",
                used.as_secs_f64() / elapsed * 100.0,
                used.as_secs_f64() * 1e6 / accepted as f64
            );
            println!(
                "updates delivered {} in {} POSTs, refused {:?}",
                stats.updates_delivered, stats.posts_delivered, stats.refused
            );
            // Nobody waits any more when the client thread has failed.
            let _ = ended.send(());
            anyhow::Ok(())
        })
    });

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        webhook.send(format!("http://{}/", listener.local_addr()?))?;
        tokio::spawn(receive(listener));
        let url = start.await?;
        let next = Arc::new(AtomicU64::new(0));
        let begin = Instant::now();
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| tokio::spawn(send(url.clone(), next.clone(), rate, begin, seconds))).collect();
        for client in clients {
            client.await??;
        }
        stop.send(()).ok().context("the sandbox thread is gone")?;
        // The receiver lives on this runtime and takes what the shutdown still delivers.
        end.await.context("the sandbox thread is gone")
    })?;
    sandbox.join().map_err(|_| anyhow::anyhow!("the sandbox thread panicked"))?
}

/// One client: takes the next message number, waits for its moment, sends.
async fn send(url: String, next: Arc<AtomicU64>, rate: u64, begin: Instant, seconds: u64) -> anyhow::Result<()> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let uri: hyper::Uri = format!("{url}/v24.0/106540352242922/messages").parse()?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if let Some(due_ns) = (number * 1_000_000_000).checked_div(rate) {
            let due = Duration::from_nanos(due_ns);
            tokio::time::sleep(due.saturating_sub(begin.elapsed())).await;
        }
        if begin.elapsed() >= Duration::from_secs(seconds) {
            return Ok(());
        }
        let body = format!(
            r#"{{"messaging_product":"whatsapp","recipient_type":"individual","to":"55{:09}500","type":"template","biz_opaque_callback_data":"01JD3Y7Q8ZK4M2N6P8R0T2V4X6.{number}.1","template":{{"name":"order_shipped","language":{{"code":"en_US"}},"components":[{{"type":"body","parameters":[{{"type":"text","text":"Ana"}},{{"type":"text","text":"{number}"}}]}}]}}}}"#,
            number % 1_000_000_000
        );
        let request = Request::post(uri.clone())
            .header("authorization", "Bearer sandbox-token")
            .body(Full::new(Bytes::from(body)))?;
        client.request(request).await?.into_body().collect().await?;
    }
}

async fn receive(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = service_fn(|request: Request<Incoming>| async {
            // What a receiver that dropped a body would answer does not matter here.
            let _ = request.into_body().collect().await;
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Processor time of this thread.
fn cpu_time() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").context("needs Linux")?;
    let nanoseconds = text.split(' ').next().context("schedstat has a first word")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}
