//! What a run amounted to: every worker's report merged, and a plain word about what is missing.
//!
//! Merging is adding: in any order, in any grouping, the same summary comes out.

mod part;
mod slice;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::slice::halve;
pub use self::{
    part::Part,
    slice::{MAX_GAP_SECONDS, MAX_RESOLUTION_SECS, Slice, add_tick},
};
use crate::{
    gate::Clause,
    id::{Region, RunId, TestId},
    report::{Ending, Report, is_one_second, one_second},
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

fn list(workers: &[u32]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = workers.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if workers.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
