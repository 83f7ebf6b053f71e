//! `dlt down`: an environment taken away, with a list before and a ledger after.

use super::{
    Global,
    asking::{self, Shown},
    environment::EnvironmentArgs,
    session::{self, Stand},
};
use crate::{
    deploy::{
        event::{Event, Phase},
        teardown,
    },
    exit::Exit,
    failure::Failure,
};

/// Take an environment away: a list before, a ledger of what remains after.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt down dev")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Agree beforehand to all that is listed.
    #[arg(long, short)]
    yes: bool,
    /// Also remove the data that the environment file keeps.
    #[arg(long)]
    purge: bool,
}

/// Takes an environment away.
///
/// # Errors
/// Stacks that are protected, a refusal of AWS, or a deletion that failed.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    session::operate("down", &args.environment, global, async |stand| take_away(stand, args).await).await
}

async fn take_away(stand: &Stand<'_>, args: &Args) -> Result<(), Failure> {
    let Stand { session: opened, around, config, json } = stand;
    let observer = around.observer;
    let stack = session::begin(around, config, &teardown::PHASES);
    observer.tell(Event::PhaseStarted { phase: Phase::Plan });
    let doomed = teardown::doomed(around.cloud, config).await?;
    observer.tell(Event::PhaseEnded { phase: Phase::Plan });
    let stacks: Vec<_> = doomed.stacks.iter().map(|(_, stack, _)| stack.clone()).collect();
    if !stacks.is_empty() {
        observer.tell(Event::Inventory { stacks: stacks.clone(), holdings: doomed.holdings.clone() });
    }
    if !stacks.is_empty() || args.purge {
        asking::answerable(args.yes, *json, Shown::Before)?;
        opened.hold(around.cloud, "").await?;
        if !args.yes {
            asking::confirm_by_name(&stack, &opened.pause).await?;
        }
    }
    teardown::down(around, config, &doomed, args.purge).await.map(drop)
}
