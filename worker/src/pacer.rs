//! When: the instants at which iterations are meant to begin, whatever the target does.

use std::time::Duration;

use dlt_model::load::{Execution, Executor};

/// Yields the intended instants of one virtual user's iterations, as offsets from the common start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacer {
    begin: Duration,
    end: Duration,
}

impl Pacer {
    /// The pacer of the user with this number in the whole group. Users start evenly over the ramp-up, so the share of a
    /// worker does not change when any of them starts.
    pub fn of_user(execution: &Execution, number: u64) -> Self {
        let ramp_up_ms = match &execution.executor {
            Executor::RampingVus { stages, .. } => stages.first().map_or(0, |stage| stage.duration_ms),
            _ => 0,
        };
        let users = u128::from(execution.executor.peak_virtual_users()).max(1);
        let begin_us = u128::from(ramp_up_ms) * 1_000 * u128::from(number) / users;
        let begin = Duration::from_micros(u64::try_from(begin_us).unwrap_or(u64::MAX));
        Self { begin, end: Duration::from_millis(execution.end_ms()) }
    }

    /// The intended begin of the next iteration of a user that is free at `now`; `None` when the profile is over.
    ///
    /// In a closed model a user begins as soon as it is free, so the intended begin is never before `now`.
    pub fn next(&self, now: Duration) -> Option<Duration> {
        let intended = now.max(self.begin);
        (intended < self.end).then_some(intended)
    }

    /// When the profile ends.
    pub fn end(&self) -> Duration {
        self.end
    }
}
