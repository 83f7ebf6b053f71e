//! The report as JUnit XML, which every CI reads: one case for each clause, and one for whether the run is sound.

use std::time::Duration;

use dlt_model::{
    baseline::Comparison,
    gate::{ClauseVerdict, Outcome, Severity},
};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::figures;
use crate::gate::conclusion::Conclusion;

/// The name of the case that fails when a run proves nothing.
pub const SOUND: &str = "the run is sound";

/// The whole of it.
///
/// # Errors
/// None that a string could give; the writer's type has them.
pub fn junit(conclusion: &Conclusion) -> Result<String, SerializeError> {
    let took = Duration::from_millis(conclusion.summary.as_ref().map_or(0, |summary| summary.duration_ms()));
    let mut suite = TestSuite::new(conclusion.scenario.clone());
    suite.set_time(took);
    let facts = [
        ("testId", &conclusion.test_id),
        ("testRunId", &conclusion.run_id),
        ("status", &conclusion.ending.status),
        ("link", &conclusion.link),
    ];
    for (name, value) in facts {
        suite.add_property((name, value.as_str()));
    }
    suite.add_test_case(sound(conclusion, took));
    for judged in &conclusion.judgement.clauses {
        suite.add_test_case(case(conclusion, judged, took));
    }
    for compared in &conclusion.comparisons {
        suite.add_test_case(comparison(conclusion, compared, took));
    }
    let mut report = Report::new("dlt gate");
    report.set_time(took);
    report.add_test_suite(suite);
    report.to_string()
}

fn sound(conclusion: &Conclusion, took: Duration) -> TestCase {
    let status = match conclusion.reasons() {
        [] => TestCaseStatus::success(),
        reasons => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("invalid").set_message(reasons.join("; ")).set_description(conclusion.link.clone());
            status
        }
    };
    named(conclusion, SOUND, status, took)
}

fn case(conclusion: &Conclusion, judged: &ClauseVerdict, took: Duration) -> TestCase {
    let seen = format!(
        "observed {}, limit {}, {} samples",
        figures::observed_text(judged),
        figures::limit_text(judged),
        judged.samples
    );
    let kind = match (&judged.outcome, judged.clause.severity) {
        (Outcome::Held, _) | (_, Severity::Warn) => None,
        (Outcome::Broken, _) => Some(NonSuccessKind::Failure),
        (Outcome::Unjudged(_), _) => Some(NonSuccessKind::Error),
    };
    let status = kind.map_or_else(TestCaseStatus::success, |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(figures::outcome_word(judged)).set_message(seen.clone());
        status.set_description(format!("{}\n{seen}\n{}", judged.clause, conclusion.link));
        status
    });
    let mut case = named(conclusion, &judged.clause.to_string(), status, took);
    case.set_system_out(format!("{}: {seen}", figures::outcome_word(judged)));
    case
}

fn comparison(conclusion: &Conclusion, compared: &Comparison, took: Duration) -> TestCase {
    let baseline = conclusion.baseline.as_deref().unwrap_or_default();
    let seen = format!("{}: {} (compared with {baseline})", compared.observed(), compared.meaning());
    let status = if compared.is_worse() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("broken").set_message(seen.clone());
        status.set_description(format!("{}\n{seen}\n{}", compared.question(), conclusion.link));
        status
    } else {
        TestCaseStatus::success()
    };
    let mut case = named(conclusion, &compared.question(), status, took);
    case.set_system_out(seen);
    case
}

fn named(conclusion: &Conclusion, name: &str, status: TestCaseStatus, took: Duration) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(conclusion.scenario.clone()).set_time(took);
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::conclusion::tests::{compared, concluded, measured};
    use crate::run::outcome::Ending;

    #[test]
    fn one_case_for_each_clause_and_one_for_soundness() {
        let complete = Ending { status: "complete".to_owned(), ..Ending::default() };
        let clauses = "success_rate >= 99.5%; p95 <= 300ms; warn p99 <= 10ms; p95 of \"no <body>\" <= 1s";
        let text = junit(&concluded(clauses, Some(measured(3)), complete)).unwrap();
        let read = Report::deserialize_from_str(&text).expect("JUnit");
        let suite = &read.test_suites[0];
        assert_eq!((suite.tests, suite.failures, suite.errors), (5, 1, 2));
        let text = junit(&compared("success_rate >= 99%")).unwrap();
        let read = Report::deserialize_from_str(&text).expect("JUnit");
        assert_eq!((read.test_suites[0].tests, read.test_suites[0].failures), (4, 1), "{text}");
        let invalid = junit(&concluded("p95 <= 1s", None, Ending::default())).unwrap();
        assert!(invalid.contains("there are no results"), "{invalid}");
    }
}
