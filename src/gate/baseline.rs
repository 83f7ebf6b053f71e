//! An earlier run that this one must not be worse than: where it comes from, and what is tolerated.

use dlt_model::{
    baseline::{self, Comparison, Measured, Tolerance},
    summary::Summary,
};
use serde_json::Value;

/// By how many hundredths of a percent of all samples the success rate may fall below the earlier run's.
const RATE_SLACK: u64 = 100;
/// By how many percent the 95th percentile may grow, unless somebody says otherwise.
pub const DEFAULT_GROWTH_PERCENT: u64 = 20;
/// By how many percent it may be allowed to grow.
pub const MAX_GROWTH_PERCENT: u64 = 1_000;

/// An earlier run, and how much worse than it a run may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// The earlier run's id, or the file that it is read from.
    pub name: String,
    /// What it left.
    pub measured: Measured,
    /// By how many percent the 95th percentile may grow.
    pub growth_percent: u64,
}

impl Baseline {
    /// Compares a run with it; nothing when there is nothing measured.
    pub fn compare(&self, summary: Option<&Summary>) -> Vec<Comparison> {
        let tolerance = Tolerance { p95_growth_percent: self.growth_percent, success_rate_fall: RATE_SLACK };
        let now = summary.and_then(Measured::of);
        now.map_or_else(Vec::new, |now| baseline::compare(&self.measured, &now, tolerance).to_vec())
    }
}

/// What an earlier gate wrote as JSON; none when the run proved nothing.
pub fn of_report(report: &Value) -> Option<Measured> {
    let sound = matches!(report["verdict"].as_str(), Some("passed" | "failed"));
    let measured = match report.get("measured") {
        Some(measured) => serde_json::from_value(measured.clone()).ok()?,
        None => {
            let number = |key: &str| report["total"][key].as_u64();
            let (samples, failed, latency_us_p95) = (number("samples")?, number("failed")?, number("latencyUsP95")?);
            Measured { samples, failed, latency_us_p95, ..Measured::default() }
        }
    };
    (sound && measured.samples > 0).then_some(measured)
}

/// What a run on an environment left; none when it proved nothing.
pub fn of_summary(summary: &Summary) -> Option<Measured> {
    let sound = !summary.is_partial() && summary.degraded_reasons().is_empty();
    Measured::of(summary).filter(|_| sound)
}

/// The id of a line of the API's list of runs, if that run can be a baseline.
pub fn of_listed_run(run: &Value) -> Option<&str> {
    let sound = run["status"] == "complete" && run["partial"] != true && run["requests"].as_u64() > Some(0);
    run["testRunId"].as_str().filter(|_| sound)
}

#[cfg(test)]
mod tests {
    use dlt_model::baseline::Judged;
    use serde_json::json;

    use super::*;
    use crate::gate::conclusion::tests::measured;

    #[test]
    fn a_run_is_no_worse_than_itself_and_worse_than_one_that_was_twice_as_fast() {
        let run = measured(30);
        let own = of_summary(&run).expect("sound");
        let baseline = Baseline { name: "run".to_owned(), measured: own.clone(), growth_percent: 0 };
        assert!(baseline.compare(Some(&run)).iter().all(|one| one.judged == Judged::Held));
        assert_eq!(baseline.compare(None), []);
        let twice = Measured { latency_us_p95: own.latency_us_p95 / 2, portions: Vec::new(), ..own };
        let faster = Baseline { measured: twice, ..baseline };
        assert!(faster.compare(Some(&run))[0].is_worse());
    }

    #[test]
    fn a_report_is_a_baseline_with_its_noise_or_at_least_with_its_numbers() {
        let total = json!({"samples": 1000, "failed": 5, "latencyUsP95": 100_000});
        let old = of_report(&json!({"verdict": "passed", "total": total})).expect("sound");
        assert_eq!((old.samples, old.failed, old.latency_us_p95), (1000, 5, 100_000));
        let own = of_summary(&measured(30)).expect("sound");
        let new = json!({"verdict": "failed", "total": total, "measured": own});
        assert_eq!(of_report(&new), Some(own));
        assert_eq!(of_report(&json!({"verdict": "passed", "total": total, "measured": {"samples": -1}})), None);
    }

    #[test]
    fn a_run_that_proved_nothing_is_no_baseline() {
        let total = json!({"samples": 10, "failed": 0, "latencyUsP95": 1});
        assert_eq!(of_report(&json!({"verdict": "invalid", "total": total})), None);
        assert_eq!(of_report(&json!({"verdict": "passed"})), None);
        let listed = |status: &str, partial: bool, requests: u64| json!({"testRunId": "r", "status": status, "partial": partial, "requests": requests});
        assert_eq!(of_listed_run(&listed("complete", false, 3)), Some("r"));
        for run in [listed("complete", true, 3), listed("cancelled", false, 3), listed("complete", false, 0)] {
            assert_eq!(of_listed_run(&run), None, "{run}");
        }
    }
}
