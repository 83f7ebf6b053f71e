//! What one thread saw from beginning to end. It grows with the number of names, which is bounded, and not with time.

use dlt_model::{
    counts::LatencyCounts,
    histogram::Histogram,
    metric::{CheckCount, Metric},
    program::MetricKind,
    report::{Iterations, Measurements},
};

use super::tally::Tally;
use crate::clock::Instant;

/// One thread's counts, each in the place of its name.
#[derive(Debug, Default)]
pub struct Ledger {
    pub labels: Vec<Tally>,
    pub transactions: Vec<Tally>,
    pub checks: Vec<CheckCount>,
    pub metrics: Vec<Option<Metric>>,
    /// How often a feed had no row left for a user.
    pub exhausted: Vec<u64>,
    pub iterations: Iterations,
    pub lateness: LatencyCounts,
    pub iteration_duration: LatencyCounts,
    /// When the last sample ended.
    pub last_end: Option<Instant>,
}

/// What all threads saw, in the same places.
#[derive(Debug, Default)]
pub struct Totals {
    pub labels: Vec<Measurements>,
    pub transactions: Vec<Measurements>,
    pub checks: Vec<CheckCount>,
    pub metrics: Vec<Option<Metric>>,
    pub exhausted: Vec<u64>,
    pub iterations: Iterations,
    pub lateness: Histogram,
    pub iteration_duration: Histogram,
    pub max_virtual_users: u64,
    pub last_end: Option<Instant>,
}

impl Ledger {
    /// The place of this number, which is made when it is first used.
    pub fn place<T: Default>(places: &mut Vec<T>, index: usize) -> &mut T {
        if places.len() <= index {
            places.resize_with(index + 1, T::default);
        }
        &mut places[index]
    }

    /// The metric in this place.
    pub fn metric(&mut self, index: usize, kind: MetricKind) -> &mut Metric {
        Self::place(&mut self.metrics, index).get_or_insert_with(|| Metric::new(kind))
    }
}

impl Totals {
    /// Adds what one thread saw.
    pub fn add(&mut self, ledger: &Ledger) {
        let both = [(&ledger.labels, &mut self.labels), (&ledger.transactions, &mut self.transactions)];
        for (tallies, wholes) in both {
            for (index, tally) in tallies.iter().enumerate() {
                tally.add_to(Ledger::place(wholes, index));
            }
        }
        for (index, count) in ledger.checks.iter().enumerate() {
            Ledger::place(&mut self.checks, index).merge(*count);
        }
        for (index, metric) in ledger.metrics.iter().enumerate() {
            if let Some(metric) = metric {
                let whole = Ledger::place(&mut self.metrics, index);
                whole.get_or_insert_with(|| Metric::new(metric.kind)).merge(metric);
            }
        }
        for (index, count) in ledger.exhausted.iter().enumerate() {
            *Ledger::place(&mut self.exhausted, index) += count;
        }
        self.iterations.completed += ledger.iterations.completed;
        self.iterations.interrupted += ledger.iterations.interrupted;
        self.iterations.dropped += ledger.iterations.dropped;
        self.lateness.add(&ledger.lateness);
        self.iteration_duration.add(&ledger.iteration_duration);
        self.last_end = self.last_end.max(ledger.last_end);
    }
}
