//! What can be seen of a run's workers at one moment.

use std::collections::BTreeMap;

use crate::ports::Phase;

/// What is known of each worker that left any trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// By the worker's index.
    pub workers: BTreeMap<u32, Traces>,
}

/// What one worker left behind so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// What its process or task is doing; `None` if the fleet does not know it.
    pub phase: Option<Phase>,
    /// It wrote that it is ready.
    pub ready: bool,
    /// It wrote its report.
    pub reported: bool,
}

impl Census {
    /// Whether a worker wrote that it is ready.
    pub fn is_ready(&self, worker: u32) -> bool {
        self.workers.get(&worker).is_some_and(|traces| traces.ready)
    }

    /// Whether a worker wrote its report.
    pub fn has_reported(&self, worker: u32) -> bool {
        self.workers.get(&worker).is_some_and(|traces| traces.reported)
    }

    /// What a worker's process or task is doing, if the fleet knows it.
    pub fn phase(&self, worker: u32) -> Option<&Phase> {
        self.workers.get(&worker).and_then(|traces| traces.phase.as_ref())
    }

    /// Workers whose process or task is there and has not ended.
    pub fn alive(&self) -> impl Iterator<Item = u32> + '_ {
        let lives = |traces: &Traces| matches!(traces.phase, Some(Phase::Pending | Phase::Running));
        self.workers.iter().filter(move |(_, traces)| lives(traces)).map(|(worker, _)| *worker)
    }
}
