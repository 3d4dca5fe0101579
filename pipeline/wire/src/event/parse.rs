//! Reads a record of the `events` topic.

use super::{Events, PlatformEvent};
use crate::input::{InputError, read};
use crate::naming;

/// Longest accepted record of events in bytes: more than a thousand statuses.
pub const MAX_BYTES: usize = 4 << 20;
/// Longest reason for closing a month early, in bytes.
pub const MAX_FORCED: usize = 256;

/// Reads a record of events of at most 4 MiB.
///
/// # Errors
/// [`InputError`] with the reason for the dead letter, the field and the remedy.
pub fn parse(bytes: &[u8]) -> Result<Events<'_>, InputError> {
    let events: Events<'_> = read(bytes, MAX_BYTES)?;
    naming::account("account", &events.account)?;
    for (i, event) in events.events.iter().enumerate() {
        match event {
            PlatformEvent::CloseMonth { forced: Some(why), .. } => {
                naming::words(why, MAX_FORCED).map_err(|e| e.at(&format!("events[{i}].forced")))?;
            }
            PlatformEvent::Credit(credit) => credit.check().map_err(|e| {
                let field = format!("events[{i}].{}", e.field);
                e.at(&field)
            })?,
            _ => {}
        }
    }
    Ok(events)
}
