//! The body of a call that has a time by which it must leave. Whether that is over is looked at once more when the connection
//! asks for the body: a process may have been frozen, and connecting takes its time. Until then the head alone can have left,
//! which no server takes for a request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tollgate_wire::Time;

use crate::clock::Clock;

/// A body in one piece, handed over on time or not at all.
pub(crate) struct OnTime {
    bytes: Bytes,
    until: Option<Until>,
}

struct Until {
    clock: Clock,
    leave_by: Time,
    late: Late,
}

/// Whether the time was over when the body was asked for. Nothing was sent then.
#[derive(Clone, Debug, Default)]
pub(super) struct Late(Arc<AtomicBool>);

impl Late {
    pub(super) fn is_late(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The time was over.
#[derive(Debug, thiserror::Error)]
#[error("the time by which it had to leave is over")]
pub(crate) struct TooLate;

impl OnTime {
    /// A body that may leave at any time.
    pub(super) const fn whenever(bytes: Bytes) -> Self {
        Self { bytes, until: None }
    }

    /// A body that leaves before a time or not at all, which `late` tells.
    pub(super) const fn until(bytes: Bytes, clock: Clock, leave_by: Time, late: Late) -> Self {
        Self { bytes, until: Some(Until { clock, leave_by, late }) }
    }
}

impl Body for OnTime {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(Until { clock, leave_by, late }) = &self.until
            && clock.now() >= *leave_by
        {
            late.0.store(true, Ordering::Release);
            return Poll::Ready(Some(Err(TooLate)));
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
