//! The report for programs.

use serde_json::{Value, json};

use super::figures::{self, LONGEST_LIST, Request};
use dlt_model::{
    baseline::{CONFIDENCE_PERCENT, Change, Comparison, Measured},
    gate::{Outcome, Severity},
};

use crate::{gate::conclusion::Conclusion, run::stop::Stop};

/// Tells this shape from later ones.
pub const VERSION: u32 = 1;

/// The whole of it. Latencies are microseconds; `null` is a number that does not exist.
pub fn json(conclusion: &Conclusion) -> Value {
    let ending = &conclusion.ending;
    let mut report = json!({
        "version": VERSION,
        "verdict": conclusion.word(),
        "exitCode": conclusion.exit() as u8,
        "reasons": conclusion.reasons(),
        "scenario": conclusion.scenario,
        "place": conclusion.place,
        "testId": conclusion.test_id,
        "testRunId": conclusion.run_id,
        "status": ending.status,
        "stoppedBy": ending.stopped.map(|stop| match stop {
            Stop::Interrupted => "interrupt",
            Stop::DeadlinePassed => "deadline",
        }),
        "abortedBy": ending.aborted_by,
        "link": conclusion.link,
        "clauses": conclusion.judgement.clauses.iter().map(clause).collect::<Vec<_>>(),
    });
    if let Some(baseline) = &conclusion.baseline {
        report["baseline"] = json!({
            "run": baseline,
            "confidencePercent": CONFIDENCE_PERCENT,
            "comparisons": conclusion.comparisons.iter().map(comparison).collect::<Vec<_>>(),
        });
    }
    let Some(summary) = &conclusion.summary else { return report };
    let duration_ms = summary.duration_ms();
    let requests = figures::requests(summary);
    let labels = |requests: Vec<&Request>| requests.iter().map(|request| request.label.clone()).collect::<Vec<_>>();
    report["startedAtMs"] = json!(summary.started_at_ms);
    report["durationMs"] = json!(duration_ms);
    report["virtualUsers"] = json!(summary.total.max_virtual_users);
    report["workers"] = json!({
        "planned": summary.workers.len(),
        "reported": summary.reported(),
        "partial": summary.partial_reasons(),
        "degraded": summary.degraded_reasons(),
    });
    report["total"] = json!(Request::of("all", &summary.total.all, duration_ms));
    report["slowest"] = json!(labels(figures::slowest(&requests)));
    report["mostFailing"] = json!(labels(figures::most_failing(&requests)));
    report["requestsTruncated"] = json!(requests.len() > LONGEST_LIST);
    report["requests"] = json!(requests.iter().take(LONGEST_LIST).collect::<Vec<_>>());
    // What a later run is compared with.
    report["measured"] = json!(Measured::of(summary));
    report
}

/// Microseconds and percent of the baseline's, or shares between 0 and 1 and points of a percent.
pub fn comparison(compared: &Comparison) -> Value {
    json!({
        "clause": compared.question(),
        "outcome": figures::comparison_word(compared),
        "subject": match compared.change {
            Change::P95 => "latencyUsP95",
            Change::Failures => "failedShare",
        },
        "before": compared.before,
        "now": compared.now,
        "worsened": compared.worsened,
        "interval": compared.interval,
        "allowed": compared.allowed,
        "samples": compared.samples,
        "meaning": compared.meaning(),
    })
}

fn clause(judged: &dlt_model::gate::ClauseVerdict) -> Value {
    json!({
        "clause": judged.clause.to_string(),
        "outcome": figures::outcome_word(judged),
        "counts": judged.clause.severity != Severity::Warn,
        "observed": judged.observed.map(|observed| observed.to_string()),
        "limit": figures::limit_text(judged),
        "samples": judged.samples,
        "untilSecond": judged.until_second,
        "reason": match &judged.outcome {
            Outcome::Unjudged(reason) => Some(reason),
            _ => None,
        },
    })
}
