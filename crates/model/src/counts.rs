//! Counting latencies as fast as they come: the buckets of a [`Distribution`] and nothing else.
//!
//! What is asked of a histogram (percentiles, extremes, bytes) is asked of a [`Distribution`]; this is what a load generator
//! writes to for every sample, and adds to a [`Distribution`] when somebody asks.

use crate::histogram::{Distribution, MAX_US, MIN_US};

/// Counts that become a [`crate::histogram::Histogram`].
pub type LatencyCounts = Counts<3, MAX_US>;
/// Counts that become a [`crate::histogram::PhaseHistogram`].
pub type PhaseCounts = Counts<2, MAX_US>;

/// How often each bucket was hit, in the layout of HDR histograms with so many significant digits: exact up to twice ten to
/// their number, and from there on as many buckets for each doubling as for the doubling before.
///
/// It grows with the largest number that it has seen, in room that is there from the first one on: what was never touched
/// is no memory yet. It never shrinks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts<const DIGITS: u8, const MAX: u64>(Vec<u64>);

impl<const DIGITS: u8, const MAX: u64> Counts<DIGITS, MAX> {
    /// Numbers below two to this have a bucket each.
    const EXACT_BITS: u32 = (2 * 10_u32.pow(DIGITS as u32)).next_power_of_two().trailing_zeros();
    /// So many buckets double the range.
    const BUCKETS: usize = 1 << (Self::EXACT_BITS - 1);
    /// How long it can become.
    const MOST: usize = Self::length(Self::place(MAX));

    /// Counts one number; one beyond the range counts as the end of the range.
    #[inline]
    pub fn record(&mut self, number: u64) {
        let place = Self::place(number.clamp(MIN_US, MAX));
        match self.0.get_mut(place) {
            Some(count) => *count += 1,
            None => self.grow(place),
        }
    }

    /// Forgets every count and keeps the memory.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// The smallest number of each bucket that was hit, and how often.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let all = self.0.iter().enumerate().filter(|(_, count)| **count > 0);
        all.map(|(place, count)| (Self::smallest(place), *count))
    }

    #[inline]
    const fn place(number: u64) -> usize {
        let shift = (u64::BITS - number.leading_zeros()).saturating_sub(Self::EXACT_BITS);
        shift as usize * Self::BUCKETS + (number >> shift) as usize
    }

    fn smallest(place: usize) -> u64 {
        let shift = (place / Self::BUCKETS).saturating_sub(1);
        ((place - shift * Self::BUCKETS) as u64) << shift
    }

    /// How long it is when this place is hit.
    const fn length(place: usize) -> usize {
        place.next_multiple_of(Self::BUCKETS) + Self::BUCKETS
    }

    /// Making it longer moves nothing and leaves no holes behind, so that a single long latency in an hour costs no more
    /// than its own buckets.
    #[cold]
    fn grow(&mut self, place: usize) {
        if self.0.is_empty() {
            self.0.reserve_exact(Self::MOST);
        }
        self.0.resize(Self::length(place), 0);
        self.0[place] = 1;
    }
}

impl<const DIGITS: u8, const MAX: u64> From<&Counts<DIGITS, MAX>> for Distribution<DIGITS, MAX> {
    fn from(counts: &Counts<DIGITS, MAX>) -> Self {
        let mut distribution = Self::default();
        distribution.add(counts);
        distribution
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::histogram::{Histogram, PhaseHistogram};

    #[test]
    fn every_bucket_begins_where_the_one_before_ends() {
        let mut last = 0;
        for place in 1..20_000 {
            let smallest = LatencyCounts::smallest(place);
            assert_eq!(
                (LatencyCounts::place(smallest), LatencyCounts::place(smallest - 1)),
                (place, last),
                "{smallest}"
            );
            last = place;
        }
    }

    #[test]
    fn what_grows_stays_where_it_is() {
        let mut counts = LatencyCounts::default();
        counts.record(1);
        let (at, room) = (counts.0.as_ptr(), counts.0.capacity());
        for number in [5_000, 70_000, 9_000_000, MAX_US, u64::MAX] {
            counts.record(number);
        }
        assert_eq!((counts.0.as_ptr(), counts.0.capacity()), (at, room));
    }

    #[test]
    fn counts_that_are_cleared_are_empty_and_count_anew() {
        let mut counts = LatencyCounts::default();
        assert!(counts.is_empty());
        counts.record(70_000);
        assert!(!counts.is_empty());
        counts.clear();
        assert!(counts.is_empty());
        counts.record(3);
        assert_eq!(counts.buckets().collect::<Vec<_>>(), [(3, 1)]);
    }

    proptest! {
        #[test]
        fn counting_and_adding_is_the_same_as_recording(
            numbers in prop::collection::vec(prop_oneof![0..5_000_u64, 0..100_000_000_u64, any::<u64>()], 0..200),
        ) {
            let (mut counts, mut recorded) = (LatencyCounts::default(), Histogram::default());
            let (mut coarse, mut recorded_coarsely) = (PhaseCounts::default(), PhaseHistogram::default());
            for number in numbers {
                counts.record(number);
                recorded.record(number);
                coarse.record(number);
                recorded_coarsely.record(number);
            }
            let (counts, coarse) = (Histogram::from(&counts), PhaseHistogram::from(&coarse));
            prop_assert_eq!(counts.min_us(), recorded.min_us());
            prop_assert_eq!(counts.max_us(), recorded.max_us());
            prop_assert_eq!(counts, recorded);
            prop_assert_eq!(coarse, recorded_coarsely);
        }
    }
}
