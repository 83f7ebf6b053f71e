//! What a run looks like: a bar with a live line on a terminal, plain lines in a pipe, events as JSON for programs.

use std::time::Duration;

use console::Term;
use dlt_model::{
    gate::{ClauseVerdict, Severity},
    scenario::Warning,
    summary::Slice,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::{
    event::{Accepted, Event},
    outcome::Outcome,
    pace::Pace,
    stop::Stop,
};
use crate::{
    cli::Output,
    report::{live, summary, units},
    terminal,
};

/// How wide the row of bars is.
const SPARK_WIDTH: usize = 24;

/// A reader of a run's events.
#[derive(Debug)]
pub struct Screen {
    output: Output,
    progress: live::Progress,
    pace: Pace,
    bar: Option<ProgressBar>,
}

impl Screen {
    /// Talk goes to standard error, results and JSON to standard output.
    pub fn new(output: Output) -> Self {
        let draws = output == Output::Text && Term::stderr().is_term();
        let bar = draws.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner:.cyan} {wide_msg}").expect("a constant template");
            bar.set_style(style);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { output, progress: live::Progress::default(), pace: Pace::default(), bar }
    }

    /// Talk alone: standard output belongs to something else, such as one document.
    pub fn talk() -> Self {
        Self::new(Output::Text)
    }

    /// Shows one event.
    pub fn observe(&mut self, event: &Event<'_>) {
        match self.output {
            Output::Json => terminal::print(&as_json(event).to_string()),
            Output::Text => self.show(event),
        }
    }

    /// Shows how the run ended.
    pub fn conclude(mut self, outcome: &Outcome) {
        self.clear();
        match self.output {
            Output::Json => terminal::print(&conclusion(outcome).to_string()),
            Output::Text => terminal::print(conclusion_text(outcome).trim_end()),
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Second { number, seconds } => self.second(*number, seconds),
            Event::Elapsed { secs } => {
                self.progress.elapsed_secs = Some(*secs);
                self.live(*secs);
            }
            Event::Status(status) => {
                (*status).clone_into(&mut self.progress.status);
                match &self.bar {
                    Some(bar) => bar.set_message(live::line(&self.progress)),
                    None => terminal::say(status),
                }
            }
            Event::Accepted(accepted) => {
                let estimate = accepted.plan.estimate();
                self.progress.planned_secs = estimate.duration.as_millis().div_ceil(1_000);
                self.progress.workers = estimate.workers;
                lines(event).iter().for_each(|line| self.say(line));
            }
            _ => lines(event).iter().for_each(|line| self.say(line)),
        }
    }

    fn second(&mut self, number: u64, seconds: &[Slice]) {
        self.progress.seconds = seconds.to_vec();
        self.live(number);
    }

    /// What is known of the load by now: on the bar always, in a log now and then.
    fn live(&mut self, second: u64) {
        let line = live::line(&self.progress);
        match &self.bar {
            Some(bar) => {
                let room = room(usize::from(Term::stderr().size().1), &line);
                bar.set_message(format!("{line}  {}", live::spark(&self.progress.seconds, room)));
            }
            None if self.pace.is_due(second) || second == self.progress.planned_secs => terminal::say(&line),
            None => {}
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| terminal::say(line)),
            None => terminal::say(line),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear();
    }
}

/// How many bars have room beside a line, its spinner and the gaps.
fn room(columns: usize, line: &str) -> usize {
    columns.saturating_sub(line.chars().count() + 5).min(SPARK_WIDTH)
}

/// What is said of an event, a line each; nothing of those that move the live line.
fn lines(event: &Event<'_>) -> Vec<String> {
    match event {
        Event::Proposed(proposal) => vec![proposal.text()],
        Event::Accepted(accepted) => {
            let Accepted { run_id, plan, page, .. } = accepted;
            let estimate = plan.estimate();
            let users = units::count(estimate.virtual_users);
            let (workers, name) = (workers(estimate.workers), &plan.scenario.name);
            let first = format!("run {run_id} of `{name}`: {users} VUs on {workers} for {}", estimate.duration);
            let warnings = plan.warnings.iter().map(|warning| format!("warning: {warning}"));
            std::iter::once(first).chain(warnings).chain([format!("watch it at {page}")]).collect()
        }
        Event::Aborted(ClauseVerdict { clause, .. }) => vec![format!("stopping: `{clause}` is broken")],
        Event::Stopping(Stop::Interrupted) => vec![
            "interrupted: the workers finish what they have begun; what was measured is kept (again: leave at once)"
                .to_owned(),
        ],
        Event::Stopping(Stop::DeadlinePassed) => {
            vec!["the deadline passed: cancelling the run; what was measured is kept".to_owned()]
        }
        Event::Note(text) => vec![text.clone()],
        Event::Status(_) | Event::Second { .. } | Event::Elapsed { .. } => Vec::new(),
    }
}

/// Tells what was probably not meant, before anything begins.
pub fn announce(warnings: &[Warning]) {
    warnings.iter().for_each(|warning| terminal::say(&format!("warning: {warning}")));
}

fn workers(count: u32) -> String {
    if count == 1 { "1 worker".to_owned() } else { format!("{count} workers") }
}

fn conclusion_text(outcome: &Outcome) -> String {
    let paint = summary::Paint::new(console::colors_enabled());
    match &outcome.ran.summary {
        Some(measured) => summary::text(measured, &outcome.judgement, &paint),
        None => summary::verdict(&outcome.judgement, &paint),
    }
}

fn as_json(event: &Event<'_>) -> Value {
    match event {
        Event::Proposed(proposal) => proposal.json(),
        Event::Accepted(accepted) => self::accepted(accepted),
        Event::Status(status) => json!({ "event": "status", "status": status }),
        Event::Second { number, seconds } => {
            let slice = seconds.last().cloned().unwrap_or_default();
            json!({
                "event": "second", "second": number, "virtualUsers": slice.virtual_users,
                "succeeded": slice.succeeded, "failed": slice.failed,
                "latencyUsP50": slice.latency.percentile_us(50_000),
                "latencyUsP95": slice.latency.percentile_us(95_000),
                "latencyUsP99": slice.latency.percentile_us(99_000),
            })
        }
        Event::Elapsed { secs } => json!({ "event": "elapsed", "seconds": secs }),
        Event::Aborted(broken) => json!({ "event": "aborted", "clause": broken.clause.to_string() }),
        Event::Stopping(Stop::Interrupted) => json!({ "event": "interrupted" }),
        Event::Stopping(Stop::DeadlinePassed) => json!({ "event": "deadline-passed" }),
        Event::Note(text) => json!({ "event": "note", "text": text }),
    }
}

fn accepted(accepted: &Accepted<'_>) -> Value {
    let Accepted { test_id, run_id, plan, page, commands } = accepted;
    let mut told = json!({
        "event": "accepted", "testId": test_id, "runId": run_id, "name": plan.scenario.name,
        "virtualUsers": plan.estimate().virtual_users, "workers": plan.estimate().workers,
        "durationMs": plan.estimate().duration.as_millis(), "page": page,
        "warnings": plan.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    if let Some(commands) = commands {
        told["watch"] = json!(commands.watch);
        told["stop"] = json!(commands.stop);
        told["judge"] = json!(commands.judge);
    }
    told
}

/// The last line of the JSON output: the results in AWS DLT's shape, and the verdict with its grounds.
fn conclusion(outcome: &Outcome) -> Value {
    let clauses: Vec<Value> = outcome
        .judgement
        .clauses
        .iter()
        .map(|judged| {
            json!({
                "clause": judged.clause.to_string(), "held": judged.held(), "samples": judged.samples,
                "observed": judged.observed.map(|observed| observed.to_string()),
                "counts": judged.clause.severity != Severity::Warn,
            })
        })
        .collect();
    let ending = &outcome.ran.ending;
    json!({
        "event": "ended", "status": ending.status, "partial": ending.partial,
        "reasons": ending.reasons, "errorReason": ending.error_reason,
        "results": ending.results, "verdict": outcome.judgement.verdict, "clauses": clauses,
        "exitCode": outcome.exit() as u8,
    })
}

#[cfg(test)]
mod tests {
    use dlt_model::{
        id::Region,
        plan::LoadPlan,
        scenario::{Scenario, Sources},
    };

    use super::*;
    use crate::run::{
        event::Commands,
        outcome::{Ending, Ran},
    };

    fn plan() -> LoadPlan {
        let yaml = "name: shop\nload: {virtual_users: 20, hold_for: 1m}\nrequests: [GET http://127.0.0.1/]\n";
        let (scenario, _) = Scenario::read("a.yaml", yaml, &Sources::NONE, Some(&Region::local())).expect("a scenario");
        LoadPlan::new(&scenario).expect("a plan")
    }

    #[test]
    fn bars_take_the_room_that_the_line_leaves() {
        assert_eq!([200, 80, 60, 40, 0].map(|columns| room(columns, &"x".repeat(50))), [24, 24, 5, 0, 0]);
    }

    #[test]
    fn a_run_that_goes_on_without_us_is_told_with_what_to_type() {
        let command = |verb: &str| format!("dlt runs {verb} shop 01J --env qa");
        let commands = Commands { watch: command("watch"), stop: command("stop"), judge: command("judge") };
        let plan = plan();
        let accepted = |commands| Accepted { test_id: "shop", run_id: "01J", plan: &plan, page: "http://a/", commands };
        let told = as_json(&Event::Accepted(accepted(Some(&commands))));
        assert_eq!(told["stop"], "dlt runs stop shop 01J --env qa");
        assert_eq!(as_json(&Event::Accepted(accepted(None))).get("watch"), None, "a run here ends with its command");
        let lines = lines(&Event::Accepted(accepted(Some(&commands))));
        assert_eq!(lines, ["run 01J of `shop`: 20 VUs on 1 worker for 1m", "watch it at http://a/"]);
    }

    #[test]
    fn the_last_line_has_the_same_keys_whether_anything_was_measured_or_not() {
        let ending = Ending { status: "failed".to_owned(), ..Ending::default() };
        let ran = Ran { test_id: "shop".to_owned(), run_id: "01J".to_owned(), ending, summary: None };
        let told = conclusion(&Outcome::of(ran, &[]));
        for key in ["status", "partial", "reasons", "errorReason", "results", "verdict", "clauses", "exitCode"] {
            assert!(told.get(key).is_some(), "{key}: {told:#}");
        }
        assert_eq!(told["exitCode"], 98);
    }
}
