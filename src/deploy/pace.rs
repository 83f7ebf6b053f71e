//! When to look again: often at first, less often in the middle, and much less when AWS says that we ask too much.

use std::time::Duration;

/// Between two looks while things move quickly.
const EAGER: Duration = Duration::from_millis(500);
/// Between two looks in the long middle.
const CALM: Duration = Duration::from_secs(3);
/// How long we stay eager.
const EAGER_FOR: Duration = Duration::from_secs(20);
/// How long it takes from eager to calm.
const CALMING_FOR: Duration = Duration::from_secs(40);
/// However often we are throttled, we look at least this often.
const PATIENCE: Duration = Duration::from_secs(30);

/// The rhythm of looking at one stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    throttles: u32,
}

impl Pace {
    /// A look was answered.
    pub fn answered(&mut self) {
        self.throttles = 0;
    }

    /// A look was turned away because we ask too often.
    pub fn throttled(&mut self) {
        self.throttles = self.throttles.saturating_add(1);
    }

    /// How long to wait before the next look, `elapsed` after the operation began.
    pub fn next(&self, elapsed: Duration) -> Duration {
        let calming = elapsed.saturating_sub(EAGER_FOR).min(CALMING_FOR).as_secs_f64() / CALMING_FOR.as_secs_f64();
        let base = EAGER + (CALM - EAGER).mul_f64(calming);
        base.saturating_mul(2_u32.saturating_pow(self.throttles)).min(PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_frequent_at_first_and_rarer_later() {
        let pace = Pace::default();
        for (elapsed_secs, wait_ms) in [(0, 500), (19, 500), (20, 500), (40, 1750), (60, 3000), (3600, 3000)] {
            assert_eq!(
                pace.next(Duration::from_secs(elapsed_secs)),
                Duration::from_millis(wait_ms),
                "{elapsed_secs} s"
            );
        }
    }

    #[test]
    fn each_refusal_doubles_the_wait_up_to_a_bound_and_an_answer_ends_it() {
        let mut pace = Pace::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            pace.throttled();
            waits.push(pace.next(Duration::ZERO).as_millis());
        }
        assert_eq!(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        pace.answered();
        assert_eq!(pace.next(Duration::ZERO), EAGER);
    }

    #[test]
    fn refusals_without_end_do_not_overflow() {
        let pace = Pace { throttles: u32::MAX };
        assert_eq!(pace.next(Duration::MAX), PATIENCE);
    }
}
