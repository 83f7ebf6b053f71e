//! `dlt down`: an environment taken away, with a list before and a ledger after.

use super::{Global, Output, asking, environment::EnvironmentArgs, session::Session};
use crate::{
    cloud::Cloud,
    config::Config,
    deploy::{
        engine::Surroundings,
        event::{Event, Phase},
        screen::show::Style,
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
    let json = global.output == Output::Json;
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let session =
        Session::open("down", &args.environment.environment, config.stack.as_str(), &cloud, Style::fitting(json));
    let around = session.around(&cloud);
    let work = Box::pin(take_away(&session, &around, &config, args, json));
    let result = session.interruptible(work).await;
    session.close(result).await.map(|()| Exit::Done)
}

async fn take_away(
    session: &Session,
    around: &Surroundings<'_>,
    config: &Config,
    args: &Args,
    json: bool,
) -> Result<(), Failure> {
    let observer = around.observer;
    let (stack, account) = (config.stack.to_string(), around.cloud.identity.account.clone());
    observer.tell(Event::Began { stack: stack.clone(), account, phases: teardown::PHASES.to_vec() });
    observer.tell(Event::PhaseStarted { phase: Phase::Plan });
    let doomed = teardown::doomed(around.cloud, config).await?;
    observer.tell(Event::PhaseEnded { phase: Phase::Plan });
    let stacks: Vec<_> = doomed.stacks.iter().map(|(_, stack, _)| stack.clone()).collect();
    if !stacks.is_empty() {
        observer.tell(Event::Inventory { stacks: stacks.clone(), holdings: doomed.holdings.clone() });
    }
    if !stacks.is_empty() || args.purge {
        asking::answerable(args.yes, json)?;
        session.hold(around.cloud, "").await?;
        if !args.yes {
            asking::confirm_by_name(&stack, &session.pause).await?;
        }
    }
    teardown::down(around, config, doomed, args.purge).await.map(drop)
}
