//! One socket: bounded connections, bounded headers and waits, and a shutdown that lets requests finish.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::config::{GatewayError, HttpLimits};
use super::idle::{Idlers, Visit};
use super::problem::Problem;
use super::stalled::Stalled;

/// Headers of one request, at most.
const HEADERS_MAX: usize = 64;
/// How often a connection without a place looks for one that can be sent away.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Bytes of a request's head, at most.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// A bound socket with what it serves.
#[derive(Debug)]
pub(super) struct Listener {
    /// Its configuration key.
    pub(super) key: &'static str,
    pub(super) configured: SocketAddr,
    pub(super) address: SocketAddr,
    pub(super) routes: Routes,
    socket: TcpListener,
    limits: HttpLimits,
}

/// What a socket serves. More may come while it serves: metrics and health answer before the rest is there.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    shown: Arc<RwLock<Shown>>,
    timeout: Duration,
}

#[derive(Debug)]
struct Shown {
    routes: Router,
    /// The same with what every answer has.
    service: Router,
}

impl Routes {
    fn new(routes: Router, timeout: Duration) -> Self {
        let service = whole(routes.clone(), timeout, Problem::starting);
        Self { shown: Arc::new(RwLock::new(Shown { routes, service })), timeout }
    }

    /// Serves further routes on the same socket, from the next request on; more may follow.
    pub(super) fn add(&self, more: Router) {
        self.grow(more, Problem::starting);
    }

    /// No more routes will follow: another path is wrong, not early.
    pub(super) fn complete(&self) {
        self.grow(Router::new(), Problem::unknown_path);
    }

    fn grow(&self, more: Router, elsewhere: fn() -> Problem) {
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.routes = std::mem::take(&mut shown.routes).merge(more);
        shown.service = whole(shown.routes.clone(), self.timeout, elsewhere);
    }

    fn service(&self) -> Router {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).service.clone()
    }
}

/// Fallbacks here and not in each router: listeners that share a socket are merged, and only one fallback can be.
fn whole(routes: Router, timeout: Duration, elsewhere: fn() -> Problem) -> Router {
    routes
        .fallback(async move || elsewhere())
        .method_not_allowed_fallback(async || Problem::unknown_method())
        .layer(from_fn(move |request, next| answer_within(timeout, request, next)))
}

impl Listener {
    pub(super) async fn bind(
        key: &'static str,
        address: SocketAddr,
        router: Router,
        limits: HttpLimits,
    ) -> Result<Self, GatewayError> {
        let failed = |source| GatewayError::Bind { key, address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        let routes = Routes::new(router, limits.request_timeout);
        Ok(Self { key, configured: address, address: bound, routes, socket, limits })
    }

    /// Serves until the shutdown; see [`super::Gateway::serve`].
    pub(super) async fn serve(self, mut shutdown: watch::Receiver<bool>) {
        let limits = self.limits;
        let places = Arc::new(Semaphore::new(limits.connections_max.max(1)));
        let idlers = Idlers::default();
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let accepted = tokio::select! {
                biased;
                () = stopped(&mut shutdown) => break,
                accepted = accept(&self.socket, &places, &idlers) => accepted,
            };
            let (stream, place) = accepted;
            let visit = idlers.enter();
            connections.spawn(connection(stream, (place, visit), self.routes.clone(), limits, shutdown.clone()));
        }
        drop(self.socket);
        let finished = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(limits.shutdown, finished).await.is_err() {
            tracing::warn!(open = connections.len(), "requests in flight are cut: the time to finish is over");
            connections.abort_all();
        }
    }
}

/// The next connection, once there is a place for it: where there is none, whoever is idle makes room.
async fn accept(socket: &TcpListener, places: &Arc<Semaphore>, idlers: &Idlers) -> (TcpStream, OwnedSemaphorePermit) {
    let stream = loop {
        match socket.accept().await {
            Ok((stream, _)) => break stream,
            Err(error) => {
                // Out of descriptors, or a client that left early: neither ends the listener.
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return (stream, place);
    }
    loop {
        idlers.send_one_away();
        let place = tokio::time::timeout(LOOK_AGAIN, Arc::clone(places).acquire_owned());
        if let Ok(place) = place.await {
            return (stream, place.expect("the semaphore is never closed"));
        }
    }
}

async fn connection(
    stream: TcpStream,
    (place, visit): (OwnedSemaphorePermit, Arc<Visit>),
    routes: Routes,
    limits: HttpLimits,
    mut shutdown: watch::Receiver<bool>,
) {
    // Answers are written whole: waiting to fill packets only delays them. A socket that refuses is as good as slow.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Stalled::new(stream, limits.write_timeout));
    let asks = Arc::clone(&visit);
    let answer = move |request: hyper::Request<Incoming>| {
        let asking = asks.ask();
        let answer = TowerToHyperService::new(routes.service()).call(request);
        async move {
            let answer: Result<Response, _> = answer.await;
            answer.map(|answer| answer.map(|body| body.map_err(move |error| asking.pass(error))))
        }
    };
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(io, service_fn(answer));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = visit.sent_away() => {
            tracing::debug!("an idle connection makes room for another");
            return;
        }
        () = stopped(&mut shutdown) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(place);
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn answer_within(timeout: Duration, request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(timeout, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| Problem::timeout().into_response());
    // People's numbers and bills are in answers: nobody on the way or in a browser keeps them, unless they say so.
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
