//! `dlt attach`: join what goes on in an environment, from any machine.

use std::time::Duration;

use super::{
    Global,
    environment::EnvironmentArgs,
    session::{self, Stand},
};
use crate::{
    config::Config,
    deploy::{
        engine::{self, Surroundings},
        event::{Event, Phase},
        joining, lock,
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
    let work = async |stand: &Stand<'_>| {
        let attached = Box::pin(attach(&stand.around, stand.config));
        let Some(deadline) = deadline else { return attached.await };
        let within = Duration::from_millis(deadline.as_millis());
        tokio::time::timeout(within, attached).await.unwrap_or_else(|_| {
            let message = format!("the deadline of {deadline} passed; the operation goes on");
            Err(Failure::new(Exit::DeadlinePassed, message).hint("`dlt attach` joins it again"))
        })
    };
    session::operate("attach", &args.environment, global, work).await
}

async fn attach(around: &Surroundings<'_>, config: &Config) -> Result<(), Failure> {
    let (observer, cloud) = (around.observer, around.cloud);
    let stack = session::begin(around, config, &[Phase::Follow]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::film::{self, Scenery};

    #[tokio::test(start_paused = true)]
    async fn who_joins_an_update_sees_it_from_its_beginning_and_hears_its_verdict() {
        let scenery = Scenery::where_an_update_goes_on(None);
        insta::assert_snapshot!(scenery.film(async |around| attach(around, &film::environment()).await).await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_joins_an_update_that_fails_hears_why() {
        let scenery = Scenery::where_an_update_goes_on(Some("Queue"));
        insta::assert_snapshot!(scenery.film(async |around| attach(around, &film::environment()).await).await);
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_goes_on_it_is_said_how_everything_stands() {
        let scenery = Scenery::at_rest();
        insta::assert_snapshot!(scenery.film(async |around| attach(around, &film::environment()).await).await);
    }
}
