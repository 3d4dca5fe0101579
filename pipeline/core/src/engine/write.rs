//! Effects as the JSON of their topics, keyed by account; orders by sender.

use super::{Engine, Sink};
use crate::effect::Effect;
use crate::emit;
use crate::ids::ContactKey;
use tollgate_wire::request::Request;

impl Engine {
    pub(super) fn emit(&mut self, effect: &Effect, request: Option<&Request<'_>>, sink: &mut dyn Sink) {
        self.json.clear();
        let state = &self.state;
        if !sink.wants_json() {
            return sink.effect(state, effect, "", &[]);
        }
        match effect {
            Effect::Order { uid, alternative, language } => {
                let (Some(m), Some(r)) = (state.message(*uid), request) else { return };
                if emit::order(state, m, r, *alternative, *language, &mut self.json).is_err() {
                    return;
                }
                let sender = state.sender_at(m.sender).spec.id.as_str();
                sink.effect(state, effect, sender, &self.json);
            }
            Effect::Outcome(o) => {
                let Some(m) = state.message(o.uid) else { return };
                let (rates, key) = (&self.config.rates, &self.config.hash_key);
                if emit::outcome(state, rates, key, o, (m, request), &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(m.account).spec.account, &self.json);
            }
            Effect::Ledger(b) => {
                let m = b.own.and_then(|(uid, _)| state.message(uid));
                let key = &self.config.hash_key;
                if emit::ledger(state, &self.config.rates, key, b, m, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(state.sender_at(b.sender).account);
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::Fee(f) => {
                if emit::fee(state, f, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(state.waba_at(f.waba).account);
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::MonthClosed(c) => {
                if emit::month_closed(state, c, &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(c.account).spec.account, &self.json);
            }
            Effect::Credit(c) => {
                if emit::credit(state, c, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(state.waba_at(c.waba).account);
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::BandReached(r) => {
                if emit::band_reached(state, &self.config.rates, r, &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(r.account).spec.account, &self.json);
            }
            Effect::Registry(ix) => {
                let account = state.account_at(*ix);
                if serde_json::to_writer(&mut self.json, &account.spec).is_err() {
                    return;
                }
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::Erased(key) => {
                if emit::erased(state, &self.config.hash_key, *key, self.now_ms, &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(key.account()).spec.account, &self.json);
            }
            Effect::Consent(proof) => {
                if emit::said(state, proof, self.now_ms, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(ContactKey(proof.contact).account());
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::Template(ix) => {
                if emit::template(state, *ix, self.now_ms, &mut self.json).is_err() {
                    return;
                }
                let account = state.waba_at(state.template_at(*ix).waba).account;
                sink.effect(state, effect, &state.account_at(account).spec.account, &self.json);
            }
            Effect::Reply(reply) => {
                if emit::reply(state, reply, &mut self.json).is_err() {
                    return;
                }
                let account = state.account_at(state.sender_at(reply.sender).account);
                sink.effect(state, effect, &account.spec.account, &self.json);
            }
            Effect::Level(change) => {
                if emit::level(state, change, self.now_ms, &mut self.json).is_err() {
                    return;
                }
                sink.effect(state, effect, &state.account_at(change.account).spec.account, &self.json);
            }
        }
    }
}
