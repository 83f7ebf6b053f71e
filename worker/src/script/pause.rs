//! How long a virtual user thinks this time.

use std::{f64::consts::TAU, time::Duration};

use dlt_model::program::Pause;
use rand::{Rng, rngs::SmallRng};

/// The longest pause that chance may give.
const MAX_PAUSE_MS: f64 = 24.0 * 3_600_000.0;

/// One pause of this kind.
pub fn draw(pause: Pause, random: &mut SmallRng) -> Duration {
    match pause {
        Pause::Constant { ms } => Duration::from_millis(ms),
        Pause::Uniform { min_ms, max_ms } => {
            let (min, max) = (min_ms.min(max_ms), min_ms.max(max_ms));
            random.random_range(Duration::from_millis(min)..=Duration::from_millis(max))
        }
        Pause::Normal { mean_ms, deviation_ms } => {
            // Box and Muller's way; `1 - u` is never 0.
            let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
            let normal = radius * (TAU * random.random::<f64>()).cos();
            #[expect(clippy::cast_precision_loss, reason = "pauses are far below 2^53 ms")]
            bounded(mean_ms as f64 + deviation_ms as f64 * normal)
        }
        Pause::Poisson { mean_ms } =>
        {
            #[expect(clippy::cast_precision_loss, reason = "pauses are far below 2^53 ms")]
            bounded(-(mean_ms as f64) * (1.0 - random.random::<f64>()).ln())
        }
    }
}

fn bounded(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.clamp(0.0, MAX_PAUSE_MS) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn mean_and_deviation_ms(pause: Pause) -> (f64, f64) {
        let mut random = SmallRng::seed_from_u64(1);
        let drawn: Vec<f64> = (0..20_000).map(|_| draw(pause, &mut random).as_secs_f64() * 1_000.0).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|ms| (ms - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn pauses_have_the_mean_and_the_deviation_of_their_kind() {
        for (pause, mean, deviation) in [
            (Pause::Constant { ms: 100 }, 100.0, 0.0),
            (Pause::Uniform { min_ms: 50, max_ms: 150 }, 100.0, 100.0 / 12_f64.sqrt()),
            (Pause::Normal { mean_ms: 100, deviation_ms: 20 }, 100.0, 20.0),
            (Pause::Poisson { mean_ms: 100 }, 100.0, 100.0),
        ] {
            let found = mean_and_deviation_ms(pause);
            assert!((found.0 - mean).abs() < 2.5, "{pause:?}: {found:?}");
            assert!((found.1 - deviation).abs() < 2.5, "{pause:?}: {found:?}");
        }
    }
}
