//! Who is signed in: a random id in the browser's cookie, its hash here. Ids live in memory, for a bounded time and in a
//! bounded number; a restart signs everybody out, and so a token that was taken from the configuration signs nobody in.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::gateway::Caller;

/// How long a session lives without a request.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(60 * 60);
/// How long it lives at most.
pub(super) const AGE_MAX: Duration = Duration::from_secs(12 * 60 * 60);
/// Sessions at once; one more ends the one that was used least lately.
const SESSIONS_MAX: usize = 1_000;
/// Random bytes of an id.
const ID_BYTES: usize = 32;

/// By hash of the id: what is looked up in a table gives its place away by time, a hash gives nothing.
type Id = [u8; 32];

/// Everybody who is signed in.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Id, Session>>);

struct Session {
    caller: Caller,
    begun: Instant,
    used: Instant,
}

impl Session {
    fn lives(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun) < AGE_MAX && now.saturating_duration_since(self.used) < IDLE_MAX
    }
}

impl Sessions {
    /// Begins a session; its id.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(super) fn begin(&self, caller: Caller, now: Instant) -> Result<String, getrandom::Error> {
        let mut id = [0; ID_BYTES];
        getrandom::fill(&mut id)?;
        let id = hex::encode(id);
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.lives(now));
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| *id);
            oldest.and_then(|id| sessions.remove(&id));
        }
        sessions.insert(hash(&id), Session { caller, begun: now, used: now });
        Ok(id)
    }

    /// Who has the session of this id, if it lives; from here on it is used.
    pub(super) fn find(&self, id: &str, now: Instant) -> Option<Caller> {
        let mut sessions = self.lock();
        let session = sessions.get_mut(&hash(id)).filter(|session| session.lives(now))?;
        session.used = now;
        Some(session.caller.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &str) {
        self.lock().remove(&hash(id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(id: &str) -> Id {
    Sha256::digest(id.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Role;

    fn caller(role: Role) -> Caller {
        Caller { name: None, role, accounts: None }
    }

    #[test]
    fn a_session_lives_while_it_is_used_and_not_for_ever() {
        let (sessions, start) = (Sessions::default(), crate::clock::monotonic());
        let id = sessions.begin(caller(Role::Finance), start).expect("random bytes");
        assert_eq!(id.len(), 2 * ID_BYTES);
        let minutes = |n: u64| start + Duration::from_secs(60 * n);
        for at in (0..12 * 60).step_by(59) {
            assert_eq!(sessions.find(&id, minutes(at)).map(|c| c.role), Some(Role::Finance), "minute {at}");
        }
        assert_eq!(sessions.find(&id, minutes(12 * 60)), None, "too old");
        let idle = sessions.begin(caller(Role::Admin), start).expect("random bytes");
        assert_eq!(sessions.find(&idle, minutes(60)), None, "not used for an hour");
        assert_eq!(sessions.find("", start), None);
    }

    #[test]
    fn an_ended_session_is_nobodys_and_another_goes_on() {
        let (sessions, now) = (Sessions::default(), crate::clock::monotonic());
        let [one, other] = [Role::Admin, Role::Operate].map(|r| sessions.begin(caller(r), now).expect("random bytes"));
        assert_ne!(one, other);
        sessions.end(&one);
        assert_eq!((sessions.find(&one, now), sessions.find(&other, now).is_some()), (None, true));
    }

    #[test]
    fn there_are_never_more_than_the_bound_and_the_least_used_goes() {
        let (sessions, start) = (Sessions::default(), crate::clock::monotonic());
        let at = |ms: usize| start + Duration::from_millis(ms as u64);
        let ids: Vec<String> =
            (0..SESSIONS_MAX).map(|n| sessions.begin(caller(Role::Admin), at(n)).expect("random bytes")).collect();
        assert!(sessions.find(&ids[0], at(SESSIONS_MAX)).is_some());
        sessions.begin(caller(Role::Admin), at(SESSIONS_MAX + 1)).expect("random bytes");
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
        let lives = |n: usize| sessions.find(&ids[n], at(SESSIONS_MAX + 2)).is_some();
        assert_eq!([lives(0), lives(1), lives(2)], [true, false, true]);
    }
}
