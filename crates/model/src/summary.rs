//! What a run amounted to: every worker's report merged, and a plain word about what is missing.
//!
//! Merging is adding: in any order, in any grouping, the same summary comes out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    buckets::Buckets,
    gate::Clause,
    id::{Region, RunId, TestId},
    report::{Ending, Iterations, Measurements, Report, Second},
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
    /// Second by second from the common start, all workers together.
    pub seconds: Vec<Slice>,
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
        add_each(&mut self.seconds, &report.seconds, Slice::add);
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
        add_each(&mut self.seconds, &other.seconds, Slice::merge);
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
    }

    fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        for (label, measurements) in &other.labels {
            self.labels.entry(label.clone()).or_default().merge(measurements);
        }
        self.max_virtual_users += other.max_virtual_users;
        self.add_iterations(other.iterations);
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

    /// Adds one worker's second.
    pub fn add(&mut self, second: &Second) {
        self.merge(&Self {
            virtual_users: second.virtual_users,
            succeeded: second.succeeded,
            failed: second.failed,
            latency: second.latency.clone(),
        });
    }

    /// Adds the same second of other workers.
    pub fn merge(&mut self, other: &Self) {
        self.virtual_users += other.virtual_users;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.latency.merge(&other.latency);
    }
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

/// How many seconds of live data may be missing before the next: an hour.
pub const MAX_GAP_SECONDS: usize = 3_600;

fn add_each<T>(slices: &mut Vec<Slice>, more: &[T], add: impl Fn(&mut Slice, &T)) {
    if slices.len() < more.len() {
        slices.resize_with(more.len(), Slice::default);
    }
    slices.iter_mut().zip(more).for_each(|(slice, second)| add(slice, second));
}

fn list(workers: &[u32]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = workers.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if workers.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
