//! What a clause says, and how it is written.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};

use crate::{duration::Duration, problem::Problems};

/// One thing that must be true of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// What happens when it is not.
    pub severity: Severity,
    /// What is looked at.
    pub subject: Subject,
    /// Only the samples with this label; never together with a window.
    pub selector: Option<String>,
    /// How it is compared.
    pub op: Op,
    /// What it is compared with; its kind is the subject's.
    pub value: Limit,
    /// Every stretch of this length must hold, rather than the whole run.
    pub window: Option<Duration>,
}

/// What happens when a clause is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The run fails.
    #[default]
    Require,
    /// It is told, and nothing else.
    Warn,
    /// The run fails, and is stopped as soon as it is seen.
    Abort,
}

/// What a clause looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Successful samples in percent of all.
    SuccessRate,
    /// Failed samples in percent of all.
    ErrorRate,
    /// How many samples failed.
    Failures,
    /// How many samples there were.
    Samples,
    /// Samples per second.
    Throughput,
    /// Mean latency.
    Avg,
    /// Shortest latency.
    Min,
    /// Longest latency.
    Max,
    /// Standard deviation of the latency.
    Stdev,
    /// The latency that so many percent of the samples do not exceed.
    Percentile(Percentile),
}

/// A percentile in thousandths of a percent, from 0 to 100 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentile(pub(super) u32);

/// How an observed value is compared with the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `>=`.
    AtLeast,
    /// `>`.
    Above,
    /// `<=`.
    AtMost,
    /// `<`.
    Below,
    /// `==`.
    Equal,
}

/// What an observed value is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Millionths of a percent, so that 99.5 % is 99 500 000; at most 100 %.
    Percent(u64),
    /// A number of samples.
    Count(u64),
    /// Millionths of a sample per second.
    PerSecond(u64),
    /// Microseconds.
    Latency(u64),
}

/// Millionths: the finest that percents and rates are told apart.
pub(super) const MILLION: u64 = 1_000_000;

impl Percentile {
    /// The 95th.
    pub const P95: Self = Self(95_000);

    /// From 0 to 100.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }
}

impl Op {
    /// Whether `observed` holds against `limit`.
    pub(super) fn holds<T: PartialOrd>(self, observed: &T, limit: &T) -> bool {
        match self {
            Self::AtLeast => observed >= limit,
            Self::Above => observed > limit,
            Self::AtMost => observed <= limit,
            Self::Below => observed < limit,
            Self::Equal => observed == limit,
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.severity {
            Severity::Require => {}
            Severity::Warn => f.write_str("warn ")?,
            Severity::Abort => f.write_str("abort ")?,
        }
        write!(f, "{}", self.subject)?;
        if let Some(label) = &self.selector {
            write!(f, " of \"{}\"", label.replace('\\', "\\\\").replace('"', "\\\""))?;
        }
        write!(f, " {} {}", self.op, self.value)?;
        if let Some(window) = self.window {
            write!(f, " over {window}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SuccessRate => f.write_str("success_rate"),
            Self::ErrorRate => f.write_str("error_rate"),
            Self::Failures => f.write_str("failures"),
            Self::Samples => f.write_str("samples"),
            Self::Throughput => f.write_str("throughput"),
            Self::Avg => f.write_str("avg"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Stdev => f.write_str("stdev"),
            Self::Percentile(percentile) => write!(f, "p{}", decimal(u64::from(percentile.0), 1_000)),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::AtMost => "<=",
            Self::Below => "<",
            Self::Equal => "==",
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Percent(millionths) => write!(f, "{}%", decimal(millionths, MILLION)),
            Self::Count(count) => write!(f, "{count}"),
            Self::PerSecond(millionths) => write!(f, "{}/s", decimal(millionths, MILLION)),
            Self::Latency(micros) if micros % 1_000 != 0 => write!(f, "{micros}us"),
            Self::Latency(micros) if micros != 0 && micros % MILLION == 0 => write!(f, "{}s", micros / MILLION),
            Self::Latency(micros) => write!(f, "{}ms", micros / 1_000),
        }
    }
}

/// `units / scale` without trailing zeros; `scale` is a power of ten.
pub(super) fn decimal(units: u64, scale: u64) -> String {
    let (whole, fraction) = (units / scale, units % scale);
    let digits = usize::try_from(scale.ilog10()).expect("at most 19 digits");
    format!("{whole}.{fraction:0digits$}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl FromStr for Clause {
    type Err = Problems;

    /// Reads exactly one clause.
    fn from_str(text: &str) -> Result<Self, Problems> {
        super::parse::one(text)
    }
}

impl Serialize for Clause {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Clause {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
