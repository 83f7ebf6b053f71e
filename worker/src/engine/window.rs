//! What one thread saw in one second: plain counters and two sets of counts, made once and used again and again.

use std::time::Duration;

use dlt_model::counts::LatencyCounts;

/// One thread's second.
#[derive(Debug, Default)]
pub struct Window {
    pub succeeded: u64,
    pub failed: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    /// Of all samples that ended, from their intended start.
    pub latency: LatencyCounts,
    /// Of all iterations that began and had an instant of their own.
    pub lateness: LatencyCounts,
    /// Iterations that found nobody free.
    pub dropped: u64,
    /// The most virtual users that were iterating at once.
    pub virtual_users: u64,
    /// The longest that the thread's event loop was late.
    pub loop_lag: Duration,
    /// How many sockets it had at the end.
    pub open_sockets: u64,
}

impl Window {
    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        let (mut latency, mut lateness) = (std::mem::take(&mut self.latency), std::mem::take(&mut self.lateness));
        latency.clear();
        lateness.clear();
        *self = Self { latency, lateness, ..Self::default() };
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.succeeded + self.failed + self.dropped + self.virtual_users == 0 && self.lateness.is_empty()
    }
}
