//! `dlt drift revert`: what is deployed made again as it is described.

use crate::{
    cli::{Global, Output, asking, environment::EnvironmentArgs, plan::ReleaseArgs, session::Session},
    cloud::Cloud,
    deploy::{
        consent::Consent,
        event::{Event, Phase, StackRef},
        screen::show::Style,
        survey::stacks_of,
    },
    drift::{
        answer::{Answer, ResourceDrift, StackDrift},
        revert,
    },
    exit::Exit,
    failure::Failure,
    terminal,
};

/// Make what is deployed as it is described, by a change set that starts from what is deployed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  dlt drift revert dev")]
pub struct Args {
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Agree beforehand, except to losing data.
    #[arg(long, short)]
    yes: bool,
    /// Agree to losing the data in this resource, by its name in the template; may be repeated.
    #[arg(long, value_name = "NAME")]
    allow_data_loss: Vec<String>,
    /// Also take back what the environment file ignores in the same stacks.
    #[arg(long)]
    also_ignored: bool,
    #[command(flatten)]
    release: ReleaseArgs,
}

/// Takes drift back, and looks again.
///
/// # Errors
/// A refusal of AWS or of a guard, an update that failed, or drift that CloudFormation could not take back.
pub async fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let json = global.output == Output::Json;
    let config = args.environment.load()?;
    let cloud = Cloud::connect(&config.region, &config.regions).await?;
    let answer = super::found(&cloud, &config, &args.release).await?;
    let stacks = revert::doomed(&answer, args.also_ignored)?;
    if stacks.is_empty() {
        terminal::say("no stack has drift to take back");
        super::show(&answer, global.output);
        return Ok(super::exit(&answer, false, false));
    }
    if !json {
        super::show(&answer, Output::Text);
    }
    asking::answerable(args.yes, json)?;
    let stacks = named(&stacks, &stacks_of(&config).into_iter().map(|(_, stack)| stack).collect::<Vec<_>>())?;
    act(&cloud, args, json, &answer, &stacks).await?;
    let after = super::found(&cloud, &config, &args.release).await?;
    super::show(&after, global.output);
    match after.stacks.iter().flat_map(|stack| &stack.resources).any(ResourceDrift::counts) {
        true => Err(Failure::new(Exit::Incomplete, "CloudFormation could not take everything back")
            .hint("change what still differs by hand, or take it over with `dlt drift accept`")),
        false => Ok(super::exit(&after, false, false)),
    }
}

/// The stacks by which AWS knows them. What is nested changes with its parent only.
fn named<'a>(drifted: &[&'a StackDrift], stacks: &[StackRef]) -> Result<Vec<(StackRef, &'a StackDrift)>, Failure> {
    let known = |drift: &StackDrift| {
        stacks
            .iter()
            .find(|it| it.name == drift.name && it.region.as_str() == drift.region && drift.nested_in.is_none())
    };
    let mut found = Vec::new();
    for drift in drifted {
        let Some(stack) = known(drift) else {
            let message = format!(
                "{} is not a stack that `up` makes, and CloudFormation takes none back in others",
                drift.title()
            );
            return Err(Failure::new(Exit::Guarded, message)
                .hint("change it back by hand, or ignore it in the environment file"));
        };
        found.push((stack.clone(), *drift));
    }
    Ok(found)
}

async fn act(
    cloud: &Cloud,
    args: &Args,
    json: bool,
    answer: &Answer,
    stacks: &[(StackRef, &StackDrift)],
) -> Result<(), Failure> {
    // With --output json, standard output carries the drift that is left.
    let style = if json { Style::Lines } else { Style::fitting(false) };
    let session = Session::open("drift revert", &args.environment.environment, &answer.stack, cloud, style);
    let consent = Consent { yes: args.yes, losses: args.allow_data_loss.iter().cloned().collect() };
    let work = Box::pin(async {
        let around = session.around(cloud);
        let ask = async |demand| asking::ask(demand, &session.pause).await;
        let (stack, account) = (answer.stack.clone(), answer.account.clone());
        around.observer.tell(Event::Began { stack, account, phases: revert::PHASES.to_vec() });
        around.observer.tell(Event::PhaseEnded { phase: Phase::Plan });
        session.hold(cloud, "drift revert").await?;
        revert::revert(&around, stacks, consent, &ask).await
    });
    let result = session.interruptible(work).await;
    session.close(result).await
}
