//! `dlt attach`: join what goes on in an environment, from any machine.

use std::time::Duration;

use super::{Global, Output, environment::EnvironmentArgs, session::Session};
use crate::{
    cloud::Cloud,
    config::Config,
    deploy::{
        engine::{self, Surroundings},
        event::{Event, Phase},
        joining, lock,
        screen::show::Style,
        status::{Standing, standing},
    },
    exit::Exit,
    failure::Failure,
};

/// How often a lock is looked at again between two operations of its owner.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);

/// Join what goes on in an environment, from any machine.
///
/// The screen is that of whoever began it, with the right times, and the exit code is that of the verdict. Leaving changes
/// nothing.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  dlt attach dev\n  dlt attach dev --deadline 20m   # exit code 10 if it goes on then"
)]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Leave after this long, with exit code 10; what goes on goes on.
    #[arg(long, value_name = "DURATION")]
    deadline: Option<String>,
}

/// Joins what goes on.
///
/// # Errors
/// A wrong environment file, a refusal of AWS, or an operation that ends otherwise than it was meant to.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let deadline = args.deadline.as_deref().map(super::gate::read_deadline).transpose()?;
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let json = global.output == Output::Json;
    let session =
        Session::open("attach", &args.environment.environment, config.stack.as_str(), &cloud, Style::fitting(json));
    let around = session.around(&cloud);
    let work = Box::pin(async {
        let attached = Box::pin(attach(&around, &config));
        let Some(deadline) = deadline else { return attached.await };
        let within = Duration::from_millis(deadline.as_millis());
        tokio::time::timeout(within, attached).await.unwrap_or_else(|_| {
            let message = format!("the deadline of {deadline} passed; the operation goes on");
            Err(Failure::new(Exit::DeadlinePassed, message).hint("`dlt attach` joins it again"))
        })
    });
    let result = session.interruptible(work).await;
    session.close(result).await.map(|()| Exit::Done)
}

async fn attach(around: &Surroundings<'_>, config: &Config) -> Result<(), Failure> {
    let (observer, cloud) = (around.observer, around.cloud);
    let (stack, account) = (config.stack.to_string(), cloud.identity.account.clone());
    observer.tell(Event::Began { stack: stack.clone(), account, phases: vec![Phase::Follow] });
    observer.tell(Event::PhaseStarted { phase: Phase::Follow });
    let stacks = joining::stacks_of_environment(config);
    let (mut followed, mut told) = (false, false);
    loop {
        let present = joining::present(cloud, &stacks).await?;
        let moving: Vec<_> = present.iter().filter(|(_, live)| joining::moves(live)).cloned().collect();
        if !moving.is_empty() {
            followed = true;
            let begun = moving.into_iter().map(|(stack, live)| Ok(joining::join(observer, &stack, live)));
            engine::finish(around, begun.collect()).await?;
            continue;
        }
        // Whoever holds the environment may be between two stacks.
        match lock::holder(cloud, &stack).await? {
            Some(holder) => {
                if !told {
                    observer.notice(format!("`dlt {}` of {} on {} goes on", holder.verb, holder.who, holder.host));
                    told = true;
                }
                tokio::time::sleep(LOOKED_AT_EVERY).await;
            }
            None => {
                observer.tell(Event::PhaseEnded { phase: Phase::Follow });
                return if followed { Ok(()) } else { at_rest(around, present) };
            }
        }
    }
}

/// Nothing goes on: how it stands is said instead.
fn at_rest(
    around: &Surroundings<'_>,
    present: Vec<(crate::deploy::event::StackRef, crate::deploy::plan::Live)>,
) -> Result<(), Failure> {
    around.observer.notice("nothing is in flight");
    for (stack, live) in present {
        let status = live.status.unwrap_or_default();
        around.observer.notice(format!("· {stack} is in {status}"));
        if let Standing::Stuck(stuck) = standing(Some(&status)) {
            let (why, way_out) = stuck.way_out(&stack.name);
            let message = format!("the stack `{stack}` is in {status}: {why}");
            return Err(Failure::new(Exit::NeedsRecovery, message).hint(way_out));
        }
    }
    Ok(())
}
