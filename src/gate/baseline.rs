//! An earlier run as a limit: what it measured becomes clauses of this one.

use dlt_model::gate::{self, Clause};
use serde_json::Value;

/// By how many hundredths of a percent of all samples the success rate may fall below the earlier run's.
const RATE_SLACK: u64 = 100;
/// By how many percent the 95th percentile may grow, unless somebody says otherwise.
pub const DEFAULT_GROWTH_PERCENT: u64 = 20;
/// By how many percent it may be allowed to grow.
pub const MAX_GROWTH_PERCENT: u64 = 1_000;

/// What an earlier run measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// All samples.
    pub samples: u64,
    /// Those that failed.
    pub failed: u64,
    /// The 95th percentile in microseconds.
    pub latency_us_p95: u64,
}

impl Baseline {
    /// What an earlier gate wrote as JSON; none when it proved nothing.
    pub fn of_report(report: &Value) -> Option<Self> {
        let sound = matches!(report["verdict"].as_str(), Some("passed" | "failed"));
        let number = |key: &str| report["total"][key].as_u64();
        let (samples, failed) = (number("samples")?, number("failed")?);
        let latency_us_p95 = number("latencyUsP95")?;
        (sound && samples > 0).then_some(Self { samples, failed, latency_us_p95 })
    }

    /// A line of the API's list of runs, whose latencies are in milliseconds; none when the run proved nothing.
    pub fn of_listed_run(run: &Value) -> Option<Self> {
        let sound = run["status"] == "complete" && run["partial"] != true;
        let samples = run["requests"].as_u64()?;
        let latency_us_p95 = (run["percentiles"]["p95"].as_f64()? * 1_000.0).ceil() as u64;
        (sound && samples > 0).then_some(Self { samples, failed: run["errors"].as_u64()?, latency_us_p95 })
    }

    /// What must be true of a run that is no worse: the 95th percentile grows by at most so many percent, and the success
    /// rate falls by at most one percent of all samples.
    pub fn clauses(&self, growth_percent: u64) -> Vec<Clause> {
        let p95_us = self.latency_us_p95.saturating_mul(100 + growth_percent).div_ceil(100);
        let p95_us = p95_us.min(dlt_model::histogram::MAX_US);
        // Hundredths of a percent, rounded down: never stricter than what is said.
        let rate =
            (u128::from(self.samples - self.failed.min(self.samples)) * 10_000 / u128::from(self.samples)) as u64;
        let rate = rate.saturating_sub(RATE_SLACK);
        let text = format!("p95 <= {p95_us}us; success_rate >= {}.{:02}%", rate / 100, rate % 100);
        gate::parse(&text).expect("numbers within their bounds make clauses")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(baseline: &Baseline, growth: u64) -> Vec<String> {
        baseline.clauses(growth).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_earlier_run_becomes_two_clauses() {
        let report = json!({"verdict": "passed", "total": {"samples": 1000, "failed": 5, "latencyUsP95": 100_000}});
        let baseline = Baseline::of_report(&report).expect("sound");
        assert_eq!(texts(&baseline, 10), ["p95 <= 110ms", "success_rate >= 98.5%"]);
        let listed =
            json!({"status": "complete", "partial": false, "requests": 3, "errors": 3, "percentiles": {"p95": 0.001}});
        let worst = Baseline::of_listed_run(&listed).expect("sound");
        assert_eq!(texts(&worst, 20), ["p95 <= 2us", "success_rate >= 0%"]);
        let longest = Baseline { samples: 1, failed: 0, latency_us_p95: u64::MAX };
        assert_eq!(texts(&longest, 0), ["p95 <= 3600s", "success_rate >= 99%"]);
    }

    #[test]
    fn a_run_that_proved_nothing_is_no_baseline() {
        let invalid = json!({"verdict": "invalid", "total": {"samples": 10, "failed": 0, "latencyUsP95": 1}});
        assert_eq!(Baseline::of_report(&invalid), None);
        assert_eq!(Baseline::of_report(&json!({"verdict": "passed"})), None);
        let partial =
            json!({"status": "complete", "partial": true, "requests": 3, "errors": 0, "percentiles": {"p95": 1.0}});
        assert_eq!(Baseline::of_listed_run(&partial), None);
    }
}
