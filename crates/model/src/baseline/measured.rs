//! What a run leaves behind for later ones to be compared with: its latencies, and how evenly they came.

use serde::{Deserialize, Serialize};

use crate::{
    buckets,
    histogram::Histogram,
    summary::{Slice, Summary},
};

/// Into how many stretches a run is cut at most. More would be shorter than what makes neighbours alike.
const MAX_PORTIONS: usize = 30;
/// The percentile that is compared, in thousandths of a percent.
pub(super) const P95: u32 = 95_000;

/// The numbers of a run that a comparison needs; small enough to be a part of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// All samples.
    pub samples: u64,
    /// Those that failed.
    pub failed: u64,
    /// The 95th percentile in microseconds, at its bucket's upper edge.
    pub latency_us_p95: u64,
    /// All latencies; empty when only the numbers above are known.
    #[serde(default)]
    pub latency: Histogram,
    /// Stretches of the same length, in order; empty when only the numbers above are known.
    #[serde(default)]
    pub portions: Vec<Portion>,
}

/// A stretch of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Portion {
    /// Samples that ended in it.
    pub samples: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that took longer than the 95th percentile of the whole run.
    pub slow: u64,
}

impl Measured {
    /// What a run left; `None` when there are no samples.
    pub fn of(summary: &Summary) -> Option<Self> {
        let all = &summary.total.all;
        let latency = all.latency.clone();
        let latency_us_p95 = buckets::percentile(latency.count(), latency.buckets(), P95)?;
        let portions = portions(&summary.seconds, latency_us_p95);
        Some(Self { samples: all.samples(), failed: all.failed, latency_us_p95, latency, portions })
    }

    /// How much of the latencies lies at or below an edge that `share` (0 to 1) of them do not exceed; `None` beyond the last.
    pub(super) fn quantile_us(&self, share: f64) -> Option<u64> {
        const WHOLE: f64 = 100_000.0;
        let thousandths = share * WHOLE;
        if !(0.0..=WHOLE).contains(&thousandths) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 100 000")]
        let thousandths = thousandths.round() as u32;
        buckets::percentile(self.latency.count(), self.latency.buckets(), thousandths)
    }
}

/// Stretches of the same length; the last second of a run is seldom a whole one and is left out of a longer run.
fn portions(seconds: &[Slice], p95_us: u64) -> Vec<Portion> {
    let whole = &seconds[..seconds.len().saturating_sub(1)];
    let each = whole.len().div_ceil(MAX_PORTIONS).max(1);
    whole.chunks_exact(each).map(|slices| portion(slices, p95_us)).collect()
}

fn portion(slices: &[Slice], p95_us: u64) -> Portion {
    slices.iter().fold(Portion::default(), |sum, slice| {
        let slow: u64 = slice.latency.iter().filter(|(edge, _)| *edge > p95_us).map(|(_, count)| count).sum();
        Portion { samples: sum.samples + slice.samples(), failed: sum.failed + slice.failed, slow: sum.slow + slow }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buckets::Buckets;

    fn second(latencies_us: impl Iterator<Item = u64>, failed: u64) -> Slice {
        let mut histogram = Histogram::default();
        latencies_us.for_each(|us| histogram.record(us));
        let succeeded = histogram.count() - failed;
        Slice { virtual_users: 1, succeeded, failed, latency: Buckets::from(&histogram) }
    }

    #[test]
    fn a_long_run_has_thirty_stretches_at_most_and_each_is_as_long_as_the_others() {
        let seconds: Vec<Slice> = (0..3_601).map(|_| second(1..=20, 1)).collect();
        let portions = portions(&seconds, 19);
        assert_eq!(portions.len(), 30);
        assert!(portions.iter().all(|one| *one == Portion { samples: 2_400, failed: 120, slow: 120 }), "{portions:?}");
        assert_eq!(super::portions(&seconds[..4], 19).len(), 3, "the last one may be a part of a second");
        assert_eq!(super::portions(&[], 19), []);
    }

    #[test]
    fn a_quantile_beyond_the_samples_is_not_known() {
        let mut latency = Histogram::default();
        (1..=100).for_each(|us| latency.record(us));
        let measured = Measured { samples: 100, latency, ..Measured::default() };
        assert_eq!(measured.quantile_us(0.95), Some(95));
        assert_eq!(measured.quantile_us(1.000_01), None);
        assert_eq!(Measured::default().quantile_us(0.5), None);
    }
}
