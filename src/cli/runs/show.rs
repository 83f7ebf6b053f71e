//! `dlt runs show`: what a run measured.

use dlt_model::gate;
use serde_json::json;

use super::{Global, Output, RunArgs};
use crate::{
    exit::Exit,
    failure::Failure,
    report::summary::{self, Paint},
    runs::kept::{self, Run},
    system::System,
    terminal,
};

/// Show what a run measured, and what the scenario's own thresholds say of it.
///
/// `--output json` prints all of it, histograms and seconds included.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt runs show checkout --env qa\n  dlt runs show checkout 01M81BCSRAPXM929NBXY8N1H80 --env qa --output json"
)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
}

/// Prints it.
///
/// # Errors
/// A system that cannot be asked, a run that is not there.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let (system, test_id, run_id) = args.run.find().await?;
    let run = kept::run(&system, &test_id, &run_id).await?;
    match global.output {
        Output::Json => terminal::print(&json!({"run": run.record, "summary": run.summary}).to_string()),
        Output::Text => tell(&run, &system),
    }
    Ok(Exit::Done)
}

/// How it is or ended, what was measured, and where to see it.
pub(super) fn tell(run: &Run, system: &System) {
    let started = run.record["startTime"].as_str().unwrap_or_default();
    let reason = run.ending.error_reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let Run { run_id, test_id, .. } = run;
    terminal::print(&format!("run {run_id} of `{}`, started {started} UTC", run.scenario.name));
    terminal::print(&format!("{}{reason}", run.ending.status));
    match &run.summary {
        Some(measured) => {
            let judgement = gate::judge(&run.scenario.thresholds, measured);
            terminal::print(summary::text(measured, &judgement, &Paint::new(console::colors_enabled())).trim_end());
        }
        None if run.is_over() => terminal::print("nothing was measured"),
        None => terminal::say(&format!("follow it:  {}", system.commands(test_id, run_id).watch)),
    }
    terminal::print(&system.link(test_id, run_id));
}
