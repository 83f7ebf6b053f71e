//! A histogram that holds only the buckets that were hit: small enough to keep one for every second of a day.

use serde::{Deserialize, Serialize, de, ser::SerializeSeq};

use crate::histogram::Histogram;

/// Counts per latency, at the upper edges of the buckets of [`Histogram`], in rising order.
///
/// Written as a flat list of `edge, count` pairs in which each edge is the distance from the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets(Vec<(u64, u64)>);

impl Buckets {
    /// The edges in microseconds, rising, and their counts, none of which is zero.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    /// How many latencies were counted.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Adds every count of another one.
    pub fn merge(&mut self, other: &Self) {
        let mut merged = [self.0.as_slice(), &other.0].concat();
        // A stable sort merges two sorted halves in one pass.
        merged.sort_by_key(|(edge, _)| *edge);
        merged.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0 };
            same
        });
        self.0 = merged;
    }

    /// The latency in microseconds that so many thousandths of a percent of the samples do not exceed.
    pub fn percentile_us(&self, thousandths: u32) -> Option<u64> {
        percentile(self.count(), self.iter(), thousandths)
    }
}

/// The edge at which the counts, in the order of their edges, reach a rank; integers throughout.
pub(crate) fn percentile(total: u64, counts: impl Iterator<Item = (u64, u64)>, thousandths: u32) -> Option<u64> {
    let rank = (u128::from(total) * u128::from(thousandths)).div_ceil(100_000).max(1);
    let mut seen = 0_u128;
    counts
        .into_iter()
        .find(|(_, count)| {
            seen += u128::from(*count);
            seen >= rank
        })
        .map(|(edge, _)| edge)
}

impl From<&Histogram> for Buckets {
    fn from(histogram: &Histogram) -> Self {
        Self(histogram.buckets().filter(|(_, count)| *count > 0).collect())
    }
}

impl Serialize for Buckets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Formats without delimiters want to know how many numbers there are.
        let mut flat = serializer.serialize_seq(Some(2 * self.0.len()))?;
        let mut before = 0;
        for (edge, count) in &self.0 {
            flat.serialize_element(&(edge - before))?;
            flat.serialize_element(count)?;
            before = *edge;
        }
        flat.end()
    }
}

impl<'de> Deserialize<'de> for Buckets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flat = Vec::<u64>::deserialize(deserializer)?;
        let (pairs, []) = flat.as_chunks::<2>() else {
            return Err(de::Error::custom("buckets come in pairs of edge and count"));
        };
        let mut edge = 0_u64;
        let buckets = pairs.iter().map(|[distance, count]| {
            edge = edge.checked_add(*distance)?;
            (*distance > 0 && *count > 0).then_some((edge, *count))
        });
        let buckets: Option<Vec<_>> = buckets.collect();
        buckets.map(Self).ok_or_else(|| de::Error::custom("edges must rise and counts must not be zero"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn buckets(values: &[u64]) -> Buckets {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.record(*value);
        }
        Buckets::from(&histogram)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn merging_is_the_same_as_counting_everything_in_one(
            left in prop::collection::vec(1_u64..5_000_000, 0..40),
            right in prop::collection::vec(1_u64..5_000_000, 0..40),
        ) {
            let mut merged = buckets(&left);
            merged.merge(&buckets(&right));
            let all: Vec<u64> = left.into_iter().chain(right).collect();
            prop_assert_eq!(&merged, &buckets(&all));
            let text = serde_json::to_string(&merged).expect("serialises");
            prop_assert_eq!(serde_json::from_str::<Buckets>(&text).expect("reads back"), merged);
        }
    }

    #[test]
    fn a_percentile_is_the_sample_of_its_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(buckets(&hundred).percentile_us(95_000), Some(95));
        assert_eq!(buckets(&hundred).percentile_us(0), Some(1));
        assert_eq!(buckets(&hundred).percentile_us(100_000), Some(100));
        assert_eq!(buckets(&[]).percentile_us(50_000), None);
    }

    #[test]
    fn buckets_that_were_tampered_with_are_refused() {
        for text in ["[1]", "[0,1]", "[1,0]", "[18446744073709551615,1,1,1]"] {
            assert!(serde_json::from_str::<Buckets>(text).is_err(), "{text}");
        }
    }
}
