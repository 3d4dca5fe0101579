//! What is due: timers, then open lots in turn.

use super::{Engine, EngineError, Sink, Source, Table};
use crate::decide::Event;
use crate::ids::Uid;
use crate::lots::{LotKey, Resource};
use crate::record::MessageState;
use std::sync::Arc;
use tollgate_wire::request;
use tollgate_wire::{DeadLetterReason, Reason};

impl Engine {
    /// The instant at which `tick` has something to do; now, while lots are open.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<u64> {
        if self.state.lots.has_open() { Some(self.now_ms) } else { self.state.next_due_ms() }
    }

    /// Does what is due: timers, then open lots in turn. At most `most` decisions; returns how many.
    ///
    /// # Errors
    /// When the store cannot be read; abort the batch.
    pub fn tick(&mut self, most: usize, source: &dyn Source, sink: &mut dyn Sink) -> Result<usize, EngineError> {
        let mut done = 0;
        self.state.lots.wake_due(self.now_ms);
        // Many that are due at one instant, such as a morning after quiet hours, take turns with what waits in lots.
        let for_timers = if self.state.lots.has_open() { most.div_ceil(2) } else { most };
        while done < for_timers {
            let Some(&(at, uid)) = self.state.timers.first().filter(|t| t.0 <= self.now_ms) else { break };
            done += 1;
            self.bring_message(uid, source)?;
            let attempt_due =
                self.state.message(uid).is_some_and(|m| m.attempts.iter().any(|a| a.check_ms <= self.now_ms));
            if attempt_due {
                self.decide(&Event::Timer { uid });
                let _ = self.conclude(None, DeadLetterReason::Internal, sink);
                // The message itself may be due at the same instant: it has its turn next.
                continue;
            }
            if self.state.message(uid).is_some_and(|m| m.state == MessageState::Parked) {
                self.wake(uid, source, sink)?;
            }
            // A timer that did not move would be due for ever.
            if self.state.timers.first() == Some(&(at, uid)) {
                self.state.timers.remove(&(at, uid));
            }
        }
        self.state.lots.wake_due(self.now_ms);
        while done < most {
            let Some(key) = self.state.lots.next_open() else { break };
            done += self.drain(key, most - done, source, sink)?;
        }
        Ok(done)
    }

    /// Serves one open lot for its turn.
    fn drain(
        &mut self,
        key: LotKey,
        most: usize,
        source: &dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<usize, EngineError> {
        let weight = self.state.campaign_at(key.campaign).map_or(1, |c| c.spec.weight.clamp(1, 100));
        let turn = (weight as usize * 16).min(most);
        let mut after = 0;
        for done in 0..turn {
            let Some(uid) = self.state.lots.next_member(key, after) else {
                self.state.lots.close(key, Resource::Own, u64::MAX);
                return Ok(done.max(1));
            };
            self.bring_message(uid, source)?;
            if let Some((reason, resource, until_ms)) = self.wake(uid, source, sink)? {
                self.state.lots.shut(key, reason, resource, until_ms);
                return Ok(done + 1);
            }
            self.state.lots.served(key, weight);
            after = uid;
        }
        Ok(turn)
    }

    /// Admission of a parked message; `Some` when a shared resource keeps it where it is.
    fn wake(
        &mut self,
        uid: Uid,
        source: &dyn Source,
        sink: &mut dyn Sink,
    ) -> Result<Option<(Reason, Resource, u64)>, EngineError> {
        let body = match self.state.bodies.get(&uid) {
            Some(b) => Some(b.clone()),
            None => source.get(Table::Bodies, &uid.to_be_bytes()).map_err(EngineError::Source)?.map(Arc::from),
        };
        // The body may have come without its id.
        let tail = self.state.message(uid).map(|m| Arc::clone(&m.tail));
        let id = tail.as_ref().map(|tail| tail.id.as_bytes());
        let parsed = body.as_deref().and_then(|b| request::parse_with_id(b, id).ok());
        let Some(parsed) = parsed else {
            // Cannot happen while the store keeps its promises; one lost request must not stop the others.
            self.decide(&Event::Lost { uid });
            let _ = self.conclude(None, DeadLetterReason::Internal, sink);
            return Ok(None);
        };
        self.decide(&Event::Wake { uid, request: &parsed });
        let blocked = self.decision.blocked;
        let _ = self.conclude(Some(&parsed), DeadLetterReason::Internal, sink);
        Ok(blocked)
    }
}
