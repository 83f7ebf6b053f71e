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
    asking::answerable(args.yes, json, asking::Shown::By("dlt drift"))?;
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

/// The stacks by which AWS knows them. What is nested changes with its parent only, and CloudFormation takes no drift back
/// in it: all such stacks are named at once.
fn named<'a>(drifted: &[&'a StackDrift], stacks: &[StackRef]) -> Result<Vec<(StackRef, &'a StackDrift)>, Failure> {
    let known = |drift: &StackDrift| {
        let is_it = |it: &&StackRef| it.name == drift.name && it.region.as_str() == drift.region;
        stacks.iter().find(is_it).filter(|_| drift.nested_in.is_none()).cloned()
    };
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for drift in drifted {
        match known(drift) {
            Some(stack) => found.push((stack, *drift)),
            None => {
                let names: Vec<&str> = drift.resources.iter().map(|it| it.logical_id.as_str()).collect();
                others.push(format!("{}: {}", drift.title(), names.join(", ")));
            }
        }
    }
    if others.is_empty() {
        return Ok(found);
    }
    let message = "CloudFormation takes drift back only in stacks that `up` makes, not in stacks in them";
    let mut failure = Failure::new(Exit::Guarded, message);
    failure.causes = others;
    Err(failure.hint("change it back by hand, or ignore it in the environment file; then run this again for the rest"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::answer::tests::{changed, stack};

    #[test]
    fn stacks_in_stacks_are_named_all_at_once_with_what_differs_in_them() {
        let of = |name: &str, nested_in: Option<&str>| StackDrift {
            resources: vec![changed("Logs", "RetentionInDays")],
            nested_in: nested_in.map(ToOwned::to_owned),
            ..stack(name, 9, 0)
        };
        let (main, one, two) = (of("shop", None), of("shop-one", Some("shop")), of("shop-two", Some("shop")));
        let ours = [StackRef { name: "shop".to_owned(), region: "eu-west-1".parse().unwrap() }];
        assert_eq!(named(&[&main], &ours).unwrap().len(), 1);
        let refused = named(&[&main, &one, &two], &ours).unwrap_err();
        assert_eq!((refused.exit, refused.causes.len()), (Exit::Guarded, 2));
        assert!(refused.causes[0].contains("shop-one") && refused.causes[0].ends_with(": Logs"), "{refused}");
    }
}
