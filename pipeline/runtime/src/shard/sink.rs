//! Effects into output records and metrics.

use crate::log::{NewRecord, Topic};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::Effect;
use tollgate_core::State;
use tollgate_core::effect::{Booking, OutcomeFx};
use tollgate_core::engine::Sink;
use tollgate_core::lots::{Lot, Lots};
use tollgate_metrics as m;
use tollgate_rate_card::{Category, PricingType, Rated};
use tollgate_wire::Reason;
use tollgate_wire::ledger::Cause;
use tollgate_wire::outcome::OutcomeKind;

/// Labels resolved once.
struct Labels {
    reasons: Vec<m::Reason>,
}

/// Collects one batch.
pub(super) struct Outputs {
    /// Records for output topics, in order.
    pub records: Vec<(Topic, NewRecord)>,
    pub metrics: m::ShardMetrics,
    pub now_ms: u64,
    /// When the input at hand was appended; 0 while the engine works on its own.
    pub input_ms: u64,
    /// Accounts whose registry entry changed in this batch.
    pub registry: Vec<Bytes>,
    /// The key of the record before in each topic: neighbours are often of one account, and share it.
    keys: [Bytes; Topic::COUNT],
    shared: Arc<m::Metrics>,
    labels: Labels,
}

impl Outputs {
    pub fn new(shared: &Arc<m::Metrics>) -> Self {
        let reasons = Reason::ALL.iter().map(|r| shared.reason(r.as_str())).collect();
        Self {
            records: Vec::new(),
            metrics: m::ShardMetrics::new(shared),
            now_ms: 0,
            input_ms: 0,
            registry: Vec::new(),
            keys: Default::default(),
            shared: Arc::clone(shared),
            labels: Labels { reasons },
        }
    }

    /// Forgets a batch that will not be committed.
    pub fn discard(&mut self) {
        self.records.clear();
        self.registry.clear();
        self.metrics.discard();
    }

    /// Messages that wait, by what their queues wait for now.
    pub fn parked(&mut self, lots: &Lots) {
        let Self { metrics, shared, .. } = self;
        let of = |lot: &Lot| shared.lot(lot.reason.unwrap_or(Reason::Internal).as_str());
        metrics.set_parked(lots.iter().map(|(_, lot)| (of(lot), lot.members.len() as u64)));
    }

    pub fn push(&mut self, topic: Topic, key: &[u8], value: &[u8]) {
        let shared = &mut self.keys[topic.index()];
        if shared != key {
            *shared = Bytes::copy_from_slice(key);
        }
        let record = NewRecord::new(shared.clone(), Bytes::copy_from_slice(value), self.now_ms);
        self.records.push((topic, record));
    }

    fn outcome(&mut self, o: &OutcomeFx) {
        let reason = match o.reason {
            None => m::Reason::NONE,
            Some(Reason::Platform) => m::Reason::PLATFORM,
            Some(r) => self.labels.reasons.get(r as usize).copied().unwrap_or(m::Reason::OTHER),
        };
        self.metrics.decision(outcome_label(o.kind), reason);
        if o.code != 0 {
            self.metrics.platform_error(o.code);
        }
        if o.kind == OutcomeKind::Unknown {
            let resolution =
                if o.retry_ms == 0 { m::InDoubtResolution::Unknown } else { m::InDoubtResolution::Retried };
            self.metrics.in_doubt(resolution);
        }
    }

    fn booking(&mut self, state: &State, b: &Booking) {
        let Rated::Priced(p) = &b.rated else { return };
        if b.sign < 0 {
            return;
        }
        let category = p.category.map_or(m::Category::Other, category_label);
        self.metrics.charge(category, pricing_type_label(p.pricing_type));
        let currency = state.waba_at(state.sender_at(b.sender).waba).currency;
        self.metrics.charged_amount(self.shared.currency(currency.as_str()), category, p.cost);
        match b.cause {
            Some(Cause::Resend) => self.metrics.charge_mismatch(m::MismatchKind::Resend),
            Some(Cause::Reclassified) => self.metrics.charge_mismatch(m::MismatchKind::Category),
            _ if b.expected.is_some() && p.category != b.expected => {
                self.metrics.charge_mismatch(m::MismatchKind::Category);
            }
            _ => {}
        }
    }
}

impl Sink for Outputs {
    fn effect(&mut self, state: &State, effect: &Effect, key: &str, json: &[u8]) {
        let topic = match effect {
            Effect::Order { uid, .. } => {
                if let Some(message) = state.message(*uid) {
                    let since = if self.input_ms == 0 { u64::from(message.created_s) * 1000 } else { self.input_ms };
                    let lane = if message.priority { m::Lane::Priority } else { m::Lane::Bulk };
                    self.metrics.ordered_after(lane, Duration::from_millis(self.now_ms.saturating_sub(since)));
                }
                Topic::Dispatch
            }
            Effect::Outcome(o) => {
                self.outcome(o);
                Topic::Outcomes
            }
            Effect::Ledger(b) => {
                self.booking(state, b);
                Topic::Ledger
            }
            Effect::Registry(_) => {
                self.registry.push(Bytes::copy_from_slice(json));
                Topic::Registry
            }
            Effect::Consent(_) => Topic::Snapshots,
        };
        self.push(topic, key.as_bytes(), json);
    }
}

fn outcome_label(kind: OutcomeKind) -> m::Outcome {
    use OutcomeKind as K;
    match kind {
        K::Parked => m::Outcome::Parked,
        K::Admitted => m::Outcome::Admitted,
        K::NotSent => m::Outcome::NotSent,
        K::Accepted => m::Outcome::Accepted,
        K::Held => m::Outcome::Held,
        K::Sent => m::Outcome::Sent,
        K::Delivered => m::Outcome::Delivered,
        K::Read => m::Outcome::Read,
        K::Failed => m::Outcome::Failed,
        K::Refused => m::Outcome::Refused,
        K::Expired => m::Outcome::Expired,
        K::Cancelled => m::Outcome::Cancelled,
        K::Undelivered => m::Outcome::Undelivered,
        K::InDoubt => m::Outcome::InDoubt,
        K::Unknown => m::Outcome::Unknown,
        K::Duplicate => m::Outcome::Duplicate,
    }
}

fn category_label(c: Category) -> m::Category {
    match c {
        Category::Marketing => m::Category::Marketing,
        Category::Utility => m::Category::Utility,
        Category::Authentication => m::Category::Authentication,
        Category::AuthenticationInternational => m::Category::AuthenticationInternational,
        Category::Service => m::Category::Service,
    }
}

fn pricing_type_label(t: PricingType) -> m::PricingType {
    match t {
        PricingType::Regular => m::PricingType::Regular,
        PricingType::FreeCustomerService => m::PricingType::FreeCustomerService,
        PricingType::FreeEntryPoint => m::PricingType::FreeEntryPoint,
        PricingType::FreeAllowance => m::PricingType::FreeAllowance,
    }
}
