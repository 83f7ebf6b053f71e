//! The numbers that every form of the report shows: clauses, requests, the slowest and the most failing of them.

use dlt_model::{
    baseline::{Comparison, Judged},
    gate::{ClauseVerdict, Outcome, Severity},
    report::Measurements,
    summary::Summary,
};
use serde::Serialize;

use crate::{gate::conclusion::Conclusion, report::units};

/// How many requests the short lists have.
pub const SHORT_LIST: usize = 5;
/// How many requests any list has.
pub const LONGEST_LIST: usize = 500;
/// How many outcomes of a request are told.
const OUTCOMES: usize = 5;

/// One label's numbers. Latencies are in microseconds and come from merged histograms.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// What the scenario calls it.
    pub label: String,
    /// How often it was made.
    pub samples: u64,
    /// How often it failed.
    pub failed: u64,
    /// Samples a second.
    pub rate_per_second: f64,
    /// The median.
    pub latency_us_p50: Option<u64>,
    /// The 90th percentile.
    pub latency_us_p90: Option<u64>,
    /// The 95th percentile.
    pub latency_us_p95: Option<u64>,
    /// The 99th percentile.
    pub latency_us_p99: Option<u64>,
    /// The longest.
    pub latency_us_max: Option<u64>,
    /// What came of it, most frequent first.
    pub outcomes: Vec<(String, u64)>,
}

impl Request {
    /// The numbers of a label, or of everything.
    pub fn of(label: &str, measured: &Measurements, duration_ms: u64) -> Self {
        let percentile = |percent| measured.latency.percentile_us(percent);
        let mut outcomes: Vec<(String, u64)> =
            measured.outcomes.iter().map(|(outcome, count)| (outcome.clone(), *count)).collect();
        outcomes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        outcomes.truncate(OUTCOMES);
        Self {
            label: label.to_owned(),
            samples: measured.samples(),
            failed: measured.failed,
            rate_per_second: if duration_ms == 0 {
                0.0
            } else {
                measured.samples() as f64 * 1_000.0 / duration_ms as f64
            },
            latency_us_p50: percentile(50.0),
            latency_us_p90: percentile(90.0),
            latency_us_p95: percentile(95.0),
            latency_us_p99: percentile(99.0),
            latency_us_max: measured.latency.max_us(),
            outcomes,
        }
    }

    /// The outcomes as `200 × 99, 503 × 1`.
    pub fn outcomes_text(&self) -> String {
        let each = self.outcomes.iter().map(|(outcome, count)| format!("{outcome} × {}", units::count(*count)));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// Every label, by name.
pub fn requests(summary: &Summary) -> Vec<Request> {
    let duration_ms = summary.duration_ms();
    summary.total.labels.iter().map(|(label, measured)| Request::of(label, measured, duration_ms)).collect()
}

/// Those with the highest 95th percentile.
pub fn slowest(requests: &[Request]) -> Vec<&Request> {
    let mut slowest: Vec<&Request> = requests.iter().filter(|request| request.samples > 0).collect();
    slowest.sort_by_key(|request| std::cmp::Reverse(request.latency_us_p95));
    slowest.truncate(SHORT_LIST);
    slowest
}

/// Those that failed most often; those that never did are not among them.
pub fn most_failing(requests: &[Request]) -> Vec<&Request> {
    let mut failing: Vec<&Request> = requests.iter().filter(|request| request.failed > 0).collect();
    failing.sort_by_key(|request| std::cmp::Reverse(request.failed));
    failing.truncate(SHORT_LIST);
    failing
}

/// What became of a clause, in one word.
pub fn outcome_word(judged: &ClauseVerdict) -> &'static str {
    match (&judged.outcome, judged.clause.severity) {
        (Outcome::Held, _) => "held",
        (Outcome::Broken, Severity::Warn) => "warning",
        (Outcome::Broken, _) => "broken",
        (Outcome::Unjudged(_), _) => "unjudged",
    }
}

/// What became of a comparison, in the same words.
pub fn comparison_word(compared: &Comparison) -> &'static str {
    match compared.judged {
        Judged::Held => "held",
        Judged::Noise => "warning",
        Judged::Worse | Judged::WorseByTolerance => "broken",
    }
}

/// Everything that is broken and makes the run fail, in the order in which it was asked.
pub fn broken(conclusion: &Conclusion) -> Vec<String> {
    let clauses = conclusion.judgement.clauses.iter().filter(|judged| outcome_word(judged) == "broken");
    let comparisons = conclusion.comparisons.iter().filter(|compared| compared.is_worse());
    clauses.map(|judged| judged.clause.to_string()).chain(comparisons.map(Comparison::question)).collect()
}

/// What was observed, and where if not in the whole run; why it was not judged, if it was not.
pub fn observed_text(judged: &ClauseVerdict) -> String {
    let observed = judged.observed.map_or_else(|| "nothing".to_owned(), |observed| observed.to_string());
    let until = judged.until_second.map_or_else(String::new, |second| format!(" in the stretch up to second {second}"));
    let reason = match &judged.outcome {
        Outcome::Unjudged(reason) => format!(" ({reason})"),
        _ => String::new(),
    };
    format!("{observed}{until}{reason}")
}

/// The limit with its operator: `<= 800ms`.
pub fn limit_text(judged: &ClauseVerdict) -> String {
    format!("{} {}", judged.clause.op, judged.clause.value)
}

/// One sentence about the whole run.
pub fn headline(summary: &Summary) -> String {
    let (total, duration_ms) = (&summary.total, summary.duration_ms());
    let workers = if summary.workers.len() == 1 { "worker" } else { "workers" };
    format!(
        "{} samples, {} failed, in {} · {} · up to {} VUs · {} of {} {workers} reported",
        units::count(total.all.samples()),
        units::count(total.all.failed),
        units::span(duration_ms),
        units::per_second(total.all.samples(), duration_ms),
        units::count(total.max_virtual_users),
        summary.reported(),
        summary.workers.len(),
    )
}
