//! What one shard thread counts: plain integers, flushed once per batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus::local::LocalHistogram;
use rust_decimal::Decimal;

use crate::amounts::LocalAmounts;
use crate::bounded::{Currency, Lot, Reason};
use crate::labels::{Category, InDoubtResolution, Lane, MismatchKind, Outcome, PricingType};
use crate::local::LocalCounters;
use crate::registry::Metrics;

/// The counts of one batch of one shard. Call [`Self::flush`] after the commit
/// or [`Self::discard`] after an abort; nothing is shared before. Dropping it
/// takes the shard's parked messages out of the gauge and loses what was not
/// flushed.
#[derive(Debug)]
pub struct ShardMetrics {
    shared: Arc<Metrics>,
    requests: LocalCounters,
    decisions: LocalCounters,
    in_doubt: LocalCounters,
    charges: LocalCounters,
    charge_mismatch: LocalCounters,
    unpriced: LocalCounters,
    dead_letters: LocalCounters,
    platform_errors: BTreeMap<u32, u64>,
    charged: LocalAmounts,
    decision_seconds: LocalHistogram,
    request_to_order_seconds: [LocalHistogram; Lane::ALL.len()],
    parked: Vec<i64>,
    parked_flushed: Vec<i64>,
}

impl ShardMetrics {
    /// Counters of one shard, all zero.
    pub fn new(shared: &Arc<Metrics>) -> Self {
        let reasons = shared.reasons.max();
        Self {
            requests: LocalCounters::new(&shared.requests, Lane::ALL.len()),
            decisions: LocalCounters::new(&shared.decisions, Outcome::ALL.len() * reasons),
            in_doubt: LocalCounters::new(&shared.in_doubt, InDoubtResolution::ALL.len()),
            charges: LocalCounters::new(&shared.charges, Category::ALL.len() * PricingType::ALL.len()),
            charge_mismatch: LocalCounters::new(&shared.charge_mismatch, MismatchKind::ALL.len()),
            unpriced: LocalCounters::new(&shared.unpriced, reasons),
            dead_letters: LocalCounters::new(&shared.dead_letters, reasons),
            platform_errors: BTreeMap::new(),
            charged: LocalAmounts::new(&shared.currencies),
            decision_seconds: shared.decision_seconds.local(),
            request_to_order_seconds: [Lane::Priority, Lane::Bulk]
                .map(|lane| shared.request_to_order_seconds.with_label_values(&[lane.as_str()]).local()),
            parked: vec![0; shared.lots.max()],
            parked_flushed: vec![0; shared.lots.max()],
            shared: Arc::clone(shared),
        }
    }

    /// Counts a request read.
    #[inline]
    pub fn request(&mut self, lane: Lane) {
        self.requests.count(lane as usize);
    }

    /// Counts a move of a message.
    #[inline]
    pub fn decision(&mut self, outcome: Outcome, reason: Reason) {
        let reasons = self.shared.reasons.max();
        self.decisions.count(outcome as usize * reasons + usize::from(reason.0));
    }

    /// Observes the time that one decision took.
    #[inline]
    pub fn decided_in(&mut self, took: Duration) {
        self.decision_seconds.observe(took.as_secs_f64());
    }

    /// Observes the time from a request to its order.
    #[inline]
    pub fn ordered_after(&mut self, lane: Lane, waited: Duration) {
        self.request_to_order_seconds[lane as usize].observe(waited.as_secs_f64());
    }

    /// Sets the messages that wait in this shard, by what they wait for; what
    /// is not given has none. A label may be given more than once.
    pub fn set_parked(&mut self, lots: impl IntoIterator<Item = (Lot, u64)>) {
        self.parked.fill(0);
        for (lot, messages) in lots {
            if let Some(cell) = self.parked.get_mut(usize::from(lot.0)) {
                *cell += i64::try_from(messages).unwrap_or(i64::MAX);
            }
        }
    }

    /// Counts the end of an attempt in doubt.
    pub fn in_doubt(&mut self, resolution: InDoubtResolution) {
        self.in_doubt.count(resolution as usize);
    }

    /// Counts a charge booked, free ones included.
    #[inline]
    pub fn charge(&mut self, category: Category, pricing_type: PricingType) {
        self.charges.count(category as usize * PricingType::ALL.len() + pricing_type as usize);
    }

    /// Adds a charge's cost in whole units of its currency. Zero and below is
    /// ignored: a counter cannot fall.
    #[inline]
    pub fn charged_amount(&mut self, currency: Currency, category: Category, cost: Decimal) {
        self.charged.add(currency, category, cost);
    }

    /// Counts a charge that differs from what was expected.
    pub fn charge_mismatch(&mut self, kind: MismatchKind) {
        self.charge_mismatch.count(kind as usize);
    }

    /// Counts a delivery booked without a price.
    pub fn unpriced(&mut self, reason: Reason) {
        self.unpriced.count(usize::from(reason.0));
    }

    /// Counts an error that the platform reported in a webhook or a result.
    pub fn platform_error(&mut self, code: u32) {
        *self.platform_errors.entry(code).or_default() += 1;
    }

    /// Counts a record put aside.
    pub fn dead_letter(&mut self, reason: Reason) {
        self.dead_letters.count(usize::from(reason.0));
    }

    /// Shares the batch, once it is committed: its counts, its number of input
    /// records and the time that the commit took.
    pub fn flush(&mut self, records: u64, commit_took: Duration) {
        let Self { shared, .. } = self;
        shared.batch_records.observe(records as f64);
        shared.batch_commit_seconds.observe(commit_took.as_secs_f64());
        let reasons = &shared.reasons;
        self.requests.flush(|index| names([Lane::NAMES[index]]));
        self.decisions.flush(|index| {
            let outcome = Outcome::NAMES[index / reasons.max()];
            vec![outcome.to_owned(), reasons.name((index % reasons.max()) as u16)]
        });
        self.in_doubt.flush(|index| names([InDoubtResolution::NAMES[index]]));
        self.charges.flush(|index| {
            let types = PricingType::NAMES;
            names([Category::NAMES[index / types.len()], types[index % types.len()]])
        });
        self.charge_mismatch.flush(|index| names([MismatchKind::NAMES[index]]));
        self.unpriced.flush(|index| vec![reasons.name(index as u16)]);
        self.dead_letters.flush(|index| vec![reasons.name(index as u16)]);
        while let Some((code, times)) = self.platform_errors.pop_first() {
            shared.platform_errors_by(code, times);
        }
        self.charged.flush(&shared.charged_amount, &shared.currencies);
        self.decision_seconds.flush();
        self.request_to_order_seconds.iter().for_each(LocalHistogram::flush);
        for (index, (now, flushed)) in self.parked.iter().zip(&mut self.parked_flushed).enumerate() {
            if now != flushed {
                add_parked(shared, index, now - *flushed);
                *flushed = *now;
            }
        }
    }

    /// Forgets the batch: it was aborted and will be decided again.
    pub fn discard(&mut self) {
        for counters in [
            &mut self.requests,
            &mut self.decisions,
            &mut self.in_doubt,
            &mut self.charges,
            &mut self.charge_mismatch,
            &mut self.unpriced,
            &mut self.dead_letters,
        ] {
            counters.discard();
        }
        self.platform_errors.clear();
        self.charged.discard();
        self.decision_seconds.clear();
        self.request_to_order_seconds.iter().for_each(LocalHistogram::clear);
        self.parked.clone_from(&self.parked_flushed);
    }
}

impl Drop for ShardMetrics {
    fn drop(&mut self) {
        for (index, &count) in self.parked_flushed.iter().enumerate() {
            if count != 0 {
                add_parked(&self.shared, index, -count);
            }
        }
        // A local histogram shares what it holds when it is dropped; what was not
        // flushed was not committed.
        self.discard();
    }
}

fn add_parked(shared: &Metrics, index: usize, change: i64) {
    shared.parked_messages.with_label_values(&[shared.lots.name(index as u16)]).add(change);
}

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}
