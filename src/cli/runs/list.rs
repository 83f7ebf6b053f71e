//! `dlt runs list`: the runs of a scenario, newest first.

use super::{Global, Output};
use crate::{
    exit::Exit,
    failure::Failure,
    runs::{
        kept,
        table::{self, Listing},
    },
    system::{PlaceArgs, place, stored},
    terminal,
};

/// List the runs of a scenario, newest first.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt runs list checkout --env qa\n  dlt runs list demo --api http://127.0.0.1:8787   # of `dlt local`"
)]
pub struct Args {
    /// The scenario, by its id or its name.
    scenario: String,
    /// How many, at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    last: u16,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Prints the list.
///
/// # Errors
/// A system that cannot be asked, a scenario that is not there.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let system = place::required(&args.place).await?;
    let test_id = stored::find_id(&system, &args.scenario).await?;
    let runs = kept::runs(&system, &test_id, usize::from(args.last)).await?;
    match global.output {
        Output::Json => terminal::print(&serde_json::json!(runs).to_string()),
        Output::Text if runs.is_empty() => {
            terminal::say(&format!("`{}` was never run {}", args.scenario, system.place));
        }
        Output::Text => {
            let Listing { text, left_out } = table::runs(&kept::read(runs)?, crate::cli::width());
            terminal::print(&text);
            if !left_out.is_empty() {
                let columns = left_out.join(", ");
                terminal::say(&format!("no room for {columns}: make the terminal wider, or use `--output json`"));
            }
        }
    }
    Ok(Exit::Done)
}
