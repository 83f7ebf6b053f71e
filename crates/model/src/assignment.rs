//! What one worker is told to do: everything it needs, decided beforehand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    id::{Region, RunId, TestId},
    load::Execution,
    program::Program,
    segment::Segment,
};

/// One worker's part of a run. The control plane writes it, the worker reads it and decides nothing.
///
/// A worker is given the URL of its run's folder and finds there:
///
/// | key | written by | holds |
/// |---|---|---|
/// | `assignments/<index>.json` | control plane | this |
/// | `ready/<index>.json` | worker | [`Ready`]: it has read its assignment and waits |
/// | `start.json` | control plane | [`Start`]: the instant at which all begin |
/// | `reports/<index>.json` | worker | [`crate::report::Report`], once, at its end |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The scenario.
    pub test_id: TestId,
    /// The run.
    pub run_id: RunId,
    /// Where this worker runs.
    pub region: Region,
    /// Which of the run's workers this is, over all regions.
    pub worker: u32,
    /// Its share of the load of its group (AWS DLT gives a number of users per task, so a region is a group).
    pub segment: Segment,
    /// How much of which flow is run at which time, counted over the whole group.
    pub load: Vec<Execution>,
    /// What virtual users do.
    pub program: Program,
    /// How long to wait for [`Start`] before giving up.
    pub start_deadline_ms: u64,
}

impl Assignment {
    /// From the common start to the instant at which no iteration begins any more.
    pub fn duration_ms(&self) -> u64 {
        self.load.iter().map(Execution::end_ms).max().unwrap_or(0)
    }

    /// How long iterations may go on after a stop, at most.
    pub fn graceful_stop_ms(&self) -> u64 {
        self.load.iter().map(|execution| execution.graceful_stop_ms).max().unwrap_or(0)
    }
}

/// A worker's word that it is ready to begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// Which worker.
    pub worker: u32,
    /// Its clock when it wrote this, in milliseconds since 1970.
    pub at_ms: u64,
    /// What the worker says of itself, for the run's log: version, cores, memory limit.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
}

/// The instant at which all workers begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Milliseconds since 1970.
    pub start_at_ms: u64,
}

/// Where the parts of a run lie, below the folder of all runs.
pub mod keys {
    use crate::id::{RunId, TestId};

    /// The folder of a run; the URL that a worker is given ends with it.
    pub fn run(test: &TestId, run: &RunId) -> String {
        format!("runs/{test}/{run}")
    }

    /// A worker's assignment, below the run's folder.
    pub fn assignment(worker: u32) -> String {
        format!("assignments/{worker}.json")
    }

    /// A worker's word that it is ready, below the run's folder.
    pub fn ready(worker: u32) -> String {
        format!("ready/{worker}.json")
    }

    /// The common start instant, below the run's folder.
    pub const START: &str = "start.json";

    /// A worker's report, below the run's folder.
    pub fn report(worker: u32) -> String {
        format!("reports/{worker}.json")
    }

    /// The merged results of the run, below the run's folder.
    pub const SUMMARY: &str = "summary.json";
}
