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
    event::{Event, Observer, Operation, Phase, StackRef},
    follow::{self, Begun, Ending, Wish},
    gather::{Gathered, Proposed, gather},
    joining,
    patience::Asking,
    plan::{Action, AssetPlan, Live, Plan},
    prerequisites,
    proposal::Source,
    stacks, stakes,
    status::{Standing, Verdict, standing},
    survey::Survey,
    viewers,
};
use crate::{
    cloud::Cloud,
    exit::Exit,
    failure::Failure,
    release::{Release, Upload, registry::Meter, repository},
    render::Part,
};

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
    upload(around, &survey, release).await?;
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
        Box::pin(release_old_images(around, &survey)).await;
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

/// What an ending means, if it is not the one that was hoped for.
pub fn failure_of(operation: Operation, ending: &Ending) -> Option<Failure> {
    let stack = &ending.stack;
    let what = match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Delete => "delete",
        Operation::RollBack => "roll back",
    };
    let (exit, message) = match (ending.verdict, operation) {
        (Verdict::Succeeded, Operation::Create | Operation::Update)
        | (Verdict::Deleted, Operation::Delete)
        | (Verdict::RolledBack | Verdict::Deleted, Operation::RollBack) => {
            return None;
        }
        (Verdict::RolledBack, _) => {
            (Exit::RolledBack, format!("failed to {what} the stack `{stack}`; AWS rolled it back"))
        }
        (Verdict::Deleted, _) => (Exit::RolledBack, format!("the stack `{stack}` was cancelled and is deleted")),
        (Verdict::NeedsRecovery | Verdict::Succeeded, _) => {
            let status = ending.live.status.as_deref().unwrap_or("unknown");
            (Exit::NeedsRecovery, format!("failed to {what} the stack `{stack}`, which is now in {status}"))
        }
    };
    let mut failure = Failure::new(exit, message);
    if let Some(cause) = &ending.cause {
        failure.causes.push(format!("{} ({}): {}", cause.logical_id, cause.kind, cause.reason));
    }
    if let Standing::Stuck(stuck) = standing(ending.live.status.as_deref()) {
        failure = failure.hint(stuck.way_out(&stack.name).1);
    }
    Some(failure.hint("`dlt explain` says why, and what to do about it"))
}

/// One failure for all: the one that needs the most help, with the others named below it. What goes on without us comes
/// before what was never begun.
pub fn worst(mut failures: Vec<Failure>) -> Option<Failure> {
    failures.sort_by_key(|failure| match failure.exit {
        Exit::NeedsRecovery => 0,
        Exit::RolledBack => 1,
        Exit::Interrupted | Exit::DeadlinePassed => 2,
        _ => 3,
    });
    let mut failures = failures.into_iter();
    let mut worst = failures.next()?;
    worst.causes.extend(failures.map(|other| format!("also: {}", other.message)));
    Some(worst)
}

async fn upload(around: &Surroundings<'_>, survey: &Survey, release: &Release) -> Result<(), Failure> {
    let missing = survey.plan.assets.iter().filter(|asset| !asset.present);
    phase(around.observer, Phase::Upload, async {
        for present in survey.plan.assets.iter().filter(|asset| asset.present) {
            let (asset, region) = (present.asset.clone(), present.region.clone());
            around.observer.tell(Event::AssetPresent { asset, region });
        }
        try_join_all(missing.map(|asset| send(around, survey, release, asset))).await?;
        let spared = images(survey).map(|(upload, digest)| repository::spare(around.cloud, upload, digest));
        try_join_all(spared).await?;
        Ok(())
    })
    .await
}

async fn send(around: &Surroundings<'_>, survey: &Survey, release: &Release, asset: &AssetPlan) -> Result<(), Failure> {
    let upload = survey.uploads.iter().find(|upload| upload.region == asset.region);
    let upload = upload.expect("assets are planned for the regions that were looked at: see survey");
    let clients = around.cloud.at(&asset.region);
    let bytes = match (asset.asset.as_str(), &survey.image) {
        ("functions", _) => upload.send_functions(clients, release).await?,
        ("console", _) => upload.send_console(clients, release).await?,
        (_, Some(image)) => {
            let meter = meter(around.observer, asset);
            upload.push_image(around.cloud, &release.worker.tag, image, &meter).await?.bytes_sent
        }
        (_, None) => {
            let message = format!("the registry in {} and the others hold different worker images", asset.region);
            return Err(Failure::new(Exit::Incomplete, message).hint("run the same command again"));
        }
    };
    let (asset, region) = (asset.asset.clone(), asset.region.clone());
    around.observer.tell(Event::AssetUploaded { asset, region, bytes });
    Ok(())
}

/// Where the worker image is and its digest there.
fn images(survey: &Survey) -> impl Iterator<Item = (&Upload, &str)> {
    let images = survey.plan.assets.iter().filter(|asset| asset.asset == "worker image");
    images.filter_map(|asset| Some((survey.uploads.iter().find(|it| it.region == asset.region)?, &*asset.address)))
}

/// Lets the lifecycle rules have what is not deployed any more. A failure here is no failure of the deployment.
async fn release_old_images(around: &Surroundings<'_>, survey: &Survey) {
    for (upload, digest) in images(survey) {
        if let Err(error) = repository::release_others(around.cloud, upload, &survey.plan.stack, digest).await {
            around.observer.notice(format!("old worker images keep their tags for now: {error}"));
        }
    }
}

/// Tells how far an upload has come.
fn meter(observer: &Observer, plan: &AssetPlan) -> Meter {
    let (observer, asset, region) = (observer.clone(), plan.asset.clone(), plan.region.clone());
    Meter::new(move |sent| {
        observer.tell(Event::AssetProgress {
            asset: asset.clone(),
            region: region.clone(),
            sent: sent.sent,
            total: sent.total,
        });
    })
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
        super::{
            event::Cause,
            plan::{
                decide,
                tests::{deployed, wanted},
            },
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

    fn ending(verdict: Verdict, status: &str) -> Ending {
        let cause = Cause {
            logical_id: "Role".to_owned(),
            kind: "AWS::IAM::Role".to_owned(),
            status: "CREATE_FAILED".to_owned(),
            reason: "no".to_owned(),
        };
        let live = Live { status: Some(status.to_owned()), ..Live::default() };
        Ending { stack: wanted(TEMPLATE).stack, live, verdict, cause: Some(cause) }
    }

    #[test]
    fn an_ending_has_the_exit_code_of_its_verdict_and_names_the_cause() {
        for (verdict, status, operation, exit) in [
            (Verdict::Succeeded, "CREATE_COMPLETE", Operation::Create, None),
            (Verdict::Deleted, "DELETE_COMPLETE", Operation::Delete, None),
            (Verdict::RolledBack, "ROLLBACK_COMPLETE", Operation::Create, Some(Exit::RolledBack)),
            (Verdict::RolledBack, "UPDATE_ROLLBACK_COMPLETE", Operation::Update, Some(Exit::RolledBack)),
            (Verdict::Deleted, "DELETE_COMPLETE", Operation::Create, Some(Exit::RolledBack)),
            (Verdict::NeedsRecovery, "UPDATE_ROLLBACK_FAILED", Operation::Update, Some(Exit::NeedsRecovery)),
            (Verdict::NeedsRecovery, "DELETE_FAILED", Operation::Delete, Some(Exit::NeedsRecovery)),
        ] {
            let failure = failure_of(operation, &ending(verdict, status));
            assert_eq!(failure.as_ref().map(|it| it.exit), exit, "{status}");
            assert!(failure.is_none_or(|it| it.to_string().contains("Role (AWS::IAM::Role): no")));
        }
    }

    #[test]
    fn of_several_failures_the_one_that_needs_help_decides_and_the_others_are_named() {
        let of = |exits: [Exit; 2]| worst(exits.map(|exit| Failure::new(exit, format!("{exit:?}"))).into()).unwrap();
        for (one, other) in [
            (Exit::NeedsRecovery, Exit::RolledBack),
            (Exit::RolledBack, Exit::Interrupted),
            (Exit::Interrupted, Exit::Guarded),
            (Exit::DeadlinePassed, Exit::Held),
        ] {
            for failure in [of([one, other]), of([other, one])] {
                assert_eq!((failure.exit, failure.causes), (one, vec![format!("also: {other:?}")]));
            }
        }
    }
}
