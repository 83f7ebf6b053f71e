//! The comparison of two runs: what changed, what it could be by chance, and what that means.

use std::fmt;

use super::{
    measured::{Measured, P95, Portion},
    noise::{CONFIDENCE_PERCENT, design_effect, float, student, wilson},
};

/// From how many samples on a 95th percentile has an interval: ten of them are beyond it.
const MIN_SAMPLES: u64 = 200;

/// By how much a number may get worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// The 95th percentile, in percent of the baseline's.
    pub p95_growth_percent: u64,
    /// The success rate, in hundredths of a percent of all samples.
    pub success_rate_fall: u64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// How the 95th percentile grew, in percent of the baseline's.
    P95,
    /// How the share of failed samples grew, in points of a percent.
    Failures,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The change is within the tolerance.
    Held,
    /// The change is over the tolerance and could be chance.
    Noise,
    /// The change is over the tolerance, and more than noise.
    Worse,
    /// The change is over the tolerance, and one of the runs is too short to tell noise: the tolerance alone decides.
    WorseByTolerance,
}

/// One number of two runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Which.
    pub change: Change,
    /// The baseline's: microseconds, or a share of failed samples between 0 and 1.
    pub before: f64,
    /// This run's.
    pub now: f64,
    /// By how much it got worse: percent of the baseline's, or points of a percent. Less than 0 is better.
    pub worsened: f64,
    /// Between what that lies with a confidence of [`CONFIDENCE_PERCENT`]; `None` when a run is too short to tell.
    pub interval: Option<(f64, f64)>,
    /// By how much it may get worse, in the same unit.
    pub allowed: f64,
    /// How many samples of this run that rests on.
    pub samples: u64,
    /// What it says.
    pub judged: Judged,
}

/// Compares a run with an earlier one.
pub fn compare(before: &Measured, now: &Measured, tolerance: Tolerance) -> [Comparison; 2] {
    [p95(before, now, tolerance), failures(before, now, tolerance)]
}

fn p95(before: &Measured, now: &Measured, tolerance: Tolerance) -> Comparison {
    let (old, new) = (float(before.latency_us_p95.max(1)), float(now.latency_us_p95.max(1)));
    let percent = |logarithm: f64| (logarithm.exp() - 1.0) * 100.0;
    let growth = (new / old).ln();
    let interval = || {
        let quantile = quantile(before, now)?;
        let ((old_low, old_high), (new_low, new_high)) = (woodruff(before, quantile)?, woodruff(now, quantile)?);
        let below = (new / new_low).ln().hypot((old_high / old).ln());
        let above = (new_high / new).ln().hypot((old / old_low).ln());
        Some((percent(growth - below), percent(growth + above)))
    };
    Comparison::of(
        Change::P95,
        (old, new),
        percent(growth),
        interval(),
        float(tolerance.p95_growth_percent),
        now.samples,
    )
}

fn failures(before: &Measured, now: &Measured, tolerance: Tolerance) -> Comparison {
    let share = |measured: &Measured| float(measured.failed.min(measured.samples)) / float(measured.samples.max(1));
    let (old, new) = (share(before), share(now));
    let interval = || {
        let quantile = quantile(before, now)?;
        let each = |measured: &Measured| {
            let effect = design_effect(&counts(measured, |portion| portion.failed))?;
            Some(wilson(share(measured), float(measured.samples) / effect, quantile))
        };
        let (was, is) = (each(before)?, each(now)?);
        let below = (is.at - is.low).hypot(was.high - was.at);
        let above = (is.high - is.at).hypot(was.at - was.low);
        Some(((new - old - below) * 100.0, (new - old + above) * 100.0))
    };
    let allowed = float(tolerance.success_rate_fall) / 100.0;
    Comparison::of(Change::Failures, (old, new), (new - old) * 100.0, interval(), allowed, now.samples)
}

fn counts(measured: &Measured, part: impl Fn(&Portion) -> u64) -> Vec<(u64, u64)> {
    measured.portions.iter().map(|portion| (part(portion), portion.samples)).collect()
}

/// Student's quantile for the run with fewer stretches.
fn quantile(before: &Measured, now: &Measured) -> Option<f64> {
    let stretches = |measured: &Measured| measured.portions.iter().filter(|portion| portion.samples > 0).count();
    let degrees = stretches(before).min(stretches(now)).checked_sub(1)?;
    (degrees > 0).then(|| student(degrees))
}

/// Between what the 95th percentile of a run lies, in microseconds; `None` when there are too few samples to say.
fn woodruff(measured: &Measured, quantile: f64) -> Option<(f64, f64)> {
    let effect = design_effect(&counts(measured, |portion| portion.slow))?;
    let count = measured.latency.count();
    let share = wilson(f64::from(P95) / 100_000.0, float(count) / effect, quantile);
    let edge = |share: f64| measured.quantile_us(share).map(|us| float(us.max(1)));
    (count >= MIN_SAMPLES).then_some((edge(share.low)?, edge(share.high)?))
}

impl Comparison {
    fn of(
        change: Change,
        (before, now): (f64, f64),
        worsened: f64,
        interval: Option<(f64, f64)>,
        allowed: f64,
        samples: u64,
    ) -> Self {
        let judged = match interval {
            _ if worsened <= allowed => Judged::Held,
            Some((low, _)) if low > 0.0 => Judged::Worse,
            Some(_) => Judged::Noise,
            None => Judged::WorseByTolerance,
        };
        Self { change, before, now, worsened, interval, allowed, samples, judged }
    }

    /// Whether it makes a run fail.
    pub fn is_worse(&self) -> bool {
        matches!(self.judged, Judged::Worse | Judged::WorseByTolerance)
    }

    /// What is asked, as in "p95 at most 20% over the baseline's".
    pub fn question(&self) -> String {
        let allowed = Number(self.allowed);
        match self.change {
            Change::P95 => format!("p95 at most {allowed}% over the baseline's"),
            Change::Failures if (self.allowed - 1.0).abs() < f64::EPSILON => {
                "success_rate at most 1 point under the baseline's".to_owned()
            }
            Change::Failures => format!("success_rate at most {allowed} points under the baseline's"),
        }
    }

    /// What was seen, as in "120ms after 100ms: +20% (98% sure: +12% to +28%)".
    pub fn observed(&self) -> String {
        let (before, now) = (self.value(self.before), self.value(self.now));
        // A rate that falls is told as it is seen, with its sign; a percentile that grows as well.
        let (sign, unit) = match self.change {
            Change::P95 => (1.0, "%"),
            Change::Failures => (-1.0, " points"),
        };
        let told = |change: f64| format!("{}{unit}", Signed(sign * change));
        let interval = self.interval.map_or_else(String::new, |(low, high)| {
            let (from, to) = if sign > 0.0 { (low, high) } else { (high, low) };
            format!(" ({CONFIDENCE_PERCENT}% sure: {} to {})", told(from), told(to))
        });
        format!("{now} after {before}: {}{interval}", told(self.worsened))
    }

    /// What that means, in words.
    pub fn meaning(&self) -> &'static str {
        match self.judged {
            Judged::Held => "within the tolerance",
            Judged::Noise => "over the tolerance, but no more than noise: a longer run would tell",
            Judged::Worse => "worse, and more than noise",
            Judged::WorseByTolerance => "worse; too short to tell from noise, so the tolerance decides",
        }
    }

    fn value(&self, value: f64) -> String {
        match self.change {
            Change::P95 if value >= 1_000_000.0 => format!("{}s", Number(value / 1_000_000.0)),
            Change::P95 => format!("{}ms", Number(value / 1_000.0)),
            Change::Failures => format!("{}%", Number((1.0 - value) * 100.0)),
        }
    }
}

/// A number with as many digits as a person wants.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0.abs() >= 100.0 { 0 } else { 2 };
        let text = format!("{:.digits$}", self.0);
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        f.write_str(if text == "-0" { "0" } else { text })
    }
}

/// The same with its sign.
struct Signed(f64);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Number(self.0).to_string();
        let sign = if text.starts_with('-') || text == "0" { "" } else { "+" };
        write!(f, "{sign}{text}")
    }
}
