//! What the end of an operation means for whoever asked for it, and one failure for several. Pure.

use super::{
    event::Operation,
    follow::Ending,
    status::{Standing, Verdict, standing},
};
use crate::{exit::Exit, failure::Failure};

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

#[cfg(test)]
mod tests {
    use super::{
        super::{
            event::Cause,
            plan::{Live, tests::wanted},
        },
        *,
    };

    fn ending(verdict: Verdict, status: &str) -> Ending {
        let cause = Cause {
            logical_id: "Role".to_owned(),
            kind: "AWS::IAM::Role".to_owned(),
            status: "CREATE_FAILED".to_owned(),
            reason: "no".to_owned(),
        };
        let live = Live { status: Some(status.to_owned()), ..Live::default() };
        Ending { stack: wanted("Resources: {}").stack, live, verdict, cause: Some(cause) }
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
