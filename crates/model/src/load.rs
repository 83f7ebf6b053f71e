//! How much load there is at which time: executions, side by side, each driven by an executor of k6's kinds.
//!
//! Everything is counted over the whole group of workers that share it; a worker takes its [`crate::segment::Segment`].

use serde::{Deserialize, Serialize};

/// One stream of load: which flow is run, by whom and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// What it is called in reports; unique in a scenario.
    pub name: String,
    /// The flow of the program that its virtual users run.
    pub flow: String,
    /// From the common start to its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub start_after_ms: u64,
    /// How long iterations may go on after its end or a stop, before they are cut off.
    pub graceful_stop_ms: u64,
    /// When iterations begin.
    pub executor: Executor,
}

/// When iterations begin, in k6's terms. A stage changes a number linearly to its target; one without duration jumps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum Executor {
    /// So many virtual users iterate without pause.
    ConstantVus {
        /// How many.
        virtual_users: u64,
        /// How long.
        duration_ms: u64,
    },
    /// The number of virtual users follows stages.
    RampingVus {
        /// At the start.
        start_virtual_users: u64,
        /// One after the other.
        stages: Vec<Stage>,
        /// How long an iteration may go on whose user is taken away by a falling stage.
        graceful_ramp_down_ms: u64,
    },
    /// Each virtual user iterates so many times.
    PerVuIterations {
        /// How many users.
        virtual_users: u64,
        /// Of each.
        iterations: u64,
        /// When no iteration begins any more, done or not.
        max_duration_ms: u64,
    },
    /// The virtual users of a worker take iterations from its share until none is left.
    SharedIterations {
        /// How many users.
        virtual_users: u64,
        /// Of all together.
        iterations: u64,
        /// When no iteration begins any more, done or not.
        max_duration_ms: u64,
    },
    /// Iterations begin at a constant rate, whoever is free.
    ConstantArrivalRate {
        /// How many begin in each period.
        rate: f64,
        /// The period.
        per_ms: u64,
        /// How long.
        duration_ms: u64,
        /// Virtual users that exist from the beginning.
        pre_allocated_virtual_users: u64,
        /// Virtual users that may exist; iterations without one are dropped and counted.
        max_virtual_users: u64,
    },
    /// The rate at which iterations begin follows stages.
    RampingArrivalRate {
        /// At the start, per period.
        start_rate: f64,
        /// The period of all rates.
        per_ms: u64,
        /// One after the other; targets are rates.
        stages: Vec<Stage>,
        /// Virtual users that exist from the beginning.
        pre_allocated_virtual_users: u64,
        /// Virtual users that may exist; iterations without one are dropped and counted.
        max_virtual_users: u64,
    },
}

/// A number on its way to a target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stage {
    /// Where it ends: virtual users, or iterations per period.
    pub target: f64,
    /// How long it takes.
    pub duration_ms: u64,
}

impl Execution {
    /// From the common start to the instant at which no iteration of it begins any more.
    pub fn end_ms(&self) -> u64 {
        self.start_after_ms.saturating_add(self.executor.duration_ms())
    }

    /// The same load, `part` of `whole` as large: users, rates and iterations of all together.
    #[must_use]
    pub fn part(&self, part: u64, whole: u64) -> Self {
        Self { executor: self.executor.part(part, whole), ..self.clone() }
    }
}

impl Executor {
    /// Users that come evenly during a ramp-up and then stay: what AWS DLT and Taurus call concurrency.
    pub fn ramp_and_hold(virtual_users: u64, ramp_up_ms: u64, hold_for_ms: u64) -> Self {
        if ramp_up_ms == 0 {
            return Self::ConstantVus { virtual_users, duration_ms: hold_for_ms };
        }
        #[expect(clippy::cast_precision_loss, reason = "numbers of users are far below 2^53")]
        let target = virtual_users as f64;
        let stage = |duration_ms| Stage { target, duration_ms };
        let stages = vec![stage(ramp_up_ms), stage(hold_for_ms)];
        Self::RampingVus { start_virtual_users: 0, stages, graceful_ramp_down_ms: 0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of users are far below 2^53")]
    fn part(&self, part: u64, whole: u64) -> Self {
        let scale = |number: f64| number * part as f64 / whole.max(1) as f64;
        let share = |number: u64| {
            let share = (u128::from(number) * u128::from(part)).div_ceil(u128::from(whole).max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        };
        let mut executor = self.clone();
        match &mut executor {
            Self::ConstantVus { virtual_users, .. } | Self::PerVuIterations { virtual_users, .. } => {
                *virtual_users = share(*virtual_users);
            }
            Self::SharedIterations { virtual_users, iterations, .. } => {
                *virtual_users = share(*virtual_users);
                *iterations = share(*iterations);
            }
            Self::RampingVus { start_virtual_users, stages, .. } => {
                *start_virtual_users = share(*start_virtual_users);
                stages.iter_mut().for_each(|stage| stage.target = scale(stage.target));
            }
            Self::ConstantArrivalRate { rate, pre_allocated_virtual_users, max_virtual_users, .. } => {
                *rate = scale(*rate);
                *pre_allocated_virtual_users = share(*pre_allocated_virtual_users);
                *max_virtual_users = share(*max_virtual_users);
            }
            Self::RampingArrivalRate { start_rate, stages, pre_allocated_virtual_users, max_virtual_users, .. } => {
                *start_rate = scale(*start_rate);
                stages.iter_mut().for_each(|stage| stage.target = scale(stage.target));
                *pre_allocated_virtual_users = share(*pre_allocated_virtual_users);
                *max_virtual_users = share(*max_virtual_users);
            }
        }
        executor
    }

    /// From its start to the instant at which no iteration begins any more.
    pub fn duration_ms(&self) -> u64 {
        match self {
            Self::ConstantVus { duration_ms, .. } | Self::ConstantArrivalRate { duration_ms, .. } => *duration_ms,
            Self::PerVuIterations { max_duration_ms, .. } | Self::SharedIterations { max_duration_ms, .. } => {
                *max_duration_ms
            }
            Self::RampingVus { stages, .. } | Self::RampingArrivalRate { stages, .. } => {
                stages.iter().fold(0, |sum, stage| sum.saturating_add(stage.duration_ms))
            }
        }
    }

    /// The most virtual users that can exist at once.
    pub fn peak_virtual_users(&self) -> u64 {
        match self {
            Self::ConstantVus { virtual_users, .. }
            | Self::PerVuIterations { virtual_users, .. }
            | Self::SharedIterations { virtual_users, .. } => *virtual_users,
            Self::RampingVus { start_virtual_users, stages, .. } => {
                stages.iter().map(|stage| whole(stage.target)).fold(*start_virtual_users, u64::max)
            }
            Self::ConstantArrivalRate { max_virtual_users, .. }
            | Self::RampingArrivalRate { max_virtual_users, .. } => *max_virtual_users,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "readers admit whole, positive targets")]
fn whole(target: f64) -> u64 {
    target.ceil() as u64
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_and_hold_lasts_as_long_as_both_and_peaks_at_its_users() {
        let executor = Executor::ramp_and_hold(25, 60_000, 180_000);
        assert_eq!((executor.duration_ms(), executor.peak_virtual_users()), (240_000, 25));
        assert_eq!(Executor::ramp_and_hold(3, 0, 5), Executor::ConstantVus { virtual_users: 3, duration_ms: 5 });
    }

    #[test]
    fn an_execution_reads_as_it_is_written() {
        let execution = Execution {
            name: "browse".to_owned(),
            flow: "browse".to_owned(),
            start_after_ms: 0,
            graceful_stop_ms: 30_000,
            executor: Executor::ConstantArrivalRate {
                rate: 0.5,
                per_ms: 1_000,
                duration_ms: 10,
                pre_allocated_virtual_users: 1,
                max_virtual_users: 2,
            },
        };
        let text = serde_json::to_string(&execution).expect("serialises");
        assert!(text.contains("\"kind\":\"constantArrivalRate\"") && text.contains("maxVirtualUsers"), "{text}");
        assert_eq!(serde_json::from_str::<Execution>(&text).expect("reads back"), execution);
    }
}
