//! Carrying a plan out: foundations, uploads, change sets, their approval, their execution, the outputs.
//!
//! The engine never prints. What must be asked is asked through a function that it is given.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::{join_all, try_join_all};
use tokio::sync::watch;

use super::{
    begin,
    changes::{Act, ResourceChange},
    consent::{Approved, ChangeSet, Consent, Demand, demand},
    event::{Event, Observer, Phase, StackRef},
    follow::{self, Begun, Ending, Wish},
    gather::{Gathered, Proposed, gather},
    joining,
    outcome::{failure_of, worst},
    patience::Asking,
    plan::{Action, Live, Plan},
    prerequisites,
    proposal::Source,
    ship, stacks, stakes,
    survey::Survey,
    viewers,
};
use crate::{cloud::Cloud, exit::Exit, failure::Failure, release::Release, render::Part};

/// What the engine needs of the world while it works.
#[derive(Clone, Debug)]
pub struct Surroundings<'a> {
    /// AWS.
    pub cloud: &'a Cloud,
    /// Where it says what happens.
    pub observer: &'a Observer,
    /// What the person at the keyboard wants of running operations.
    pub wishes: watch::Receiver<Wish>,
    /// How many operations are going on in AWS for us right now.
    pub in_flight: Arc<AtomicUsize>,
}

impl Surroundings<'_> {
    /// The CloudFormation of a stack, which is asked until it answers; trouble meanwhile is told.
    pub fn asking<'s>(&'s self, stack: &'s StackRef) -> Asking<'s> {
        Asking::telling(&self.cloud.at(&stack.region).cloudformation, self.observer, stack)
    }

    /// Follows an operation, counted as going on meanwhile.
    pub async fn follow(&self, begun: Begun) -> Result<Ending, Failure> {
        let client = &self.cloud.at(&begun.stack.region).cloudformation;
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let ending = follow::follow(client, begun, self.observer, self.wishes.clone()).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        ending
    }
}

/// The phases of `up`, in order.
pub const PHASES: [Phase; 6] =
    [Phase::Plan, Phase::Foundation, Phase::Upload, Phase::ChangeSet, Phase::Deploy, Phase::Verify];

/// Carries a plan out, and answers the outputs of the main stack.
///
/// `ask` is called with what is still to be agreed to; it answers what was agreed to, or why not.
pub async fn up(
    around: &Surroundings<'_>,
    survey: Survey,
    release: &Release,
    consent: Consent,
    ask: &impl AsyncFn(Demand) -> Result<Consent, Failure>,
) -> Result<BTreeMap<String, String>, Failure> {
    guard(&survey.plan)?;
    if survey.plan.is_empty() {
        return Ok(outputs(&survey));
    }
    let consent = agree(consent, &names(&survey.plan), ask).await?;
    if survey.plan.stacks.iter().any(|stack| stack.action == Action::Create) {
        prerequisites::let_ecs_work(around.cloud, around.observer).await?;
    }
    let before = |stack: &StackRef| begin::live_of(&survey, stack).clone();
    let consent = phase(around.observer, Phase::Foundation, async {
        let questions = begin::parts(&survey, |part| part == Part::Foundation).map(async |(wanted, plan)| {
            // A foundation makes the bucket that templates are sent to, so its own template goes with the call.
            begin::proposed(around, &survey, wanted, plan, &Source::Text(wanted.template.clone())).await
        });
        let proposed = gather(questions).await.whole(around).await?;
        let (consent, proposed) = review(around, proposed, consent, ask).await?;
        carry_out(around, before, proposed, &consent).await.map(|_| consent)
    })
    .await?;
    ship::upload(around, &survey, release).await?;
    let proposed =
        phase(around.observer, Phase::ChangeSet, async { propose(around, &survey).await.whole(around).await });
    let (consent, proposed) = review(around, proposed.await?, consent, ask).await?;
    let endings = phase(around.observer, Phase::Deploy, async {
        let_viewers_go(around, &proposed.change_sets).await?;
        carry_out(around, before, proposed, &consent).await
    })
    .await?;
    phase(around.observer, Phase::Verify, async {
        protect(around, &survey).await?;
        Box::pin(ship::release_old_images(around, &survey)).await;
        Ok(())
    })
    .await?;
    // What was read when the operation ended is the last word: another look could tell of a moment before.
    let main = survey.wanted.iter().find(|wanted| wanted.part == Part::Main);
    let ended = endings.into_iter().find(|ending| main.is_some_and(|main| ending.stack == main.stack));
    Ok(ended.map_or_else(|| outputs(&survey), |ending| ending.live.outputs))
}

/// Shows and asks for what CloudFormation found to be lost. A no takes the change sets away again.
pub(crate) async fn review(
    around: &Surroundings<'_>,
    proposed: Proposed,
    consent: Consent,
    ask: &impl AsyncFn(Demand) -> Result<Consent, Failure>,
) -> Result<(Consent, Proposed), Failure> {
    for change_set in &proposed.change_sets {
        let resources = stakes::revealed(around.cloud.at(&change_set.stack.region), change_set, &consent).await;
        if !resources.is_empty() {
            around.observer.tell(Event::AtStake { stack: change_set.stack.clone(), resources });
        }
    }
    let losses: BTreeSet<String> = proposed.change_sets.iter().flat_map(ChangeSet::losses).collect();
    match agree(consent, &losses.into_iter().collect::<Vec<_>>(), ask).await {
        Ok(consent) => Ok((consent, proposed)),
        Err(no) => {
            begin::discard(around, &proposed.change_sets).await;
            Err(no)
        }
    }
}

/// Executes what was agreed to and follows everything to its end. `before` tells how a stack was.
pub(crate) async fn carry_out(
    around: &Surroundings<'_>,
    before: impl Fn(&StackRef) -> Live,
    proposed: Proposed,
    consent: &Consent,
) -> Result<Vec<Ending>, Failure> {
    let work = proposed.change_sets.into_iter().map(async |change_set| {
        let approved = approve(change_set, consent)?;
        begin::execute(around, before(approved.stack()), approved).await
    });
    let begun = join_all(work).await.into_iter().chain(proposed.joined.into_iter().map(Ok));
    finish(around, begun.collect()).await
}

/// A policy that is attached to somebody's identity cannot be deleted: the update would leave it behind.
async fn let_viewers_go(around: &Surroundings<'_>, change_sets: &[ChangeSet]) -> Result<(), Failure> {
    let goes = |change: &ResourceChange| {
        change.kind == viewers::POLICY && matches!(change.act, Act::Remove | Act::Replace | Act::MayReplace)
    };
    let concerned = change_sets.iter().filter(|change_set| change_set.changes.iter().any(goes));
    let releases = concerned.map(|change_set| viewers::release(around.cloud, &change_set.stack));
    let released: u64 = try_join_all(releases).await?.into_iter().sum();
    if released > 0 {
        around.observer.notice(format!("took the right to listen from {released} viewers"));
    }
    Ok(())
}

pub(crate) async fn phase<T>(
    observer: &Observer,
    phase: Phase,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    observer.tell(Event::PhaseStarted { phase });
    let result = work.await?;
    observer.tell(Event::PhaseEnded { phase });
    Ok(result)
}

/// Stops before anything is done when a stack cannot be worked on.
pub fn guard(plan: &Plan) -> Result<(), Failure> {
    for stack in &plan.stacks {
        match &stack.action {
            Action::Blocked { status, why, way_out } => {
                let message = format!("the stack `{}` is in {status}: {why}", stack.stack);
                return Err(Failure::new(Exit::NeedsRecovery, message).hint(way_out.clone()));
            }
            Action::Held { status } => {
                let message = format!("another operation holds the stack `{}` ({status})", stack.stack);
                return Err(joining::ways_on(Failure::new(Exit::Held, message)));
            }
            Action::Create | Action::Update | Action::Nothing | Action::Join => {}
        }
    }
    free_of_obstacles(plan)
}

/// A name that is taken would fail the stack half-way.
fn free_of_obstacles(plan: &Plan) -> Result<(), Failure> {
    let taken: Vec<String> = plan
        .stacks
        .iter()
        .flat_map(|stack| stack.obstacles.iter().map(move |it| (stack, it)))
        .map(|(stack, it)| format!("{} ({}) in {}", it.name, it.kind, stack.stack.region))
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let message = format!("what `{}` would make is there already and belongs to none of its stacks", plan.stack);
    let mut failure = Failure::new(Exit::Guarded, message);
    failure.causes = taken;
    Err(failure
        .hint("`retention.data: keep` in the environment file takes it in as it is")
        .hint("`dlt down --purge` removes it, if an earlier environment of this name left it"))
}

pub(super) fn names(plan: &Plan) -> Vec<String> {
    plan.losses().into_iter().map(|(_, resource)| resource.logical_id.clone()).collect()
}

/// Asks until everything is agreed to. What was agreed to before stays agreed.
pub(crate) async fn agree(
    mut consent: Consent,
    losses: &[String],
    ask: &impl AsyncFn(Demand) -> Result<Consent, Failure>,
) -> Result<Consent, Failure> {
    loop {
        match demand(&consent, losses) {
            Demand::Nothing => return Ok(consent),
            missing => {
                let more = ask(missing).await?;
                consent.yes |= more.yes;
                consent.losses.extend(more.losses);
            }
        }
    }
}

pub(crate) fn approve(change_set: ChangeSet, consent: &Consent) -> Result<Approved<ChangeSet>, Failure> {
    Approved::new(change_set, consent).map_err(|refused| {
        let message = format!("the change set of `{}` was not agreed to", refused.0.stack);
        Failure::new(Exit::Guarded, message)
    })
}

/// Main and regional stacks all at once: none needs another at deploy time.
async fn propose(around: &Surroundings<'_>, survey: &Survey) -> Gathered {
    let questions = begin::parts(survey, |part| part != Part::Foundation).map(async |(wanted, plan)| {
        let upload = survey.uploads.iter().find(|upload| upload.region == wanted.stack.region);
        let upload = upload.expect("every region of the environment was looked at: see release::uploads");
        let url = upload.send_template(around.cloud, &wanted.template).await?;
        begin::proposed(around, survey, wanted, plan, &Source::Url(url)).await
    });
    gather(questions).await
}

/// Follows all operations to their ends, also when one of them fails or could not be begun: what is not watched is not
/// known.
pub(crate) async fn finish(
    around: &Surroundings<'_>,
    begun: Vec<Result<Begun, Failure>>,
) -> Result<Vec<Ending>, Failure> {
    let follow = |begun: Result<Begun, Failure>| async move {
        let begun = begun?;
        let operation = begun.operation;
        let ending = around.follow(begun).await?;
        Ok::<_, Failure>((operation, ending))
    };
    let (mut good, mut failures) = (Vec::new(), Vec::new());
    for ending in join_all(begun.into_iter().map(follow)).await {
        match ending {
            Ok((operation, ending)) => match failure_of(operation, &ending) {
                Some(failure) => failures.push(failure),
                None => good.push(ending),
            },
            Err(failure) => failures.push(failure),
        }
    }
    worst(failures).map_or(Ok(good), Err)
}

/// Switches the protection of stacks where it is not as it should be.
async fn protect(around: &Surroundings<'_>, survey: &Survey) -> Result<(), Failure> {
    let switch = survey.plan.stacks.iter().filter_map(|plan| Some((&plan.stack, plan.protection?)));
    let switched = switch.map(async |(stack, on)| {
        let asking = around.asking(stack);
        asking.patiently(async || stacks::protect(asking.client, &stack.name, on).await).await
    });
    Ok(try_join_all(switched).await.map(drop)?)
}

fn outputs(survey: &Survey) -> BTreeMap<String, String> {
    let main = survey.wanted.iter().position(|wanted| wanted.part == Part::Main);
    main.map(|main| survey.live[main].outputs.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{
        super::plan::{
            decide,
            tests::{deployed, wanted},
        },
        *,
    };

    const TEMPLATE: &str = "Resources: {Topic: {Type: AWS::SNS::Topic}}\n";

    fn plan(status: &str) -> Plan {
        let wanted = wanted(TEMPLATE);
        let stacks = vec![decide(&wanted, &deployed(&wanted, status))];
        Plan { stack: "shop".to_owned(), account: "1".to_owned(), stacks, assets: Vec::new() }
    }

    #[test]
    fn a_stack_that_cannot_be_worked_on_stops_everything_with_its_own_exit_code() {
        for (status, exit) in [
            ("CREATE_COMPLETE", None),
            ("UPDATE_ROLLBACK_COMPLETE", None),
            ("ROLLBACK_COMPLETE", Some(Exit::NeedsRecovery)),
            ("UPDATE_ROLLBACK_FAILED", Some(Exit::NeedsRecovery)),
            ("DELETE_FAILED", Some(Exit::NeedsRecovery)),
            ("UPDATE_IN_PROGRESS", Some(Exit::Held)),
        ] {
            assert_eq!(guard(&plan(status)).err().map(|failure| failure.exit), exit, "{status}");
        }
    }
}
