//! Start and end of a sandbox: the listener, its connections, the scheduler task.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Uri;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::Clock;
use crate::config::SandboxConfig;
use crate::config::check::Checked;
use crate::config::webhook::WebhookConfig;
use crate::error::SandboxError;
use crate::http::route;
use crate::journal::Journal;
use crate::stats::SandboxStats;
use crate::webhook::pump::Pump;
use crate::world::World;

/// Connections served at once; a further one waits in the listener's queue.
const CONNECTIONS_MAX: usize = 4_096;
/// How long requests in progress may still be answered after `shutdown`.
const FINISH_REQUESTS: Duration = Duration::from_millis(500);

/// A Cloud API that exists only for tests and demonstrations.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox;

/// A running sandbox. Dropping it stops everything at once; [`SandboxHandle::shutdown`]
/// delivers first what is already due.
#[derive(Debug)]
pub struct SandboxHandle {
    address: SocketAddr,
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    listener: JoinHandle<()>,
    pump: JoinHandle<()>,
}

/// What every request and the scheduler task share.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    pub(crate) clock: Clock,
    pub(crate) tokens: Vec<String>,
    /// Control paths ask for a token when the listener can be reached from elsewhere.
    pub(crate) control_needs_token: bool,
    pub(crate) webhook_uri: Option<Uri>,
    pub(crate) webhooks: WebhookConfig,
    pub(crate) signing_key: Vec<u8>,
}

/// How far a sandbox is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    Draining,
}

impl Shared {
    /// The world, locked. A panic in another holder leaves counters that are still worth reading.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox {
    /// Checks the configuration, binds the listener and starts serving on the current tokio
    /// runtime.
    ///
    /// # Errors
    /// [`SandboxError`] for a value that cannot be used, an address that cannot be bound or a
    /// journal file that cannot be opened.
    pub async fn start(config: SandboxConfig) -> Result<SandboxHandle, SandboxError> {
        let checked = Checked::new(&config)?;
        let journal = Journal::open(&config.journal)?;
        let listen = |source| SandboxError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let clock = Clock::new(config.clock_offset_seconds);
        // Ids of this run differ from those of every other one.
        let boot = clock.now_ms() ^ (u64::from(std::process::id()) << 44) ^ u64::from(address.port());
        let shared = Arc::new(Shared {
            clock,
            tokens: config.bearer_tokens.clone(),
            control_needs_token: !address.ip().is_loopback(),
            webhook_uri: checked.webhook.clone(),
            webhooks: config.webhooks.clone(),
            signing_key: checked.signing_key.clone(),
            world: Mutex::new(World::new(config, &checked, journal, boot)),
        });
        let (phase, changes) = watch::channel(Phase::Running);
        let pump = tokio::spawn(Pump::new(shared.clone()).run(changes.clone()));
        let listener = tokio::spawn(serve(listener, shared.clone(), changes));
        tracing::info!(%address, "sandbox listens");
        Ok(SandboxHandle { address, shared, phase, listener, pump })
    }
}

impl SandboxHandle {
    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://address`, the base URL for a Graph client.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All counters and violations, now.
    pub fn stats(&self) -> SandboxStats {
        let now_ms = self.shared.clock.now_ms();
        self.shared.world().snapshot(now_ms)
    }

    /// Stops accepting, delivers what is due (not what would happen later) for at most
    /// `webhooks.drain_ms`, and returns the last counters.
    pub async fn shutdown(self) -> SandboxStats {
        // Nobody listens only when both tasks have ended already.
        let _ = self.phase.send(Phase::Draining);
        for task in [self.listener, self.pump] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a sandbox task ended early");
            }
        }
        let now_ms = self.shared.clock.now_ms();
        self.shared.world().snapshot(now_ms)
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut phase: watch::Receiver<Phase>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            changed = phase.changed() => {
                if changed.is_err() {
                    return;
                }
                break;
            }
            _ = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                let stream = match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of file handles: a pause lets some close.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                };
                // Without it an answer could wait for an acknowledgement; it still works.
                let _ = stream.set_nodelay(true);
                let shared = shared.clone();
                let service = service_fn(move |request| route::respond(shared.clone(), request));
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service);
                // An error here is the caller's closed connection, or one closed on purpose.
                let watched = graceful.watch(connection);
                connections.spawn(async move { drop(watched.await) });
            }
        }
    }
    drop(listener);
    // What does not finish (a hanging outage, a slow answer) is cut off with the set.
    let _ = tokio::time::timeout(FINISH_REQUESTS, graceful.shutdown()).await;
}
