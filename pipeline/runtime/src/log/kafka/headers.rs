//! The headers of a record that anybody may have written.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};

use crate::log::Headers;

/// The headers of a record, without those whose names are no text: the library panics on such a name, and a producer
/// outside must not end this process by one.
pub(super) fn headers(message: &BorrowedMessage<'_>) -> Headers {
    let Some(headers) = message.headers() else { return Vec::new() };
    (0..headers.count())
        .filter_map(|at| {
            let header = catch_unwind(AssertUnwindSafe(|| headers.get(at))).ok()?;
            Some((header.key.to_owned(), header.value.map_or_else(Bytes::new, Bytes::copy_from_slice)))
        })
        .collect()
}
