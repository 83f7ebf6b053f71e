//! How many virtual users iterate at which time, and so which of them do.

use std::time::Duration;

use dlt_model::load::{Executor, Stage};

/// A number of users over time, piecewise linear, from the begin of an execution to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    ramps: Vec<Ramp>,
    end: Duration,
    graceful_ramp_down: Duration,
    peak: u64,
}

/// One stage that takes time. Those that take none are the jumps between two ramps.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ramp {
    begin: Duration,
    length: Duration,
    from: f64,
    to: f64,
}

/// A time in which a user iterates, from the begin of the execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stint {
    /// Its iterations begin from here on.
    pub begin: Duration,
    /// None begins from here on.
    pub end: Duration,
    /// When an iteration that is still going on is cut off, because the user was taken away by a falling stage. At the end
    /// of the execution its graceful stop applies instead.
    pub cut_off: Option<Duration>,
}

impl Level {
    /// The users of a closed executor.
    #[expect(clippy::cast_precision_loss, reason = "numbers of users are far below 2^53")]
    pub fn of(executor: &Executor) -> Self {
        let peak = executor.peak_virtual_users();
        let hold = [Stage { target: peak as f64, duration_ms: executor.duration_ms() }];
        let (from, stages, graceful_ramp_down_ms) = match executor {
            Executor::RampingVus { start_virtual_users, stages, graceful_ramp_down_ms } => {
                (*start_virtual_users as f64, stages.as_slice(), *graceful_ramp_down_ms)
            }
            _ => (peak as f64, hold.as_slice(), 0),
        };
        let (mut ramps, mut begin, mut from) = (Vec::new(), Duration::ZERO, from);
        for stage in stages {
            let length = Duration::from_millis(stage.duration_ms);
            if !length.is_zero() {
                ramps.push(Ramp { begin, length, from, to: stage.target });
            }
            begin += length;
            from = stage.target;
        }
        Self { ramps, end: begin, graceful_ramp_down: Duration::from_millis(graceful_ramp_down_ms), peak }
    }

    /// The largest number of users.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// The first stint of the user with this number, from 0, that is not over at `now`: users iterate while the level is
    /// above their number.
    pub fn next(&self, number: u64, now: Duration) -> Option<Stint> {
        let mut found: Option<(Duration, Duration)> = None;
        for (begin, end) in self.ramps.iter().filter_map(|ramp| ramp.active(number)) {
            match &mut found {
                Some(stint) if begin <= stint.1 => stint.1 = end,
                Some(stint) if stint.1 > now => break,
                _ => found = Some((begin, end)),
            }
        }
        let (begin, end) = found.filter(|(_, end)| *end > now)?;
        let cut_off = (end < self.end).then(|| end + self.graceful_ramp_down);
        Some(Stint { begin, end, cut_off })
    }
}

impl Ramp {
    /// From when to when the level is above this number.
    #[expect(clippy::cast_precision_loss, reason = "numbers of users are far below 2^53")]
    fn active(&self, number: u64) -> Option<(Duration, Duration)> {
        let line = number as f64;
        let end = self.begin + self.length;
        let crossing =
            || self.begin + self.length.mul_f64(((line - self.from) / (self.to - self.from)).clamp(0.0, 1.0));
        let (begin, end) = match (self.from > line, self.to > line) {
            (true, true) => (self.begin, end),
            (false, true) => (crossing(), end),
            (true, false) => (self.begin, crossing()),
            (false, false) => return None,
        };
        (begin < end).then_some((begin, end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn stage(target: f64, duration_ms: u64) -> Stage {
        Stage { target, duration_ms }
    }

    fn ramping(start_virtual_users: u64, stages: &[Stage]) -> Level {
        let stages = stages.to_vec();
        Level::of(&Executor::RampingVus { start_virtual_users, stages, graceful_ramp_down_ms: 50 })
    }

    fn stints(level: &Level, number: u64) -> Vec<(u128, u128, Option<u128>)> {
        let next = |stint: &Stint| level.next(number, stint.end);
        let stints = std::iter::successors(level.next(number, Duration::ZERO), next);
        let ms = |stint: Stint| {
            (stint.begin.as_millis(), stint.end.as_millis(), stint.cut_off.map(|cut_off| cut_off.as_millis()))
        };
        stints.map(ms).collect()
    }

    #[test]
    fn users_come_and_go_evenly_and_come_again() {
        let level = ramping(0, &[stage(4.0, 400), stage(4.0, 100), stage(0.0, 400), stage(0.0, 100), stage(2.0, 200)]);
        assert_eq!(stints(&level, 0), [(0, 900, Some(950)), (1_000, 1_200, None)]);
        assert_eq!(stints(&level, 1), [(100, 800, Some(850)), (1_100, 1_200, None)]);
        assert_eq!(stints(&level, 3), [(300, 600, Some(650))]);
        assert_eq!(stints(&level, 4), []);
    }

    #[test]
    fn a_stage_without_duration_jumps() {
        let level = ramping(1, &[stage(3.0, 0), stage(3.0, 100), stage(1.0, 0), stage(1.0, 100)]);
        assert_eq!(stints(&level, 0), [(0, 200, None)]);
        assert_eq!(stints(&level, 2), [(0, 100, Some(150))]);
        assert_eq!(level.peak(), 3);
    }

    #[test]
    fn users_of_the_other_closed_executors_are_there_from_begin_to_end() {
        let constant = Level::of(&Executor::ConstantVus { virtual_users: 2, duration_ms: 70 });
        assert_eq!((stints(&constant, 1), stints(&constant, 2)), (vec![(0, 70, None)], vec![]));
        let shared = Executor::SharedIterations { virtual_users: 3, iterations: 10, max_duration_ms: 80 };
        assert_eq!(stints(&Level::of(&shared), 2), [(0, 80, None)]);
    }
}
