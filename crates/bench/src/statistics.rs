//! Medians, and how far the rounds were apart.

/// What several rounds said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    /// `None` without numbers; the median of an even count lies between the two in the middle.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        Some(Self { least, median, most })
    }
}

/// The quiet rounds when there are enough of them, and otherwise all: what was asked for, and whether it is quiet.
pub fn trusted<T: Copy>(rounds: &[(T, bool)]) -> (Vec<T>, bool) {
    let quiet: Vec<T> = rounds.iter().filter(|(_, is_quiet)| *is_quiet).map(|(value, _)| *value).collect();
    if quiet.len() >= rounds.len().min(MIN_QUIET_ROUNDS) && !quiet.is_empty() {
        return (quiet, true);
    }
    (rounds.iter().map(|(value, _)| *value).collect(), false)
}

/// How many rounds must have been quiet for the others to be left out.
pub const MIN_QUIET_ROUNDS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_least_the_middle_and_the_most() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { least: 1.0, median: 2.0, most: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, f64::NAN]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn noisy_rounds_are_left_out_only_when_enough_are_quiet() {
        let rounds = [(1, true), (2, false), (3, true), (4, true)];
        assert_eq!(trusted(&rounds), (vec![1, 3, 4], true));
        assert_eq!(trusted(&rounds[..3]), (vec![1, 2, 3], false));
        assert_eq!(trusted(&rounds[..1]), (vec![1], true));
        assert_eq!(trusted::<u8>(&[]), (vec![], false));
    }
}
