//! What came out of a gate: the run, what was measured, what every clause says, and the exit code that follows.

use dlt_model::{
    baseline::Comparison,
    gate::{Clause, Judgement, Verdict},
    summary::Summary,
};

use crate::{
    exit::Exit,
    run::{
        outcome::{self, Ending},
        stop::Stop,
    },
};

/// A gate's answer with its grounds.
#[derive(Clone, Debug)]
pub struct Conclusion {
    /// The scenario's name.
    pub scenario: String,
    /// Where it ran, as in "on this machine".
    pub place: String,
    /// The scenario's id.
    pub test_id: String,
    /// The run's id.
    pub run_id: String,
    /// How it ended.
    pub ending: Ending,
    /// What was measured; absent when nothing was, or when it could not be read.
    pub summary: Option<Summary>,
    /// What the gate says.
    pub judgement: Judgement,
    /// The earlier run that it was compared with.
    pub baseline: Option<String>,
    /// What that says.
    pub comparisons: Vec<Comparison>,
    /// Where to see the run.
    pub link: String,
}

impl Conclusion {
    /// The exit code that it means. Only a sound run whose clauses hold is a success.
    pub fn exit(&self) -> Exit {
        outcome::exit(&self.ending, &self.judgement)
    }

    /// The verdict in one word.
    pub fn word(&self) -> &'static str {
        match (&self.ending.stopped, &self.judgement.verdict) {
            (Some(Stop::Interrupted), _) => "interrupted",
            (_, Verdict::Passed) => "passed",
            (_, Verdict::Failed) => "failed",
            (_, Verdict::Invalid(_)) => "invalid",
        }
    }

    /// Why it proves nothing; empty when it does.
    pub fn reasons(&self) -> &[String] {
        match &self.judgement.verdict {
            Verdict::Invalid(reasons) => reasons,
            _ => &[],
        }
    }
}

/// Judges a run by its clauses, and by the earlier run that it must not be worse than.
pub fn judge(clauses: &[Clause], comparisons: &[Comparison], summary: Option<&Summary>, ending: &Ending) -> Judgement {
    let mut judgement = outcome::judge(clauses, summary, ending);
    if judgement.verdict == Verdict::Passed && comparisons.iter().any(Comparison::is_worse) {
        judgement.verdict = Verdict::Failed;
    }
    judgement
}

#[cfg(test)]
pub(crate) mod tests {
    use dlt_model::{
        id::Region,
        report::{Ending as WorkerEnding, Measurements, Report, Second},
    };

    use dlt_model::gate;

    use super::*;
    use crate::gate::baseline::Baseline;

    /// A run of some seconds on one worker, in which every hundredth request failed.
    pub(crate) fn measured(seconds: u64) -> Summary {
        let (test_id, run_id) = ("demo".parse().unwrap(), "run".parse().unwrap());
        let region = Region::local();
        let mut summary = Summary::new(&test_id, &run_id, [(0, &region)]);
        let mut labels = std::collections::BTreeMap::new();
        for (index, label) in ["GET /<home>", "add to | basket"].into_iter().enumerate() {
            let mut all = Measurements { succeeded: 99 * seconds, failed: seconds, ..Measurements::default() };
            all.outcomes = [("200".to_owned(), 99 * seconds), ("503".to_owned(), seconds)].into();
            (1..=100 * seconds).for_each(|at| all.latency.record(1_000 * (index as u64 + 1) + at * 37 % 90_000));
            labels.insert(label.to_owned(), all);
        }
        let second = |number: u64| {
            let mut histogram = dlt_model::histogram::Histogram::default();
            (1..=200).for_each(|at| histogram.record(2_000 + (at * 397 + number * 31) % 90_000));
            Second { virtual_users: number.min(20), succeeded: 198, failed: 2, latency: (&histogram).into() }
        };
        let report = Report {
            test_id,
            run_id,
            region,
            worker: 0,
            started_at_ms: 1_000,
            ended_at_ms: 1_000 + seconds * 1_000,
            ending: WorkerEnding::Finished,
            max_virtual_users: 20,
            iterations: Default::default(),
            labels,
            seconds: (1..=seconds).map(second).collect(),
            resolution_secs: 1,
            checks: Default::default(),
            metrics: Default::default(),
            transactions: Default::default(),
            exhausted_feeds: Default::default(),
            lateness: Default::default(),
            iteration_duration: Default::default(),
            degraded: Vec::new(),
        };
        summary.add(&report).expect("its worker");
        summary
    }

    /// The conclusion of such a run.
    pub(crate) fn concluded(clauses: &str, summary: Option<Summary>, ending: Ending) -> Conclusion {
        let clauses = gate::parse(clauses).expect("clauses");
        let judgement = judge(&clauses, &[], summary.as_ref(), &ending);
        Conclusion {
            scenario: "shop <front>".to_owned(),
            place: "on this machine".to_owned(),
            test_id: "demo".to_owned(),
            run_id: "run".to_owned(),
            ending,
            summary,
            judgement,
            baseline: None,
            comparisons: Vec::new(),
            link: "https://console.example/#/scenarios/demo/runs/run".to_owned(),
        }
    }

    /// The same, compared with a run that was much faster.
    pub(crate) fn compared(clauses: &str) -> Conclusion {
        let now = measured(30);
        let mut faster = crate::gate::baseline::of_summary(&now).expect("sound");
        faster.latency_us_p95 /= 2;
        faster.latency = Default::default();
        (0..10_000).for_each(|at| faster.latency.record(1 + at * 4));
        let baseline = Baseline { name: "01J|`<earlier>`".to_owned(), measured: faster, growth_percent: 20 };
        let comparisons = baseline.compare(Some(&now));
        let conclusion = concluded(clauses, Some(now), ending("complete"));
        let judgement = judge(
            &gate::parse(clauses).expect("clauses"),
            &comparisons,
            conclusion.summary.as_ref(),
            &conclusion.ending,
        );
        Conclusion { judgement, comparisons, baseline: Some(baseline.name), ..conclusion }
    }

    #[test]
    fn a_run_whose_clauses_hold_fails_when_it_is_worse_than_its_baseline() {
        let conclusion = compared("success_rate >= 99%");
        assert_eq!(conclusion.exit(), Exit::GateFailed);
        assert!(conclusion.judgement.clauses[0].held() && conclusion.comparisons[0].is_worse());
        assert!(!conclusion.comparisons[1].is_worse());
    }

    fn ending(status: &str) -> Ending {
        Ending { status: status.to_owned(), ..Ending::default() }
    }

    #[test]
    fn only_a_complete_run_whose_clauses_hold_is_a_success() {
        let code = |clauses: &str, summary, ending| concluded(clauses, summary, ending).exit() as u8;
        let good = "success_rate >= 99%";
        assert_eq!(code(good, Some(measured(2)), ending("complete")), 0);
        assert_eq!(code("success_rate >= 99.1%", Some(measured(2)), ending("complete")), 99);
        for status in ["cancelled", "failed", "running", "queued", "provisioning", "parsing results", "", "sideways"] {
            assert_eq!(code(good, Some(measured(2)), ending(status)), 98, "{status}");
            assert_eq!(code(good, None, ending(status)), 98, "{status}, nothing measured");
        }
        assert_eq!(code(good, None, ending("complete")), 98);
        let nothing = Summary { total: Default::default(), ..measured(1) };
        assert_eq!(code("failures <= 10", Some(nothing), ending("complete")), 98, "no samples");
        let unknown = Ending { unknown: Some("the API did not answer".to_owned()), ..ending("complete") };
        assert_eq!(code(good, Some(measured(2)), unknown), 98);
        let stopped = |stop| Ending { stopped: Some(stop), ..ending("cancelled") };
        assert_eq!(code(good, Some(measured(2)), stopped(Stop::DeadlinePassed)), 98);
        assert_eq!(code(good, Some(measured(2)), stopped(Stop::Interrupted)), 130);
    }

    #[test]
    fn without_results_every_clause_is_still_listed() {
        let conclusion = concluded("p95 <= 1s; success_rate >= 99%", None, ending("failed"));
        assert_eq!(conclusion.judgement.clauses.len(), 2);
        assert_eq!(conclusion.reasons(), ["the run failed"]);
    }
}
