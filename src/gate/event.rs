//! What happens on the way to a verdict, in order.

use dlt_model::summary::Slice;

/// A step that a log should show.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// The run was accepted.
    Started {
        /// Its id.
        run_id: &'a str,
        /// What is run, and with how much load.
        what: String,
        /// How long the load is planned to take, in seconds.
        planned_secs: u64,
        /// Where it can be watched.
        link: &'a str,
    },
    /// It moved on.
    Status(&'a str),
    /// A second of the load is complete; known where live data arrives.
    Second {
        /// From 1.
        number: u64,
        /// Every second so far.
        seconds: &'a [Slice],
    },
    /// The load has been going on for so long; where live data does not arrive.
    Elapsed {
        /// Seconds since the common start.
        secs: u64,
    },
    /// Something worth a line.
    Note(String),
}
