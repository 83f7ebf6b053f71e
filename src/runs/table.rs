//! Lists of scenarios and of runs, a line each.

use super::kept::{ListedRun, ListedScenario};
use crate::report::{summary::table, units};

/// What stands where nothing is known.
const NOTHING: &str = "–";

/// Scenarios by name.
pub fn scenarios(listed: &[ListedScenario]) -> String {
    let mut listed: Vec<&ListedScenario> = listed.iter().collect();
    listed.sort_by(|one, other| (&one.test_name, &one.test_id).cmp(&(&other.test_name, &other.test_id)));
    let rows = listed.into_iter().map(|one| {
        [
            one.test_id.clone(),
            units::count(one.total_test_runs),
            one.test_name.clone(),
            known(one.status.as_deref()),
            known(one.start_time.as_deref()),
            one.tags.join(", "),
        ]
    });
    table(["id", "runs", "name", "last run", "started (UTC)", "tags"], 1..2, rows)
}

/// Runs in the order in which they are given.
pub fn runs(listed: &[ListedRun]) -> String {
    let rows = listed.iter().map(|one| {
        let number = |number: Option<u64>| number.map_or_else(|| NOTHING.to_owned(), units::count);
        [
            one.test_run_id.clone(),
            known(one.start_time.as_deref()),
            if one.partial { format!("{}, partial", one.status) } else { one.status.clone() },
            number(one.requests),
            number(one.errors),
            one.requests_per_second
                .map_or_else(|| NOTHING.to_owned(), |rate| format!("{}/s", units::decimal(rate.round()))),
            latency(one.percentiles.p50),
            latency(one.percentiles.p95),
            latency(one.percentiles.p99),
        ]
    });
    table(["run", "started (UTC)", "status", "samples", "failed", "rate", "p50", "p95", "p99"], 3..9, rows)
}

fn known(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or(NOTHING).to_owned()
}

fn latency(milliseconds: Option<f64>) -> String {
    // The list has hundredths of a millisecond.
    units::latency_or_dash(milliseconds.filter(|ms| *ms >= 0.0).map(|ms| (ms * 1_000.0).round() as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read<T: serde::de::DeserializeOwned>(list: Value) -> Vec<T> {
        serde_json::from_value(list).expect("what the API lists")
    }

    #[test]
    fn runs_are_told_a_line_each_with_what_is_known_of_them() {
        let percentiles = json!({"p0": 0.1, "p50": 0.52, "p90": 9.0, "p95": 12.4, "p99": 1_530.0, "p99_9": null});
        let listed = read(json!([
            {"testRunId": "01B", "startTime": "2026-11-22 09:37:33", "status": "running", "partial": false},
            {"testRunId": "01A", "startTime": "2026-11-21 18:00:00", "status": "complete", "partial": true, "requests": 15_808,
             "success": 15_800, "errors": 8, "requestsPerSecond": 1_578.4, "percentiles": percentiles},
        ]));
        insta::assert_snapshot!(runs(&listed));
    }

    #[test]
    fn scenarios_are_told_by_name() {
        let listed = read(json!([
            {"testId": "b1", "testName": "shop", "status": "complete", "startTime": "2026-11-22 09:37:33", "tags": ["qa", "eu"],
             "totalTestRuns": 1_204},
            {"testId": "a9", "testName": "checkout", "status": "", "tags": [], "totalTestRuns": 0},
        ]));
        insta::assert_snapshot!(scenarios(&listed));
    }
}
