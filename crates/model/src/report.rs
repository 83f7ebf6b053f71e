//! What one worker saw from beginning to end: counters and histograms, of a size that does not depend on time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    buckets::Buckets,
    histogram::{Histogram, PhaseHistogram},
    id::{Region, RunId, TestId},
    metric::{CheckCount, Metric},
};

/// One worker's part of the results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The scenario.
    pub test_id: TestId,
    /// The run.
    pub run_id: RunId,
    /// Where the worker ran.
    pub region: Region,
    /// Which worker.
    pub worker: u32,
    /// The common start, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// When the last sample ended, in milliseconds since 1970.
    pub ended_at_ms: u64,
    /// Why it ended.
    pub ending: Ending,
    /// The largest number of virtual users that were iterating at once.
    pub max_virtual_users: u64,
    /// Iterations that were completed, and those cut off at the end.
    pub iterations: Iterations,
    /// What was seen per label of the scenario.
    pub labels: BTreeMap<String, Measurements>,
    /// One entry per second of the run, for plots; from second 1. Of a long run, one entry per [`Report::resolution_secs`].
    pub seconds: Vec<Second>,
    /// How many seconds one entry of `seconds` stands for: a power of two.
    #[serde(default = "one_second", skip_serializing_if = "is_one_second")]
    pub resolution_secs: u32,
    /// How often each check held, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub checks: BTreeMap<String, CheckCount>,
    /// Metrics of the user's own, by name and tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, Metric>,
    /// Groups of steps that were timed together, by name. Their requests are counted under `labels`; these are no part of
    /// any total.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub transactions: BTreeMap<String, Measurements>,
    /// How many virtual users ended because a feed that does not repeat had no row for them, by the feed's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exhausted_feeds: BTreeMap<String, u64>,
    /// By how much iterations with an instant of their own began after it.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub lateness: Histogram,
    /// From the begin to the end of each completed iteration, without the pause after it.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub iteration_duration: Histogram,
    /// Why this generator's measurements may not be trusted; empty when they may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
}

/// Why a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// The profile was over.
    Finished,
    /// It was told to stop.
    Stopped,
    /// No start instant was given in time; nothing was sent.
    NeverStarted,
}

/// What became of the iterations that began, and how many could not begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Iterations {
    /// Ran to their last step.
    pub completed: u64,
    /// Were cut off at the end of the graceful stop.
    pub interrupted: u64,
    /// Should have begun and could not.
    pub dropped: u64,
}

/// Counters and latencies of one label, or of everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measurements {
    /// Samples that met their expectation.
    pub succeeded: u64,
    /// Samples that did not.
    pub failed: u64,
    /// Requests that were put on the wire: redirects and retries too, and not samples that got no connection.
    #[serde(default)]
    pub requests: u64,
    /// How many of them were sent again because a kept connection turned out to be closed; the target saw the first one
    /// or did not.
    #[serde(default)]
    pub retries: u64,
    /// How often each outcome was seen: a status (`"200"`) or a named error (`"connect refused"`).
    pub outcomes: BTreeMap<String, u64>,
    /// Bytes received, heads included.
    pub bytes_received: u64,
    /// Bytes sent, heads included.
    pub bytes_sent: u64,
    /// From the intended start of a request to the last byte of its response, every sample, failed ones too.
    pub latency: Histogram,
    /// From the actual start of a request to the last byte of its response: what the target did, without our own delay.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub service: Histogram,
    /// From the first byte sent to the first byte received.
    pub waiting: Histogram,
    /// Name resolution, connecting and TLS, of the samples that opened a connection.
    pub connecting: Histogram,
    /// Where the time went, of the samples that had the phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub phases: BTreeMap<Phase, PhaseHistogram>,
}

/// A part of a request's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Waiting for a connection.
    Blocked,
    /// Resolving the host's name.
    Dns,
    /// Opening the TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// From the first byte sent to the last.
    Sending,
    /// From the last byte sent to the first received.
    Waiting,
    /// From the first byte received to the last.
    Receiving,
}

impl Phase {
    /// Every phase, in the order in which they follow each other.
    pub const ALL: [Self; 7] =
        [Self::Blocked, Self::Dns, Self::Connect, Self::Tls, Self::Sending, Self::Waiting, Self::Receiving];
}

impl Measurements {
    /// Adds what another worker or label saw.
    pub fn merge(&mut self, other: &Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.requests += other.requests;
        self.retries += other.retries;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += count;
        }
        self.bytes_received += other.bytes_received;
        self.bytes_sent += other.bytes_sent;
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
        self.waiting.merge(&other.waiting);
        self.connecting.merge(&other.connecting);
        for (phase, histogram) in &other.phases {
            self.phases.entry(*phase).or_default().merge(histogram);
        }
    }

    /// All samples.
    pub fn samples(&self) -> u64 {
        self.succeeded + self.failed
    }
}

/// One second of one worker, small enough to keep for every second of a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Second {
    /// Virtual users that were iterating; of an entry for many seconds, those of its first.
    pub virtual_users: u64,
    /// Successes that ended in this second.
    pub succeeded: u64,
    /// Failures that ended in this second.
    pub failed: u64,
    /// Latencies of the samples that ended in this second, as the buckets of a [`Histogram`] that are not empty.
    pub latency: Buckets,
}

impl Second {
    /// The same, with what came after it; the users are those of the first.
    pub fn join(&mut self, next: &Self) {
        self.succeeded += next.succeeded;
        self.failed += next.failed;
        self.latency.merge(&next.latency);
    }
}

/// What a report without a resolution has.
pub(crate) fn one_second() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(crate) fn is_one_second(resolution_secs: &u32) -> bool {
    *resolution_secs == 1
}
