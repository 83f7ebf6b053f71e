//! A run that is over: how it ended, what was measured, what the clauses say of it, and the exit code that follows.

use dlt_control::record::RunRecord;
use dlt_model::{
    gate::{self, Clause, ClauseVerdict, Judgement, Verdict},
    summary::Summary,
};
use serde_json::Value;

use super::stop::Stop;
use crate::exit::Exit;

/// A run that is over, before anybody has judged it.
#[derive(Debug)]
pub struct Ran {
    /// The scenario's id.
    pub test_id: String,
    /// The run's id.
    pub run_id: String,
    /// How it ended.
    pub ending: Ending,
    /// What was measured; absent when nothing was, or when it could not be read.
    pub summary: Option<Summary>,
}

/// How a run came to its end, as the control plane tells it.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// The last status, in AWS DLT's words.
    pub status: String,
    /// Whether not all of its workers did all of their part.
    pub partial: bool,
    /// Why workers were given up.
    pub reasons: Vec<String>,
    /// Why it failed or is partial.
    pub error_reason: Option<String>,
    /// The totals in AWS DLT's shape.
    pub results: Option<Value>,
    /// Why we ended it.
    pub stopped: Option<Stop>,
    /// The clause for whose sake it was stopped.
    pub aborted_by: Option<Clause>,
    /// What we could not find out.
    pub unknown: Option<String>,
}

impl Ending {
    /// As the API tells it.
    pub fn of_answer(run: &Value) -> Self {
        let mut ending = Self::default();
        ending.hear(run);
        ending
    }

    /// Takes what the API tells now, and keeps what only we know.
    pub fn hear(&mut self, run: &Value) {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        self.status = text(&run["status"]).unwrap_or_default();
        self.partial = run["partial"].as_bool().unwrap_or_default();
        self.reasons = run["reasons"].as_array().into_iter().flatten().filter_map(text).collect();
        self.error_reason = text(&run["errorReason"]);
        self.results = run.get("results").filter(|results| !results.is_null()).cloned();
    }

    /// As the control plane of this machine remembers it.
    pub fn of_record(run: RunRecord) -> Self {
        Self {
            status: run.status.to_string(),
            partial: run.partial,
            reasons: run.reasons,
            error_reason: run.error_reason,
            results: run.results,
            ..Self::default()
        }
    }

    /// Whether the run itself has ended, and not only our interest in it.
    pub fn is_end(&self) -> bool {
        matches!(self.status.as_str(), "complete" | "failed" | "cancelled")
    }
}

/// A run that is over, and what it comes to.
#[derive(Debug)]
pub struct Outcome {
    /// The run.
    pub ran: Ran,
    /// What the gate says.
    pub judgement: Judgement,
}

impl Outcome {
    /// Judges a run.
    pub fn of(ran: Ran, clauses: &[Clause]) -> Self {
        let judgement = judge(clauses, ran.summary.as_ref(), &ran.ending);
        Self { ran, judgement }
    }

    /// The exit code that it means.
    pub fn exit(&self) -> Exit {
        exit(&self.ran.ending, &self.judgement)
    }
}

/// The exit code of a run. Only a sound run whose clauses hold is a success.
pub fn exit(ending: &Ending, judgement: &Judgement) -> Exit {
    match (&ending.stopped, &judgement.verdict) {
        (Some(Stop::Interrupted), _) => Exit::Interrupted,
        (_, Verdict::Passed) => Exit::Done,
        (_, Verdict::Failed) => Exit::GateFailed,
        (_, Verdict::Invalid(_)) => Exit::RunInvalid,
    }
}

/// Judges a run on what its workers' merged reports say. Whatever is not known to be sound is invalid.
pub fn judge(clauses: &[Clause], summary: Option<&Summary>, ending: &Ending) -> Judgement {
    let mut judgement = match summary {
        Some(summary) => gate::judge(clauses, summary),
        None => Judgement { verdict: Verdict::Invalid(Vec::new()), clauses: clauses.iter().map(unjudged).collect() },
    };
    let mut reasons = doubts(ending, summary.is_some());
    if !reasons.is_empty() {
        if let Verdict::Invalid(more) = judgement.verdict {
            reasons.extend(more);
        }
        judgement.verdict = Verdict::Invalid(reasons);
    }
    judgement
}

fn unjudged(clause: &Clause) -> ClauseVerdict {
    let outcome = gate::Outcome::Unjudged("there are no results".to_owned());
    ClauseVerdict { clause: clause.clone(), outcome, observed: None, samples: 0, until_second: None }
}

fn doubts(ending: &Ending, measured: bool) -> Vec<String> {
    let mut doubts: Vec<String> = ending.unknown.iter().cloned().collect();
    match ending.stopped {
        Some(Stop::Interrupted) => doubts.push("it was interrupted".to_owned()),
        Some(Stop::DeadlinePassed) => doubts.push("the deadline passed, and the run was cancelled".to_owned()),
        None => {}
    }
    let explained = !doubts.is_empty() || ending.aborted_by.is_some();
    match ending.status.as_str() {
        "complete" => {}
        "cancelled" if explained => {}
        "cancelled" => doubts.push("somebody cancelled the run".to_owned()),
        "failed" => {
            let reason = ending.error_reason.as_deref().unwrap_or("the run failed");
            doubts.push(reason.to_owned());
        }
        _ if explained => {}
        status => doubts.push(format!("the run was last seen as `{status}`, which is no end")),
    }
    if !measured && doubts.is_empty() {
        doubts.push(ending.error_reason.clone().unwrap_or_else(|| "the run left no results".to_owned()));
    }
    doubts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_without_results_is_judged_by_nothing_and_says_why() {
        let clauses = gate::parse("p95 <= 1s").expect("a clause");
        let ran = |ending| Ran { test_id: "shop".to_owned(), run_id: "run".to_owned(), ending, summary: None };
        let failed = Ending::of_answer(&json!({"status": "failed", "errorReason": "no worker came up"}));
        let outcome = Outcome::of(ran(failed), &clauses);
        assert_eq!(outcome.judgement.verdict, Verdict::Invalid(vec!["no worker came up".to_owned()]));
        assert_eq!((outcome.judgement.clauses.len(), outcome.exit()), (1, Exit::RunInvalid));
        let stopped = Ending { stopped: Some(Stop::Interrupted), ..Ending::of_answer(&json!({"status": "cancelled"})) };
        assert_eq!(Outcome::of(ran(stopped), &[]).exit(), Exit::Interrupted);
    }

    #[test]
    fn what_the_api_tells_replaces_what_it_told_before_and_not_what_only_we_know() {
        let mut ending = Ending { stopped: Some(Stop::DeadlinePassed), ..Ending::default() };
        ending.hear(&json!({"status": "running", "partial": false, "lostWorkers": []}));
        assert!(!ending.is_end() && ending.results.is_none());
        ending.hear(&json!({
            "status": "cancelled", "partial": true, "reasons": ["worker 1 is gone"], "errorReason": "1 worker was lost",
            "results": {"total": {"succ": 7}},
        }));
        assert!(ending.is_end() && ending.partial);
        assert_eq!(
            (ending.reasons, ending.error_reason.as_deref()),
            (vec!["worker 1 is gone".to_owned()], Some("1 worker was lost"))
        );
        assert_eq!((ending.results, ending.stopped), (Some(json!({"total": {"succ": 7}})), Some(Stop::DeadlinePassed)));
    }
}
