//! An executor as a line over time.

use super::Unit;
use crate::load::{Executor, Stage};

/// Levels at instants, straight lines between them; a jump is two levels at one instant.
pub(super) struct Shape {
    pub kind: &'static str,
    pub unit: Unit,
    points: Vec<(f64, f64)>,
}

impl Shape {
    #[expect(clippy::cast_precision_loss, reason = "numbers of users and milliseconds are far below 2^53")]
    pub(super) fn of(executor: &Executor) -> Self {
        let flat = |level: f64, ms: u64| vec![(0.0, level), (ms as f64, level)];
        let per_second = |rate: f64, per_ms: u64| rate * 1_000.0 / per_ms.max(1) as f64;
        let (kind, unit, points) = match executor {
            Executor::ConstantVus { virtual_users, duration_ms } => {
                ("constant-vus", Unit::VirtualUsers, flat(*virtual_users as f64, *duration_ms))
            }
            Executor::RampingVus { start_virtual_users, stages, .. } => {
                ("ramping-vus", Unit::VirtualUsers, ramp(*start_virtual_users as f64, stages, |level| level))
            }
            Executor::PerVuIterations { virtual_users, max_duration_ms, .. } => {
                ("per-vu-iterations", Unit::VirtualUsers, flat(*virtual_users as f64, *max_duration_ms))
            }
            Executor::SharedIterations { virtual_users, max_duration_ms, .. } => {
                ("shared-iterations", Unit::VirtualUsers, flat(*virtual_users as f64, *max_duration_ms))
            }
            Executor::ConstantArrivalRate { rate, per_ms, duration_ms, .. } => {
                let points = flat(per_second(*rate, *per_ms), *duration_ms);
                ("constant-arrival-rate", Unit::IterationsPerSecond, points)
            }
            Executor::RampingArrivalRate { start_rate, per_ms, stages, .. } => {
                let points = ramp(per_second(*start_rate, *per_ms), stages, |rate| per_second(rate, *per_ms));
                ("ramping-arrival-rate", Unit::IterationsPerSecond, points)
            }
        };
        Self { kind, unit, points }
    }

    /// The highest level.
    pub(super) fn peak(&self) -> f64 {
        self.points.iter().map(|point| point.1).fold(0.0, f64::max)
    }

    /// Levels times seconds.
    pub(super) fn area(&self) -> f64 {
        let trapezoid = |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0;
        self.points.windows(2).map(trapezoid).sum::<f64>() / 1_000.0
    }

    /// The mean level in each of `count` equal stretches from the common start until the end of the run.
    #[expect(clippy::cast_precision_loss, reason = "numbers of points and milliseconds are far below 2^53")]
    pub(super) fn levels(&self, starts_after_ms: u64, until_ms: u64, count: usize) -> Vec<f64> {
        let step = until_ms as f64 / count as f64;
        let at = |index: usize| (index as f64 + 0.5) * step - starts_after_ms as f64;
        (0..count).map(|index| self.level(at(index))).collect()
    }

    fn level(&self, at_ms: f64) -> f64 {
        let pair = self.points.windows(2).rev().find(|pair| pair[0].0 <= at_ms && at_ms < pair[1].0);
        pair.map_or(0.0, |pair| {
            let part = (at_ms - pair[0].0) / (pair[1].0 - pair[0].0);
            pair[0].1 + (pair[1].1 - pair[0].1) * part
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds are far below 2^53")]
fn ramp(start: f64, stages: &[Stage], level: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let mut points = vec![(0.0, start)];
    let mut at = 0.0;
    for stage in stages {
        at += stage.duration_ms as f64;
        points.push((at, level(stage.target)));
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_is_a_line_and_a_stage_without_duration_jumps() {
        let stage = |target, duration_ms| Stage { target, duration_ms };
        let stages = vec![stage(10.0, 10_000), stage(40.0, 0), stage(40.0, 10_000)];
        let shape = Shape::of(&Executor::RampingVus { start_virtual_users: 0, stages, graceful_ramp_down_ms: 0 });
        assert_eq!(shape.levels(0, 20_000, 4), [2.5, 7.5, 40.0, 40.0]);
        assert_eq!(shape.levels(20_000, 40_000, 4), [0.0, 0.0, 5.0, 40.0]);
        assert_eq!((shape.peak(), shape.area()), (40.0, 50.0 + 400.0));
    }
}
