//! Effects into output records and metrics.

use super::alarms::Alarms;
use super::doubts::Doubts;
use super::spans::Spans;
use crate::log::{NewRecord, Topic};
use crate::registry::SINCE;
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::Effect;
use tollgate_core::State;
use tollgate_core::effect::{Booking, OutcomeFx};
use tollgate_core::engine::Sink;
use tollgate_core::lots::{Lot, Lots};
use tollgate_metrics as m;
use tollgate_rate_card::{Category, PricingType, RateCards, Rated, ReportedModel, ReportedType, UnpricedReason};
use tollgate_wire::Reason;
use tollgate_wire::ledger::{Cause, EntryKind};
use tollgate_wire::outcome::OutcomeKind;

/// Labels resolved once.
struct Labels {
    reasons: Vec<m::Reason>,
    /// In [`UnpricedReason::ALL`] order.
    unpriced: [m::Reason; UnpricedReason::ALL.len()],
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
    rates: Arc<RateCards>,
    /// Attempts in doubt, as of the last batch.
    pub doubts: Doubts,
    /// Spans of messages whose traces are recorded.
    pub spans: Spans,
    alarms: Alarms,
}

impl Outputs {
    pub fn new(shared: &Arc<m::Metrics>, rates: &Arc<RateCards>) -> Self {
        let unpriced = UnpricedReason::ALL.map(|reason| shared.unpriced_reason(reason.as_str()));
        let reasons = Reason::ALL.iter().map(|r| shared.reason(r.as_str())).collect();
        Self {
            records: Vec::new(),
            metrics: m::ShardMetrics::new(shared),
            now_ms: 0,
            input_ms: 0,
            registry: Vec::new(),
            keys: Default::default(),
            shared: Arc::clone(shared),
            labels: Labels { reasons, unpriced },
            rates: Arc::clone(rates),
            doubts: Doubts::default(),
            spans: Spans::default(),
            alarms: Alarms::default(),
        }
    }

    /// Forgets a batch that will not be committed.
    pub fn discard(&mut self) {
        self.records.clear();
        self.registry.clear();
        self.metrics.discard();
        self.doubts.discard();
        self.spans.discard();
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
            self.alarms.heard(o.code, self.now_ms);
        }
        if let Some(resolution) = self.doubts.moved(o.uid, o.attempt, o.kind) {
            self.metrics.in_doubt(resolution);
        }
        if o.kind == OutcomeKind::Unknown {
            let resolution =
                if o.retry_ms == 0 { m::InDoubtResolution::Unknown } else { m::InDoubtResolution::Retried };
            self.metrics.in_doubt(resolution);
        }
    }

    fn booking(&mut self, state: &State, b: &Booking) {
        if b.sign < 0 {
            return;
        }
        // Once a message: not by what corrects its entry, and not where it is ours and was forgotten.
        if b.own.is_none() && b.forgotten.is_none() && b.adjusts.is_none() {
            self.metrics.charge_mismatch(m::MismatchKind::Foreign);
        }
        if b.kind == EntryKind::Counted {
            return;
        }
        if b.cause == Some(Cause::Late) {
            self.metrics.charge_mismatch(m::MismatchKind::Late);
        }
        let rulebook = match &b.rated {
            Rated::Priced(p) => Some(p.rulebook),
            Rated::Unpriced(u) => u.rulebook,
        };
        if let (Some(reported), Some(rulebook)) = (b.reported.model, rulebook)
            && reported != ReportedModel::Known(self.rates.rulebook(rulebook).model)
        {
            self.metrics.charge_mismatch(m::MismatchKind::PricingModel);
        }
        if is_another_type(b.expected_type, b.reported.pricing_type) {
            self.metrics.charge_mismatch(m::MismatchKind::PricingType);
        }
        let p = match &b.rated {
            Rated::Priced(p) => p,
            Rated::Unpriced(u) => return self.metrics.unpriced(self.labels.unpriced[u.reason as usize]),
        };
        if !p.cost.is_zero() && is_over_budget(state, b) {
            self.metrics.charge_mismatch(m::MismatchKind::OverBudget);
        }
        let category = p.category.map_or(m::Category::Other, category_label);
        self.metrics.charge(category, pricing_type_label(p.pricing_type));
        let currency = state.waba_at(b.waba).currency;
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
                if self.spans.is_on() {
                    self.spans.outcome(state, o);
                }
                Topic::Outcomes
            }
            Effect::Ledger(b) => {
                self.booking(state, b);
                Topic::Ledger
            }
            Effect::BandReached(reached) => {
                if reached.behind {
                    self.metrics.charge_mismatch(m::MismatchKind::Band);
                }
                Topic::Ledger
            }
            Effect::Fee(_) | Effect::Credit(_) | Effect::MonthClosed(_) => Topic::Ledger,
            Effect::Registry(_) => {
                self.registry.push(Bytes::copy_from_slice(json));
                Topic::Registry
            }
            Effect::Consent(_) | Effect::Erased(_) | Effect::Template(_) | Effect::Level(_) | Effect::Reply(_) => {
                Topic::Snapshots
            }
        };
        self.push(topic, key.as_bytes(), json);
        if let (Effect::Registry(ix), Some((_, entry))) = (effect, self.records.last_mut()) {
            entry.headers.extend(since(state.account_at(*ix).since_ms));
        }
    }
}

/// What an entry of the registry says besides: of two accounts that claim one number the older has it, and the topic forgets first
/// entries.
fn since(since_ms: u64) -> Option<(String, Bytes)> {
    (since_ms != 0).then(|| (SINCE.to_owned(), since_ms.to_string().into()))
}

/// Whether the platform says another type than our own facts come to. It does not say which regular messages are of an
/// allowance.
fn is_another_type(expected: Option<PricingType>, reported: Option<ReportedType>) -> bool {
    let (Some(expected), Some(reported)) = (expected, reported) else { return false };
    let expected = match expected {
        PricingType::Regular | PricingType::FreeAllowance => ReportedType::Regular,
        PricingType::FreeCustomerService => ReportedType::FreeCustomerService,
        PricingType::FreeEntryPoint => ReportedType::FreeEntryPoint,
    };
    expected != reported
}

/// Whether the campaign of a charge has spent more than it may, with this charge.
fn is_over_budget(state: &State, b: &Booking) -> bool {
    let message = b.own.and_then(|(uid, _)| state.message(uid));
    let campaign = message.and_then(|message| state.campaign_at(message.campaign));
    campaign.is_some_and(|campaign| campaign.spec.budget.is_some_and(|budget| campaign.spent > budget))
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
pub(super) mod tests {
    use super::*;
    use tollgate_core::engine::{Engine, EngineConfig, Source, Table};

    pub(in crate::shard) struct Nothing;

    impl Source for Nothing {
        fn get(&self, _: Table, _: &[u8]) -> Result<Option<Vec<u8>>, String> {
            Ok(None)
        }
    }

    /// 2026-11-21, 12:00:00 UTC.
    const NOON_MS: u64 = 1_795_262_400_000;

    /// An account with a number and a template.
    pub(in crate::shard) fn acme() -> (Engine, Outputs) {
        let rates = Arc::new(RateCards::embedded().unwrap());
        let mut engine = Engine::new(EngineConfig {
            rates: Arc::clone(&rates),
            hash_key: tollgate_core::hashing::HashKey([1; 16]),
            times: tollgate_core::life::Times::default(),
            recent_most: 10,
            partition: tollgate_wire::partition::Partition::ONLY,
        });
        engine.clock(NOON_MS);
        let mut out = Outputs::new(&Arc::new(m::Metrics::new("test", m::Limits::default()).unwrap()), &rates);
        let command = br#"{"command":"apply_account","spec":{"account":"acme","limit":"TIER_1K","wabas":[{"id":"1",
            "currency":"USD","time_zone":"UTC","senders":[{"id":"2","quality":"GREEN"}],
            "templates":[{"name":"news","language":"pt_BR","category":"marketing","body":[]}]}]}}"#;
        engine.command(command, &mut out).unwrap().unwrap();
        (engine, out)
    }

    /// The topic keeps the last entry alone, and by it the age of the account must be known.
    #[test]
    fn every_entry_of_the_registry_says_since_when_its_account_is_there() {
        let (mut engine, mut out) = acme();
        engine.clock(NOON_MS + 60_000);
        for account in ["acme", "bolt"] {
            let command = format!(
                r#"{{"command":"apply_account","spec":{{"account":"{account}","name":"New","limit":"TIER_1K","wabas":[{{
                "id":"w-{account}","currency":"USD","time_zone":"UTC","senders":[]}}]}}}}"#
            );
            engine.command(command.as_bytes(), &mut out).unwrap().unwrap();
        }
        let entries = out.records.iter().filter(|(topic, _)| *topic == Topic::Registry);
        let since: Vec<_> = entries.map(|(_, entry)| (&entry.key[..], entry.headers.clone())).collect();
        let at = |ms: u64| vec![(SINCE.to_owned(), Bytes::from(ms.to_string()))];
        let later = at(NOON_MS + 60_000);
        assert_eq!(since, [(&b"acme"[..], at(NOON_MS)), (b"acme", at(NOON_MS)), (b"bolt", later)]);
    }

    /// Behind what was booked before it in the same batch, under the same key: the partition keeps them in this order.
    #[test]
    fn the_end_of_a_month_lies_among_the_entries() {
        let (mut engine, mut out) = acme();
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

    /// One series of the metrics after the batch.
    fn counted(out: &mut Outputs, series: &str) -> f64 {
        out.metrics.flush(1, Duration::ZERO);
        out.doubts.committed();
        let text = String::from_utf8(out.shared.encode().unwrap()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series}")).parse().unwrap()
    }

    #[test]
    fn another_type_is_one_that_our_facts_do_not_come_to() {
        use PricingType as P;
        use ReportedType as R;
        for (expected, reported, another) in [
            (Some(P::Regular), Some(R::Regular), false),
            (Some(P::Regular), Some(R::FreeCustomerService), true),
            (Some(P::FreeAllowance), Some(R::Regular), false),
            (Some(P::FreeCustomerService), Some(R::FreeCustomerService), false),
            (Some(P::FreeEntryPoint), Some(R::Regular), true),
            (Some(P::Regular), Some(R::Unknown), true),
            (Some(P::Regular), None, false),
            (None, Some(R::Regular), false),
        ] {
            assert_eq!(is_another_type(expected, reported), another, "{expected:?} {reported:?}");
        }
    }

    #[test]
    fn a_charge_that_is_not_as_expected_is_counted_by_what_differs() {
        let (mut engine, mut out) = acme();
        let mut events = |out: &mut Outputs, wamid: &str, pricing: &str| {
            let record = format!(
                r#"{{"account":"acme","events":[{{"event":"status","sender":"2","wamid":"{wamid}","to":"+5511987654321",
                "status":"delivered","at_s":1795262000,"pricing":{pricing}}}]}}"#
            );
            engine.events(record.as_bytes(), &Nothing, out).unwrap().unwrap();
        };
        events(&mut out, "a", r#"{"model":"PMP","category":"utility","pricing_type":"regular"}"#);
        let (model, unpriced) = ("charge_mismatch_total{kind=\"pricing_model\"}", "unpriced_charges_total{reason=");
        let model = format!("tollgate_{model}");
        let unpriced = |reason| format!("tollgate_{unpriced}\"{reason}\"}}");
        assert_eq!(counted(&mut out, &model), 0.0);
        assert_eq!(counted(&mut out, &unpriced("model_not_supported")), 0.0, "what never happened is a zero");
        events(&mut out, "b", r#"{"model":"CBP","category":"utility","pricing_type":"regular"}"#);
        assert_eq!(counted(&mut out, &model), 1.0);
        assert_eq!(counted(&mut out, &unpriced("model_not_supported")), 1.0);
        events(&mut out, "c", r#"{"model":"PMP","category_text":"carrier_pigeon","pricing_type":"regular"}"#);
        assert_eq!(counted(&mut out, &unpriced("unknown_category")), 1.0);
        assert_eq!(counted(&mut out, &model), 1.0);
    }

    /// Once a message, when it is met: neither by what corrects its entry, nor where it is ours and forgotten.
    #[test]
    fn what_other_software_sent_is_counted_once_and_what_comes_late_with_or_without_a_price() {
        let (mut engine, mut out) = acme();
        let mut told = |event: &str, series: &[&str]| {
            let record = format!(r#"{{"account":"acme","events":[{event}]}}"#);
            engine.events(record.as_bytes(), &Nothing, &mut out).unwrap().unwrap();
            let count = |kind: &&str| counted(&mut out, &format!("tollgate_charge_mismatch_total{{kind=\"{kind}\"}}"));
            series.iter().map(count).collect::<Vec<_>>()
        };
        let delivered = |wamid: &str, at_s: u32, more: &str| {
            format!(
                r#"{{"event":"status","sender":"2","wamid":"{wamid}","to":"+5511987654321","status":"delivered",
                "at_s":{at_s}{more}}}"#
            )
        };
        let priced = r#","pricing":{"model":"PMP","category":"utility","pricing_type":"regular"}"#;
        let strange = r#","pricing":{"model":"PMP","category_text":"carrier_pigeon","pricing_type":"regular"}"#;
        let ours = format!(r#"{priced},"callback":{{"message_uid":7,"attempt":1}}"#);
        let (october, november, both) = (1_793_448_000, 1_795_262_000, ["foreign", "late"]);
        told(&delivered("a", november, ""), &[]);
        assert_eq!(told(&delivered("a", november, priced), &both), [1.0, 0.0]);
        assert_eq!(told(&delivered("b", november, &ours), &both), [1.0, 0.0]);
        told(r#"{"event":"close_month","month":"2026-10","settle_days":8}"#, &[]);
        assert_eq!(told(&delivered("c", october, priced), &both), [2.0, 1.0]);
        assert_eq!(told(&delivered("d", october, strange), &both), [3.0, 2.0]);
    }

    #[test]
    fn a_doubt_is_counted_by_its_end_and_a_late_charge_against_its_budget() {
        let (mut engine, mut out) = acme();
        let campaign = |budget: &str| {
            format!(r#"{{"command":"put_campaign","account":"acme","spec":{{"name":"c","budget":"{budget}"}}}}"#)
        };
        let consent = r#"{"command":"set_consent","account":"acme","consent":{"to":"+5511987654321",
            "category":"marketing","state":"opt_in","source":"web"}}"#;
        for command in [consent, &campaign("10")] {
            engine.command(command.as_bytes(), &mut out).unwrap().unwrap();
        }
        let request = br#"{"id":"a","account":"acme","to":"+5511987654321","purpose":"marketing","campaign":"c",
            "content":[{"template":{"name":"news","language":"pt_BR","components":{"body":[]}}}]}"#;
        engine.request(request, false, &Nothing, &mut out).unwrap().unwrap();
        assert!(out.records.iter().any(|(topic, _)| *topic == Topic::Dispatch), "it is ordered");
        let uid = engine.state().next_uid() - 1;
        let callback = format!(r#""callback":{{"message_uid":{uid},"attempt":1}}"#);
        let in_doubt = format!(r#"{{"event":"result",{callback},"at":"2026-11-21T12:00:01Z","result":"in_doubt"}}"#);
        let record = format!(r#"{{"account":"acme","events":[{in_doubt}]}}"#);
        engine.events(record.as_bytes(), &Nothing, &mut out).unwrap().unwrap();
        let confirmed = "tollgate_in_doubt_total{resolution=\"confirmed\"}";
        assert_eq!(counted(&mut out, confirmed), 0.0);
        assert_eq!(out.doubts.len(), 1);
        assert_eq!(Doubts::of(engine.state()).len(), 1, "a restart finds it again");
        let over = "tollgate_charge_mismatch_total{kind=\"over_budget\"}";
        engine.command(campaign("0.01").as_bytes(), &mut out).unwrap().unwrap();
        let delivered = format!(
            r#"{{"event":"status","sender":"2","wamid":"a","to":"+5511987654321","status":"delivered",
            "at_s":1795262402,{callback},"pricing":{{"model":"PMP","category":"marketing","pricing_type":"regular"}}}}"#
        );
        let record = format!(r#"{{"account":"acme","events":[{delivered}]}}"#);
        engine.events(record.as_bytes(), &Nothing, &mut out).unwrap().unwrap();
        assert_eq!((counted(&mut out, confirmed), counted(&mut out, over)), (1.0, 1.0));
        assert_eq!((out.doubts.len(), Doubts::of(engine.state()).len()), (0, 0));
    }
}
