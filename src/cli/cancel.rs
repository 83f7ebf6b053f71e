//! `dlt cancel`: stop what goes on in an environment, from any machine, and follow it back.

use super::{Global, Output, asking, environment::EnvironmentArgs, session::Session};
use crate::{
    cloud::Cloud,
    config::Config,
    deploy::{
        engine::{self, Surroundings},
        event::{Event, Phase, StackRef},
        follow::Ending,
        joining::{self, Course},
        lock,
        plan::Live,
        screen::show::Style,
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
    let json = global.output == Output::Json;
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let session =
        Session::open("cancel", &args.environment.environment, config.stack.as_str(), &cloud, Style::fitting(json));
    let around = session.around(&cloud);
    let work = Box::pin(cancel(&session, &around, &config, args.yes, json));
    let result = session.interruptible(work).await;
    session.close(result).await.map(|()| Exit::Done)
}

async fn cancel(
    session: &Session,
    around: &Surroundings<'_>,
    config: &Config,
    yes: bool,
    json: bool,
) -> Result<(), Failure> {
    let (observer, cloud) = (around.observer, around.cloud);
    let (stack, account) = (config.stack.to_string(), cloud.identity.account.clone());
    observer.tell(Event::Began { stack: stack.clone(), account, phases: vec![Phase::Follow] });
    let mut moving = joining::present(cloud, &joining::stacks_of_environment(config)).await?;
    moving.retain(|(_, live)| joining::moves(live));
    if moving.is_empty() {
        observer.notice("nothing is in flight: there is nothing to cancel");
        if let Some(holder) = lock::holder(cloud, &stack).await? {
            let text =
                format!("`dlt {}` of {} on {} works on it between two stacks", holder.verb, holder.who, holder.host);
            observer.notice(format!("{text}; stop it there, or cancel once it has begun the next"));
        }
        return Ok(());
    }
    for (stack, live) in &moving {
        observer.notice(format!("{stack}: {}", intention(joining::course(live.status.as_deref()))));
    }
    asking::answerable(yes, json)?;
    let deletes = moving.iter().any(|(_, live)| joining::course(live.status.as_deref()) == Course::Delete);
    match (yes, deletes) {
        (true, _) => {}
        (false, true) => asking::confirm_by_name(&stack, &session.pause).await?,
        (false, false) => asking::confirm("Stop it?", &session.pause).await?,
    }
    observer.tell(Event::PhaseStarted { phase: Phase::Follow });
    let work = moving.into_iter().map(|(stack, live)| stop(around, stack, live));
    let failures = futures::future::join_all(work).await.into_iter().filter_map(Result::err).collect();
    engine::worst(failures).map_or(Ok(()), Err)?;
    observer.tell(Event::PhaseEnded { phase: Phase::Follow });
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
    if ending.verdict == Verdict::Succeeded {
        around.observer.notice(format!("{stack} had ended before it could be stopped"));
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
