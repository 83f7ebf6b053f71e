//! What a run amounted to: every worker's report merged, and a plain word about what is missing.
//!
//! Merging is adding: in any order, in any grouping, the same summary comes out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    buckets::Buckets,
    gate::Clause,
    histogram::Histogram,
    id::{Region, RunId, TestId},
    metric::{CheckCount, Metric},
    report::{Ending, Iterations, Measurements, Report, Second, is_one_second, one_second},
    tick::Tick,
};

/// All that a run's workers saw. Units are in the names; latencies are histograms of microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The scenario.
    pub test_id: TestId,
    /// The run.
    pub run_id: RunId,
    /// The common start in milliseconds since 1970; 0 while no report is in.
    pub started_at_ms: u64,
    /// When the last sample of any worker ended, in milliseconds since 1970.
    pub ended_at_ms: u64,
    /// Every worker that was meant to take part, by its number, and what became of it.
    pub workers: BTreeMap<u32, WorkerRecord>,
    /// Everything together.
    pub total: Part,
    /// The same per region.
    pub regions: BTreeMap<Region, Part>,
    /// Second by second from the common start, all workers together; of a long run, one for each
    /// [`Summary::resolution_secs`].
    pub seconds: Vec<Slice>,
    /// How many seconds one entry of `seconds` stands for: a power of two, the coarsest of any worker.
    #[serde(default = "one_second", skip_serializing_if = "is_one_second")]
    pub resolution_secs: u32,
    /// What the control plane knows to be missing besides, as sentences: why a worker was lost, who cancelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// The `abort` clause for which the run was stopped, if it was; [`crate::gate::judge`] takes it as broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aborted_by: Option<Clause>,
}

/// What became of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerRecord {
    /// Where it ran.
    pub region: Region,
    /// Why it ended; `None` while its report is missing.
    pub ending: Option<Ending>,
    /// Why its measurements may not be trusted; empty when they may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
}

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

/// One second of a run, all workers together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slice {
    /// Virtual users that were iterating.
    pub virtual_users: u64,
    /// Successes that ended in this second.
    pub succeeded: u64,
    /// Failures that ended in this second.
    pub failed: u64,
    /// Latencies of the samples that ended in this second.
    pub latency: Buckets,
}

/// A report that does not belong into a summary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// It is another run's.
    #[error("the report of worker {worker} is of run {run_id}, not of this one")]
    OtherRun {
        /// Whose report it is.
        worker: u32,
        /// The run it is of.
        run_id: RunId,
    },
    /// No worker of that number was meant to take part.
    #[error("worker {0} is not one of this run's")]
    UnknownWorker(u32),
}

impl Summary {
    /// Nothing yet of a run with these workers ([`crate::plan::LoadPlan::workers`]).
    pub fn new<'a>(test_id: &TestId, run_id: &RunId, workers: impl IntoIterator<Item = (u32, &'a Region)>) -> Self {
        let workers: BTreeMap<u32, WorkerRecord> = workers
            .into_iter()
            .map(|(worker, region)| {
                (worker, WorkerRecord { region: region.clone(), ending: None, degraded: Vec::new() })
            })
            .collect();
        let regions = workers.values().map(|record| (record.region.clone(), Part::default())).collect();
        Self {
            test_id: test_id.clone(),
            run_id: run_id.clone(),
            started_at_ms: 0,
            ended_at_ms: 0,
            workers,
            total: Part::default(),
            regions,
            seconds: Vec::new(),
            resolution_secs: one_second(),
            remarks: Vec::new(),
            aborted_by: None,
        }
    }

    /// Adds a worker's report. A second report of the same worker changes nothing.
    ///
    /// # Errors
    /// A report of another run, or of a worker that was not meant to take part.
    pub fn add(&mut self, report: &Report) -> Result<(), Misplaced> {
        if (&report.test_id, &report.run_id) != (&self.test_id, &self.run_id) {
            return Err(Misplaced::OtherRun { worker: report.worker, run_id: report.run_id.clone() });
        }
        let record = self.workers.get_mut(&report.worker).ok_or(Misplaced::UnknownWorker(report.worker))?;
        if record.ending.is_some() {
            return Ok(());
        }
        record.ending = Some(report.ending);
        record.degraded.clone_from(&report.degraded);
        let region = record.region.clone();
        if report.ending != Ending::NeverStarted {
            self.widen(report.started_at_ms, report.ended_at_ms);
        }
        self.total.add(report);
        self.regions.entry(region).or_default().add(report);
        self.add_seconds(report.resolution_secs, report.seconds.iter().map(Slice::from));
        Ok(())
    }

    /// Adds what another summary of the same run knows of other workers.
    ///
    /// # Errors
    /// A summary of another run. Summaries that share a worker's report cannot be told apart and must not be merged.
    pub fn merge(&mut self, other: &Self) -> Result<(), Misplaced> {
        if (&other.test_id, &other.run_id) != (&self.test_id, &self.run_id) {
            let worker = other.workers.keys().next().copied().unwrap_or_default();
            return Err(Misplaced::OtherRun { worker, run_id: other.run_id.clone() });
        }
        for (worker, theirs) in &other.workers {
            let ours = self.workers.entry(*worker).or_insert_with(|| theirs.clone());
            if ours.ending.is_none() {
                ours.clone_from(theirs);
            }
        }
        if other.started_at_ms > 0 {
            self.widen(other.started_at_ms, other.ended_at_ms);
        }
        self.total.merge(&other.total);
        for (region, part) in &other.regions {
            self.regions.entry(region.clone()).or_default().merge(part);
        }
        self.add_seconds(other.resolution_secs, other.seconds.iter().cloned());
        self.aborted_by = self.aborted_by.take().or_else(|| other.aborted_by.clone());
        self.remarks.extend(other.remarks.iter().cloned());
        self.remarks.sort();
        self.remarks.dedup();
        Ok(())
    }

    /// Notes why something is missing, as a sentence.
    pub fn remark(&mut self, sentence: impl Into<String>) {
        self.remarks.push(sentence.into());
        self.remarks.sort();
        self.remarks.dedup();
    }

    /// From the common start to the last sample, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.ended_at_ms.saturating_sub(self.started_at_ms)
    }

    /// The workers whose reports are in.
    pub fn reported(&self) -> usize {
        self.workers.values().filter(|record| record.ending.is_some()).count()
    }

    /// The workers whose reports are missing.
    pub fn missing(&self) -> impl Iterator<Item = u32> {
        self.workers.iter().filter(|(_, record)| record.ending.is_none()).map(|(worker, _)| *worker)
    }

    /// The workers that ended for this reason.
    pub fn ended(&self, ending: Ending) -> impl Iterator<Item = u32> {
        self.workers.iter().filter(move |(_, record)| record.ending == Some(ending)).map(|(worker, _)| *worker)
    }

    /// Whether some of the run is not in here: a missing report, a worker that never started or was stopped.
    pub fn is_partial(&self) -> bool {
        !self.partial_reasons().is_empty()
    }

    /// Why some of the run is not in here, as sentences; empty when all of it is.
    pub fn partial_reasons(&self) -> Vec<String> {
        let of = self.workers.len();
        let counted = |workers: Vec<u32>, what: &str| {
            (!workers.is_empty()).then(|| format!("{} of {of} workers {what}: {}", workers.len(), list(&workers)))
        };
        [
            counted(self.missing().collect(), "left no report"),
            counted(self.ended(Ending::NeverStarted).collect(), "never started"),
            counted(self.ended(Ending::Stopped).collect(), "were stopped before the end"),
        ]
        .into_iter()
        .flatten()
        .chain(self.remarks.iter().cloned())
        .collect()
    }

    /// Why the measurements may not be trusted, as sentences; empty when they may.
    pub fn degraded_reasons(&self) -> Vec<String> {
        self.workers
            .iter()
            .flat_map(|(worker, record)| record.degraded.iter().map(move |why| format!("worker {worker}: {why}")))
            .collect()
    }

    /// Joins every two slices, so that the summary needs less room; nothing but the resolution is lost. Answers whether there
    /// was anything to join.
    pub fn coarsen(&mut self) -> bool {
        let can = self.seconds.len() > 1 && self.resolution_secs < MAX_RESOLUTION_SECS;
        if can {
            halve(&mut self.seconds);
            self.resolution_secs *= 2;
        }
        can
    }

    /// Adds slices of so many seconds each, at the coarser of both resolutions.
    fn add_seconds(&mut self, resolution_secs: u32, more: impl ExactSizeIterator<Item = Slice>) {
        let resolution_secs = resolution_secs.clamp(1, MAX_RESOLUTION_SECS);
        while self.resolution_secs < resolution_secs {
            halve(&mut self.seconds);
            self.resolution_secs *= 2;
        }
        let ratio = usize::try_from(self.resolution_secs / resolution_secs).unwrap_or(usize::MAX).max(1);
        let length = more.len().div_ceil(ratio);
        if self.seconds.len() < length {
            self.seconds.resize_with(length, Slice::default);
        }
        for (index, slice) in more.enumerate() {
            let ours = &mut self.seconds[index / ratio];
            if index % ratio == 0 { ours.merge(&slice) } else { ours.join(&slice) }
        }
    }

    fn widen(&mut self, started_at_ms: u64, ended_at_ms: u64) {
        let earliest = if self.started_at_ms == 0 { started_at_ms } else { self.started_at_ms.min(started_at_ms) };
        self.started_at_ms = earliest;
        self.ended_at_ms = self.ended_at_ms.max(ended_at_ms);
    }
}

impl Part {
    fn add(&mut self, report: &Report) {
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

    fn merge(&mut self, other: &Self) {
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

impl Slice {
    /// All samples that ended in this second.
    pub fn samples(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// Adds the same second of other workers.
    pub fn merge(&mut self, other: &Self) {
        self.virtual_users += other.virtual_users;
        self.join(other);
    }

    /// Adds what came after it, to be one slice; the users are those of the first.
    fn join(&mut self, next: &Self) {
        self.succeeded += next.succeeded;
        self.failed += next.failed;
        self.latency.merge(&next.latency);
    }
}

impl From<&Second> for Slice {
    fn from(second: &Second) -> Self {
        Self {
            virtual_users: second.virtual_users,
            succeeded: second.succeeded,
            failed: second.failed,
            latency: second.latency.clone(),
        }
    }
}

/// Joins every two slices to one.
fn halve(slices: &mut Vec<Slice>) {
    let halves = slices.chunks(2).map(|pair| {
        let mut joined = pair[0].clone();
        pair[1..].iter().for_each(|next| joined.join(next));
        joined
    });
    *slices = halves.collect();
}

/// Adds a worker's tick as the second it is of, for a run that is still going on. Ticks may come in any order; one that is
/// more than [`MAX_GAP_SECONDS`] ahead of all others is not of this run and is left out.
pub fn add_tick(seconds: &mut Vec<Slice>, tick: &Tick) {
    let Some(index) = tick.second.checked_sub(1).and_then(|index| usize::try_from(index).ok()) else { return };
    if index > seconds.len() + MAX_GAP_SECONDS {
        return;
    }
    if seconds.len() <= index {
        seconds.resize_with(index + 1, Slice::default);
    }
    seconds[index].merge(&Slice {
        virtual_users: tick.virtual_users,
        succeeded: tick.succeeded,
        failed: tick.failed,
        latency: Buckets::from(&tick.latency),
    });
}

/// The most seconds that one entry of a summary can stand for: twelve days.
pub const MAX_RESOLUTION_SECS: u32 = 1 << 20;

/// How many seconds of live data may be missing before the next: an hour.
pub const MAX_GAP_SECONDS: usize = 3_600;

fn list(workers: &[u32]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = workers.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if workers.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
