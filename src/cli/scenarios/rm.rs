//! `dlt scenarios rm`: a stored scenario and all its runs go.

use serde_json::json;

use super::{Global, Output};
use crate::{
    cli::asking,
    exit::Exit,
    failure::Failure,
    system::{PlaceArgs, place, stored},
    terminal,
};

/// Remove a stored scenario with everything that its runs left.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt scenarios rm checkout --env qa")]
pub struct Args {
    /// The scenario, by its id or its name.
    scenario: String,
    /// Agree beforehand.
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Removes it.
///
/// # Errors
/// A system that cannot be asked, a scenario that is not there or is being run, or a no.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let json = global.output == Output::Json;
    let system = place::required(&args.place).await?;
    let stored = stored::find(&system, &args.scenario).await?;
    let (name, test_id) = (&stored.scenario.name, &stored.test_id);
    if !args.yes {
        if json || !asking::somebody_is_there() {
            let message =
                format!("this removes the scenario `{name}` and its runs, and there is no terminal to ask at");
            return Err(Failure::new(Exit::Guarded, message).hint("pass --yes to agree beforehand"));
        }
        if !asking::agreed(&format!(
            "Remove the scenario `{name}` ({test_id}) and everything that its runs left? [y/N] "
        )) {
            return Err(Failure::new(Exit::Guarded, "not agreed to: nothing was removed"));
        }
    }
    let path = format!("/scenarios/{test_id}");
    system.api.delete(&path).await.map_err(|error| error.failure("remove the scenario"))?;
    match global.output {
        Output::Json => terminal::print(&json!({"testId": test_id, "removed": true}).to_string()),
        Output::Text => terminal::say(&format!("removed `{name}` ({test_id})")),
    }
    Ok(Exit::Done)
}
