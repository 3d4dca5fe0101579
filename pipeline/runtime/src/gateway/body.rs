//! Reading request bodies within a size and within a shared memory budget.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;

const UNIT: usize = 1 << 10;

/// Memory for bodies, shared by all requests of a listener.
#[derive(Clone, Debug)]
pub(super) struct BodyBudget {
    units: Arc<Semaphore>,
    all: usize,
}

/// A body that holds its share of the budget until it is dropped.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl BodyBudget {
    pub(super) fn new(bytes_max: usize) -> Self {
        let all = (bytes_max / UNIT).max(1);
        Self { units: Arc::new(Semaphore::new(all)), all }
    }

    /// Reads a body of at most `bytes_max`, waiting for memory first. The request's timeout bounds both waits.
    pub(super) async fn read(&self, body: Body, bytes_max: usize) -> Result<Held, Problem> {
        let announced = body.size_hint();
        if announced.lower() > bytes_max as u64 {
            return Err(Problem::too_large(bytes_max));
        }
        let bytes = announced.exact().map_or(bytes_max, |exact| exact as usize);
        let units = bytes.div_ceil(UNIT).clamp(1, self.all);
        let share = Arc::clone(&self.units).acquire_many_owned(units as u32).await;
        let share = share.expect("the semaphore is never closed");
        let bytes = to_bytes(body, bytes_max).await.map_err(|_| Problem::too_large(bytes_max))?;
        Ok(Held { bytes, _share: share })
    }
}
