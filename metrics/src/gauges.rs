//! Gauges whose labels are bounded: every value is kept, and what is beyond the
//! bound is put together when the metrics are read.

use std::collections::BTreeMap;
use std::sync::Mutex;

use prometheus::GaugeVec;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::bounded::{BoundedSet, OTHER, lock};

/// How values that share their shown labels become one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Together {
    Sum,
    Max,
    Min,
    /// The smallest above zero; zero when there is none (zero is "unknown").
    WorstKnown,
}

impl Together {
    fn join(self, a: Decimal, b: Decimal) -> Decimal {
        match self {
            Self::Sum => a.saturating_add(b),
            Self::Max => a.max(b),
            Self::Min => a.min(b),
            Self::WorstKnown if a.is_zero() => b,
            Self::WorstKnown if b.is_zero() => a,
            Self::WorstKnown => a.min(b),
        }
    }
}

/// True values by full key: the labels, then what tells apart values of the same
/// labels (a partition), empty where nothing does.
#[derive(Debug)]
pub(crate) struct BoundedGauge {
    vec: GaugeVec,
    together: Together,
    values: Mutex<BTreeMap<(Vec<String>, String), Decimal>>,
}

impl BoundedGauge {
    pub(crate) fn new(vec: GaugeVec, together: Together) -> Self {
        Self { vec, together, values: Mutex::default() }
    }

    pub(crate) fn set(&self, labels: &[&str], part: &str, value: Decimal) {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        lock(&self.values).insert((labels, part.to_owned()), value);
    }

    /// Sets every value that is known to zero.
    pub(crate) fn zero(&self) {
        lock(&self.values).values_mut().for_each(|value| *value = Decimal::ZERO);
    }

    /// Drops one value.
    pub(crate) fn unset(&self, labels: &[&str], part: &str) {
        let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
        lock(&self.values).remove(&(labels, part.to_owned()));
    }

    /// Drops every value whose label at `position` has this text.
    pub(crate) fn forget_label(&self, position: usize, text: &str) {
        lock(&self.values).retain(|(labels, _), _| labels[position] != text);
    }

    /// Drops every value whose labels begin with these texts.
    pub(crate) fn forget_labels(&self, texts: &[&str]) {
        lock(&self.values).retain(|(labels, _), _| labels[..texts.len()] != *texts);
    }

    /// Whether a value has this text as its label at `position`.
    pub(crate) fn has_label(&self, position: usize, text: &str) -> bool {
        lock(&self.values).keys().any(|(labels, _)| labels[position] == text)
    }

    /// Drops every value of this part.
    pub(crate) fn forget_part(&self, part: &str) {
        lock(&self.values).retain(|(_, known), _| known != part);
    }

    /// Writes what is to be shown. `bounds` gives, for each label, the set that
    /// bounds it, if one does. Not for two threads at once: the series are
    /// cleared first.
    pub(crate) fn publish(&self, bounds: &[Option<&BoundedSet>]) {
        let mut shown: BTreeMap<Vec<&str>, Decimal> = BTreeMap::new();
        let values = lock(&self.values);
        for ((labels, _), &value) in values.iter() {
            let key = labels
                .iter()
                .zip(bounds)
                .map(|(label, bound)| match bound {
                    Some(set) if !set.contains(label) => OTHER,
                    _ => label.as_str(),
                })
                .collect();
            shown.entry(key).and_modify(|joined| *joined = self.together.join(*joined, value)).or_insert(value);
        }
        self.vec.reset();
        for (labels, value) in &shown {
            self.vec.with_label_values(labels).set(value.to_f64().unwrap_or(f64::NAN));
        }
    }
}
