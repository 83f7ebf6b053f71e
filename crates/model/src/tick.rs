//! One second of live data from one worker: one line of JSON on its standard output.

use serde::{Deserialize, Serialize};

use crate::{
    histogram::Histogram,
    id::{Region, RunId, TestId},
};

/// What tells a tick from any other line of a worker's output; log filters look for it.
pub const SCHEMA: &str = "dlt.tick.v1";

/// What one worker saw in one second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tick {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The scenario.
    pub test_id: TestId,
    /// The run.
    pub run_id: RunId,
    /// Where the worker runs.
    pub region: Region,
    /// Which worker.
    pub worker: u32,
    /// The end of the second, in milliseconds since 1970.
    pub at_ms: u64,
    /// Seconds since the common start; the first tick is 1.
    pub second: u64,
    /// Virtual users that are iterating.
    pub virtual_users: u64,
    /// Samples that ended in this second and met their expectation.
    pub succeeded: u64,
    /// Samples that ended in this second and did not.
    pub failed: u64,
    /// Mean latency of this second's samples in seconds, as AWS DLT's live data has it; 0 without samples.
    pub avg_rt: f64,
    /// 95th percentile of this worker's second, in milliseconds, for log filters; the merged one comes from `latency`.
    pub latency_ms_p95: f64,
    /// Bytes received and sent in this second.
    pub bytes_received: u64,
    /// Bytes sent in this second.
    pub bytes_sent: u64,
    /// This second's latencies, to be merged with the other workers'.
    pub latency: Histogram,
    /// What the generator says about itself.
    pub health: Health,
}

/// How the generator itself fares. Over named limits its measurements are not to be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The longest that the event loop was late in this second, in milliseconds.
    pub loop_lag_ms_max: f64,
    /// Processor time used in this second, in percent of what the worker may use.
    pub cpu_percent: f64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// Iterations that should have begun and could not.
    pub dropped_iterations: u64,
    /// Sockets of virtual users that are open.
    #[serde(default)]
    pub open_sockets: u64,
    /// By how much iterations with an instant of their own began after it, 99 of 100, in milliseconds; 0 without any.
    #[serde(default)]
    pub send_lateness_ms_p99: f64,
    /// The same of the latest of them.
    #[serde(default)]
    pub send_lateness_ms_max: f64,
    /// Ticks right before this one that nobody took in time and that were given up. The report has their seconds.
    #[serde(default)]
    pub lost_ticks: u64,
}
