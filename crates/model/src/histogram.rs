//! Latencies as a histogram that merges without loss.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use hdrhistogram::{
    Histogram as Hdr,
    serialization::{Deserializer, Serializer, V2Serializer},
};
use serde::{Deserialize, Serialize, de, ser};

/// The shortest latency that is told apart, in microseconds.
pub const MIN_US: u64 = 1;
/// The longest latency that is told apart: one hour, in microseconds. Longer ones count as this.
pub const MAX_US: u64 = 3_600_000_000;
/// Significant decimal digits: a recorded value is off by at most 0.1 %.
const DIGITS: u8 = 3;

/// Counts of latencies from 1 µs to 1 h with three significant digits, in the HDR layout.
///
/// Percentiles are read here and nowhere else, at the upper edge of their bucket, so that a pass is never optimistic.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram(Hdr<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self(Hdr::new_with_bounds(MIN_US, MAX_US, DIGITS).expect("the bounds are constants that HDR accepts"))
    }
}

impl Histogram {
    /// Counts one latency, in microseconds.
    pub fn record(&mut self, latency_us: u64) {
        self.0.saturating_record(latency_us.clamp(MIN_US, MAX_US));
    }

    /// Adds every count of another histogram to this one.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all histograms have the same bounds");
    }

    /// Forgets every count and keeps the memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many latencies were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency in microseconds that `percent` (0 to 100) of the samples do not exceed; `None` without samples.
    pub fn percentile_us(&self, percent: f64) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(percent / 100.0))
    }

    /// The smallest recorded latency in microseconds, at its bucket's lower edge.
    pub fn min_us(&self) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.min())
    }

    /// The largest recorded latency in microseconds, at its bucket's upper edge.
    pub fn max_us(&self) -> Option<u64> {
        (!self.0.is_empty()).then(|| self.0.max())
    }

    /// The mean in microseconds.
    pub fn mean_us(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.mean())
    }

    /// The standard deviation in microseconds.
    pub fn stdev_us(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.stdev())
    }

    /// The recorded buckets as (highest equivalent value in µs, count), for plots.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()))
    }
}

impl Serialize for Histogram {
    /// As the HDR V2 format in base64, which every HDR library reads.
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(&self.0, &mut bytes).map_err(|error| ser::Error::custom(format!("{error:?}")))?;
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).map_err(de::Error::custom)?;
        let read: Hdr<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| de::Error::custom(format!("not an HDR histogram: {error:?}")))?;
        let mut ours = Self::default();
        ours.0.add(&read).map_err(|error| de::Error::custom(format!("histogram out of range: {error}")))?;
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
    fn a_histogram_survives_being_written_and_read() {
        let mut before = Histogram::default();
        for value in [1, 412_000, 7_200_000_000] {
            before.record(value);
        }
        let text = serde_json::to_string(&before).expect("serialises");
        let after: Histogram = serde_json::from_str(&text).expect("reads back");
        assert_eq!(before, after);
        assert_eq!(after.count(), 3);
    }

    #[test]
    fn a_percentile_is_never_below_the_sample_it_stands_for() {
        let mut histogram = Histogram::default();
        histogram.record(123_457);
        assert!(histogram.percentile_us(95.0).expect("one sample") >= 123_457);
        assert_eq!(Histogram::default().percentile_us(95.0), None);
    }
}
