//! What a planned test needs of each region: workers, processors, addresses, messages.

use dlt_model::forecast::MANY_USERS;
use serde::Serialize;

/// ECS units of one virtual CPU.
const UNITS_PER_VCPU: f64 = 1_024.0;
/// How long the function that publishes a worker's second runs, at worst.
const PUBLISHING_SECS: f64 = 0.2;
/// What else runs at the same time: the API for a few viewers, and the machine that advances the run.
const OTHER_FUNCTIONS: f64 = 10.0;

/// A test that somebody has in mind, shared evenly by the environment's regions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Planned {
    /// Virtual users in all.
    pub users: u64,
    /// Workers in all.
    pub workers: u64,
    /// Workers of the region that has the most.
    pub workers_per_region: u64,
    /// Processors of one worker.
    pub vcpus_per_worker: f64,
}

impl Planned {
    /// So many users, on so many workers; without a number as many as keep each below [`MANY_USERS`], and one for each
    /// region at least.
    pub fn of(users: u64, workers: Option<u64>, cpu_units: u32, regions: usize) -> Self {
        let regions = u64::try_from(regions).unwrap_or(1).max(1);
        let workers = workers.unwrap_or_else(|| users.div_ceil(MANY_USERS).max(regions));
        let vcpus_per_worker = f64::from(cpu_units) / UNITS_PER_VCPU;
        Self { users, workers, workers_per_region: workers.div_ceil(regions), vcpus_per_worker }
    }

    /// Processors that one region needs.
    pub fn vcpus(&self) -> f64 {
        count(self.workers_per_region) * self.vcpus_per_worker
    }

    /// Addresses, and as many network interfaces, that one region needs: one for each worker.
    pub fn addresses(&self) -> u64 {
        self.workers_per_region
    }

    /// Messages that the hub publishes in a second: one for each worker, when none can be joined with another.
    pub fn messages_per_second(&self) -> f64 {
        count(self.workers)
    }

    /// Functions that run at the same time in one region.
    pub fn functions_at_once(&self) -> f64 {
        (count(self.workers_per_region) * PUBLISHING_SECS).ceil() + OTHER_FUNCTIONS
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of workers are far below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_thousand_users_need_five_workers_unless_somebody_wants_more() {
        let planned = Planned::of(50_000, None, 2_048, 2);
        assert_eq!((planned.workers, planned.workers_per_region), (5, 3));
        assert_eq!((planned.vcpus(), planned.addresses()), (6.0, 3));
        assert_eq!(Planned::of(50_000, Some(250), 4_096, 1).vcpus(), 1_000.0);
    }

    #[test]
    fn a_test_without_users_still_has_a_worker_in_each_region() {
        assert_eq!(Planned::of(0, None, 256, 3).workers, 3);
        assert_eq!(Planned::of(0, None, 256, 3).vcpus(), 0.25);
    }

    #[test]
    fn functions_and_messages_grow_with_the_workers() {
        let planned = Planned::of(0, Some(1_000), 1_024, 2);
        assert_eq!((planned.messages_per_second(), planned.functions_at_once()), (1_000.0, 110.0));
    }
}
