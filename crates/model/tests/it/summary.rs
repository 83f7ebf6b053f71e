//! Merging is adding: the order and the grouping of reports change nothing.

use dlt_model::{
    metric::Metric,
    program::MetricKind,
    report::{Ending, Report},
    summary::{Misplaced, Summary, add_tick},
};
use proptest::prelude::*;

use crate::reports::{Seen, counts, region, report, run_id, summary, test_id};

fn seen() -> impl Strategy<Value = Vec<Seen>> {
    let latencies = || prop::collection::vec(1..5_000_000_u64, 0..6);
    prop::collection::vec((latencies(), latencies()).prop_map(|(succeeded, failed)| Seen { succeeded, failed }), 0..4)
}

fn fleet() -> impl Strategy<Value = Vec<Report>> {
    let worker = (seen(), prop::sample::select(vec!["home", "buy"]), prop::bool::ANY, 0..3_u32);
    prop::collection::vec(worker, 1..5).prop_map(|workers| {
        let each = workers.into_iter().enumerate();
        each.map(|(index, (seconds, label, degraded, doublings))| {
            let mut report = report(u32::try_from(index).unwrap(), "eu-west-1", label, &seconds);
            report.resolution_secs = 1 << doublings;
            report.checks.entry(label.to_owned()).or_default().count(degraded);
            let mut metric = Metric::new(MetricKind::Trend);
            metric.record(f64::from(doublings), 1);
            report.metrics.insert("size".to_owned(), metric);
            report.transactions.clone_from(&report.labels);
            report.lateness.record(100);
            report.iteration_duration.record(200);
            if degraded {
                report.degraded.push("slow".to_owned());
            }
            report
        })
        .collect()
    })
}

fn merged(mut left: Summary, right: &Summary) -> Summary {
    left.merge(right).unwrap();
    left
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn reports_may_come_in_any_order(reports in fleet(), turn in 0..5_usize) {
        let workers = u32::try_from(reports.len()).unwrap();
        let mut turned = reports.clone();
        turned.rotate_left(turn % reports.len());
        prop_assert_eq!(summary(workers, &reports), summary(workers, &turned));
    }

    #[test]
    fn summaries_may_be_merged_in_any_grouping(reports in fleet(), at in 0..5_usize, to in 0..5_usize) {
        let workers = u32::try_from(reports.len()).unwrap();
        let (at, to) = (at % (reports.len() + 1), to % (reports.len() + 1));
        let (at, to) = (at.min(to), at.max(to));
        let [a, b, c] = [&reports[..at], &reports[at..to], &reports[to..]].map(|part| summary(workers, part));
        let whole = summary(workers, &reports);
        prop_assert_eq!(&merged(merged(a.clone(), &b), &c), &whole);
        prop_assert_eq!(&merged(a.clone(), &merged(b.clone(), &c)), &whole);
        prop_assert_eq!(&merged(c, &merged(b, &a)), &whole);
    }

    #[test]
    fn the_seconds_hold_every_sample_and_the_summary_survives_the_store(reports in fleet()) {
        let summary = summary(u32::try_from(reports.len()).unwrap(), &reports);
        prop_assert_eq!(summary.seconds.iter().map(|slice| slice.samples()).sum::<u64>(), summary.total.all.samples());
        prop_assert_eq!(summary.seconds.iter().map(|slice| slice.latency.count()).sum::<u64>(), summary.total.all.latency.count());
        let stored = serde_json::to_string(&summary).unwrap();
        prop_assert_eq!(serde_json::from_str::<Summary>(&stored).unwrap(), summary);
    }
}

#[test]
fn a_coarse_report_and_a_fine_one_are_told_at_the_coarser_resolution() {
    let fine = report(0, "eu-west-1", "home", &[counts(1, 0), counts(2, 0), counts(3, 1)]);
    let mut coarse = report(1, "eu-west-1", "home", &[counts(10, 0), counts(20, 0)]);
    coarse.resolution_secs = 2;
    let summary = summary(2, &[fine, coarse]);
    assert_eq!(summary.resolution_secs, 2);
    assert_eq!(summary.seconds.iter().map(|slice| slice.samples()).collect::<Vec<_>>(), [13, 24]);
    assert_eq!(summary.seconds.iter().map(|slice| slice.virtual_users).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(summary.total.transactions.len(), 0);
}

#[test]
fn a_report_that_comes_twice_counts_once() {
    let mine = report(0, "eu-west-1", "home", &[counts(3, 1)]);
    assert_eq!(summary(1, &[mine.clone(), mine.clone()]), summary(1, &[mine]));
}

#[test]
fn strangers_are_not_counted() {
    let mut summary = summary(1, &[]);
    assert_eq!(summary.add(&report(7, "eu-west-1", "home", &[])), Err(Misplaced::UnknownWorker(7)));
    let mut other = report(0, "eu-west-1", "home", &[counts(1, 0)]);
    other.run_id = "other".parse().unwrap();
    assert!(summary.add(&other).is_err());
    assert_eq!(summary.total.all.samples(), 0);
}

#[test]
fn regions_are_told_apart_and_add_up() {
    let (here, there) = (region("eu-west-1"), region("us-east-1"));
    let mut summary = Summary::new(&test_id(), &run_id(), [(0, &here), (1, &there)]);
    summary.add(&report(0, "eu-west-1", "home", &[counts(3, 1)])).unwrap();
    summary.add(&report(1, "us-east-1", "home", &[counts(5, 0), counts(1, 0)])).unwrap();
    assert_eq!(summary.regions[&here].all.samples(), 4);
    assert_eq!(summary.regions[&there].all.samples(), 6);
    assert_eq!(summary.total.all.samples(), 10);
    assert_eq!(summary.duration_ms(), 2_000);
    assert_eq!(summary.seconds[0].virtual_users, 2);
    assert!(!summary.is_partial());
}

#[test]
fn what_is_missing_is_said() {
    let mut stopped = report(0, "eu-west-1", "home", &[counts(1, 0)]);
    stopped.ending = Ending::Stopped;
    let mut late = report(1, "eu-west-1", "home", &[]);
    late.ending = Ending::NeverStarted;
    late.started_at_ms = 0;
    let summary = summary(15, &[stopped, late]);
    assert_eq!(summary.started_at_ms, crate::reports::STARTED_AT_MS);
    assert_eq!(summary.reported(), 2);
    assert_eq!(
        summary.partial_reasons(),
        [
            "13 of 15 workers left no report: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …",
            "1 of 15 workers never started: 1",
            "1 of 15 workers were stopped before the end: 0",
        ]
    );
}

#[test]
fn ticks_may_come_late_and_a_mad_one_costs_no_memory() {
    let tick = |second: u64, succeeded: u64| {
        serde_json::from_value(serde_json::json!({
            "schema": "dlt.tick.v1", "testId": "t", "runId": "r", "region": "eu-west-1", "worker": 0, "atMs": 0,
            "second": second, "virtualUsers": 1, "succeeded": succeeded, "failed": 0, "avgRt": 0.0, "latencyMsP95": 0.0,
            "bytesReceived": 0, "bytesSent": 0, "latency": serde_json::to_value(dlt_model::histogram::Histogram::default()).unwrap(),
            "health": {"loopLagMsMax": 0.0, "cpuPercent": 0.0, "memoryBytes": 0, "droppedIterations": 0},
        }))
        .unwrap()
    };
    let mut seconds = Vec::new();
    for (second, succeeded) in [(3, 1), (1, 2), (3, 4), (0, 9), (1_000_000, 9), (u64::MAX, 9)] {
        add_tick(&mut seconds, &tick(second, succeeded));
    }
    assert_eq!(seconds.iter().map(|slice| slice.succeeded).collect::<Vec<_>>(), [2, 0, 5]);
}
