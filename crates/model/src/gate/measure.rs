//! What was observed of a subject, and whether it holds against a limit.

use std::{cmp::Ordering, collections::BTreeMap, fmt};

use serde::Serialize;

use super::clause::{Clause, Limit, MILLION, Subject, decimal};
use crate::{buckets, histogram::Histogram, report::Measurements, summary::Slice};

/// A measured value, as exact as it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// So many of so many samples.
    Share {
        /// The samples that count.
        part: u64,
        /// All samples; not 0.
        whole: u64,
    },
    /// So many samples.
    Count(u64),
    /// So many samples in so much time.
    PerSecond {
        /// Samples.
        samples: u64,
        /// Milliseconds; not 0.
        duration_ms: u64,
    },
    /// Microseconds. A percentile and a maximum are at their bucket's upper edge; a mean is rounded.
    Latency(u64),
}

/// The samples that a clause is judged on.
pub(super) struct Sample<'a> {
    pub succeeded: u64,
    pub failed: u64,
    pub duration_ms: u64,
    pub latency: Latency<'a>,
}

/// Where latencies are read from.
pub(super) enum Latency<'a> {
    Merged(&'a Histogram),
    Counted(&'a BTreeMap<u64, u64>),
}

impl<'a> Sample<'a> {
    pub fn of(measurements: &'a Measurements, duration_ms: u64) -> Self {
        let latency = Latency::Merged(&measurements.latency);
        Self { succeeded: measurements.succeeded, failed: measurements.failed, duration_ms, latency }
    }

    pub fn samples(&self) -> u64 {
        self.succeeded + self.failed
    }

    /// The value of a subject; `None` when there is nothing to take it from.
    pub fn observe(&self, subject: Subject) -> Option<Observed> {
        let whole = self.samples();
        match subject {
            Subject::SuccessRate => (whole > 0).then_some(Observed::Share { part: self.succeeded, whole }),
            Subject::ErrorRate => (whole > 0).then_some(Observed::Share { part: self.failed, whole }),
            Subject::Failures => Some(Observed::Count(self.failed)),
            Subject::Samples => Some(Observed::Count(whole)),
            Subject::Throughput => {
                let duration_ms = self.duration_ms;
                (duration_ms > 0).then_some(Observed::PerSecond { samples: whole, duration_ms })
            }
            Subject::Avg | Subject::Min | Subject::Max | Subject::Stdev | Subject::Percentile(_) => {
                self.latency.read(subject).map(Observed::Latency)
            }
        }
    }
}

impl Latency<'_> {
    fn read(&self, subject: Subject) -> Option<u64> {
        match self {
            Self::Merged(histogram) => match subject {
                Subject::Avg => histogram.mean_us().map(round),
                Subject::Min => histogram.min_us(),
                Subject::Max => histogram.max_us(),
                Subject::Stdev => histogram.stdev_us().map(round),
                Subject::Percentile(percentile) => {
                    buckets::percentile(histogram.count(), histogram.buckets(), percentile.0)
                }
                _ => None,
            },
            Self::Counted(counts) => {
                let pairs = || counts.iter().map(|(edge, count)| (*edge, *count));
                let total: u64 = counts.values().sum();
                match subject {
                    Subject::Avg => mean(pairs(), total).map(round),
                    Subject::Min => counts.keys().next().copied(),
                    Subject::Max => counts.keys().next_back().copied(),
                    Subject::Stdev => stdev(pairs(), total).map(round),
                    Subject::Percentile(percentile) => buckets::percentile(total, pairs(), percentile.0),
                    _ => None,
                }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "latencies are between 0 and an hour")]
fn round(micros: f64) -> u64 {
    micros.round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "a mean needs no more than 52 bits")]
fn mean(counts: impl Iterator<Item = (u64, u64)>, total: u64) -> Option<f64> {
    let sum: u128 = counts.map(|(edge, count)| u128::from(edge) * u128::from(count)).sum();
    (total > 0).then(|| sum as f64 / total as f64)
}

#[expect(clippy::cast_precision_loss, reason = "a deviation needs no more than 52 bits")]
fn stdev(counts: impl Iterator<Item = (u64, u64)> + Clone, total: u64) -> Option<f64> {
    let mean = mean(counts.clone(), total)?;
    let squares: f64 = counts.map(|(edge, count)| (edge as f64 - mean).powi(2) * count as f64).sum();
    Some((squares / total as f64).sqrt())
}

impl Observed {
    /// Whether this is what a clause asks for. Shares and rates are compared as products of integers.
    pub(super) fn holds(&self, clause: &Clause) -> bool {
        match (*self, clause.value) {
            (Self::Share { part, whole }, Limit::Percent(limit)) => {
                let observed = u128::from(part) * 100 * u128::from(MILLION);
                clause.op.holds(&observed, &(u128::from(limit) * u128::from(whole)))
            }
            (Self::PerSecond { samples, duration_ms }, Limit::PerSecond(limit)) => {
                let observed = u128::from(samples) * 1_000 * u128::from(MILLION);
                clause.op.holds(&observed, &(u128::from(limit) * u128::from(duration_ms)))
            }
            (Self::Count(observed), Limit::Count(limit)) | (Self::Latency(observed), Limit::Latency(limit)) => {
                clause.op.holds(&observed, &limit)
            }
            // The parser gives a subject no other kind of limit; a clause built by hand that does is never fulfilled.
            _ => false,
        }
    }

    /// The order of two values of the same subject.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let (left, right) = (self.ratio(), other.ratio());
        (left.0 * right.1).cmp(&(right.0 * left.1))
    }

    fn ratio(&self) -> (u128, u128) {
        match *self {
            Self::Share { part, whole } => (part.into(), whole.into()),
            Self::PerSecond { samples, duration_ms } => (samples.into(), duration_ms.into()),
            Self::Count(value) | Self::Latency(value) => (value.into(), 1),
        }
    }
}

impl fmt::Display for Observed {
    /// As limits are written; shares and rates cut off, never rounded up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = |scaled: u128| decimal(u64::try_from(scaled).unwrap_or(u64::MAX), MILLION);
        match *self {
            Self::Share { part, whole } => {
                write!(f, "{}%", cut(u128::from(part) * 100 * u128::from(MILLION) / u128::from(whole)))
            }
            Self::Count(count) => write!(f, "{count}"),
            Self::PerSecond { samples, duration_ms } => {
                let hundredths = u128::from(samples) * 100_000 / u128::from(duration_ms);
                write!(f, "{}/s", cut(hundredths * u128::from(MILLION / 100)))
            }
            Self::Latency(micros) if micros < 1_000_000 => write!(f, "{}ms", decimal(micros, 1_000)),
            Self::Latency(micros) => write!(f, "{}s", decimal(micros / 1_000, 1_000)),
        }
    }
}

impl Serialize for Observed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A stretch of seconds whose counts are added and taken away as it slides.
#[derive(Default)]
pub(super) struct Stretch {
    succeeded: u64,
    failed: u64,
    seconds: u64,
    latency: BTreeMap<u64, u64>,
}

impl Stretch {
    pub fn push(&mut self, slice: &Slice, seconds: u64) {
        self.succeeded += slice.succeeded;
        self.failed += slice.failed;
        self.seconds += seconds;
        for (edge, count) in slice.latency.iter() {
            *self.latency.entry(edge).or_default() += count;
        }
    }

    pub fn pop(&mut self, slice: &Slice, seconds: u64) {
        self.succeeded -= slice.succeeded;
        self.failed -= slice.failed;
        self.seconds -= seconds;
        for (edge, count) in slice.latency.iter() {
            let left = self.latency.get(&edge).map_or(0, |have| have.saturating_sub(count));
            if left == 0 {
                self.latency.remove(&edge)
            } else {
                self.latency.insert(edge, left)
            };
        }
    }

    pub fn sample(&self) -> Sample<'_> {
        Sample {
            succeeded: self.succeeded,
            failed: self.failed,
            duration_ms: self.seconds * 1_000,
            latency: Latency::Counted(&self.latency),
        }
    }
}
