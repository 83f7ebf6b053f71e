//! `dlt runs stop`: the end of a run before its time.

use serde_json::{Value, json};

use super::{Global, Output, RunArgs};
use crate::{exit::Exit, failure::Failure, system::api::Repeat, terminal};

/// Ask for the end of a run; what was measured until then is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt runs stop checkout --env qa && dlt runs watch checkout --env qa")]
pub struct Args {
    #[command(flatten)]
    run: RunArgs,
}

/// Asks for it.
///
/// # Errors
/// A system that cannot be asked, a run that is not there or has ended.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let (system, test_id, run_id) = args.run.find().await?;
    let path = format!("/scenarios/{test_id}/testruns/{run_id}/cancel");
    let run: Value = match system.api.post(&path, &json!({}), Repeat::Freely).await {
        Ok(run) => run,
        Err(error) if error.is(409) => {
            return Err(Failure::new(Exit::Usage, format!("there is nothing to stop: {error}")));
        }
        Err(error) => return Err(error.failure("stop the run")),
    };
    match global.output {
        Output::Json => terminal::print(&run.to_string()),
        Output::Text => terminal::say(&format!("run {run_id}: {}", run["status"].as_str().unwrap_or("cancelling"))),
    }
    Ok(Exit::Done)
}
