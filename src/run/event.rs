//! What happens in a run, in order: said by whoever follows it, here or on an environment, and shown by the screen.

use dlt_model::{gate::ClauseVerdict, plan::LoadPlan, summary::Slice};

use super::{proposal::Proposal, stop::Stop};

/// A step that somebody may want to see.
#[derive(Debug)]
pub enum Event<'a> {
    /// It will be started on an environment.
    Proposed(&'a Proposal),
    /// It was accepted.
    Accepted(Accepted<'a>),
    /// The control plane moved it on.
    Status(&'a str),
    /// A second is complete: every worker's part of it is in, or a later second has begun.
    Second {
        /// From 1.
        number: u64,
        /// Every second so far; this one is the last.
        seconds: &'a [Slice],
    },
    /// The load has been going on for so long; said where nothing is heard of it.
    Elapsed {
        /// Seconds since the common start.
        secs: u64,
    },
    /// An `abort` clause is broken, and the run is stopped.
    Aborted(&'a ClauseVerdict),
    /// It is ended before its time.
    Stopping(Stop),
    /// Something worth a line.
    Note(String),
}

/// A run that was accepted.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    /// The scenario's id.
    pub test_id: &'a str,
    /// The run's id.
    pub run_id: &'a str,
    /// What it was planned to be.
    pub plan: &'a LoadPlan,
    /// Where it can be watched.
    pub page: &'a str,
    /// What to type to see or to end it, where it goes on without us.
    pub commands: Option<&'a Commands>,
}

/// What to type about a run that goes on without us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commands {
    /// Shows it to its end.
    pub watch: String,
    /// Asks for its end.
    pub stop: String,
    /// Judges it when it is over.
    pub judge: String,
}
