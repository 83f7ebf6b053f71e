//! What one thread saw of one label or transaction: plain counters, and histograms that take memory when they are needed.

use std::time::Duration;

use dlt_model::{
    histogram::{Histogram, PhaseHistogram},
    report::{Measurements, Phase},
};

use super::ledger::Ledger;
use crate::{Fault, transport::Traffic};

/// The samples of one label.
#[derive(Debug, Default)]
pub struct Tally {
    succeeded: u64,
    failed: u64,
    requests: u64,
    retries: u64,
    bytes_received: u64,
    bytes_sent: u64,
    latency: Histogram,
    service: Histogram,
    waiting: Histogram,
    connecting: Histogram,
    phases: [PhaseHistogram; Phase::ALL.len()],
    /// The statuses that were seen; there are few of them, and the first is nearly always the one.
    statuses: Vec<(u16, u64)>,
    /// In the order of [`Fault::ALL`], as far as any was seen.
    faults: Vec<u64>,
}

/// One sample that has ended.
pub struct Seen<'a> {
    pub outcome: Result<u16, Fault>,
    pub succeeded: bool,
    /// From the intended start.
    pub latency: Duration,
    /// From the actual start.
    pub service: Duration,
    pub traffic: &'a Traffic,
}

impl Tally {
    /// Counts one sample.
    pub fn record(&mut self, seen: &Seen<'_>) {
        if seen.succeeded {
            self.succeeded += 1;
        } else {
            self.failed += 1;
        }
        match seen.outcome {
            Ok(status) => self.count_status(status),
            Err(fault) => self.count_fault(fault),
        }
        let traffic = seen.traffic;
        self.requests += traffic.requests;
        self.retries += traffic.retries;
        self.bytes_received += traffic.bytes_received;
        self.bytes_sent += traffic.bytes_sent;
        self.latency.record(microseconds(seen.latency));
        self.service.record(microseconds(seen.service));
        if let Some(waiting) = traffic.waiting {
            self.waiting.record(microseconds(waiting));
        }
        if let Some(connecting) = traffic.connecting {
            self.connecting.record(microseconds(connecting));
        }
        for (histogram, phase) in self.phases.iter_mut().zip(phases(traffic)) {
            if let Some(duration) = phase {
                histogram.record(microseconds(duration));
            }
        }
    }

    /// Counts bytes that belong to no sample.
    pub fn pass(&mut self, traffic: &Traffic) {
        self.bytes_received += traffic.bytes_received;
        self.bytes_sent += traffic.bytes_sent;
    }

    /// Counts one transaction, which has nothing but a duration.
    pub fn record_transaction(&mut self, duration: Duration, succeeded: bool, is_interrupted: bool) {
        if succeeded {
            self.succeeded += 1;
        } else {
            self.failed += 1;
        }
        if is_interrupted {
            self.count_fault(Fault::Interrupted);
        }
        self.latency.record(microseconds(duration));
    }

    /// Adds this to a whole.
    pub fn add_to(&self, whole: &mut Measurements) {
        whole.succeeded += self.succeeded;
        whole.failed += self.failed;
        whole.requests += self.requests;
        whole.retries += self.retries;
        whole.bytes_received += self.bytes_received;
        whole.bytes_sent += self.bytes_sent;
        whole.latency.merge(&self.latency);
        whole.service.merge(&self.service);
        whole.waiting.merge(&self.waiting);
        whole.connecting.merge(&self.connecting);
        for (phase, histogram) in
            Phase::ALL.into_iter().zip(&self.phases).filter(|(_, histogram)| !histogram.is_empty())
        {
            whole.phases.entry(phase).or_default().merge(histogram);
        }
        for (status, count) in &self.statuses {
            *whole.outcomes.entry(status.to_string()).or_default() += count;
        }
        for (fault, count) in Fault::ALL.into_iter().zip(&self.faults).filter(|(_, count)| **count > 0) {
            *whole.outcomes.entry(fault.name().to_owned()).or_default() += count;
        }
    }

    fn count_fault(&mut self, fault: Fault) {
        *Ledger::place(&mut self.faults, fault as usize) += 1;
    }

    fn count_status(&mut self, status: u16) {
        match self.statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, count)) => *count += 1,
            None => self.statuses.push((status, 1)),
        }
    }
}

/// In the order of [`Phase::ALL`].
fn phases(traffic: &Traffic) -> [Option<Duration>; Phase::ALL.len()] {
    let Traffic { blocked, dns, connect, tls, sending, waiting, receiving, .. } = *traffic;
    [blocked, dns, connect, tls, sending, waiting, receiving]
}

/// To the nearest microsecond, as the histograms count.
pub fn microseconds(duration: Duration) -> u64 {
    u64::try_from((duration.as_nanos() + 500) / 1_000).unwrap_or(u64::MAX)
}
