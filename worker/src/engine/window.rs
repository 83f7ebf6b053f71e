//! What one thread saw in one second: plain counters and histograms, made once and used again and again.

use std::time::{Duration, Instant};

use dlt_model::{
    histogram::Histogram,
    metric::{CheckCount, Metric},
    program::MetricKind,
    report::{Iterations, Measurements},
};

use crate::{Fault, transport::Traffic};

/// Statuses have three digits.
const STATUSES: usize = 1_000;

/// One thread's second.
#[derive(Debug)]
pub struct Window {
    /// As many as were needed so far: labels may be made while the run goes on, up to their bound.
    pub labels: Vec<Tally>,
    pub checks: Vec<CheckCount>,
    pub metrics: Vec<Option<Metric>>,
    pub transactions: Vec<Times>,
    /// How many users found no row, by feed.
    pub exhausted: Vec<u64>,
    pub iterations: Iterations,
    /// The most virtual users that were iterating at once.
    pub virtual_users: u64,
    /// The longest that the thread's event loop was late.
    pub loop_lag: Duration,
    /// When the last sample ended.
    pub last_end: Option<Instant>,
}

/// One label's samples.
#[derive(Debug)]
pub struct Tally {
    pub succeeded: u64,
    pub failed: u64,
    pub requests: u64,
    pub retries: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub latency: Histogram,
    waiting: Histogram,
    connecting: Histogram,
    statuses: Vec<u64>,
    faults: [u64; Fault::ALL.len()],
}

impl Window {
    /// An empty window for so many labels.
    pub fn new(labels: usize) -> Self {
        Self {
            labels: (0..labels).map(|_| Tally::new()).collect(),
            checks: Vec::new(),
            metrics: Vec::new(),
            transactions: Vec::new(),
            exhausted: Vec::new(),
            iterations: Iterations::default(),
            virtual_users: 0,
            loop_lag: Duration::ZERO,
            last_end: None,
        }
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.labels.iter_mut().filter(|tally| tally.succeeded + tally.failed > 0).for_each(Tally::clear);
        self.checks.fill(CheckCount::default());
        self.metrics.iter_mut().flatten().for_each(Metric::clear);
        self.transactions.iter_mut().for_each(Times::clear);
        self.exhausted.fill(0);
        self.iterations = Iterations::default();
        self.virtual_users = 0;
        self.loop_lag = Duration::ZERO;
        self.last_end = None;
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.last_end.is_none()
            && self.virtual_users == 0
            && self.iterations == Iterations::default()
            && self.exhausted.iter().all(|users| *users == 0)
    }

    /// The label with this number.
    pub fn label(&mut self, index: usize) -> &mut Tally {
        at(&mut self.labels, index, Tally::new)
    }

    /// The check with this number.
    pub fn check(&mut self, index: usize) -> &mut CheckCount {
        at(&mut self.checks, index, CheckCount::default)
    }

    /// The metric with this number, which is of this kind.
    pub fn metric(&mut self, index: usize, kind: MetricKind) -> &mut Metric {
        at(&mut self.metrics, index, || None).get_or_insert_with(|| Metric::new(kind))
    }

    /// The transaction with this number.
    pub fn transaction(&mut self, index: usize) -> &mut Times {
        at(&mut self.transactions, index, Times::default)
    }

    /// The users that found no row in the feed with this number.
    pub fn exhausted(&mut self, index: usize) -> &mut u64 {
        at(&mut self.exhausted, index, u64::default)
    }
}

/// The entry with this number; it and those before it are made when they are needed first.
pub fn at<T>(entries: &mut Vec<T>, index: usize, new: impl FnMut() -> T) -> &mut T {
    if index >= entries.len() {
        entries.resize_with(index + 1, new);
    }
    &mut entries[index]
}

/// How often a transaction was done, and how long it took.
#[derive(Debug, Default)]
pub struct Times {
    succeeded: u64,
    failed: u64,
    interrupted: u64,
    /// Made with the first.
    latency: Option<Box<Histogram>>,
}

impl Times {
    fn clear(&mut self) {
        (self.succeeded, self.failed, self.interrupted) = (0, 0, 0);
        if let Some(latency) = &mut self.latency {
            latency.clear();
        }
    }

    /// Counts one; without a result it was interrupted.
    pub fn record(&mut self, succeeded: Option<bool>, took: Duration) {
        match succeeded {
            Some(true) => self.succeeded += 1,
            Some(false) => self.failed += 1,
            None => self.interrupted += 1,
        }
        self.latency.get_or_insert_default().record(microseconds(took));
    }

    /// Adds this second to a whole.
    pub fn add_to(&self, whole: &mut Measurements) {
        whole.succeeded += self.succeeded;
        whole.failed += self.failed + self.interrupted;
        let outcomes = [("succeeded", self.succeeded), ("failed", self.failed), ("interrupted", self.interrupted)];
        for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
            *whole.outcomes.entry(outcome.to_owned()).or_default() += count;
        }
        if let Some(latency) = &self.latency {
            whole.latency.merge(latency);
        }
    }
}

impl Tally {
    fn new() -> Self {
        Self {
            succeeded: 0,
            failed: 0,
            requests: 0,
            retries: 0,
            bytes_received: 0,
            bytes_sent: 0,
            latency: Histogram::default(),
            waiting: Histogram::default(),
            connecting: Histogram::default(),
            statuses: vec![0; STATUSES],
            faults: [0; Fault::ALL.len()],
        }
    }

    fn clear(&mut self) {
        (self.succeeded, self.failed, self.requests, self.retries) = (0, 0, 0, 0);
        (self.bytes_received, self.bytes_sent) = (0, 0);
        self.latency.clear();
        self.waiting.clear();
        self.connecting.clear();
        self.statuses.fill(0);
        self.faults.fill(0);
    }

    /// Counts one sample.
    pub fn record(&mut self, outcome: Result<u16, Fault>, succeeded: bool, latency: Duration, traffic: &Traffic) {
        if succeeded {
            self.succeeded += 1;
        } else {
            self.failed += 1;
        }
        match outcome {
            Ok(status) => self.statuses[usize::from(status).min(STATUSES - 1)] += 1,
            Err(fault) => self.faults[fault as usize] += 1,
        }
        self.requests += traffic.requests;
        self.retries += traffic.retries;
        self.bytes_received += traffic.bytes_received;
        self.bytes_sent += traffic.bytes_sent;
        self.latency.record(microseconds(latency));
        if let Some(waiting) = traffic.waiting {
            self.waiting.record(microseconds(waiting));
        }
        if let Some(connecting) = traffic.connecting {
            self.connecting.record(microseconds(connecting));
        }
    }

    /// Adds this second to a whole.
    pub fn add_to(&self, whole: &mut Measurements) {
        if self.succeeded + self.failed == 0 {
            return;
        }
        whole.succeeded += self.succeeded;
        whole.failed += self.failed;
        whole.requests += self.requests;
        whole.retries += self.retries;
        whole.bytes_received += self.bytes_received;
        whole.bytes_sent += self.bytes_sent;
        whole.latency.merge(&self.latency);
        whole.waiting.merge(&self.waiting);
        whole.connecting.merge(&self.connecting);
        for (status, count) in self.statuses.iter().enumerate().filter(|(_, count)| **count > 0) {
            *whole.outcomes.entry(status.to_string()).or_default() += count;
        }
        for fault in Fault::ALL.into_iter().filter(|fault| self.faults[*fault as usize] > 0) {
            *whole.outcomes.entry(fault.name().to_owned()).or_default() += self.faults[fault as usize];
        }
    }
}

/// To the nearest microsecond, as the histograms count.
fn microseconds(duration: Duration) -> u64 {
    u64::try_from((duration.as_nanos() + 500) / 1_000).unwrap_or(u64::MAX)
}
