//! Whether a run passes: every clause is judged and kept, whatever the others say.

use std::cmp::Ordering;

use serde::Serialize;

use super::{
    clause::{Clause, Op, Severity, Subject},
    measure::{Observed, Sample, Stretch},
};
use crate::{
    duration::Duration,
    report::Ending,
    summary::{Slice, Summary},
};

/// What the gate says of a run, with its grounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judgement {
    /// The answer.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Every clause, in the order given.
    pub clauses: Vec<ClauseVerdict>,
}

/// The gate's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "verdict", content = "reasons")]
pub enum Verdict {
    /// The run is sound and every clause that counts holds.
    Passed,
    /// The run is sound and a clause that counts does not hold.
    Failed,
    /// The run proves nothing, for these reasons.
    Invalid(Vec<String>),
}

/// What became of one clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClauseVerdict {
    /// The clause.
    pub clause: Clause,
    /// Whether it holds.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What was observed; of a window, in the worst stretch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// How many samples that was taken from.
    pub samples: u64,
    /// With a window: the second at which the worst stretch ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_second: Option<u64>,
}

/// Whether a clause holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// It holds.
    Held,
    /// It does not.
    Broken,
    /// It cannot be said, for this reason.
    Unjudged(String),
}

impl ClauseVerdict {
    /// Whether the clause holds.
    pub fn held(&self) -> bool {
        self.outcome == Outcome::Held
    }
}

/// Judges a run that has ended.
///
/// A run without samples, with missing or unstarted workers or with a degraded generator is invalid, whatever the clauses
/// say; so is a clause that cannot be judged, unless it only warns. A run stopped before its end is invalid too, unless an
/// `abort` clause is broken: then that is why it was stopped.
pub fn judge(clauses: &[Clause], summary: &Summary) -> Judgement {
    let mut clauses: Vec<ClauseVerdict> = clauses.iter().map(|clause| judge_clause(clause, summary)).collect();
    // What was in flight when the run was stopped may have made the clause good again; it stays the reason.
    let stopped_it = |verdict: &&mut ClauseVerdict| summary.aborted_by.as_ref() == Some(&verdict.clause);
    clauses.iter_mut().filter(stopped_it).for_each(|verdict| verdict.outcome = Outcome::Broken);
    let reasons = invalid_reasons(&clauses, summary);
    let failed =
        clauses.iter().any(|verdict| verdict.outcome == Outcome::Broken && verdict.clause.severity != Severity::Warn);
    let verdict = match (reasons.is_empty(), failed) {
        (false, _) => Verdict::Invalid(reasons),
        (true, true) => Verdict::Failed,
        (true, false) => Verdict::Passed,
    };
    Judgement { verdict, clauses }
}

/// The `abort` clauses that a run which is still going on has broken in the seconds so far.
///
/// A window is judged once it is full. Without one, everything so far is judged, but for what can still be made good: a
/// least number of samples or failures.
pub fn broken_so_far(clauses: &[Clause], seconds: &[Slice]) -> Vec<ClauseVerdict> {
    clauses
        .iter()
        .filter(|clause| clause.severity == Severity::Abort && clause.selector.is_none() && !can_be_made_good(clause))
        .filter_map(|clause| {
            let length = clause.window.map_or(seconds.len(), whole_seconds);
            let recent = &seconds[seconds.len().checked_sub(length)?..];
            let mut stretch = Stretch::default();
            recent.iter().for_each(|slice| stretch.push(slice, 1));
            let verdict = verdict_on(clause, &stretch.sample(), clause.window.map(|_| seconds.len() as u64));
            (verdict.outcome == Outcome::Broken).then_some(verdict)
        })
        .collect()
}

fn can_be_made_good(clause: &Clause) -> bool {
    let grows = matches!(clause.subject, Subject::Samples | Subject::Failures | Subject::Max);
    grows && clause.window.is_none() && matches!(clause.op, Op::AtLeast | Op::Above | Op::Equal)
}

fn invalid_reasons(clauses: &[ClauseVerdict], summary: &Summary) -> Vec<String> {
    let mut reasons = Vec::new();
    if summary.total.all.samples() == 0 {
        reasons.push("there are no samples".to_owned());
    }
    let aborted =
        clauses.iter().any(|verdict| verdict.clause.severity == Severity::Abort && verdict.outcome == Outcome::Broken);
    let stopped = !aborted && summary.ended(Ending::Stopped).next().is_some();
    let lost = summary.missing().next().is_some() || summary.ended(Ending::NeverStarted).next().is_some();
    if stopped || lost {
        reasons.extend(summary.partial_reasons());
    }
    reasons.extend(summary.degraded_reasons());
    reasons.extend(clauses.iter().filter(|verdict| verdict.clause.severity != Severity::Warn).filter_map(|verdict| {
        let Outcome::Unjudged(reason) = &verdict.outcome else { return None };
        Some(format!("`{}` cannot be judged: {reason}", verdict.clause))
    }));
    reasons
}

fn judge_clause(clause: &Clause, summary: &Summary) -> ClauseVerdict {
    if let Some(window) = clause.window {
        return judge_window(clause, whole_seconds(window), &summary.seconds, summary.resolution_secs);
    }
    let measurements = match &clause.selector {
        None => Some(&summary.total.all),
        Some(label) => summary.total.labels.get(label),
    };
    match measurements {
        Some(measurements) => verdict_on(clause, &Sample::of(measurements, summary.duration_ms()), None),
        None => {
            let known: Vec<&str> = summary.total.labels.keys().map(String::as_str).collect();
            let label = clause.selector.as_deref().unwrap_or_default();
            unjudged(clause, format!("no sample is labelled `{label}`; the labels are: {}", known.join(", ")))
        }
    }
}

/// Judges every full stretch of so many seconds and keeps the worst; a shorter run is one stretch. Of a long run, whose
/// seconds were joined, stretches are whole entries.
fn judge_window(clause: &Clause, window_secs: usize, seconds: &[Slice], resolution_secs: u32) -> ClauseVerdict {
    let each = usize::try_from(resolution_secs).unwrap_or(usize::MAX).max(1);
    if window_secs < each {
        let message = format!("of so long a run only stretches of {each}s are known; judge it over {each}s or more");
        return unjudged(clause, message);
    }
    let length = window_secs.div_ceil(each).min(seconds.len());
    let mut stretch = Stretch::default();
    let mut worst: Option<ClauseVerdict> = None;
    for (index, slice) in seconds.iter().enumerate() {
        stretch.push(slice, each as u64);
        if index + 1 < length {
            continue;
        }
        let verdict = verdict_on(clause, &stretch.sample(), Some((index as u64 + 1) * each as u64));
        if verdict.observed.is_some() && worst.as_ref().is_none_or(|before| is_worse(&verdict, before)) {
            worst = Some(verdict);
        }
        stretch.pop(&seconds[index + 1 - length], each as u64);
    }
    worst.unwrap_or_else(|| unjudged(clause, "there are no samples".to_owned()))
}

fn is_worse(verdict: &ClauseVerdict, before: &ClauseVerdict) -> bool {
    let (Some(left), Some(right)) = (&verdict.observed, &before.observed) else { return false };
    match (verdict.held(), before.held()) {
        (false, true) => true,
        (true, false) => false,
        _ => match verdict.clause.op {
            Op::AtLeast | Op::Above => left.compare(right) == Ordering::Less,
            Op::AtMost | Op::Below => left.compare(right) == Ordering::Greater,
            Op::Equal => false,
        },
    }
}

fn verdict_on(clause: &Clause, sample: &Sample<'_>, until_second: Option<u64>) -> ClauseVerdict {
    let observed = sample.observe(clause.subject);
    let outcome = match observed {
        None => Outcome::Unjudged("there are no samples".to_owned()),
        Some(observed) if observed.holds(clause) => Outcome::Held,
        Some(_) => Outcome::Broken,
    };
    ClauseVerdict { clause: clause.clone(), outcome, observed, samples: sample.samples(), until_second }
}

fn unjudged(clause: &Clause, reason: String) -> ClauseVerdict {
    let outcome = Outcome::Unjudged(reason);
    ClauseVerdict { clause: clause.clone(), outcome, observed: None, samples: 0, until_second: None }
}

fn whole_seconds(window: Duration) -> usize {
    usize::try_from(window.as_millis() / 1_000).unwrap_or(usize::MAX).max(1)
}
