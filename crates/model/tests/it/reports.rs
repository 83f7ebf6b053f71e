//! Reports of workers that never ran, for the tests that judge and merge.

use std::collections::BTreeMap;

use dlt_model::{
    buckets::Buckets,
    histogram::Histogram,
    id::{Region, RunId, TestId},
    report::{Ending, Iterations, Measurements, Report, Second},
    summary::Summary,
};

pub const STARTED_AT_MS: u64 = 1_700_000_000_000;

pub fn test_id() -> TestId {
    "checkout01".parse().unwrap()
}

pub fn run_id() -> RunId {
    "01HQ".parse().unwrap()
}

pub fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// One second: successes and failures with their latencies in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub succeeded: Vec<u64>,
    pub failed: Vec<u64>,
}

/// A worker that saw this under one label, second by second, and finished.
pub fn report(worker: u32, region_name: &str, label: &str, seconds: &[Seen]) -> Report {
    let mut all = Measurements::default();
    let seconds: Vec<Second> = seconds
        .iter()
        .map(|seen| {
            let mut second = Second { virtual_users: 1, succeeded: 0, failed: 0, latency: Buckets::default() };
            let mut latencies = Histogram::default();
            for latency in seen.succeeded.iter().chain(&seen.failed) {
                latencies.record(*latency);
                all.latency.record(*latency);
                all.waiting.record(latency / 2);
                all.bytes_received += 100;
            }
            second.latency = Buckets::from(&latencies);
            second.succeeded = seen.succeeded.len() as u64;
            second.failed = seen.failed.len() as u64;
            all.succeeded += second.succeeded;
            all.failed += second.failed;
            *all.outcomes.entry("200".to_owned()).or_default() += second.succeeded;
            *all.outcomes.entry("500".to_owned()).or_default() += second.failed;
            second
        })
        .collect();
    if all.samples() > 0 {
        all.connecting.record(1_000);
    }
    Report {
        test_id: test_id(),
        run_id: run_id(),
        region: region(region_name),
        worker,
        started_at_ms: STARTED_AT_MS,
        ended_at_ms: STARTED_AT_MS + seconds.len() as u64 * 1_000,
        ending: Ending::Finished,
        max_virtual_users: 1,
        iterations: Iterations { completed: all.samples(), interrupted: 0, dropped: 0 },
        labels: BTreeMap::from([(label.to_owned(), all)]),
        seconds,
        resolution_secs: 1,
        checks: BTreeMap::new(),
        metrics: BTreeMap::new(),
        transactions: BTreeMap::new(),
        exhausted_feeds: BTreeMap::new(),
        lateness: Histogram::default(),
        iteration_duration: Histogram::default(),
        degraded: Vec::new(),
    }
}

/// One second with so many successes and failures of 10 ms.
pub fn counts(succeeded: usize, failed: usize) -> Seen {
    Seen { succeeded: vec![10_000; succeeded], failed: vec![10_000; failed] }
}

/// A summary of a run with so many workers in `eu-west-1`, of which these reported.
pub fn summary(workers: u32, reports: &[Report]) -> Summary {
    let here = region("eu-west-1");
    let mut summary = Summary::new(&test_id(), &run_id(), (0..workers).map(|worker| (worker, &here)));
    reports.iter().for_each(|report| summary.add(report).unwrap());
    summary
}
