//! `dlt cancel`: stop what goes on in an environment, from any machine, and follow it back.

use super::{
    Global,
    asking::{self, Shown},
    environment::EnvironmentArgs,
    session::{self, Stand},
};
use crate::{
    config::Config,
    deploy::{
        engine::Surroundings,
        event::{Event, Phase, StackRef},
        follow::Ending,
        joining::{self, Course},
        lock, outcome,
        plan::Live,
        stacks,
        status::{Standing, Verdict, standing},
    },
    exit::Exit,
    failure::Failure,
};

/// Stop what goes on in an environment, from any machine.
///
/// An update goes back to what was before. A stack that is being made has nothing to go back to: it is deleted, after asking. A
/// deletion cannot be stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt cancel dev")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Agree beforehand.
    #[arg(long, short)]
    yes: bool,
}

/// Stops what goes on.
///
/// # Errors
/// A wrong environment file, a refusal of AWS or of the person, or a stack that needs recovery afterwards.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    session::operate("cancel", &args.environment, global, async |stand| cancel(stand, args.yes).await).await
}

async fn cancel(stand: &Stand<'_>, yes: bool) -> Result<(), Failure> {
    let Stand { session: opened, around, config, json } = stand;
    let moving = intentions(around, config).await?;
    if moving.is_empty() {
        return Ok(());
    }
    asking::answerable(yes, *json, Shown::Before)?;
    let deletes = moving.iter().any(|(_, live)| joining::course(live.status.as_deref()) == Course::Delete);
    match (yes, deletes) {
        (true, _) => {}
        (false, true) => asking::confirm_by_name(config.stack.as_str(), &opened.pause).await?,
        (false, false) => asking::confirm("Stop it?", &opened.pause).await?,
    }
    stop_all(around, moving).await
}

/// What goes on, once it was said what becomes of it.
async fn intentions(around: &Surroundings<'_>, config: &Config) -> Result<Vec<(StackRef, Live)>, Failure> {
    let (observer, cloud) = (around.observer, around.cloud);
    let stack = session::begin(around, config, &[Phase::Follow]);
    let mut moving = joining::present(cloud, &joining::stacks_of_environment(config)).await?;
    moving.retain(|(_, live)| joining::moves(live));
    for (stack, live) in &moving {
        observer.notice(format!("{stack}: {}", intention(joining::course(live.status.as_deref()))));
    }
    if moving.is_empty() {
        observer.notice("nothing is in flight: there is nothing to cancel");
        if let Some(holder) = lock::holder(cloud, &stack).await? {
            let text =
                format!("`dlt {}` of {} on {} works on it between two stacks", holder.verb, holder.who, holder.host);
            observer.notice(format!("{text}; stop it there, or cancel once it has begun the next"));
        }
    }
    Ok(moving)
}

async fn stop_all(around: &Surroundings<'_>, moving: Vec<(StackRef, Live)>) -> Result<(), Failure> {
    around.observer.tell(Event::PhaseStarted { phase: Phase::Follow });
    let work = moving.into_iter().map(|(stack, live)| stop(around, stack, live));
    let failures = futures::future::join_all(work).await.into_iter().filter_map(Result::err).collect();
    outcome::worst(failures).map_or(Ok(()), Err)?;
    around.observer.tell(Event::PhaseEnded { phase: Phase::Follow });
    Ok(())
}

fn intention(course: Course) -> &'static str {
    match course {
        Course::Idle => "it does not move",
        Course::CancelUpdate => "the update is cancelled, and AWS goes back to what was before",
        Course::Delete => "it is being made and has nothing to go back to: it is deleted",
        Course::GoesBack => "it goes back already",
        Course::Unstoppable => "AWS cannot stop this; it is followed to its end",
    }
}

async fn stop(around: &Surroundings<'_>, stack: StackRef, live: Live) -> Result<(), Failure> {
    let client = &around.cloud.at(&stack.region).cloudformation;
    let asked = match joining::course(live.status.as_deref()) {
        Course::CancelUpdate => stacks::cancel_update(client, &live.stack_id).await,
        Course::Delete => stacks::delete(client, &live.stack_id, &format!("dlt-cancel-{}", live.changed_ms)).await,
        Course::Idle | Course::GoesBack | Course::Unstoppable => Ok(()),
    };
    if let Err(error) = asked {
        // It may have ended in between, which following it shows.
        around.observer.notice(error.to_string());
    }
    let ending = around.follow(joining::join(around.observer, &stack, live)).await?;
    let stack = &ending.stack;
    match ending.verdict {
        Verdict::Succeeded => around.observer.notice(format!("{stack} had ended before it could be stopped")),
        Verdict::RolledBack => around.observer.notice(format!("{stack} is as it was before")),
        Verdict::Deleted | Verdict::NeedsRecovery => {}
    }
    stuck(&ending).map_or(Ok(()), Err)
}

/// Going back is what was asked for; only a stack from which one cannot go on is a failure.
fn stuck(ending: &Ending) -> Option<Failure> {
    let status = ending.live.status.as_deref();
    let Standing::Stuck(stuck) = standing(status) else { return None };
    let (why, way_out) = stuck.way_out(&ending.stack.name);
    // A creation that went back is as good as deleted, and says how it goes.
    let message = format!("the stack `{}` is in {}: {why}", ending.stack, status.unwrap_or_default());
    Some(Failure::new(Exit::NeedsRecovery, message).hint(way_out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::film::{self, Scenery};

    async fn filmed(scenery: Scenery) -> String {
        let cancel = async |around: &Surroundings<'_>| {
            let moving = intentions(around, &film::environment()).await?;
            if moving.is_empty() { Ok(()) } else { stop_all(around, moving).await }
        };
        scenery.film(cancel).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_update_that_is_stopped_goes_back_to_what_was_before() {
        insta::assert_snapshot!(filmed(Scenery::where_an_update_goes_on(None)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stack_that_is_being_made_is_deleted() {
        insta::assert_snapshot!(filmed(Scenery::where_a_stack_is_made()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_goes_on_there_is_nothing_to_stop() {
        insta::assert_snapshot!(filmed(Scenery::at_rest()).await);
    }
}
