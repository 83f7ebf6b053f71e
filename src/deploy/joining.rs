//! What goes on in an environment without us: which stacks move, what that is, and how it can be stopped.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use super::{
    event::{Event, Observer, Operation, StackRef},
    follow::Begun,
    pipeline,
    plan::Live,
    stacks,
    status::{Standing, standing},
    survey::stacks_of,
};
use crate::{
    cloud::{Cloud, CloudError},
    config::Config,
    failure::Failure,
};

/// How what goes on can be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Nothing goes on.
    Idle,
    /// The update is cancelled, and AWS goes back.
    CancelUpdate,
    /// There is nothing to go back to: what was made is deleted.
    Delete,
    /// It goes back already.
    GoesBack,
    /// AWS cannot stop it.
    Unstoppable,
}

/// How an operation can be stopped whose stack has this status.
pub fn course(status: Option<&str>) -> Course {
    match status {
        Some("UPDATE_IN_PROGRESS") => Course::CancelUpdate,
        Some("CREATE_IN_PROGRESS") => Course::Delete,
        Some("ROLLBACK_IN_PROGRESS" | "UPDATE_ROLLBACK_IN_PROGRESS" | "IMPORT_ROLLBACK_IN_PROGRESS") => {
            Course::GoesBack
        }
        Some("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS") => Course::GoesBack,
        _ if standing(status) == Standing::Moving => Course::Unstoppable,
        _ => Course::Idle,
    }
}

/// What is done to a stack that has this status while it moves.
pub fn operation(status: &str) -> Operation {
    match status {
        _ if status.starts_with("CREATE") || status.starts_with("ROLLBACK") => Operation::Create,
        _ if status.starts_with("DELETE") => Operation::Delete,
        _ => Operation::Update,
    }
}

/// Every stack that an environment can have, its pipeline among them.
pub fn stacks_of_environment(config: &Config) -> Vec<StackRef> {
    stacks_of(config).into_iter().chain([pipeline::stack_of(config)]).map(|(_, stack)| stack).collect()
}

/// The stacks of an environment that are there.
///
/// # Errors
/// A refusal of AWS.
pub async fn present(cloud: &Cloud, stacks: &[StackRef]) -> Result<Vec<(StackRef, Live)>, CloudError> {
    let looks = stacks.iter().map(|stack| async move {
        let live = stacks::look(&cloud.at(&stack.region).cloudformation, &stack.name).await?;
        Ok::<_, CloudError>((stack.clone(), live))
    });
    let all = try_join_all(looks).await?;
    Ok(all.into_iter().filter(|(_, live)| standing(live.status.as_deref()) != Standing::Absent).collect())
}

/// True when an operation goes on.
pub fn moves(live: &Live) -> bool {
    standing(live.status.as_deref()) == Standing::Moving
}

/// Joins what goes on on a stack.
pub fn join(observer: &Observer, stack: &StackRef, before: Live) -> Begun {
    let operation = operation(before.status.as_deref().unwrap_or_default());
    observer.tell(Event::Started { stack: stack.clone(), operation, joined: true, expected: None });
    let (stack, stack_id) = (stack.clone(), before.stack_id.clone());
    let token = before.running_token.clone();
    Begun { stack, stack_id, operation, before, earlier: BTreeSet::new(), joined: true, token }
}

/// A failure because something goes on, with what can be done meanwhile.
#[must_use]
pub fn ways_on(failure: Failure) -> Failure {
    failure.hint("`dlt attach` follows it to its end, and `dlt cancel` stops it; then run this again")
}

#[cfg(test)]
mod tests {
    use super::{super::status::tests::EVERY_STATUS, *};

    #[test]
    fn what_moves_can_be_stopped_in_one_way_and_what_stands_in_none() {
        for status in EVERY_STATUS {
            let expected = match status {
                "UPDATE_IN_PROGRESS" => Course::CancelUpdate,
                "CREATE_IN_PROGRESS" => Course::Delete,
                "ROLLBACK_IN_PROGRESS"
                | "UPDATE_ROLLBACK_IN_PROGRESS"
                | "IMPORT_ROLLBACK_IN_PROGRESS"
                | "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => Course::GoesBack,
                "DELETE_IN_PROGRESS" | "IMPORT_IN_PROGRESS" | "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => {
                    Course::Unstoppable
                }
                _ => Course::Idle,
            };
            assert_eq!(course(Some(status)), expected, "{status}");
        }
        assert_eq!(course(None), Course::Idle);
    }

    #[test]
    fn what_is_done_to_a_stack_follows_from_its_status() {
        for (status, expected) in [
            ("CREATE_IN_PROGRESS", Operation::Create),
            ("ROLLBACK_IN_PROGRESS", Operation::Create),
            ("UPDATE_IN_PROGRESS", Operation::Update),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Operation::Update),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Operation::Update),
            ("IMPORT_IN_PROGRESS", Operation::Update),
            ("DELETE_IN_PROGRESS", Operation::Delete),
        ] {
            assert_eq!(operation(status), expected, "{status}");
        }
    }
}
