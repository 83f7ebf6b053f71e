//! `dlt scenarios list`: what is stored.

use super::{Global, Output};
use crate::{
    exit::Exit,
    failure::Failure,
    runs::{kept, table},
    system::{PlaceArgs, place},
    terminal,
};

/// List the scenarios that a system keeps, and how their last runs are.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt scenarios list --env qa\n  dlt scenarios list --api http://127.0.0.1:8787   # of `dlt local`"
)]
pub struct Args {
    #[command(flatten)]
    place: PlaceArgs,
}

/// Prints the list.
///
/// # Errors
/// A system that cannot be asked.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let system = place::required(&args.place).await?;
    let scenarios = kept::scenarios(&system).await?;
    match global.output {
        Output::Json => terminal::print(&serde_json::json!(scenarios).to_string()),
        Output::Text if scenarios.is_empty() => terminal::say(&format!("no scenario is stored {}", system.place)),
        Output::Text => terminal::print(table::scenarios(&kept::read(scenarios)?).trim_end()),
    }
    Ok(Exit::Done)
}
