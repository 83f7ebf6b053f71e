//! `dlt scenarios put`: a file becomes a stored scenario.

use std::path::PathBuf;

use serde_json::json;

use super::{Global, Output};
use crate::{
    cli::asked_for,
    exit::Exit,
    failure::Failure,
    run,
    system::{
        PlaceArgs,
        place::{self, given},
    },
    terminal,
};

/// Store a scenario, or change a stored one, without running it.
///
/// The same file is stored under the same id each time: the one that is given, its own, or one that follows from its name.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt scenarios put checkout.yaml --env qa\n  dlt scenarios put dlt_test.json --env qa --test-id checkout"
)]
pub struct Args {
    /// The scenario: a file of any format that `dlt run` takes.
    file: PathBuf,
    /// The id under which it is stored.
    #[arg(long, env = "TEST_ID", value_name = "ID")]
    test_id: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Stores it, and prints its id.
///
/// # Errors
/// A file that is not valid, a system that cannot be asked, or a scenario that is being run.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let system = place::required(&args.place).await?;
    let found = asked_for::read(&system, &args.file, given(&args.test_id))?;
    run::announce(&found.warnings);
    found.store(&system).await?;
    let (test_id, name) = (&found.stored.test_id, &found.stored.scenario.name);
    match global.output {
        Output::Json => terminal::print(&json!({"testId": test_id, "testName": name}).to_string()),
        Output::Text => terminal::print(test_id),
    }
    Ok(Exit::Done)
}
