//! Which of the two request topics a request goes to, and the record that it becomes there.

use bytes::Bytes;
use tollgate_wire::request::{Purpose, Request};

use crate::log::{NewRecord, Topic};

/// The lane that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// Authentication goes to the priority lane, the rest to bulk.
    #[default]
    ByPurpose,
    /// Everything goes to the priority lane.
    Priority,
}

impl Lane {
    /// The topic of a request with that purpose.
    #[must_use]
    pub fn topic(self, purpose: Purpose) -> Topic {
        match (self, purpose) {
            (Self::Priority, _) | (_, Purpose::Authentication) => Topic::RequestsPriority,
            _ => Topic::Requests,
        }
    }

    /// A request as a record: the bytes that it was read from, keyed by its account. `time_ms` is now, in milliseconds
    /// since 1970 (UTC).
    #[must_use]
    pub fn record(self, request: &Request<'_>, bytes: Bytes, time_ms: u64) -> (Topic, NewRecord) {
        let key = Bytes::copy_from_slice(request.account.as_bytes());
        (self.topic(request.purpose), NewRecord::new(key, bytes, time_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_time_codes_and_what_is_asked_for_have_priority() {
        let table = [
            (Lane::ByPurpose, Purpose::Marketing, Topic::Requests),
            (Lane::ByPurpose, Purpose::Authentication, Topic::RequestsPriority),
            (Lane::Priority, Purpose::Marketing, Topic::RequestsPriority),
        ];
        for (lane, purpose, topic) in table {
            assert_eq!(lane.topic(purpose), topic, "{lane:?} {purpose:?}");
        }
    }
}
