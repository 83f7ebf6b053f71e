//! What one thread saw in one second: plain counters and histograms, made once and used again and again.

use std::time::{Duration, Instant};

use dlt_model::{
    histogram::Histogram,
    report::{Iterations, Measurements},
};

use crate::{Fault, transport::Traffic};

/// Statuses have three digits.
const STATUSES: usize = 1_000;

/// One thread's second.
#[derive(Debug)]
pub struct Window {
    pub labels: Vec<Tally>,
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
            iterations: Iterations::default(),
            virtual_users: 0,
            loop_lag: Duration::ZERO,
            last_end: None,
        }
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.labels.iter_mut().filter(|tally| tally.succeeded + tally.failed > 0).for_each(Tally::clear);
        self.iterations = Iterations::default();
        self.virtual_users = 0;
        self.loop_lag = Duration::ZERO;
        self.last_end = None;
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.last_end.is_none() && self.virtual_users == 0 && self.iterations == Iterations::default()
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
