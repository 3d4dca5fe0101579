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
            Effect::Fee(_) | Effect::MonthClosed(_) => Topic::Ledger,
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use tollgate_core::engine::{Engine, EngineConfig, Source, Table};

    struct Nothing;

    impl Source for Nothing {
        fn get(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
            Ok(None)
        }
    }

    /// Behind what was booked before it in the same batch, under the same key: the partition keeps them in this order.
    #[test]
    fn the_end_of_a_month_lies_among_the_entries() {
        let mut engine = Engine::new(EngineConfig {
            rates: Arc::new(tollgate_rate_card::RateCards::embedded().unwrap()),
            hash_key: tollgate_core::hashing::HashKey([1; 16]),
            times: tollgate_core::life::Times::default(),
            recent_most: 10,
            partition: tollgate_wire::partition::Partition::ONLY,
        });
        // 2026-11-21, 12:00:00 UTC.
        engine.clock(1_795_262_400_000);
        let mut out = Outputs::new(&Arc::new(m::Metrics::new("test", m::Limits::default()).unwrap()));
        let command = br#"{"command":"apply_account","spec":{"account":"acme","limit":"TIER_1K","wabas":[{"id":"1",
            "currency":"USD","time_zone":"UTC","senders":[{"id":"2"}]}]}}"#;
        engine.command(command, &mut out).unwrap().unwrap();
        let delivered = |wamid: &str| {
            format!(
                r#"{{"event":"status","sender":"2","wamid":"{wamid}","to":"+5511987654321","status":"delivered",
                "at_s":1793448000,"pricing":{{"model":"PMP","category":"utility","pricing_type":"regular"}}}}"#
            )
        };
        let close = r#"{"event":"close_month","month":"2026-10","settle_days":8}"#;
        let events = [delivered("a").as_str(), close, delivered("b").as_str()].join(",");
        let record = format!(r#"{{"account":"acme","events":[{events}]}}"#);
        engine.events(record.as_bytes(), &Nothing, &mut out).unwrap().unwrap();
        let ledger = out.records.iter().filter(|(topic, _)| *topic == Topic::Ledger);
        let records: Vec<serde_json::Value> = ledger
            .map(|(_, record)| {
                assert_eq!(&record.key[..], b"acme");
                serde_json::from_slice(&record.value).unwrap()
            })
            .collect();
        let told: Vec<_> = records.iter().map(|r| (r["billing_period"].as_str(), r["month_closed"].as_str())).collect();
        assert_eq!(told, [(Some("2026-10"), None), (None, Some("2026-10")), (Some("2026-11"), None)]);
    }
}
