//! What the worker says at the end, and every second until then.

use std::collections::BTreeMap;

use dlt_model::{
    assignment::Assignment,
    buckets::Buckets,
    histogram::Histogram,
    id::{Region, RunId, TestId},
    metric::{CheckCount, Metric},
    report::{Ending, Iterations, Measurements, Second},
    tick::{Health, SCHEMA, Tick},
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    Fault,
    clock::RunClock,
    engine::{SecondSum, Totals},
    facts::Facts,
    health::{Judge, Meter},
    seconds::Seconds,
    ticks::Ticks,
};

/// [`dlt_model::report::Report`] as it is written, field for field.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenReport {
    test_id: TestId,
    run_id: RunId,
    region: Region,
    worker: u32,
    started_at_ms: u64,
    ended_at_ms: u64,
    pub ending: Ending,
    max_virtual_users: u64,
    iterations: Iterations,
    labels: BTreeMap<String, Measurements>,
    seconds: Vec<Box<RawValue>>,
    resolution_secs: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    checks: BTreeMap<String, CheckCount>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metrics: BTreeMap<String, Metric>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    transactions: BTreeMap<String, Measurements>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    exhausted_feeds: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    lateness: Histogram,
    #[serde(skip_serializing_if = "Histogram::is_empty")]
    iteration_duration: Histogram,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    degraded: Vec<String>,
}

impl WrittenReport {
    /// The report of a worker that sent nothing.
    pub fn of_nothing(assignment: &Assignment, ending: Ending, at_ms: u64) -> Self {
        Self {
            test_id: assignment.test_id.clone(),
            run_id: assignment.run_id.clone(),
            region: assignment.region.clone(),
            worker: assignment.worker,
            started_at_ms: at_ms,
            ended_at_ms: at_ms,
            ending,
            max_virtual_users: 0,
            iterations: Iterations::default(),
            labels: BTreeMap::new(),
            seconds: Vec::new(),
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

    /// All samples of all labels.
    pub fn samples(&self) -> u64 {
        self.labels.values().map(Measurements::samples).sum()
    }
}

/// What things are counted under, in the order of their places.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub labels: Vec<String>,
    pub checks: Vec<String>,
    pub metrics: Vec<String>,
    pub transactions: Vec<String>,
    pub feeds: Vec<String>,
}

/// Every name with what was counted under it, if only nothing.
fn named<T>(names: &[String], counted: Vec<T>, nothing: impl Fn() -> T) -> BTreeMap<String, T> {
    let counted = counted.into_iter().chain(std::iter::repeat_with(nothing));
    names.iter().cloned().zip(counted).collect()
}

/// Follows a run second by second: live data out, seconds and health kept for the report.
pub struct Chronicle<'a> {
    assignment: &'a Assignment,
    clock: RunClock,
    facts: Facts,
    meter: Meter,
    judge: Judge,
    ticks: Ticks,
    seconds: Seconds,
}

impl<'a> Chronicle<'a> {
    /// A chronicle of a run that is about to start.
    pub fn new(assignment: &'a Assignment, clock: RunClock, facts: Facts, ticks: Ticks) -> Self {
        let meter = Meter::new(facts);
        Self { assignment, clock, facts, meter, judge: Judge::default(), ticks, seconds: Seconds::default() }
    }

    /// How many threads can run at once.
    pub fn cores(&self) -> usize {
        self.facts.cores
    }

    /// Takes the next second.
    pub fn observe(&mut self, sum: SecondSum) {
        let lateness_ms = |percent| sum.lateness.percentile_us(percent).unwrap_or_default() as f64 / 1_000.0;
        let health = Health {
            loop_lag_ms_max: sum.loop_lag.as_secs_f64() * 1_000.0,
            dropped_iterations: sum.dropped_iterations,
            send_lateness_ms_p99: lateness_ms(99.0),
            send_lateness_ms_max: lateness_ms(100.0),
            open_sockets: sum.open_sockets,
            // `lost_ticks` is known when the tick is handed over.
            ..self.meter.read()
        };
        self.judge.observe(&health, &self.facts);
        let mut tick = self.tick(sum, health);
        self.ticks.push(&mut tick);
        let second = Second {
            virtual_users: tick.virtual_users,
            succeeded: tick.succeeded,
            failed: tick.failed,
            latency: Buckets::from(&tick.latency),
        };
        self.seconds.push(second);
    }

    /// The report, and how many ticks nobody read.
    pub fn finish(self, totals: Totals, names: &Names, ending: Ending) -> (WrittenReport, u64) {
        let lost = self.ticks.finish();
        let out_of_sockets: u64 =
            totals.labels.iter().filter_map(|label| label.outcomes.get(Fault::OutOfSockets.name())).sum();
        let mut degraded = self.judge.reasons();
        if out_of_sockets > 0 {
            degraded.push(format!("{out_of_sockets} samples found no socket or local port left"));
        }
        let (seconds, resolution_secs) = self.seconds.finish();
        let nothing = WrittenReport::of_nothing(self.assignment, ending, self.clock.start_at_ms());
        let report = WrittenReport {
            ended_at_ms: totals.last_end.map_or(nothing.started_at_ms, |end| self.clock.epoch_ms_of(end)),
            max_virtual_users: totals.max_virtual_users,
            iterations: totals.iterations,
            labels: named(&names.labels, totals.labels, Measurements::default),
            checks: named(&names.checks, totals.checks, CheckCount::default),
            metrics: names
                .metrics
                .iter()
                .cloned()
                .zip(totals.metrics)
                .filter_map(|(name, metric)| Some((name, metric?)))
                .collect(),
            transactions: named(&names.transactions, totals.transactions, Measurements::default),
            exhausted_feeds: names
                .feeds
                .iter()
                .cloned()
                .zip(totals.exhausted)
                .filter(|(_, users)| *users > 0)
                .collect(),
            seconds,
            resolution_secs,
            lateness: totals.lateness,
            iteration_duration: totals.iteration_duration,
            degraded,
            ..nothing
        };
        (report, lost)
    }

    fn tick(&self, sum: SecondSum, health: Health) -> Tick {
        let Assignment { test_id, run_id, region, worker, .. } = self.assignment;
        Tick {
            schema: SCHEMA.to_owned(),
            test_id: test_id.clone(),
            run_id: run_id.clone(),
            region: region.clone(),
            worker: *worker,
            at_ms: self.clock.start_at_ms() + sum.second * 1_000,
            second: sum.second,
            virtual_users: sum.virtual_users,
            succeeded: sum.succeeded,
            failed: sum.failed,
            avg_rt: sum.latency.mean_us().unwrap_or_default() / 1_000_000.0,
            latency_ms_p95: sum.latency.percentile_us(95.0).unwrap_or_default() as f64 / 1_000.0,
            bytes_received: sum.bytes_received,
            bytes_sent: sum.bytes_sent,
            latency: sum.latency,
            health,
        }
    }
}
