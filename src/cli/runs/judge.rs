//! `dlt runs judge`: the gate's answer to a run that is over, without running anything.

use std::path::PathBuf;

use super::{Global, RunArgs};
use crate::{
    cli::gate::tell,
    exit::Exit,
    failure::Failure,
    gate::{
        conclusion::{self, Conclusion},
        question,
        report::files,
    },
    run::Asked,
    runs::kept,
};

/// Judge a run that is over, by the scenario's thresholds and by the clauses given here, and write the gate's reports.
///
/// Exit codes are the gate's: 0 passed · 98 the run proves nothing · 99 a clause failed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt runs judge checkout --env qa --gate 'p99 <= 1.5s'\n  dlt runs judge checkout latest --env qa --reports ./evidence"
)]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    asked: Asked,
    /// Where junit.xml, gate.json, gate.md and report.html are written.
    #[arg(long, env = "DLT_REPORTS", value_name = "DIR", default_value = "dlt-reports")]
    reports: PathBuf,
}

/// Judges it.
///
/// # Errors
/// A question that cannot be understood, a system that cannot be asked, a run that is not there or goes on.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let asked = question::asked(&args.asked)?;
    let (system, test_id, run_id) = args.run.find().await?;
    let run = kept::run(&system, &test_id, &run_id).await?;
    if !run.is_over() {
        let failure = Failure::new(Exit::Held, format!("the run {run_id} is {}", run.ending.status));
        return Err(failure.hint("`dlt runs watch` follows it to its end"));
    }
    let clauses = question::all(&run.scenario.thresholds, asked, false)?;
    let folder = files::Folder::prepare(&args.reports)?;
    let judgement = conclusion::judge(&clauses, &[], run.summary.as_ref(), &run.ending);
    let conclusion = Conclusion {
        scenario: run.scenario.name,
        place: system.place.clone(),
        link: system.link(&test_id, &run_id),
        test_id,
        run_id,
        ending: run.ending,
        summary: run.summary,
        judgement,
        baseline: None,
        comparisons: Vec::new(),
    };
    tell(&conclusion, &folder, global)
}
