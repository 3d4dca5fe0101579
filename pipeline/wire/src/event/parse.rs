//! Reads a record of the `events` topic.

use super::Events;
use crate::input::{InputError, read};
use crate::naming;

/// Longest accepted record of events in bytes: more than a thousand statuses.
pub const MAX_BYTES: usize = 4 << 20;

/// Reads a record of events of at most 4 MiB.
///
/// # Errors
/// [`InputError`] with the reason for the dead letter, the field and the remedy.
pub fn parse(bytes: &[u8]) -> Result<Events<'_>, InputError> {
    let events: Events<'_> = read(bytes, MAX_BYTES)?;
    naming::account("account", &events.account)?;
    Ok(events)
}
