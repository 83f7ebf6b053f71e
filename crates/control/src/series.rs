//! Live data of a run, second by second, all workers together: for whoever comes late as well.

use std::collections::{BTreeMap, BTreeSet};

use dlt_model::{
    histogram::Histogram,
    id::RunId,
    summary::{Slice, Summary},
    tick::Tick,
};
use serde::{Deserialize, Serialize};

/// How many seconds are kept; the oldest go first. A day.
pub const MAX_SECONDS: usize = 86_400;
/// For how many seconds a late worker's tick is still merged; older ones only count.
const OPEN_SECONDS: u64 = 30;

/// One second of a run as plots show it. Sent again whenever another worker's tick of that second arrives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// The run.
    pub run_id: RunId,
    /// Seconds since the common start, from 1.
    pub second: u64,
    /// The end of the second by the workers' clocks, in milliseconds since 1970.
    pub at_ms: u64,
    /// How many workers are in it.
    pub workers: u32,
    /// Virtual users that were iterating.
    pub virtual_users: u64,
    /// Samples that met their expectation.
    pub succeeded: u64,
    /// Samples that did not.
    pub failed: u64,
    /// Median in milliseconds; `None` without samples, as the ones below.
    pub latency_ms_p50: Option<f64>,
    /// 95th percentile in milliseconds, of the merged samples of all workers.
    pub latency_ms_p95: Option<f64>,
    /// 99th percentile in milliseconds.
    pub latency_ms_p99: Option<f64>,
}

/// The seconds of the run that a scenario ran last.
#[derive(Debug, Default)]
pub struct Series {
    run: Option<RunId>,
    points: BTreeMap<u64, Point>,
    open: BTreeMap<u64, Open>,
}

#[derive(Debug, Default)]
struct Open {
    workers: BTreeSet<u32>,
    latency: Histogram,
}

impl Series {
    /// Adds a worker's second and answers what that second looks like now. A newer run's tick begins a new series; an
    /// older run's, a repeated one and one that comes far too late change nothing.
    pub fn add(&mut self, tick: &Tick) -> Option<Point> {
        match &self.run {
            Some(run) if tick.run_id < *run => return None,
            Some(run) if tick.run_id == *run => {}
            _ => *self = Self { run: Some(tick.run_id.clone()), ..Self::default() },
        }
        let newest = self.points.last_key_value().map_or(0, |(second, _)| *second);
        if tick.second + OPEN_SECONDS < newest {
            return None;
        }
        let open = self.open.entry(tick.second).or_default();
        if !open.workers.insert(tick.worker) {
            return None;
        }
        open.latency.merge(&tick.latency);
        let point = self.points.entry(tick.second).or_insert_with(|| empty(tick));
        point.grow(tick, &open.latency);
        let point = point.clone();
        self.forget(newest.max(tick.second));
        Some(point)
    }

    /// The run that the points are of.
    pub fn run(&self) -> Option<&RunId> {
        self.run.as_ref()
    }

    /// All seconds so far.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.points.values()
    }

    fn forget(&mut self, newest: u64) {
        self.open.retain(|second, _| second + OPEN_SECONDS >= newest);
        while self.points.len() > MAX_SECONDS {
            self.points.pop_first();
        }
    }
}

impl Point {
    /// The seconds of a run that is over, in the shape in which they were live.
    pub fn of_summary(summary: &Summary) -> Vec<Self> {
        let workers = u32::try_from(summary.reported()).unwrap_or(u32::MAX);
        let point = |(second, slice): (u64, &Slice)| {
            let percentile = |thousandths| slice.latency.percentile_us(thousandths).map(|us| us as f64 / 1_000.0);
            Self {
                run_id: summary.run_id.clone(),
                second,
                at_ms: summary.started_at_ms + second * 1_000,
                workers,
                virtual_users: slice.virtual_users,
                succeeded: slice.succeeded,
                failed: slice.failed,
                latency_ms_p50: percentile(50_000),
                latency_ms_p95: percentile(95_000),
                latency_ms_p99: percentile(99_000),
            }
        };
        // Of a long run, whose seconds were joined, a point is the end of each stretch.
        let each = u64::from(summary.resolution_secs);
        (1_u64..).map(|number| number * each).zip(&summary.seconds).map(point).collect()
    }

    fn grow(&mut self, tick: &Tick, latency: &Histogram) {
        self.at_ms = self.at_ms.max(tick.at_ms);
        self.workers += 1;
        self.virtual_users += tick.virtual_users;
        self.succeeded += tick.succeeded;
        self.failed += tick.failed;
        let percentile = |percent| latency.percentile_us(percent).map(|us| us as f64 / 1_000.0);
        (self.latency_ms_p50, self.latency_ms_p95, self.latency_ms_p99) =
            (percentile(50.0), percentile(95.0), percentile(99.0));
    }
}

fn empty(tick: &Tick) -> Point {
    Point {
        run_id: tick.run_id.clone(),
        second: tick.second,
        at_ms: tick.at_ms,
        workers: 0,
        virtual_users: 0,
        succeeded: 0,
        failed: 0,
        latency_ms_p50: None,
        latency_ms_p95: None,
        latency_ms_p99: None,
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::{
        id::Region,
        tick::{Health, SCHEMA},
    };

    use super::*;

    fn tick(run: &str, worker: u32, second: u64, latencies_us: &[u64]) -> Tick {
        let mut latency = Histogram::default();
        latencies_us.iter().for_each(|us| latency.record(*us));
        Tick {
            schema: SCHEMA.to_owned(),
            test_id: "test".parse().expect("an id"),
            run_id: run.parse().expect("an id"),
            region: Region::local(),
            worker,
            at_ms: second * 1_000,
            second,
            virtual_users: 5,
            succeeded: latencies_us.len() as u64,
            failed: 0,
            avg_rt: 0.0,
            latency_ms_p95: 0.0,
            bytes_received: 10,
            bytes_sent: 10,
            latency,
            health: Health::default(),
        }
    }

    #[test]
    fn a_second_is_the_sum_of_its_workers_and_its_percentile_is_of_all_samples() {
        let mut series = Series::default();
        series.add(&tick("r1", 0, 1, &[1_000; 95])).expect("a point");
        let point = series.add(&tick("r1", 1, 1, &[500_000; 5])).expect("a point");
        assert_eq!((point.workers, point.virtual_users, point.succeeded), (2, 10, 100));
        assert!((point.latency_ms_p95.expect("samples") - 1.0).abs() < 0.01);
        assert!((point.latency_ms_p99.expect("samples") - 500.0).abs() < 1.0);
    }

    #[test]
    fn a_tick_that_comes_twice_counts_once_and_one_of_an_older_run_not_at_all() {
        let mut series = Series::default();
        assert!(series.add(&tick("r2", 0, 1, &[1])).is_some());
        assert!(series.add(&tick("r2", 0, 1, &[1])).is_none());
        assert!(series.add(&tick("r1", 0, 1, &[1])).is_none());
        assert!(series.add(&tick("r3", 0, 1, &[1])).is_some());
        assert_eq!(series.points().count(), 1);
    }
}
