//! A run second by second, or in coarser slices when it is long.

use serde::{Deserialize, Serialize};

use crate::{buckets::Buckets, report::Second, tick::Tick};

/// The most seconds that one entry of a summary can stand for: twelve days.
pub const MAX_RESOLUTION_SECS: u32 = 1 << 20;

/// How many seconds of live data may be missing before the next: an hour.
pub const MAX_GAP_SECONDS: usize = 3_600;

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

impl Slice {
    /// All samples that ended in this second.
    pub fn samples(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// Adds the same second of other workers.
    pub fn merge(&mut self, other: &Self) {
        self.virtual_users += other.virtual_users;
        self.join(other);
    }

    /// Adds what came after it, to be one slice; the users are those of the first.
    pub(super) fn join(&mut self, next: &Self) {
        self.succeeded += next.succeeded;
        self.failed += next.failed;
        self.latency.merge(&next.latency);
    }
}

impl From<&Second> for Slice {
    fn from(second: &Second) -> Self {
        Self {
            virtual_users: second.virtual_users,
            succeeded: second.succeeded,
            failed: second.failed,
            latency: second.latency.clone(),
        }
    }
}

/// Joins every two slices to one.
pub(super) fn halve(slices: &mut Vec<Slice>) {
    let halves = slices.chunks(2).map(|pair| {
        let mut joined = pair[0].clone();
        pair[1..].iter().for_each(|next| joined.join(next));
        joined
    });
    *slices = halves.collect();
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
