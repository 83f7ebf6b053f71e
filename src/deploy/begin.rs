//! From a plan to operations that have begun: each stack proposed and executed, or joined when another command with the
//! same wish was faster.

use futures::future::join_all;

use super::{
    consent::{Approved, ChangeSet},
    engine::Surroundings,
    event::{Event, Operation, StackRef},
    follow::Begun,
    joining,
    plan::{self, Action, Live, StackPlan, Wanted},
    proposal::{self, Proposal, Source},
    stacks,
    survey::Survey,
};
use crate::{failure::Failure, render::Part};

/// What is to be done with a stack after CloudFormation was asked.
pub(crate) enum Next {
    /// It may be done, once it is agreed to.
    Approve(ChangeSet),
    /// It goes on already.
    Join(Box<Begun>),
}

/// The stacks of some parts that have something to do.
pub(super) fn parts(survey: &Survey, is_one: fn(Part) -> bool) -> impl Iterator<Item = (&Wanted, &StackPlan)> {
    let busy = |plan: &&StackPlan| plan.action != Action::Nothing;
    survey.wanted.iter().zip(&survey.plan.stacks).filter(move |(wanted, plan)| is_one(wanted.part) && busy(plan))
}

/// Asks CloudFormation what it would do to a stack, or joins what goes on there.
pub(super) async fn proposed(
    around: &Surroundings<'_>,
    survey: &Survey,
    wanted: &Wanted,
    plan: &StackPlan,
    source: &Source,
) -> Result<Option<Next>, Failure> {
    if plan.action == Action::Join {
        let live = live_of(survey, &wanted.stack).clone();
        return Ok(Some(Next::Join(Box::new(joining::join(around.observer, &wanted.stack, live)))));
    }
    let stack = wanted.stack.clone();
    match proposal::propose(&around.asking(&wanted.stack), wanted, plan, source).await {
        Ok(Proposal::Changes(change_set)) => {
            around.observer.tell(Event::Proposed { stack, changes: change_set.changes.clone() });
            Ok(Some(Next::Approve(change_set)))
        }
        Ok(Proposal::Nothing) => {
            around.observer.tell(Event::Unchanged { stack });
            Ok(None)
        }
        Err(failure) => overtaken(around, wanted, failure).await,
    }
}

/// A change set that cannot be made because another command with the same wish was faster is no failure: its operation is
/// ours to watch, and if it is over there is nothing left to do.
async fn overtaken(around: &Surroundings<'_>, wanted: &Wanted, failure: Failure) -> Result<Option<Next>, Failure> {
    let client = &around.cloud.at(&wanted.stack.region).cloudformation;
    let Ok(live) = stacks::facts(client, &wanted.stack.name).await else { return Err(failure) };
    match plan::decide(wanted, &live).action {
        Action::Join => Ok(Some(Next::Join(Box::new(joining::join(around.observer, &wanted.stack, live))))),
        Action::Nothing => {
            around.observer.tell(Event::Unchanged { stack: wanted.stack.clone() });
            Ok(None)
        }
        _ => Err(failure),
    }
}

/// A stack as it was before anything was done to it.
pub(super) fn live_of<'a>(survey: &'a Survey, stack: &StackRef) -> &'a Live {
    let index = survey.wanted.iter().position(|wanted| wanted.stack == *stack);
    &survey.live[index.expect("change sets are made for planned stacks only: see propose")]
}

/// Removes change sets that are not going to be executed, with the stacks that only they have made. What cannot be removed is
/// named.
pub(super) async fn discard(around: &Surroundings<'_>, change_sets: &[ChangeSet]) {
    let discards = change_sets.iter().map(|it| async move {
        if let Err(error) = proposal::discard(&around.asking(&it.stack), &it.id, &it.stack_id, it.creates).await {
            let text =
                format!("{error}: the change set {} of {} stays, and is found again", it.token.as_str(), it.stack);
            around.observer.notice(text);
        }
    });
    join_all(discards).await;
}

/// Begins what was agreed to on a stack that was as it says.
pub(super) async fn execute(
    around: &Surroundings<'_>,
    mut before: Live,
    approved: Approved<ChangeSet>,
) -> Result<Begun, Failure> {
    let stack = approved.stack().clone();
    let asking = around.asking(&stack);
    // What is there now is not news later.
    let earlier = asking.patiently(async || stacks::recent_events(asking.client, approved.stack_id()).await);
    let earlier = match earlier.await {
        Ok(earlier) => earlier,
        Err(error) => {
            discard(around, &[approved.into_inner()]).await;
            return Err(error.into());
        }
    };
    let change_set = proposal::execute(&asking, approved).await?;
    let operation = if change_set.creates { Operation::Create } else { Operation::Update };
    let expected = Some(change_set.changes.len());
    around.observer.tell(Event::Started { stack: stack.clone(), operation, joined: false, expected });
    if change_set.creates {
        before.status = Some("REVIEW_IN_PROGRESS".to_owned());
    }
    let earlier = earlier.into_iter().map(|event| event.id).collect();
    let token = Some(change_set.token.as_str().to_owned());
    Ok(Begun { stack, stack_id: change_set.stack_id, operation, before, earlier, joined: false, token })
}
