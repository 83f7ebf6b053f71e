//! Helping stacks out: looking at all of an environment, doing the one thing that is safe, and following it to its end.

use futures::future::{join_all, try_join_all};

use super::remedy::{self, Case, Leftover, Remedy, remedy};
use crate::{
    cloud::{Cloud, CloudError},
    deploy::{
        engine::Surroundings,
        event::{Event, Operation, StackRef},
        follow::{Begun, Ending},
        holdings, joining, outcome,
        plan::Live,
        stacks,
        status::{Standing, standing},
        viewers,
    },
    exit::Exit,
    failure::Failure,
};

/// How a deletion that failed is gone on with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Force(pub bool);

/// Every stack of an environment that is there, and its way out.
///
/// # Errors
/// A refusal of AWS.
pub async fn cases(cloud: &Cloud, stacks: &[StackRef]) -> Result<Vec<(Case, Live)>, CloudError> {
    let looks = stacks.iter().map(|stack| async move {
        let client = &cloud.at(&stack.region).cloudformation;
        let live = stacks::look(client, &stack.name).await?;
        let Some(status) = live.status.clone() else { return Ok(None) };
        let remedy =
            remedy(Some(&status), remedy::last_operation(&stacks::recent_events(client, &live.stack_id).await?));
        // A stack that was only ever reviewed holds nothing.
        let may_hold = remedy.is_ours() && remedy != Remedy::Discard;
        let holds = if may_hold { leftovers(cloud, stack, remedy).await? } else { Vec::new() };
        let reason = live.status_reason.clone().filter(|reason| !reason.is_empty());
        let case = Case { stack: stack.clone(), status, reason, remedy, holds };
        Ok::<_, CloudError>(Some((case, live)))
    });
    Ok(try_join_all(looks).await?.into_iter().flatten().collect())
}

/// What a stack holds that its way out is about: what a deletion takes, or what is in the way of going back.
async fn leftovers(cloud: &Cloud, stack: &StackRef, remedy: Remedy) -> Result<Vec<Leftover>, CloudError> {
    let resources = stacks::resources(&cloud.at(&stack.region).cloudformation, &stack.name).await?;
    let is_there = |it: &stacks::StackResource| !["DELETE_COMPLETE", "DELETE_SKIPPED"].contains(&it.status.as_str());
    let failed = |it: &stacks::StackResource| match remedy.obstacle() {
        Some(status) => it.status == status,
        None => it.status.ends_with("_FAILED"),
    };
    let matters = |it: &stacks::StackResource| match remedy {
        Remedy::RollBack | Remedy::ContinueRollBack => failed(it),
        // What was never made has no name.
        _ => is_there(it) && !it.physical_id.is_empty(),
    };
    let leftover = |it: stacks::StackResource| {
        let failed = failed(&it);
        let stacks::StackResource { logical_id, physical_id, kind, status, reason } = it;
        Leftover { logical_id, physical_id, kind, status, reason, failed, skipped: false }
    };
    Ok(resources.into_iter().filter(matters).map(leftover).collect())
}

/// Refuses names that cannot be left as they are, with those that can.
///
/// # Errors
/// When there is such a name.
pub fn mark_skipped(cases: &mut [(Case, Live)], names: &[String]) -> Result<(), Failure> {
    let mut only: Vec<Case> = cases.iter().map(|(case, _)| case.clone()).collect();
    let wrong = remedy::skip(&mut only, names);
    let possible: Vec<&str> = only
        .iter()
        .filter(|case| case.remedy.obstacle().is_some())
        .flat_map(|case| case.failed().map(|it| it.logical_id.as_str()))
        .collect();
    if let Some(first) = wrong.first() {
        let message = format!("`{}` is not in the way, so it cannot be skipped", wrong.join("`, `"));
        let failure = Failure::new(Exit::Usage, message);
        return Err(match dlt_model::problem::suggest(first, possible.iter().copied()) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None if possible.is_empty() => failure.hint("nothing is in the way: leave out --skip"),
            None => failure.hint(format!("these are: {}", possible.join(", "))),
        });
    }
    for ((case, _), marked) in cases.iter_mut().zip(only) {
        *case = marked;
    }
    Ok(())
}

/// Does what each case asks for, all at once, and follows it to its end.
///
/// # Errors
/// A refusal of AWS, or a stack that is still stuck afterwards.
pub async fn rescue(around: &Surroundings<'_>, cases: Vec<(Case, Live)>, force: Force) -> Result<(), Failure> {
    let work = cases.into_iter().filter(|(case, _)| case.remedy.is_ours()).map(|(case, live)| async move {
        let begun = begin(around, &case, live, force).await?;
        let ending = around.follow(begun).await?;
        match still_stuck(&case, &ending) {
            Some(failure) => Err(failure),
            None => {
                tell_what_stays(around, &case);
                Ok(())
            }
        }
    });
    let failures = join_all(work).await.into_iter().filter_map(Result::err).collect();
    outcome::worst(failures).map_or(Ok(()), Err)
}

async fn begin(around: &Surroundings<'_>, case: &Case, live: Live, force: Force) -> Result<Begun, Failure> {
    let client = &around.cloud.at(&case.stack.region).cloudformation;
    let earlier = stacks::recent_events(client, &live.stack_id).await?;
    // The token follows from the stack's own history: asking twice is asking once, and a new try is a new one.
    let token = format!("dlt-recover-{}-{}", live.changed_ms, earlier.len());
    let id = &live.stack_id;
    let operation = match case.remedy {
        Remedy::Discard => {
            stacks::delete(client, id, &token).await?;
            Operation::Delete
        }
        Remedy::Delete => {
            free(around, case).await?;
            stacks::delete(client, id, &token).await?;
            Operation::Delete
        }
        Remedy::DeleteAgain => {
            free(around, case).await?;
            stacks::delete_again(client, id, &token, case.skipped(), force.0).await?;
            Operation::Delete
        }
        Remedy::RollBack => {
            stacks::roll_back(client, id, &token).await?;
            Operation::RollBack
        }
        Remedy::ContinueRollBack => {
            stacks::continue_roll_back(client, id, &token, case.skipped()).await?;
            Operation::RollBack
        }
        Remedy::Nothing | Remedy::Wait | Remedy::ByHand => unreachable!("rescue takes only what is ours to do"),
    };
    let stack = case.stack.clone();
    around.observer.tell(Event::Started { stack: stack.clone(), operation, joined: false, expected: None });
    let earlier = earlier.into_iter().map(|event| event.id).collect();
    Ok(Begun { stack, stack_id: id.clone(), operation, before: live, earlier, joined: false, token: None })
}

/// A policy that is attached to somebody's identity cannot be deleted.
async fn free(around: &Surroundings<'_>, case: &Case) -> Result<(), CloudError> {
    viewers::release(around.cloud, &case.stack).await.map(drop)
}

/// What an ending means to a recovery: any status from which one can go on is good.
fn still_stuck(case: &Case, ending: &Ending) -> Option<Failure> {
    let status = ending.live.status.as_deref();
    if !matches!(standing(status), Standing::Stuck(_)) {
        return None;
    }
    let status = status.unwrap_or_default();
    let message = format!("the stack `{}` could not be helped out: it is in {status}", case.stack);
    let mut failure = Failure::new(Exit::NeedsRecovery, message);
    let Some(cause) = &ending.cause else { return Some(failure) };
    failure.causes.push(format!("{} ({}): {}", cause.logical_id, cause.kind, cause.reason));
    failure = failure.hint("`dlt explain` says why, and what to do about it; then recover again");
    Some(match remedy(Some(status), None).obstacle() {
        Some("DELETE_FAILED") => failure
            .hint(format!("`dlt recover --skip {}` deletes the stack and leaves that as it is", cause.logical_id))
            .hint("`dlt down` empties what is in the way, and deletes"),
        Some(_) => failure.hint(format!("`dlt recover --skip {}` goes back without it", cause.logical_id)),
        None => failure,
    })
}

/// What was left as it is belongs to nobody now, or is not what its template says.
fn tell_what_stays(around: &Surroundings<'_>, case: &Case) {
    for it in case.holds.iter().filter(|it| it.skipped) {
        let Leftover { logical_id, physical_id, kind, .. } = it;
        around.observer.notice(match case.remedy {
            Remedy::DeleteAgain => {
                let command = holdings::removal(kind, physical_id, &case.stack.region);
                format!("{logical_id} ({kind}) stays as {physical_id} and belongs to no stack any more; {command}")
            }
            _ => format!(
                "{logical_id} ({kind}) was skipped: it is not what its template says until an update sets it; \
                 `dlt drift` shows how"
            ),
        });
    }
}

/// Stacks in motion hold a recovery up, and what AWS has no operation for is said.
///
/// # Errors
/// When there is such a stack.
pub fn guard(cases: &[Case]) -> Result<(), Failure> {
    let of = |remedy: Remedy| cases.iter().filter(move |case| case.remedy == remedy);
    if let Some(case) = of(Remedy::Wait).next() {
        let held = format!("another operation holds the stack `{}` ({})", case.stack, case.status);
        return Err(joining::ways_on(Failure::new(Exit::Held, held)));
    }
    let by_hand: Vec<&Case> = of(Remedy::ByHand).collect();
    match by_hand.first() {
        Some(case) if !cases.iter().any(|case| case.remedy.is_ours()) => {
            let message = format!("the stack `{}` is in {}, which is not ours to mend", case.stack, case.status);
            Err(Failure::new(Exit::NeedsRecovery, message).hint(Remedy::ByHand.words()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::remedy::tests::case, *};
    use crate::deploy::{event::Cause, status::Verdict};

    fn ending(status: Option<&str>, verdict: Verdict) -> Ending {
        let cause = Cause {
            logical_id: "Data".to_owned(),
            kind: "AWS::S3::Bucket".to_owned(),
            status: "DELETE_FAILED".to_owned(),
            reason: "it is not empty".to_owned(),
        };
        let live = Live { status: status.map(ToOwned::to_owned), ..Live::default() };
        let stack = case(Remedy::Delete, "").stack;
        Ending { stack, live, verdict, cause: Some(cause) }
    }

    #[test]
    fn a_recovery_has_succeeded_when_one_can_go_on_from_where_it_ended() {
        for (status, verdict, stuck) in [
            (None, Verdict::Deleted, false),
            (Some("DELETE_COMPLETE"), Verdict::Deleted, false),
            (Some("UPDATE_ROLLBACK_COMPLETE"), Verdict::RolledBack, false),
            (Some("UPDATE_ROLLBACK_FAILED"), Verdict::NeedsRecovery, true),
            (Some("DELETE_FAILED"), Verdict::NeedsRecovery, true),
        ] {
            let failure = still_stuck(&case(Remedy::DeleteAgain, "DELETE_FAILED"), &ending(status, verdict));
            assert_eq!(failure.as_ref().map(|it| it.exit), stuck.then_some(Exit::NeedsRecovery), "{status:?}");
            assert!(failure.is_none_or(|it| it.to_string().contains("--skip Data")), "{status:?}");
        }
    }

    #[test]
    fn a_name_that_is_not_in_the_way_is_refused_with_one_that_is() {
        let mut cases = [(case(Remedy::DeleteAgain, "DELETE_FAILED"), Live::default())];
        let failure = mark_skipped(&mut cases, &["Dat".to_owned()]).unwrap_err();
        assert_eq!((failure.exit, failure.hints[0].as_str()), (Exit::Usage, "did you mean `Data`?"));
        mark_skipped(&mut cases, &["Data".to_owned()]).unwrap();
        assert_eq!(cases[0].0.skipped(), ["Data"]);
        let mut nothing = [(case(Remedy::RollBack, "UPDATE_FAILED"), Live::default())];
        assert!(mark_skipped(&mut nothing, &["Other".to_owned()]).unwrap_err().hints[0].contains("leave out"));
    }

    #[test]
    fn what_moves_is_waited_for_and_what_nobody_can_mend_is_said() {
        let exit = |cases: &[Case]| guard(cases).err().map(|failure| failure.exit);
        let (moving, stuck) = (case(Remedy::Wait, "UPDATE_IN_PROGRESS"), case(Remedy::Delete, "ROLLBACK_COMPLETE"));
        let by_hand = case(Remedy::ByHand, "IMPORT_ROLLBACK_FAILED");
        assert_eq!(exit(&[moving, stuck.clone()]), Some(Exit::Held));
        assert_eq!(exit(std::slice::from_ref(&by_hand)), Some(Exit::NeedsRecovery));
        assert_eq!(exit(&[by_hand, stuck]), None, "what can be helped is helped");
        assert_eq!(exit(&[]), None);
    }
}
