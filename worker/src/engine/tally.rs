//! What one thread saw of one label or transaction: plain counters, and counts of latencies that take memory when they are needed.

use std::time::Duration;

use dlt_model::{
    counts::{LatencyCounts, PhaseCounts},
    histogram::Histogram,
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
    /// Latencies of samples that did not begin when they were meant to, and of transactions.
    latency: LatencyCounts,
    /// Their service times.
    service: LatencyCounts,
    /// Both of all others, for which they are the same.
    punctual: LatencyCounts,
    waiting: LatencyCounts,
    connecting: LatencyCounts,
    /// In the order of [`Phase::ALL`]; that of waiting is made of `waiting` at the end.
    phases: [PhaseCounts; Phase::ALL.len()],
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
        if seen.latency == seen.service {
            self.punctual.record(microseconds(seen.latency));
        } else {
            self.latency.record(microseconds(seen.latency));
            self.service.record(microseconds(seen.service));
        }
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
        for (whole, own) in [(&mut whole.latency, &self.latency), (&mut whole.service, &self.service)] {
            whole.add(own);
            whole.add(&self.punctual);
        }
        let waiting = Histogram::from(&self.waiting);
        whole.waiting.merge(&waiting);
        whole.connecting.add(&self.connecting);
        for (phase, histogram) in
            Phase::ALL.into_iter().zip(&self.phases).filter(|(_, histogram)| !histogram.is_empty())
        {
            whole.phases.entry(phase).or_default().add(histogram);
        }
        if !waiting.is_empty() {
            whole.phases.entry(Phase::Waiting).or_default().merge_finer(&waiting);
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

/// In the order of [`Phase::ALL`], without waiting, which is counted once and more finely.
fn phases(traffic: &Traffic) -> [Option<Duration>; Phase::ALL.len()] {
    let Traffic { blocked, dns, connect, tls, sending, receiving, .. } = *traffic;
    [blocked, dns, connect, tls, sending, None, receiving]
}

/// To the nearest microsecond, as the histograms count. Without the division of 128 bits that `as_nanos` would need.
pub fn microseconds(duration: Duration) -> u64 {
    let below = u64::from((duration.subsec_nanos() + 500) / 1_000);
    duration.as_secs().saturating_mul(1_000_000).saturating_add(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Instant;

    #[test]
    fn what_is_recorded_once_is_reported_wherever_it_belongs() {
        let mut tally = Tally::default();
        let ms = Duration::from_millis;
        let traffic = Traffic { waiting: Some(ms(3)), last_byte_at: Some(Instant::now()), ..Traffic::default() };
        for (latency, service) in [(5, 5), (90, 5)] {
            let (latency, service) = (ms(latency), ms(service));
            tally.record(&Seen { outcome: Ok(200), succeeded: true, latency, service, traffic: &traffic });
        }
        let mut whole = Measurements::default();
        tally.add_to(&mut whole);
        assert_eq!((whole.latency.count(), whole.service.count(), whole.waiting.count()), (2, 2, 2));
        assert_eq!(
            (whole.latency.min_us(), whole.service.max_us()),
            (whole.service.min_us(), whole.latency.min_us().map(|_| 5_003))
        );
        assert_eq!(whole.phases.keys().copied().collect::<Vec<_>>(), [Phase::Waiting]);
        assert_eq!(whole.phases[&Phase::Waiting].count(), 2);
    }

    #[test]
    fn microseconds_are_rounded_to_the_nearest() {
        for (nanoseconds, expected) in
            [(0, 0), (499, 0), (500, 1), (1_499, 1), (999_999_499, 999_999), (999_999_500, 1_000_000)]
        {
            assert_eq!(microseconds(Duration::from_nanos(nanoseconds)), expected, "{nanoseconds} ns");
        }
        assert_eq!(microseconds(Duration::new(7, 1_000)), 7_000_001);
        assert_eq!(microseconds(Duration::MAX), u64::MAX);
    }
}
