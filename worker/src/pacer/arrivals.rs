//! The instants at which the iterations of an open model begin: a function of their number, never a chain of waits.
//!
//! The rate is piecewise linear, so the number of iterations that should have begun by an instant is piecewise quadratic.
//! Iteration `n` begins when that number is `n`: the first at once, and all of them before the end.

use std::time::Duration;

use dlt_model::{load::Executor, segment::Segment};

/// A number of iterations closer than this to a whole one is meant to be whole: rates are not exact in binary.
const ROUNDING: f64 = 1e-6;

/// All instants of an open executor.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    pieces: Vec<Piece>,
    end: Duration,
    total: u64,
}

/// A stage, in seconds and iterations per second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    begin_secs: f64,
    length_secs: f64,
    from: f64,
    to: f64,
    /// Iterations before its begin.
    before: f64,
    /// Iterations before its end.
    after: f64,
}

impl Arrivals {
    /// The iterations of an open executor. A closed one has none.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "durations are bounded by the plan, and a number of iterations is neither negative nor over 2^53"
    )]
    pub fn of(executor: &Executor) -> Self {
        let (from, stages, per_ms) = match executor {
            Executor::ConstantArrivalRate { rate, per_ms, duration_ms, .. } => {
                (*rate, vec![(*rate, *duration_ms)], *per_ms)
            }
            Executor::RampingArrivalRate { start_rate, stages, per_ms, .. } => {
                (*start_rate, stages.iter().map(|stage| (stage.target, stage.duration_ms)).collect(), *per_ms)
            }
            _ => (0.0, Vec::new(), 1),
        };
        let per_second = |rate: f64| rate.max(0.0) * 1_000.0 / per_ms.max(1) as f64;
        let (mut pieces, mut begin_ms, mut from, mut before) = (Vec::new(), 0, per_second(from), 0.0);
        for (target, duration_ms) in stages {
            let to = per_second(target);
            let length_secs = duration_ms as f64 / 1_000.0;
            if duration_ms > 0 {
                let after = before + (from + to) / 2.0 * length_secs;
                pieces.push(Piece { begin_secs: begin_ms as f64 / 1_000.0, length_secs, from, to, before, after });
                before = after;
            }
            begin_ms += duration_ms;
            from = to;
        }
        let total = (before - ROUNDING).ceil().max(0.0) as u64;
        Self { pieces, end: Duration::from_millis(begin_ms), total }
    }

    /// How many iterations there are.
    #[cfg(test)]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// When iteration `n` begins, from 0; nothing is at the end or after it.
    #[expect(clippy::cast_precision_loss, reason = "a number of iterations is not over 2^53")]
    pub fn instant(&self, n: u64) -> Option<Duration> {
        if n >= self.total {
            return None;
        }
        // Where the rate is zero nothing begins: what would be due there begins when the rate rises again.
        let count = n as f64;
        let piece = self.pieces.partition_point(|piece| piece.after <= count + ROUNDING / 2.0);
        let piece = self.pieces.get(piece).or(self.pieces.last())?;
        let secs = piece.begin_secs + piece.time_of(count - piece.before);
        Some(Duration::from_secs_f64(secs).min(self.end.saturating_sub(Duration::from_nanos(1))))
    }

    /// How many iterations should have begun by an instant.
    #[cfg(test)]
    pub fn due_by(&self, at: Duration) -> f64 {
        let due = |piece: &Piece| {
            let time = (at.as_secs_f64() - piece.begin_secs).clamp(0.0, piece.length_secs);
            piece.from * time + (piece.to - piece.from) * time * time / 2.0 / piece.length_secs
        };
        self.pieces.iter().map(due).sum()
    }

    /// The instants of a share, in order.
    pub fn schedule(&self, share: Segment) -> Schedule<'_> {
        let n = u64::from(share.index);
        Schedule { arrivals: self, n, step: u64::from(share.count), next: self.instant(n) }
    }
}

impl Piece {
    /// How long after its begin so many iterations should have begun: the root of `from·t + (to − from)·t²/2·length`, in
    /// the form that loses no digits when both rates are nearly the same.
    fn time_of(&self, count: f64) -> f64 {
        let count = count.max(0.0);
        let square = self.from * self.from + 2.0 * count * (self.to - self.from) / self.length_secs;
        let divisor = self.from + square.max(0.0).sqrt();
        if divisor > 0.0 { (2.0 * count / divisor).min(self.length_secs) } else { 0.0 }
    }
}

/// The instants of one share, one after the other.
#[derive(Clone, Debug)]
pub struct Schedule<'a> {
    arrivals: &'a Arrivals,
    n: u64,
    step: u64,
    next: Option<Duration>,
}

impl Schedule<'_> {
    /// The next instant; `None` when all are past.
    pub fn peek(&self) -> Option<Duration> {
        self.next
    }

    /// Goes on to the one after it.
    pub fn advance(&mut self) {
        self.n += self.step;
        self.next = self.arrivals.instant(self.n);
    }
}

#[cfg(test)]
mod tests {
    use dlt_model::load::Stage;

    use super::*;

    fn constant(rate: f64, per_ms: u64, duration_ms: u64) -> Arrivals {
        let (pre_allocated_virtual_users, max_virtual_users) = (1, 1);
        Arrivals::of(&Executor::ConstantArrivalRate {
            rate,
            per_ms,
            duration_ms,
            pre_allocated_virtual_users,
            max_virtual_users,
        })
    }

    fn ramping(start_rate: f64, stages: &[(f64, u64)]) -> Arrivals {
        Arrivals::of(&Executor::RampingArrivalRate {
            start_rate,
            per_ms: 1_000,
            stages: stages
                .iter()
                .map(|(target, duration_ms)| Stage { target: *target, duration_ms: *duration_ms })
                .collect(),
            pre_allocated_virtual_users: 1,
            max_virtual_users: 1,
        })
    }

    fn ms(arrivals: &Arrivals) -> Vec<u128> {
        (0..).map_while(|n| arrivals.instant(n)).map(|instant| (instant.as_nanos() + 500_000) / 1_000_000).collect()
    }

    #[test]
    fn a_constant_rate_is_a_row_of_equal_gaps_that_begins_at_once() {
        assert_eq!(ms(&constant(10.0, 1_000, 500)), [0, 100, 200, 300, 400]);
        assert_eq!(ms(&constant(90.0, 60_000, 2_000)), [0, 667, 1_333]);
        // 0.1 × 30 is a little more than 3 in binary.
        assert_eq!(constant(0.1, 1_000, 30_000).total(), 3);
        assert_eq!(constant(0.0, 1_000, 30_000).total(), 0);
    }

    #[test]
    fn a_linear_ramp_is_a_row_of_roots() {
        // From 0 to 10 per second in 10 s: after t seconds t²/2 iterations have begun.
        let arrivals = ramping(0.0, &[(10.0, 10_000)]);
        assert_eq!(arrivals.total(), 50);
        for n in [0_u32, 2, 8, 18, 32] {
            let root = f64::from(2 * n).sqrt();
            assert!((arrivals.instant(n.into()).expect("before the end").as_secs_f64() - root).abs() < 1e-9, "{n}");
        }
        let falling = ramping(10.0, &[(0.0, 10_000)]);
        let last = falling.instant(49).expect("the last").as_secs_f64();
        assert!((last - (10.0 - 2.0_f64.sqrt())).abs() < 1e-6, "{last}");
    }

    #[test]
    fn nothing_begins_while_the_rate_is_zero() {
        let arrivals = ramping(2.0, &[(2.0, 1_000), (0.0, 0), (0.0, 5_000), (2.0, 0), (2.0, 1_000)]);
        assert_eq!(ms(&arrivals), [0, 500, 6_000, 6_500]);
    }
}
