//! How long to wait before the same request is made again: longer each time, and never in step with others.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// How often a request is made that brings nothing forward.
pub const ATTEMPTS: u32 = 8;
/// The wait after the first failure.
const FIRST: Duration = Duration::from_millis(200);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(8);

/// The wait after a number of failures in a row. `chance` is between 0 and 1: others that failed at the same moment come
/// back at another one.
pub fn wait(failures: u32, chance: f64) -> Duration {
    let full = FIRST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST);
    full.div_f64(2.0) + full.div_f64(2.0).mul_f64(chance.clamp(0.0, 1.0))
}

/// A number between 0 and 1, from the seed that every hash map gets.
pub fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_are_spread() {
        let whole: Vec<u128> = (1..=ATTEMPTS).map(|failures| wait(failures, 1.0).as_millis()).collect();
        assert_eq!(whole, [200, 400, 800, 1600, 3200, 6400, 8000, 8000]);
        assert_eq!(wait(3, 0.0).as_millis(), 400);
        assert!((0..100).map(|_| chance()).all(|chance| (0.0..1.0).contains(&chance)));
    }
}
