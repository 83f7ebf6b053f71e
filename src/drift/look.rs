//! The whole look for drift: all stacks in all regions at once, then what CloudFormation does not compare.

use std::collections::BTreeMap;

use dlt_model::id::Region;
use futures::future::join_all;

use super::{
    answer::{Answer, Coverage, SCHEMA, StackDrift, Verdict},
    authors,
    code::{self, Found},
    detect, hiding,
    strays::{self, Owned},
};
use crate::{
    cloud::Cloud,
    config::Config,
    deploy::{event::StackRef, pipeline, plan::Live, stacks, survey::stacks_of},
    exit::Exit,
    failure::Failure,
    release::Release,
    render::Part,
};

/// What happens during a look.
#[derive(Clone, Debug)]
pub enum Step {
    /// These stacks are being compared.
    Comparing(Vec<String>),
    /// One of them, with what is nested in it, is done.
    Compared(Vec<StackDrift>),
    /// What is asked next.
    Asking(&'static str),
}

/// Looks for drift everywhere.
///
/// # Errors
/// An environment that is not deployed, and credentials that AWS does not take. Everything else becomes a gap.
pub async fn look(
    cloud: &Cloud,
    config: &Config,
    release: Result<&Release, &Failure>,
    today: jiff::civil::Date,
    tell: &dyn Fn(Step),
) -> Result<Answer, Failure> {
    let lives = deployed(cloud, config).await?;
    let mut answer = Answer {
        schema: SCHEMA.to_owned(),
        stack: config.stack.to_string(),
        account: cloud.identity.account.clone(),
        verdict: Verdict::Incomplete,
        drifted: 0,
        ignored: 0,
        coverage: Coverage::default(),
        stacks: compare(cloud, &lives, tell).await,
        code: Vec::new(),
        strays: Vec::new(),
        gaps: Vec::new(),
        notes: Vec::new(),
    };
    tell(Step::Asking("what runs beside the stacks"));
    let found = beyond(cloud, config, &lives, release).await;
    (answer.code, answer.strays) = (found.code, found.strays);
    answer.gaps = found.gaps;
    answer.gaps.sort();
    answer.gaps.dedup();
    hiding::hide(&mut answer, &config.ignored, today);
    if answer.stacks.iter().any(|stack| !stack.resources.is_empty()) {
        tell(Step::Asking("CloudTrail who did it"));
        authors::ask(cloud, &mut answer).await;
    }
    Ok(answer.judged())
}

/// The stacks of the environment as they are. The pipeline's is looked at when there is one.
async fn deployed(cloud: &Cloud, config: &Config) -> Result<Vec<(Part, StackRef, Live)>, Failure> {
    let all = stacks_of(config).into_iter().chain([pipeline::stack_of(config)]);
    let looks = all.map(|(part, stack)| async move {
        let live = stacks::look(&cloud.at(&stack.region).cloudformation, &stack.name).await?;
        Ok::<_, Failure>((part, stack, live))
    });
    let mut lives = futures::future::try_join_all(looks).await?;
    lives.retain(|(part, _, live)| *part != Part::Pipeline || live.status.is_some());
    if lives.iter().all(|(_, _, live)| live.status.is_none()) {
        let message = format!("none of the stacks of `{}` is there: the environment is not deployed", config.stack);
        return Err(Failure::new(Exit::Invalid, message).hint("`dlt up` deploys it"));
    }
    Ok(lives)
}

/// Compares stacks, all at once: every region has limits of its own.
pub async fn compare(cloud: &Cloud, stacks: &[(Part, StackRef, Live)], tell: &dyn Fn(Step)) -> Vec<StackDrift> {
    tell(Step::Comparing(stacks.iter().map(|(_, stack, _)| stack.to_string()).collect()));
    let all = stacks.iter().map(|(_, stack, _)| async move {
        let found = detect::detect(&cloud.at(&stack.region).cloudformation, stack).await;
        tell(Step::Compared(found.clone()));
        found
    });
    join_all(all).await.into_iter().flatten().collect()
}

/// What CloudFormation does not compare, region by region and stack by stack.
async fn beyond(
    cloud: &Cloud,
    config: &Config,
    lives: &[(Part, StackRef, Live)],
    release: Result<&Release, &Failure>,
) -> Found {
    let mut found = Found::default();
    let mut owned = BTreeMap::<Region, Owned>::new();
    for (_, stack, live) in lives.iter().filter(|(_, _, live)| live.status.is_some()) {
        let resources = stacks::resources(&cloud.at(&stack.region).cloudformation, &stack.name).await;
        let Some(resources) = found.take(resources) else { continue };
        owned.entry(stack.region.clone()).or_default().add(resources.into_iter().map(|it| it.physical_id), live);
    }
    let looks = owned.iter().map(|(region, owned)| strays::look(cloud, config, region, owned));
    join_all(looks).await.into_iter().for_each(|other| found.join(other));
    let release = match release {
        Ok(release) => release,
        Err(failure) => {
            found.gaps.push(format!("code was not compared: {}; --release names its directory", failure.message));
            return found;
        }
    };
    let with_code = lives.iter().filter(|(part, ..)| matches!(part, Part::Main | Part::Regional));
    let looks = with_code.map(|(part, stack, live)| code::look(cloud, config, *part, stack, live, release));
    join_all(looks).await.into_iter().for_each(|other| found.join(other));
    found
}
