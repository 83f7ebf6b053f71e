//! What one worker is told to do: everything it needs, decided beforehand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    id::{Region, RunId, TestId},
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
    /// When the virtual users of the whole group start and how long they go on.
    pub profile: Profile,
    /// What each virtual user does in each iteration, in order.
    pub steps: Vec<Request>,
    /// How long iterations may go on after the end or a stop, before they are cut off.
    pub graceful_stop_ms: u64,
    /// How long to wait for [`Start`] before giving up.
    pub start_deadline_ms: u64,
}

/// How many virtual users there are at which time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Profile {
    /// Virtual users that iterate without pause: linearly from none to all, then all of them for a while.
    #[serde(rename_all = "camelCase")]
    ConstantVus {
        /// All virtual users of the group; a worker starts its segment's share of them.
        virtual_users: u64,
        /// How long the first part takes; users start one after the other, evenly.
        ramp_up_ms: u64,
        /// How long all of them go on.
        hold_for_ms: u64,
    },
}

impl Profile {
    /// From the start instant to the instant at which no iteration begins any more.
    pub fn duration_ms(&self) -> u64 {
        match self {
            Self::ConstantVus { ramp_up_ms, hold_for_ms, .. } => ramp_up_ms + hold_for_ms,
        }
    }
}

/// One HTTP request of an iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Under which name its samples are counted.
    pub label: String,
    /// `GET`, `POST`, ….
    pub method: String,
    /// An absolute `http` or `https` URL.
    pub url: String,
    /// Header names and values in the order they are sent. `Host` and `Content-Length` are added when absent.
    pub headers: Vec<(String, String)>,
    /// The body; empty means none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// From the first byte sent to the last byte received, and separately for connecting.
    pub timeout_ms: u64,
    /// What must be true of the response for the sample to count as a success.
    pub expect: Expect,
    /// How long the virtual user pauses afterwards.
    #[serde(default)]
    pub think_time_ms: u64,
}

/// What a response must be for its sample to be a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expect {
    /// Any status from 200 to 399, as k6 and JMeter have it.
    Success,
    /// One of these statuses.
    Status(Vec<u16>),
}

impl Expect {
    /// Whether a response with this status is a success.
    pub fn accepts(&self, status: u16) -> bool {
        match self {
            Self::Success => (200..400).contains(&status),
            Self::Status(statuses) => statuses.contains(&status),
        }
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
