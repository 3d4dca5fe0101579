//! One C function: wait for everything produced to be acknowledged.
//!
//! `Producer::flush` and `commit_transaction` of rdkafka 0.39 wait in steps of 100 ms, so that every transaction
//! would take that long; librdkafka's own flush returns as soon as the queue is empty.
#![expect(unsafe_code, reason = "a direct call of librdkafka, the only one")]

use std::time::Duration;

use rdkafka::bindings::rd_kafka_flush;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};

/// Waits until all produced records are acknowledged or have failed.
///
/// # Errors
/// The time is over.
pub fn flush<C: ProducerContext + 'static>(
    producer: &ThreadedProducer<C>,
    timeout: Duration,
) -> Result<(), RDKafkaErrorCode> {
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the pointer is that of a live client, which `producer` owns for the whole call, and rd_kafka_flush
    // may be called from any thread.
    let error = unsafe { rd_kafka_flush(producer.client().native_ptr(), millis) };
    match RDKafkaErrorCode::from(error) {
        RDKafkaErrorCode::NoError => Ok(()),
        error => Err(error),
    }
}
