//! What was seen in one region, or in all of them: sums of what each worker saw.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    histogram::Histogram,
    metric::{CheckCount, Metric},
    report::{Iterations, Measurements, Report},
};

/// What was seen in one region, or in all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// All labels together.
    pub all: Measurements,
    /// Per label.
    pub labels: BTreeMap<String, Measurements>,
    /// The largest number of virtual users that iterated at once: the sum of the workers' own largest numbers.
    pub max_virtual_users: u64,
    /// What became of the iterations.
    pub iterations: Iterations,
    /// How often each check held, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<String, CheckCount>,
    /// Metrics of the user's own, by name and tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, Metric>,
    /// Groups of steps that were timed together, by name; no part of `all`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transactions: BTreeMap<String, Measurements>,
    /// How many virtual users ended because a feed had no row left for them, by the feed's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exhausted_feeds: BTreeMap<String, u64>,
    /// By how much iterations with an instant of their own began after it.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub lateness: Histogram,
    /// From the begin to the end of each completed iteration.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub iteration_duration: Histogram,
}

impl Part {
    pub(super) fn add(&mut self, report: &Report) {
        for (label, measurements) in &report.labels {
            self.all.merge(measurements);
            self.labels.entry(label.clone()).or_default().merge(measurements);
        }
        self.max_virtual_users += report.max_virtual_users;
        self.add_iterations(report.iterations);
        self.add_details(&report.checks, &report.metrics, &report.transactions);
        self.add_exhausted(&report.exhausted_feeds);
        self.lateness.merge(&report.lateness);
        self.iteration_duration.merge(&report.iteration_duration);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        for (label, measurements) in &other.labels {
            self.labels.entry(label.clone()).or_default().merge(measurements);
        }
        self.max_virtual_users += other.max_virtual_users;
        self.add_iterations(other.iterations);
        self.add_details(&other.checks, &other.metrics, &other.transactions);
        self.add_exhausted(&other.exhausted_feeds);
        self.lateness.merge(&other.lateness);
        self.iteration_duration.merge(&other.iteration_duration);
    }

    fn add_details(
        &mut self,
        checks: &BTreeMap<String, CheckCount>,
        metrics: &BTreeMap<String, Metric>,
        transactions: &BTreeMap<String, Measurements>,
    ) {
        for (name, count) in checks {
            self.checks.entry(name.clone()).or_default().merge(*count);
        }
        for (name, metric) in metrics {
            self.metrics.entry(name.clone()).or_insert_with(|| Metric::new(metric.kind)).merge(metric);
        }
        for (name, measurements) in transactions {
            self.transactions.entry(name.clone()).or_default().merge(measurements);
        }
    }

    fn add_exhausted(&mut self, feeds: &BTreeMap<String, u64>) {
        for (feed, users) in feeds {
            *self.exhausted_feeds.entry(feed.clone()).or_default() += users;
        }
    }

    fn add_iterations(&mut self, more: Iterations) {
        self.iterations.completed += more.completed;
        self.iterations.interrupted += more.interrupted;
        self.iterations.dropped += more.dropped;
    }
}
