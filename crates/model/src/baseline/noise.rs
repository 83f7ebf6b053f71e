//! How much a number varies by itself: intervals of shares, and how many samples they are really worth.

/// How sure an interval is: each of its ends is passed by one in a hundred.
pub const CONFIDENCE_PERCENT: u64 = 98;
/// The quantile of the normal distribution that one in a hundred passes.
const Z: f64 = 2.326_347_874;
/// From how many stretches on a run tells its own variation.
pub const MIN_PORTIONS: usize = 5;

/// A share with its interval, all between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share {
    pub low: f64,
    pub at: f64,
    pub high: f64,
}

/// How many times fewer samples a share rests on than were counted, because samples of one stretch are alike; at least 1.
///
/// `counts` are the samples that count and all samples, stretch by stretch. `None` when there are too few stretches.
pub(super) fn design_effect(counts: &[(u64, u64)]) -> Option<f64> {
    let counts: Vec<(f64, f64)> =
        counts.iter().filter(|(_, all)| *all > 0).map(|(part, all)| (float(*part), float(*all))).collect();
    if counts.len() < MIN_PORTIONS {
        return None;
    }
    let (part, all) = counts.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let share = part / all;
    let spread = share * (1.0 - share);
    if spread <= 0.0 {
        return Some(1.0);
    }
    let stretches = counts.len() as f64;
    let squares: f64 = counts.iter().map(|(part, all)| (part - share * all).powi(2)).sum();
    let variance = stretches / (stretches - 1.0) * squares / all.powi(2);
    Some((variance * all / spread).max(1.0))
}

/// Wilson's interval of a share that was counted on `worth` samples.
pub(super) fn wilson(share: f64, worth: f64, quantile: f64) -> Share {
    let square = quantile.powi(2);
    let middle = (share + square / (2.0 * worth)) / (1.0 + square / worth);
    let half =
        quantile / (1.0 + square / worth) * (share * (1.0 - share) / worth + square / (4.0 * worth * worth)).sqrt();
    Share { low: (middle - half).max(0.0), at: share, high: (middle + half).min(1.0) }
}

/// The quantile of Student's t with so many degrees of freedom that one in a hundred passes; the expansion of Abramowitz and
/// Stegun, 26.7.5, is off by less than 0.005 from four degrees on.
pub(super) fn student(degrees: usize) -> f64 {
    let (z, v) = (Z, degrees as f64);
    let g1 = (z.powi(3) + z) / 4.0;
    let g2 = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let g3 = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    let g4 = (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1_482.0 * z.powi(5) - 1_920.0 * z.powi(3) - 945.0 * z) / 92_160.0;
    z + g1 / v + g2 / v.powi(2) + g3 / v.powi(3) + g4 / v.powi(4)
}

/// A count as the number that arithmetic needs; exact up to 2⁵³.
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (degrees, table) in [(4, 3.747), (9, 2.821), (29, 2.462), (1_000, 2.330)] {
            assert!((student(degrees) - table).abs() < 0.005, "{degrees}: {}", student(degrees));
        }
    }

    #[test]
    fn samples_that_vary_like_coins_are_worth_what_they_count_and_alike_ones_less() {
        assert_eq!(design_effect(&[(5, 100); 4]), None, "too few stretches");
        assert_eq!(design_effect(&[(0, 100); 9]), Some(1.0));
        assert_eq!(design_effect(&[(5, 100); 9]), Some(1.0), "never more than they count");
        let bursts: Vec<(u64, u64)> = (0..10).map(|index| (if index % 5 == 0 { 25 } else { 0 }, 100)).collect();
        let effect = design_effect(&bursts).expect("enough stretches");
        assert!(effect > 20.0, "{effect}");
    }

    #[test]
    fn wilsons_interval_is_that_of_the_textbook() {
        // Newcombe 1998, table I: 81 of 263 at 95 %.
        let share = wilson(81.0 / 263.0, 263.0, 1.959_964);
        assert!((share.low - 0.2553).abs() < 0.000_1 && (share.high - 0.3662).abs() < 0.000_1, "{share:?}");
        let none = wilson(0.0, 20.0, 1.959_964);
        assert!(none.low == 0.0 && (none.high - 0.1611).abs() < 0.000_1, "{none:?}");
    }
}
