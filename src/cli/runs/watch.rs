//! `dlt runs watch`: a run that somebody started, to its end.

use std::time::Duration;

use super::{Global, Output, RunArgs, show};
use crate::{
    cli::run::interrupts,
    exit::Exit,
    failure::Failure,
    run::{
        Screen,
        stop::{Stop, Stops},
        there,
    },
    runs::kept,
    system::Stored,
    terminal,
};

/// For how long a run is watched unless somebody says otherwise.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Watch a run that somebody started, to its end, and show what it measured.
///
/// Leaving with Ctrl-C changes nothing. Exit codes: 0 it completed · 98 it failed, was cancelled or is out of sight · 130 left.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt runs watch checkout --env qa")]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
}

/// Watches it.
///
/// # Errors
/// A system that cannot be asked, a run that is not there.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let (system, test_id, run_id) = args.run.find().await?;
    let found = kept::run(&system, &test_id, &run_id).await?;
    let is_over = found.is_over();
    let stored = Stored { test_id, scenario: found.scenario };
    if !is_over {
        let mut screen = Screen::talk();
        let stops = Stops::new(interrupts(), A_DAY);
        let ending = there::watch(&system, &stored, &run_id, stops, &mut |event| screen.observe(event)).await?;
        drop(screen);
        match (ending.stopped, ending.unknown) {
            (Some(Stop::Interrupted), _) => {
                let again = system.commands(&stored.test_id, &run_id).watch;
                terminal::say(&format!("left; the run goes on: {again}"));
                return Ok(Exit::Interrupted);
            }
            (Some(Stop::DeadlinePassed), _) => return Ok(Exit::DeadlinePassed),
            (None, Some(why)) => return Err(Failure::new(Exit::RunInvalid, why)),
            (None, None) => {}
        }
    }
    let ended = kept::run(&system, &stored.test_id, &run_id).await?;
    match global.output {
        Output::Json => {
            terminal::print(&serde_json::json!({"run": ended.record, "summary": ended.summary}).to_string());
        }
        Output::Text => show::tell(&ended, &system),
    }
    Ok(if ended.ending.status == "complete" { Exit::Done } else { Exit::RunInvalid })
}
