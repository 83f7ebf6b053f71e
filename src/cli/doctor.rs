//! `dlt doctor`: would this account take this environment, and the test that is planned on it? Changes nothing.

use super::{Global, Output, environment::EnvironmentArgs};
use crate::{
    doctor::{Planned, examine, page},
    exit::Exit,
    failure::Failure,
    terminal,
    text::Paint,
};

/// Say before anything is built whether the account would take it: credentials, regions, quotas, addresses, names, permissions.
///
/// Ends with 0 when nothing would go wrong, with 4 when something would, and with 9 when something could not be asked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dlt doctor dev\n  dlt doctor dev --users 50000 --workers 25")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Virtual users of the largest test that is planned, over all regions.
    #[arg(long, value_name = "N", default_value_t = 0)]
    users: u64,
    /// Workers of that test over all regions; one for every 10,000 users unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    workers: Option<u64>,
}

/// Prints what was found.
///
/// # Errors
/// A wrong environment file.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let config = args.environment.load()?;
    let planned = Planned::of(args.users, args.workers, config.worker.cpu_units, config.all_regions().count());
    if global.output == Output::Text {
        terminal::say(&format!("asking AWS about {} and {}…", config.stack, config.region));
    }
    let report = examine(&config, planned).await;
    match global.output {
        Output::Text => {
            let paint = Paint::of_stdout();
            terminal::print(&page::text(&report, paint));
        }
        Output::Json => terminal::print(&serde_json::json!(report).to_string()),
    }
    Ok(report.exit())
}
