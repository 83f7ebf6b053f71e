//! `dlt scenarios get`: a stored scenario as a file.

use dlt_model::scenario::dlt_json::TestScenario;
use serde_json::Value;

use crate::{
    exit::Exit,
    failure::Failure,
    system::{PlaceArgs, place, stored},
    terminal,
};

/// Print a stored scenario as AWS DLT's JSON, which `put`, `run` and `gate` take.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt scenarios get checkout --env qa > dlt_test.json")]
pub struct Args {
    /// The scenario, by its id or its name.
    scenario: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Prints it.
///
/// # Errors
/// A system that cannot be asked, a scenario that is not there.
pub async fn run(args: &Args) -> Result<Exit, Failure> {
    let system = place::required(&args.place).await?;
    let stored = stored::find(&system, &args.scenario).await?;
    let mut body = stored.scenario.to_dlt_json(TestScenario::Object);
    body.insert("testId".to_owned(), stored.test_id.into());
    terminal::print(&format!("{:#}", Value::Object(body)));
    Ok(Exit::Done)
}
