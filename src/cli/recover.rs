//! `dlt recover`: the one safe next step out of every status, for all stacks of an environment.

use super::{
    Global,
    asking::{self, Shown},
    environment::EnvironmentArgs,
    session::{self, Stand},
};
use crate::{
    deploy::{
        event::{Event, Phase},
        joining,
    },
    exit::Exit,
    failure::Failure,
    recovery::{
        Case,
        rescue::{self, Force},
    },
};

/// Help stacks out of where they are stuck.
///
/// Shows the one safe step, asks, does it, and follows it to its end. It knows the way out of every status: a stack that was never whole is deleted, an update that could not go back goes back,
/// a deletion that failed goes on. Where nothing is stuck it does nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt recover dev\n  dlt recover dev --skip DataBucket   # delete the stack, leave the bucket\n  dlt recover dev --yes"
)]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Agree beforehand to what is shown.
    #[arg(long, short)]
    yes: bool,
    /// Leave this resource as it is, by its name in the template, because it is in the way; may be repeated.
    #[arg(long, value_name = "NAME")]
    skip: Vec<String>,
    /// Go on with a deletion that failed whatever cannot be deleted; that stays in AWS and belongs to no stack any more.
    #[arg(long, conflicts_with = "skip")]
    force: bool,
}

/// Helps an environment out.
///
/// # Errors
/// A wrong environment file, an operation that goes on, a refusal of AWS or of the person, or a stack that is still stuck.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    session::operate("recover", &args.environment, global, async |stand| recover(stand, args).await).await
}

async fn recover(stand: &Stand<'_>, args: &Args) -> Result<(), Failure> {
    let Stand { session: opened, around, config, json } = stand;
    let (observer, cloud) = (around.observer, around.cloud);
    let stack = session::begin(around, config, &[Phase::Plan, Phase::Recover]);
    observer.tell(Event::PhaseStarted { phase: Phase::Plan });
    let mut found = rescue::cases(cloud, &joining::stacks_of_environment(config)).await?;
    rescue::mark_skipped(&mut found, &args.skip)?;
    let cases: Vec<Case> = found.iter().map(|(case, _)| case.clone()).collect();
    observer.tell(Event::PhaseEnded { phase: Phase::Plan });
    observer.tell(Event::Cases { cases: cases.clone() });
    rescue::guard(&cases)?;
    if !cases.iter().any(|case| case.remedy.is_ours()) {
        return Ok(());
    }
    asking::answerable(args.yes, *json, Shown::Before)?;
    opened.hold(cloud, &args.skip.join(" ")).await?;
    if !args.yes {
        match cases.iter().any(Case::takes_away) {
            true => asking::confirm_by_name(&stack, &opened.pause).await?,
            false => asking::confirm("Go on?", &opened.pause).await?,
        }
    }
    observer.tell(Event::PhaseStarted { phase: Phase::Recover });
    rescue::rescue(around, found, Force(args.force)).await?;
    observer.tell(Event::PhaseEnded { phase: Phase::Recover });
    observer
        .notice(format!("recovered; `dlt up {}` makes the environment as its file says", args.environment.environment));
    Ok(())
}
