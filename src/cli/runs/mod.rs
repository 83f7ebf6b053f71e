//! `dlt runs`: the runs that a system keeps.

mod compare;
mod judge;
mod list;
mod show;
mod stop;
mod watch;

use super::{Global, Output};
use crate::{
    exit::Exit,
    failure::Failure,
    runs::kept,
    system::{PlaceArgs, System, place, stored},
};

/// What can be done with runs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    List(Box<list::Args>),
    Show(Box<show::Args>),
    Watch(Box<watch::Args>),
    Stop(Box<stop::Args>),
    Judge(Box<judge::Args>),
    Compare(Box<compare::Args>),
}

/// Does it.
///
/// # Errors
/// A system that cannot be asked, a run that is not there.
pub async fn run(verb: Verb, global: &Global) -> Result<Exit, Failure> {
    match verb {
        Verb::List(args) => list::run(&args, global).await,
        Verb::Show(args) => show::run(&args, global).await,
        Verb::Watch(args) => watch::run(&args, global).await,
        Verb::Stop(args) => stop::run(&args, global).await,
        Verb::Judge(args) => judge::run(&args, global).await,
        Verb::Compare(args) => compare::run(&args, global).await,
    }
}

/// Which run is meant.
#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The scenario, by its id or its name.
    scenario: String,
    /// The run, by its id; `latest` is the last one.
    #[arg(default_value = kept::LATEST)]
    run: String,
    #[command(flatten)]
    place: PlaceArgs,
}

impl RunArgs {
    /// The system, the scenario's id and the run's.
    async fn find(&self) -> Result<(System, String, String), Failure> {
        let system = place::required(&self.place).await?;
        let test_id = stored::find_id(&system, &self.scenario).await?;
        let run_id = kept::run_id(&system, &test_id, &self.run).await?;
        Ok((system, test_id, run_id))
    }
}
