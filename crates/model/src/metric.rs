//! Metrics of the user's own, and checks: what became of the values, in a form that merges.

use serde::{Deserialize, Serialize};

use crate::{
    histogram::{MAX_THOUSANDTHS, TrendHistogram},
    program::MetricKind,
};

/// How often a check held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckCount {
    /// It did.
    pub passed: u64,
    /// It did not.
    pub failed: u64,
}

impl CheckCount {
    /// Counts once.
    pub fn count(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Adds what another worker counted.
    pub fn merge(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The values of one metric. Which of them matter depends on its kind; all of them merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// What it is.
    pub kind: MetricKind,
    /// How many values came.
    pub count: u64,
    /// Their sum: what a counter says. A rate's true values are ones, so its rate is `sum / count`.
    pub sum: f64,
    /// The least; 0 without values.
    pub min: f64,
    /// The largest; 0 without values.
    pub max: f64,
    /// The last, and when it came, in milliseconds since 1970: what a gauge says.
    pub last: f64,
    /// When the last came.
    pub last_at_ms: u64,
    /// A trend's values in thousandths, from one thousandth to a billion. Values beyond count as the nearest.
    #[serde(default, skip_serializing_if = "TrendHistogram::is_empty")]
    pub values: TrendHistogram,
}

impl Metric {
    /// Nothing yet.
    pub fn new(kind: MetricKind) -> Self {
        let values = TrendHistogram::default();
        Self { kind, count: 0, sum: 0.0, min: 0.0, max: 0.0, last: 0.0, last_at_ms: 0, values }
    }

    /// Takes a finite value that came at this time.
    pub fn record(&mut self, value: f64, at_ms: u64) {
        let values = TrendHistogram::default();
        let one =
            Self { count: 1, sum: value, min: value, max: value, last: value, last_at_ms: at_ms, values, ..*self };
        self.merge(&one);
        if self.kind == MetricKind::Trend {
            self.values.record(thousandths(value));
        }
    }

    /// Adds what another worker saw. Of two last values of the same time the larger counts, so that the order of merging
    /// does not matter.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            (self.min, self.max) = (other.min, other.max);
        }
        let later =
            other.last_at_ms > self.last_at_ms || (other.last_at_ms == self.last_at_ms && other.last > self.last);
        if self.count == 0 || later {
            (self.last, self.last_at_ms) = (other.last, other.last_at_ms);
        }
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.values.merge(&other.values);
    }

    /// Forgets every value and keeps the memory.
    pub fn clear(&mut self) {
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        *self = Self { values, ..Self::new(self.kind) };
    }

    /// The mean; `None` without values.
    #[expect(clippy::cast_precision_loss, reason = "a mean is not exact")]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The value that `percent` (0 to 100) of a trend's values do not exceed.
    #[expect(clippy::cast_precision_loss, reason = "a trend is told to three digits")]
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        // A bucket's upper edge may lie above the largest value in it.
        self.values.percentile_us(percent).map(|thousandths| (thousandths as f64 / 1_000.0).min(self.max))
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "clamped before it is cast"
)]
fn thousandths(value: f64) -> u64 {
    (value * 1_000.0).round().clamp(0.0, MAX_THOUSANDTHS as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_is_the_same_as_recording_everything_in_one() {
        for kind in [MetricKind::Counter, MetricKind::Gauge, MetricKind::Rate, MetricKind::Trend] {
            let (mut left, mut right, mut all) = (Metric::new(kind), Metric::new(kind), Metric::new(kind));
            for (at_ms, value) in [(1, 4.0), (2, -8.0), (3, 2.5), (3, 16.0)] {
                let half = if at_ms % 2 == 0 { &mut left } else { &mut right };
                half.record(value, at_ms);
                all.record(value, at_ms);
            }
            let mut other_way = right.clone();
            other_way.merge(&left);
            left.merge(&right);
            assert_eq!((&left, &other_way), (&all, &all));
            assert_eq!((all.count, all.sum, all.min, all.max, all.last), (4, 14.5, -8.0, 16.0, 16.0));
            assert_eq!(all.mean(), Some(3.625));
        }
    }

    #[test]
    fn a_trend_tells_percentiles_and_the_other_kinds_keep_no_distribution() {
        let mut trend = Metric::new(MetricKind::Trend);
        (1..=100).for_each(|value| trend.record(f64::from(value), 0));
        let p95 = trend.percentile(95.0).expect("values");
        assert!((95.0..95.2).contains(&p95), "{p95}");
        let mut gauge = Metric::new(MetricKind::Gauge);
        gauge.record(1.0, 0);
        assert_eq!(gauge.percentile(50.0), None);
        trend.clear();
        assert_eq!(trend, Metric::new(MetricKind::Trend));
    }
}
