//! Reading request bodies within a size and within a shared memory budget.
//!
//! Memory is taken as a body comes, not as it is announced: whoever announces much and sends nothing holds nothing, or two
//! dozen strangers could keep the platform's webhooks out. When there is no more, bodies that have begun could wait for
//! each other for ever, so one of them at a time may go on to its end without.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

const UNIT: usize = 1 << 10;

/// Memory for bodies, shared by all requests of a listener. Beyond it one body, and what lies in the sockets' buffers.
#[derive(Clone, Debug)]
pub(super) struct BodyBudget {
    units: Arc<Semaphore>,
    all: usize,
    /// Of the one that goes on without.
    last: Arc<Semaphore>,
}

/// A body that holds its share of the budget until it is dropped.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _share: Share,
}

#[derive(Default)]
struct Share {
    units: Option<OwnedSemaphorePermit>,
    last: Option<OwnedSemaphorePermit>,
}

impl BodyBudget {
    pub(super) fn new(bytes_max: usize) -> Self {
        let all = (bytes_max / UNIT).max(1);
        Self { units: Arc::new(Semaphore::new(all)), all, last: Arc::new(Semaphore::new(1)) }
    }

    /// Reads a body of at most `bytes_max`, waiting for memory as it comes. The request's timeout bounds both waits.
    pub(super) async fn read(&self, mut body: Body, bytes_max: usize) -> Result<Held, Problem> {
        if body.size_hint().lower() > bytes_max as u64 {
            return Err(Problem::too_large(bytes_max));
        }
        let (mut bytes, mut share) = (BytesMut::new(), Share::default());
        while let Some(frame) = body.frame().await {
            // What is cut on the way is no body.
            let frame = frame.map_err(|_| Problem::too_large(bytes_max))?;
            let Ok(piece) = frame.into_data() else { continue };
            let length = bytes.len() + piece.len();
            if length > bytes_max {
                return Err(Problem::too_large(bytes_max));
            }
            self.hold(&mut share, length).await;
            bytes.extend_from_slice(&piece);
        }
        Ok(Held { bytes: bytes.freeze(), _share: share })
    }

    /// Takes what the share has too little for this many bytes.
    async fn hold(&self, share: &mut Share, bytes: usize) {
        let have = share.units.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.div_ceil(UNIT).clamp(1, self.all).saturating_sub(have);
        if share.last.is_some() || more == 0 {
            return;
        }
        let taken = tokio::select! {
            biased;
            taken = Arc::clone(&self.units).acquire_many_owned(more as u32) => taken,
            last = Arc::clone(&self.last).acquire_owned() => {
                share.last = last.ok();
                return;
            }
        };
        let taken = taken.expect("the semaphore is never closed");
        match &mut share.units {
            Some(units) => units.merge(taken),
            units @ None => *units = Some(taken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::body::Frame;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;
    use tokio::sync::mpsc;

    /// A body that comes in pieces.
    struct Pieces(mpsc::UnboundedReceiver<Bytes>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
        }
    }

    fn body() -> (Body, mpsc::UnboundedSender<Bytes>) {
        let (pieces, come) = mpsc::unbounded_channel();
        (Body::new(Pieces(come)), pieces)
    }

    #[tokio::test]
    async fn bodies_that_together_exceed_the_budget_all_come_to_their_end() {
        let budget = BodyBudget::new(10 * UNIT);
        let (mut reading, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let (body, pieces) = body();
            let budget = budget.clone();
            pieces.send(Bytes::from(vec![b'x'; 3 * UNIT])).expect("somebody reads");
            reading.push(tokio::spawn(async move { budget.read(body, 8 * UNIT).await.map(|held| held.bytes.len()) }));
            ends.push(pieces);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        for pieces in ends {
            pieces.send(Bytes::from(vec![b'x'; 4 * UNIT])).expect("somebody reads");
        }
        for one in reading {
            let read = tokio::time::timeout(Duration::from_secs(5), one).await.expect("none waits for ever");
            assert_eq!(read.expect("no panic"), Ok(7 * UNIT));
        }
        assert_eq!((budget.units.available_permits(), budget.last.available_permits()), (10, 1), "all is given back");
    }

    #[tokio::test]
    async fn what_is_held_is_what_has_come_and_one_body_beyond_the_budget() {
        let budget = BodyBudget::new(10 * UNIT);
        let (announced, _pieces) = body();
        let waiting = budget.clone();
        let waiting = tokio::spawn(async move { waiting.read(announced, 1 << 20).await.map(|held| held.bytes.len()) });
        tokio::task::yield_now().await;
        assert_eq!(budget.units.available_permits(), 10, "nothing has come");
        let all = budget.read(Body::from(vec![b'x'; 10 * UNIT]), 1 << 20).await.expect("there is room");
        let beyond = budget.read(Body::from("x"), 1 << 20).await.expect("one goes on without");
        let third = tokio::time::timeout(Duration::from_millis(50), budget.read(Body::from("x"), 1 << 20));
        assert!(third.await.is_err(), "no second one does");
        drop(beyond);
        let again = budget.read(Body::from("x"), 1 << 20).await.expect("in its place");
        drop((all, again));
        assert_eq!(budget.units.available_permits(), 10);
        waiting.abort();
        let long = budget.read(Body::from(vec![b'x'; 3 * UNIT]), 2 * UNIT).await;
        assert_eq!(long.err().map(|problem| problem.code()), Some("too_large"));
    }
}
