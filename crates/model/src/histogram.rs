//! Latencies as a histogram that merges without loss, and takes no memory before the first of them.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use hdrhistogram::{
    Histogram as Hdr,
    serialization::{Deserializer, Serializer, V2Serializer},
};
use serde::{Deserialize, Serialize, de, ser};

use crate::counts::Counts;

/// The shortest latency that is told apart, in microseconds.
pub const MIN_US: u64 = 1;
/// The longest latency that is told apart: one hour, in microseconds. Longer ones count as this.
pub const MAX_US: u64 = 3_600_000_000;
/// The largest value of a trend that is told apart, in thousandths: a billion.
pub const MAX_THOUSANDTHS: u64 = 1_000_000_000_000;

/// Latencies from 1 µs to 1 h: a recorded value is off by at most 0.1 %.
pub type Histogram = Distribution<3, MAX_US>;
/// Parts of latencies from 1 µs to 1 h, off by at most 1 %: there are many of them, so each is small.
pub type PhaseHistogram = Distribution<2, MAX_US>;
/// Thousandths of any unit up to a billion, off by at most 0.1 %.
pub type TrendHistogram = Distribution<3, MAX_THOUSANDTHS>;

/// Counts of whole numbers from 1 to `MAX` with so many significant decimal digits, in the HDR layout.
///
/// Percentiles are read here and nowhere else, at the upper edge of their bucket, so that a pass is never optimistic. It
/// grows with the largest number that it has seen, and never shrinks.
#[derive(Clone, Debug, Default)]
pub struct Distribution<const DIGITS: u8, const MAX: u64>(Option<Box<Hdr<u64>>>);

impl<const DIGITS: u8, const MAX: u64> Distribution<DIGITS, MAX> {
    /// Counts one number: a latency in microseconds.
    pub fn record(&mut self, latency_us: u64) {
        self.open().record(latency_us.clamp(MIN_US, MAX)).expect("it grows up to the largest number that is admitted");
    }

    /// Adds every count of another histogram to this one.
    pub fn merge(&mut self, other: &Self) {
        if let Some(other) = other.seen() {
            self.open().add(other).expect("all histograms grow up to the same largest number");
        }
    }

    /// Adds what was counted elsewhere.
    pub fn add(&mut self, counts: &Counts<DIGITS, MAX>) {
        for (number, count) in counts.buckets() {
            self.open().record_n(number, count).expect("it grows up to the largest number that is admitted");
        }
    }

    /// Adds every count of a histogram that tells more apart: its buckets lie within ours, so that this is the same as if we
    /// had recorded everything ourselves.
    pub fn merge_finer<const MORE_DIGITS: u8>(&mut self, other: &Distribution<MORE_DIGITS, MAX>) {
        const { assert!(MORE_DIGITS >= DIGITS, "a coarser histogram does not know which of our buckets it counts for") };
        for (value, count) in other.buckets() {
            let hdr = self.open();
            hdr.record_n(value.min(MAX), count).expect("it grows up to the largest number that is admitted");
        }
    }

    /// Forgets every count and keeps the memory.
    pub fn clear(&mut self) {
        if let Some(hdr) = self.0.as_mut().filter(|hdr| !hdr.is_empty()) {
            hdr.reset();
        }
    }

    /// How many latencies were counted.
    pub fn count(&self) -> u64 {
        self.seen().map_or(0, Hdr::len)
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.seen().is_none()
    }

    /// The latency in microseconds that `percent` (0 to 100) of the samples do not exceed; `None` without samples.
    pub fn percentile_us(&self, percent: f64) -> Option<u64> {
        self.seen().map(|hdr| hdr.value_at_quantile(percent / 100.0))
    }

    /// The smallest recorded latency in microseconds, at its bucket's lower edge.
    pub fn min_us(&self) -> Option<u64> {
        self.seen().map(Hdr::min)
    }

    /// The largest recorded latency in microseconds, at its bucket's upper edge.
    pub fn max_us(&self) -> Option<u64> {
        self.seen().map(Hdr::max)
    }

    /// The mean in microseconds.
    pub fn mean_us(&self) -> Option<f64> {
        self.seen().map(Hdr::mean)
    }

    /// The standard deviation in microseconds.
    pub fn stdev_us(&self) -> Option<f64> {
        self.seen().map(Hdr::stdev)
    }

    /// The recorded buckets as (highest equivalent value in µs, count), for plots.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let steps = self.seen().into_iter().flat_map(|hdr| hdr.iter_recorded());
        steps.map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    fn seen(&self) -> Option<&Hdr<u64>> {
        self.0.as_deref().filter(|hdr| !hdr.is_empty())
    }

    fn open(&mut self) -> &mut Hdr<u64> {
        self.0.get_or_insert_with(|| Box::new(Self::small()))
    }

    fn small() -> Hdr<u64> {
        Hdr::new(DIGITS).expect("the digits are constants that HDR accepts")
    }
}

impl<const DIGITS: u8, const MAX: u64> PartialEq for Distribution<DIGITS, MAX> {
    /// Memory that is not used makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.count() == other.count() && self.buckets().eq(other.buckets())
    }
}

impl<const DIGITS: u8, const MAX: u64> Serialize for Distribution<DIGITS, MAX> {
    /// As the HDR V2 format in base64, which every HDR library reads.
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        let written = match self.0.as_deref() {
            Some(hdr) => V2Serializer::new().serialize(hdr, &mut bytes),
            None => V2Serializer::new().serialize(&Self::small(), &mut bytes),
        };
        written.map_err(|error| ser::Error::custom(format!("{error:?}")))?;
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de, const DIGITS: u8, const MAX: u64> Deserialize<'de> for Distribution<DIGITS, MAX> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).map_err(de::Error::custom)?;
        let read: Hdr<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| de::Error::custom(format!("not an HDR histogram: {error:?}")))?;
        let mut ours = Self::default();
        if read.is_empty() {
            return Ok(ours);
        }
        if read.lowest_equivalent(read.max()) > MAX {
            return Err(de::Error::custom(format!("histogram out of range: {} is over {MAX}", read.max())));
        }
        ours.open().add(&read).map_err(|error| de::Error::custom(format!("histogram out of range: {error}")))?;
        Ok(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_is_the_same_as_recording_everything_in_one() {
        let (mut left, mut right, mut all) = (Histogram::default(), Histogram::default(), Histogram::default());
        for value in 1..5_000_u64 {
            let half = if value % 3 == 0 { &mut left } else { &mut right };
            half.record(value * 37);
            all.record(value * 37);
        }
        left.merge(&right);
        assert_eq!(left, all);
    }

    #[test]
    fn a_finer_histogram_merges_as_if_everything_had_been_recorded_in_the_coarser_one() {
        let (mut fine, mut merged, mut recorded) =
            (Histogram::default(), PhaseHistogram::default(), PhaseHistogram::default());
        for value in (0..40_000_u64).map(|number| number * number * 7).chain([MAX_US - 1, MAX_US, MAX_US + 1]) {
            fine.record(value);
            recorded.record(value);
        }
        merged.merge_finer(&fine);
        assert_eq!(merged, recorded);
        assert_eq!((merged.min_us(), merged.max_us()), (recorded.min_us(), recorded.max_us()));
        merged.merge_finer(&Histogram::default());
        assert_eq!(merged, recorded);
    }

    #[test]
    fn small_and_large_histograms_merge_either_way() {
        let (mut small, mut large, mut all) = (Histogram::default(), Histogram::default(), Histogram::default());
        small.record(3);
        large.record(MAX_US);
        all.record(3);
        all.record(MAX_US);
        let mut grown = small.clone();
        grown.merge(&large);
        large.merge(&small);
        assert_eq!((&grown, &large), (&all, &all));
    }

    #[test]
    fn a_histogram_survives_being_written_and_read() {
        let mut before = Histogram::default();
        for value in [1, 412_000, 7_200_000_000] {
            before.record(value);
        }
        let text = serde_json::to_string(&before).expect("serialises");
        let after: Histogram = serde_json::from_str(&text).expect("reads back");
        assert_eq!(before, after);
        assert_eq!(after.count(), 3);
        let mut trend = TrendHistogram::default();
        trend.record(MAX_THOUSANDTHS);
        let text = serde_json::to_string(&trend).expect("serialises");
        assert!(serde_json::from_str::<Histogram>(&text).is_err(), "beyond an hour");
    }

    #[test]
    fn nothing_is_nothing_whether_or_not_there_was_something_once() {
        let (never, mut once) = (Histogram::default(), Histogram::default());
        once.record(5);
        assert_ne!(never, once);
        once.clear();
        assert_eq!(never, once);
        assert_eq!((never.count(), never.max_us(), never.buckets().count()), (0, None, 0));
        let text = serde_json::to_string(&never).expect("serialises");
        assert_eq!(serde_json::from_str::<Histogram>(&text).expect("reads back"), never);
    }

    #[test]
    fn a_percentile_is_never_below_the_sample_it_stands_for() {
        let mut histogram = Histogram::default();
        histogram.record(123_457);
        assert!(histogram.percentile_us(95.0).expect("one sample") >= 123_457);
        assert_eq!(Histogram::default().percentile_us(95.0), None);
    }
}
