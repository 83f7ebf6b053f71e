//! What a run looks like: a bar with a live line on a terminal, plain lines in a pipe, events as JSON for programs.

use std::time::Duration;

use console::Term;
use dlt_model::{gate::Severity, scenario::Warning};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::{Event, Outcome};
use crate::{
    cli::Output,
    report::{live, summary, units},
    terminal,
};

/// How many seconds pass between two plain lines.
const PLAIN_EVERY: u64 = 5;
/// How wide the row of bars is.
const SPARK_WIDTH: usize = 24;

/// A reader of a run's events.
#[derive(Debug)]
pub struct Screen {
    output: Output,
    progress: live::Progress,
    bar: Option<ProgressBar>,
}

impl Screen {
    /// Talk goes to standard error, results and JSON to standard output.
    pub fn new(output: Output) -> Self {
        let draws = output == Output::Text && Term::stderr().is_term();
        let bar = draws.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner:.cyan} {msg}").expect("a constant template");
            bar.set_style(style);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { output, progress: live::Progress::default(), bar }
    }

    /// Shows one event.
    pub fn observe(&mut self, event: &Event<'_>) {
        match self.output {
            Output::Json => terminal::print(&as_json(event).to_string()),
            Output::Text => self.show(event),
        }
    }

    /// Shows how the run ended.
    pub fn conclude(&mut self, outcome: &Outcome) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        match self.output {
            Output::Json => terminal::print(&conclusion(outcome).to_string()),
            Output::Text => terminal::print(conclusion_text(outcome).trim_end()),
        }
    }

    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Accepted { run, plan, page } => {
                let estimate = plan.estimate();
                self.progress.planned_secs = estimate.duration.as_millis().div_ceil(1_000);
                self.progress.workers = estimate.workers;
                self.say(&format!(
                    "run {} of `{}`: {} VUs on {} for {}",
                    run.run_id,
                    plan.scenario.name,
                    units::count(estimate.virtual_users),
                    workers(estimate.workers),
                    estimate.duration,
                ));
                plan.warnings.iter().for_each(|warning| self.say(&format!("warning: {warning}")));
                self.say(&format!("watch it at {page}"));
            }
            Event::Status(run) => {
                self.progress.status = run.status.to_string();
                match &self.bar {
                    Some(bar) => bar.set_message(live::line(&self.progress)),
                    None => terminal::say(&self.progress.status),
                }
            }
            Event::Second { number, seconds, .. } => self.second(*number, seconds),
            Event::Aborted(broken) => self.say(&format!("stopping: `{}` is broken", broken.clause)),
            Event::Interrupted => {
                self.say("interrupted: the workers finish what they have begun; what was measured is kept (again: leave at once)");
            }
        }
    }

    fn second(&mut self, number: u64, seconds: &[dlt_model::summary::Slice]) {
        self.progress.seconds = seconds.to_vec();
        let line = live::line(&self.progress);
        match &self.bar {
            Some(bar) => bar.set_message(format!("{line}  {}", live::spark(seconds, SPARK_WIDTH))),
            None if number.is_multiple_of(PLAIN_EVERY) || number == self.progress.planned_secs => terminal::say(&line),
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

/// Tells what was probably not meant, before anything begins.
pub fn announce(warnings: &[Warning]) {
    warnings.iter().for_each(|warning| terminal::say(&format!("warning: {warning}")));
}

fn workers(count: u32) -> String {
    if count == 1 { "1 worker".to_owned() } else { format!("{count} workers") }
}

fn conclusion_text(outcome: &Outcome) -> String {
    let paint = summary::Paint::new(console::colors_enabled());
    match &outcome.summary {
        Some(measured) => summary::text(measured, &outcome.judgement, &paint),
        None => summary::verdict(&outcome.judgement, &paint),
    }
}

fn as_json(event: &Event<'_>) -> Value {
    match event {
        Event::Accepted { run, plan, page } => json!({
            "event": "accepted", "testId": run.test_id, "runId": run.run_id, "name": plan.scenario.name,
            "virtualUsers": plan.estimate().virtual_users, "workers": plan.estimate().workers,
            "durationMs": plan.estimate().duration.as_millis(), "page": page,
            "warnings": plan.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Event::Status(run) => json!({ "event": "status", "status": run.status }),
        Event::Second { number, slice, .. } => json!({
            "event": "second", "second": number, "virtualUsers": slice.virtual_users, "succeeded": slice.succeeded,
            "failed": slice.failed, "latencyUsP50": slice.latency.percentile_us(50_000),
            "latencyUsP95": slice.latency.percentile_us(95_000), "latencyUsP99": slice.latency.percentile_us(99_000),
        }),
        Event::Aborted(broken) => json!({ "event": "aborted", "clause": broken.clause.to_string() }),
        Event::Interrupted => json!({ "event": "interrupted" }),
    }
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
    json!({
        "event": "ended", "status": outcome.run.status, "partial": outcome.run.partial,
        "reasons": outcome.run.reasons, "errorReason": outcome.run.error_reason,
        "results": outcome.run.results, "verdict": outcome.judgement.verdict, "clauses": clauses,
        "exitCode": outcome.exit() as u8,
    })
}
